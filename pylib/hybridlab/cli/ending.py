"""How a run ends: exit codes, and the ends that are nobody's error. It knows click, and nothing of ours."""

import enum
import os
import sys
from collections.abc import Callable

import click


class ExitCode(enum.IntEnum):
    """What the program tells the shell; the last two are those of a program that the signal ends."""

    FINE = 0
    ERRORS = 1
    USAGE = 2
    DIFFERENT = 3
    INTERRUPTED = 130
    READER_GONE = 141


def exit_code_of(run: Callable[[], object]) -> int:
    """Run click's `main` in its mode that raises, say what the user has to hear, and return the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if reconfigure := getattr(stream, "reconfigure", None):
            reconfigure(errors="backslashreplace")  # a terminal that can not show a character is no error
    code: object = ExitCode.FINE
    try:
        code = run()
        sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort as error:
        if isinstance(error.__cause__ or error.__context__, KeyboardInterrupt):
            return ExitCode.INTERRUPTED
        click.echo("aborted", err=True)
        return ExitCode.ERRORS
    except OSError as error:
        discard_stdout()
        if isinstance(error, BrokenPipeError):
            return ExitCode.READER_GONE
        if not code:  # else the last flush only meets again what the command told
            click.echo(f"error: can not write the output: {(error.strerror or str(error)).lower()}", err=True)
            return ExitCode.ERRORS
    return code if isinstance(code, int) else ExitCode.FINE


def discard_stdout() -> None:
    """Send what is left of the output nowhere: nobody can read it, and Python's last flush must not fail."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
