"""Findings as workflow commands of GitHub Actions, which shows each as an annotation at its line.

How a command is read, and so what has to be escaped: ActionCommand.cs in the repository actions/runner.
"""

from collections.abc import Iterator

from hybridlab.cli.render import place
from hybridlab.cli.terminal import safe
from hybridlab.diagnostic import Diagnostic, Report
from hybridlab.rules.codes import EXPLAINED

_LINE_BREAK = "%0A"


def github(report: Report) -> str:
    """Return a command for each finding, on a line of its own."""
    return "".join(f"{_command(diagnostic)}\n" for diagnostic in report)


def _command(diagnostic: Diagnostic) -> str:
    properties = ",".join(f"{name}={_property(value)}" for name, value in _properties(diagnostic))
    message = _LINE_BREAK.join(map(_data, _lines(diagnostic)))
    return f"::{diagnostic.severity.value} {properties}::{message}"


def _properties(diagnostic: Diagnostic) -> Iterator[tuple[str, str]]:
    if diagnostic.span is not None:
        yield "file", diagnostic.span.file
        yield "line", str(diagnostic.span.line)
        yield "col", str(diagnostic.span.column)
        yield "endColumn", str(diagnostic.span.column + diagnostic.span.width)
    explained = EXPLAINED.get(diagnostic.code)
    yield "title", diagnostic.code if explained is None else f"{diagnostic.code} {explained.name}"


def _lines(diagnostic: Diagnostic) -> Iterator[str]:
    yield diagnostic.message if diagnostic.span else f"{diagnostic.path}: {diagnostic.message}"
    for other in diagnostic.related:
        yield f"{place(other.span, other.path)}: {other.message}"
    if diagnostic.hint:
        yield f"hint: {diagnostic.hint}"


def _data(text: str) -> str:
    # The runner also knows %0D and %0A; a line break of the text itself is shown as its escape.
    return safe(text).replace("%", "%25")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
