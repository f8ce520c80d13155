"""The text so far, written by steps: it knows lines, columns and indentation, but no Nix.

Steps are generators on a stack of our own, so that a deep tree can not exhaust Python's.
"""

from collections.abc import Iterator
from typing import Final, TypeAlias

# Counted from the first character after a line's indentation; comments do not count.
WIDTH: Final = 100

# Text for the current line; a number for a new line with that indentation; or steps to take first.
Step: TypeAlias = "str | int | Iterator[Step]"
Steps: TypeAlias = "Iterator[Step]"

BLANK_LINE: Final = "\n"


class Page:
    """Pieces of text, and how far the current line has come after its indentation."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._column = 0

    def write(self, steps: Steps) -> None:
        """Take all steps, and the steps they yield, in order."""
        stack = [steps]
        while stack:
            match next(stack[-1], None):
                case None:
                    stack.pop()
                case str(text):
                    self._pieces.append(text)
                    self._column += len(text)
                case int(indent):
                    self._pieces.append("\n" + " " * indent)
                    self._column = 0
                case deeper:
                    stack.append(deeper)

    def room(self, after: int = 0) -> int:
        """Return what is left of the current line, if `after` characters must stand at its end."""
        return WIDTH - self._column - after

    @property
    def text(self) -> str:
        return "".join(self._pieces)
