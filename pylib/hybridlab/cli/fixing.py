"""What `check --fix` writes and `check --diff` shows."""

from pathlib import Path

from hybridlab.cli.changes import echo_diff
from hybridlab.cli.terminal import notice
from hybridlab.errors import LiveError, OutputError
from hybridlab.fix import Fixed
from hybridlab.live.in_place import changed
from hybridlab.output.diff import diff_content
from hybridlab.spec.scalars import withheld


def write_fixed(path: Path, fixed: Fixed) -> None:
    """Put the mended spec in the place of the one at `path`, and say what was done.

    Raises: OutputError when it can not be written, or somebody has changed it meanwhile.
    """
    if not fixed.done:
        notice(f"nothing in {path} has one right fix")
        return
    try:
        # A link stays one: what it leads to is written.
        with changed(path.resolve()) as draft:
            if draft.read_bytes() != fixed.before:
                raise OutputError(f"{path} has been changed by somebody else meanwhile; it is left alone")
            draft.write_bytes(fixed.after)
    except LiveError as error:
        raise OutputError(str(error)) from error
    except OSError as error:
        raise OutputError(f"can not write {path}: {error.strerror or error}") from error
    for fix in fixed.done:
        notice(f"fixed: {fix.what}")


def show_difference(path: Path, fixed: Fixed) -> None:
    """Show what `write_fixed` would change as a unified diff, without the secrets that stand around it."""
    before, after = (withheld(content.decode()).encode() for content in (fixed.before, fixed.after))
    echo_diff(diff_content(f"a/{path}", before, f"b/{path}", after), err=False)
