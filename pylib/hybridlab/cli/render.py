"""Diagnostics as text for a person, with the line and a caret."""

from collections.abc import Iterator

import click

from hybridlab.cli.terminal import safe, shown, width
from hybridlab.diagnostic import Diagnostic, Report, Severity, SourceSpan, SpecPath

_COLORS = {Severity.ERROR: "red", Severity.WARNING: "yellow"}
_LINE_CELLS = 160  # of a longer line, only the surroundings of the place are shown
_BEFORE_PLACE = 60
_MOST_RELATED = 3


def render_report(report: Report) -> str:
    """Return every finding, with a blank line after each; empty for none."""
    return "".join(f"{line}\n" for diagnostic in report for line in (*_diagnostic(diagnostic), ""))


def summarize(report: Report) -> str:
    """Return how many findings of each kind there are: `2 errors, 1 warning`."""
    counts = {"error": len(report.errors), "warning": len(report.warnings)}
    parts = [f"{count} {kind}{'s' * (count != 1)}" for kind, count in counts.items() if count]
    return ", ".join(parts or ["no problems"]) + (f", {len(report.waived)} waived" if report.waived else "")


def headline(diagnostic: Diagnostic) -> str:
    """Return where, how bad and what, in one line."""
    color = _COLORS[diagnostic.severity]
    kind = click.style(f"{diagnostic.severity.value}[{diagnostic.code}]", fg=color, bold=True)
    return f"{place(diagnostic.span, diagnostic.path)}: {kind} {safe(diagnostic.message)}"


def place(span: SourceSpan | None, path: SpecPath) -> str:
    """Return the place in a file; where there is none, the path in the spec."""
    return safe(str(path if span is None else span))


def _diagnostic(diagnostic: Diagnostic) -> Iterator[str]:
    yield headline(diagnostic)
    yield from _excerpt(diagnostic.span, _COLORS[diagnostic.severity])
    note = click.style("note", fg="cyan", bold=True)
    for other in diagnostic.related[:_MOST_RELATED]:
        yield f"{place(other.span, other.path)}: {note} {safe(other.message)}"
        yield from _excerpt(other.span, "cyan")
    if (more := len(diagnostic.related) - _MOST_RELATED) > 0:
        yield f"  … and {more} more place{'s' * (more != 1)}"
    if diagnostic.hint:
        yield f"  {click.style('hint', fg='green', bold=True)} {safe(diagnostic.hint)}"


def _excerpt(span: SourceSpan | None, color: str) -> Iterator[str]:
    """Yield the source line and a line with carets under the place; nothing when the line is blank."""
    if span is None or not span.text.strip():
        return
    start, end = span.column - 1, span.column - 1 + span.width
    first = max(0, start - _BEFORE_PLACE) if len(span.text) > _LINE_CELLS else 0
    last = first + _LINE_CELLS
    cells = [shown(char) for char in span.text[first:last]]
    lead = "…" if first else ""
    tail = "…" if last < len(span.text) else ""
    before = width(lead + "".join(cells[: start - first]))
    carets = max(1, width("".join(cells[start - first : end - first])))
    margin = " " * len(str(span.line))
    yield f" {span.line} | {lead}{''.join(cells)}{tail}"
    yield f" {margin} | {' ' * before}{click.style('^' * carets, fg=color, bold=True)}"
