"""What the user hears when a command can not go on; imported only then."""

import os
import traceback

import click

from hybridlab.cli.ending import ExitCode
from hybridlab.cli.render import render_report, summarize
from hybridlab.cli.terminal import notice, safe
from hybridlab.errors import HybridlabError, ReportedError


def explain(error: Exception) -> ExitCode:
    """Say on standard error what went wrong, and return the exit code."""
    match error:
        case ReportedError(report=report):
            click.echo(render_report(report), err=True, nl=False)
            notice(summarize(report))
        case HybridlabError():
            notice(str(error), error=True)
        case OSError():
            where = f"{error.filename}: " if error.filename else ""
            notice(f"{where}{(error.strerror or str(error)).lower()}", error=True)
        case _:
            _explain_bug(error)
    return ExitCode.ERRORS


def _explain_bug(error: Exception) -> None:
    notice(f"this is a bug in hybridlab: {type(error).__name__}: {error}", error=True)
    if os.environ.get("HYBRIDLAB_DEBUG"):
        for line in "".join(traceback.format_exception(error)).splitlines():
            click.echo(safe(line), err=True)
    else:
        notice("please report it, with what HYBRIDLAB_DEBUG=1 in the environment makes it say")
