"""`hybridlab check`."""

import json
from pathlib import Path

import click

import hybridlab
from hybridlab.cli.ending import ExitCode
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
    from hybridlab.cli import render  # noqa: PLC0415 - see program.py
    from hybridlab.cli.terminal import notice  # noqa: PLC0415

    path = find_spec(ctx.obj)
    report = _look(path)
    if form == "json":
        click.echo(json.dumps(render.as_objects(report), indent=2))
    else:
        click.echo(render.render_report(report), nl=False)
    notice(f"{render.summarize(report)} in {path}")
    if not report.ok:
        ctx.exit(ExitCode.ERRORS)


def _look(path: Path) -> "hybridlab.Report":
    from hybridlab.errors import ReportedError  # noqa: PLC0415

    try:
        return hybridlab.check(hybridlab.resolve(hybridlab.load_spec(path)))
    except ReportedError as error:
        return error.report
