"""A line on standard error that is written over, to show how far something is; nothing without a terminal."""

import os
import shutil
import sys

from hybridlab.cli.terminal import safe

_TO_LINE_END = "\x1b[K"


class OverwrittenLine:
    """Shows one text at a time, and none in the end."""

    def __init__(self, *, wanted: bool = True) -> None:
        self._on = wanted and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"

    def show(self, text: str) -> None:
        """Show `text` in place of what stood there."""
        if self._on:
            cells = shutil.get_terminal_size().columns - 1
            sys.stderr.write(f"\r{safe(text)[:cells]}{_TO_LINE_END}")
            sys.stderr.flush()

    def clear(self) -> None:
        """Leave an empty line."""
        self.show("")
        if self._on:
            sys.stderr.write("\r")
            sys.stderr.flush()
