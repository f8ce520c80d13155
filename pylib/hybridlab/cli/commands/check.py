"""`hybridlab check`."""

from pathlib import Path

import click

import hybridlab
from hybridlab.cli.spec_file import find_spec


@click.command
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    help="How findings are shown; json: a list of objects.",
)
@click.pass_context
def command(ctx: click.Context, form: str) -> None:
    """Find every problem of the spec.

    Each is shown with its place, and with what to do about it. Errors make the exit code 1, warnings do not.
    """
    from hybridlab.cli.findings import show_findings  # noqa: PLC0415 - see program.py

    path = find_spec(ctx.obj)
    ctx.exit(show_findings(_look(path), form, path))


def _look(path: Path) -> "hybridlab.Report":
    from hybridlab.errors import ReportedError  # noqa: PLC0415

    try:
        return hybridlab.check(hybridlab.resolve(hybridlab.load_spec(path)))
    except ReportedError as error:
        return error.report
