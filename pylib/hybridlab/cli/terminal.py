"""Text on a terminal: what can be shown safely, how wide it is, and notices on standard error.

Whatever comes from a spec, a file or another program passes through `safe` before it is shown.
"""

import unicodedata

import click

_TAB = " " * 4


def safe(text: str) -> str:
    """Return `text` as one line that steers no terminal: all that is not printable is escaped."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(shown(char) for char in text)


def shown(char: str) -> str:
    """Return what is shown for one character: itself, blanks for a tab, or its escape (`\\x1b`)."""
    if char == "\t":
        return _TAB
    if char.isprintable():
        return char
    return char.encode("unicode_escape").decode()


def width(text: str) -> int:
    """Return how many cells of a terminal a shown text takes."""
    if text.isascii():
        return len(text)
    return sum(_char_width(char) for char in text)


def _char_width(char: str) -> int:
    if unicodedata.category(char) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def notice(text: str, *, error: bool = False) -> None:
    """Say something beside the results, on standard error."""
    prefix = click.style("error: ", fg="red", bold=True) if error else ""
    click.echo(prefix + safe(text), err=True)
