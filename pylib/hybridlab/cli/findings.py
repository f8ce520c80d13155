"""A report as the result of a command: on standard output in a format, with a summary on standard error."""

from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path

import click

from hybridlab.cli.ending import ExitCode
from hybridlab.cli.render import render_report, summarize
from hybridlab.cli.terminal import notice
from hybridlab.diagnostic import Report


def _format(name: str) -> Callable[[Report], str]:
    """Return the function `name` of the module of that name, which is imported when a report is shown."""

    def form(report: Report) -> str:
        text: str = getattr(import_module(f"hybridlab.cli.formats.{name}"), name)(report)
        return text

    return form


FORMATS: Mapping[str, Callable[[Report], str]] = {
    "text": render_report,
    "concise": _format("concise"),
    "json": _format("objects"),
    "github": _format("github"),
    "sarif": _format("sarif"),
}
_FOR_PEOPLE = ("text", "concise")
_MOST_CODES = 3


def show_findings(report: Report, form: str, where: Path) -> ExitCode:
    """Show every finding of a look at `where`, and return the exit code that says whether one is an error."""
    click.echo(FORMATS[form](report), nl=False)
    notice(f"{summarize(report)} in {where}")
    if form in _FOR_PEOPLE and (fixable := sum(diagnostic.fix is not None for diagnostic in report)):
        notice(f"{fixable} can be mended by `hybridlab check --fix`; --diff shows how")
    if report.diagnostics and form in _FOR_PEOPLE:
        notice(f"`hybridlab explain {_codes(report)}` says more")
    return ExitCode.FINE if report.ok else ExitCode.ERRORS


def _codes(report: Report) -> str:
    codes = list(dict.fromkeys(diagnostic.code for diagnostic in report))
    return " ".join(codes) if len(codes) <= _MOST_CODES else "CODE"
