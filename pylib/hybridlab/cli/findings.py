"""A report as the result of a command: on standard output, as text or JSON."""

import json
from pathlib import Path

import click

from hybridlab.cli import render
from hybridlab.cli.ending import ExitCode
from hybridlab.cli.terminal import notice
from hybridlab.diagnostic import Report


def show_findings(report: Report, form: str, where: Path) -> ExitCode:
    """Show every finding of a look at `where`, and return the exit code that says whether one is an error."""
    if form == "json":
        click.echo(json.dumps(render.as_objects(report), indent=2))
    else:
        click.echo(render.render_report(report), nl=False)
    notice(f"{render.summarize(report)} in {where}")
    return ExitCode.FINE if report.ok else ExitCode.ERRORS
