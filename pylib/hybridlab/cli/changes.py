"""What a plan finds or does, told to a person; what has to be done is decided in `output`."""

from collections.abc import Sized
from pathlib import Path

import click

from hybridlab.cli.ending import ExitCode
from hybridlab.cli.terminal import notice, safe
from hybridlab.output.action import Action, Blocked, Conflict, Create, Edited, Foreign, Keep, Remove, Update
from hybridlab.output.diff import diff_conflict, diff_plan
from hybridlab.output.plan import Plan
from hybridlab.output.staging import STAGING_PATH

_DIFF_COLORS = {"+": "green", "-": "red", "@": "cyan"}


def show_differences(plan: Plan, folder: Path, *, with_diff: bool = False, err: bool = False) -> ExitCode:
    """List every file that is not as it should be, and return the exit code that says whether one is.

    `err`: on standard error, for a command whose result this is not.
    """
    different = [action for action in (*plan.actions, plan.index) if not isinstance(action, Keep)]
    for action in different:
        _show_row(*_state(action), err=err)
    if plan.interrupted:
        _show_row("interrupted", f"{STAGING_PATH} (a run was killed, or one is at work)", err=err)
    if with_diff:
        show_diff(plan)
        for conflict in plan.conflicts:
            _show_conflict_diff(conflict, err=False)
    if plan.is_current:
        notice(f"all {_count(plan.files)} in {_named(folder)} are as they should be")
        return ExitCode.FINE
    notice(f"{_count(different)} in {_named(folder)} not as they should be: see `hybridlab generate`")
    return ExitCode.DIFFERENT


def _state(action: Action) -> tuple[str, str]:
    match action:
        case Keep(path):
            return "current", str(path)
        case Create(path):
            return "missing", str(path)
        case Update(path):
            return "stale", str(path)
        case Remove(path):
            return "left over", str(path)
        case Edited(path, wanted=None):
            return "edited", f"{path} ({action.reason}, and is left over)"
        case Edited(path):
            return "edited", f"{path} ({action.reason})"
        case Foreign(path):
            return "not ours", f"{path} ({action.reason})"
        case Blocked(path, reason):
            return "blocked", f"{path} ({reason})"


def _show_row(word: str, text: str, *, err: bool = False) -> None:
    click.echo(f"{word:<11} {safe(text)}", err=err)


def _named(folder: Path) -> str:
    return "this folder" if folder == Path() else str(folder)


def _count(files: Sized) -> str:
    return f"{len(files)} file{'s' * (len(files) != 1)}"


def show_conflicts(plan: Plan, folder: Path) -> None:
    """Say on standard error what is in the way, with its diff, and what to do about it."""
    for conflict in plan.conflicts:
        notice(f"{conflict.path} {_why(conflict)}", error=True)
        _show_conflict_diff(conflict, err=True)
    kinds = {type(conflict) for conflict in plan.conflicts}
    if Edited in kinds:
        notice("edits: carry them over to the spec or to a module of your own, or give them up with --force")
    if Foreign in kinds:
        notice("files that are not ours: move them away; --force does not touch them")
    notice(f"nothing was written to {_named(folder)}")


def _why(conflict: Conflict) -> str:
    match conflict:
        case Blocked(reason=reason):
            return f"is out of reach: {reason}"
        case Edited() | Foreign():
            return conflict.reason


def show_diff(plan: Plan) -> None:
    """Show how files change, but for the index."""
    echo_diff(diff_plan(plan), err=False)


def _show_conflict_diff(conflict: Conflict, *, err: bool) -> None:
    if not isinstance(conflict, Blocked):
        echo_diff(diff_conflict(conflict), err=err)


def echo_diff(diff: str, *, err: bool) -> None:
    """Show a diff, in colour."""
    for line in diff.splitlines(keepends=True):
        click.echo(click.style(line, fg=_DIFF_COLORS.get(line[0])), err=err, nl=False)


def show_waiting() -> None:
    """Say that another run holds the folder."""
    notice("another run is writing there: waiting for its end")


def show_done(plan: Plan, folder: Path) -> None:
    """List what was created, updated and removed, and say what was repaired or was fine before."""
    words = {Create: "created", Update: "updated", Remove: "removed"}
    changes = [change for change in (*plan.changes, plan.index) if not isinstance(change, Keep)]
    for change in changes:
        _show_row(words[type(change)], str(change.path))
    if plan.interrupted:
        notice("an earlier run had been interrupted: its half-written files are repaired")
    if not changes:
        notice(f"all {_count(plan.files)} in {_named(folder)} are up to date")
        return
    same = len(plan.files) - sum(not isinstance(change, Remove) for change in plan.changes)
    notice(f"{_count(changes)} written or removed in {_named(folder)}, {same} unchanged")
