"""How a text becomes a Nix string literal: the only place where text is escaped for Nix.

It knows nothing of syntax trees, names or layout; it returns lines, which the printer indents.
"""

import re
from typing import Final

_ESCAPES: Final = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r", "${": "\\${"}
_TO_ESCAPE: Final = re.compile(r'[\\"\n\t\r]|\$\{')
_UNHOLDABLE: Final = re.compile("[\0\ud800-\udfff]")
# Every control character but the line feed, and the two separators that some readers take for a line end.
_NOT_ON_A_LINE: Final = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029]")


class NixValueError(ValueError):
    """A value, a name or a shape that we can not write in Nix; its text says where it stood, if known."""

    def inside(self, place: str) -> "NixValueError":
        """Return this error as seen from one level further out."""
        return NixValueError(f"{place}: {self}")


def check_text(text: str) -> None:
    """Raise `NixValueError` for what a Nix string can not hold: NUL, and halves of surrogate pairs."""
    if found := _UNHOLDABLE.search(text):
        raise NixValueError(f"a Nix string can not hold the character U+{ord(found[0]):04X} of {text!r}")


def string_lines(text: str, *, multiline: bool = True) -> tuple[str, ...]:
    r"""Return the lines of the literal for `text`: one of a `"…"`, or those of a `''…''`, each unindented.

    The second form is taken only if `multiline` allows it and the text consists of whole lines that neither
    Nix nor nixfmt would change (two at least: one reads better as `"…\n"`). Source: Nix manual, "String".
    """
    check_text(text)
    if multiline and _may_be_indented(text):
        lines = text.removesuffix("\n").replace("''", "'''").replace("${", "''${").split("\n")
        return ("''", *lines, "''")
    return ('"' + _TO_ESCAPE.sub(lambda found: _ESCAPES[found[0]], text) + '"',)


def _may_be_indented(text: str) -> bool:
    if not text.endswith("\n") or text.count("\n") < 2 or _NOT_ON_A_LINE.search(text):
        return False
    # The plain escape of '${ is '''${: an escaped quote pair and then an interpolation.
    if "'${" in text:
        return False
    lines = text.split("\n")
    if any(line != line.rstrip() for line in lines):
        return False
    # Nix cuts the indentation that all lines share, so one line must start at the margin.
    return any(line and not line[0].isspace() for line in lines)
