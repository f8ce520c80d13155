"""Which file is the spec: the one that the user names, or the nearest one, as git finds its repository."""

import os
import stat
from pathlib import Path

import click

from hybridlab.cli.terminal import safe

SPEC_NAME = "cluster.yaml"


def find_spec(named: Path | None) -> Path:
    """Return the spec's path: `named`, or the nearest one upward, relative to the working directory.

    Raises: click.UsageError (exit code 2) when none is named and none is found, or the one named is no file.
    """
    if named is not None:
        if (wrong := _no_file(named)) is not None:
            raise click.UsageError(f"{safe(str(named))} {wrong}")
        return named
    try:
        here = Path.cwd()
    except FileNotFoundError:
        raise click.UsageError("the current folder does not exist any more") from None
    for level, folder in enumerate((here, *here.parents)):
        if os.path.lexists(folder / SPEC_NAME):
            return Path(*[".."] * level, SPEC_NAME)
    raise click.UsageError(
        f"no {SPEC_NAME} in {here} or a folder above it; name the spec with --spec or HYBRIDLAB_SPEC"
    )


def _no_file(named: Path) -> str | None:
    """Return why what the user names can not be a spec; of one that can not be read, its reader tells."""
    try:
        mode = named.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return "does not exist; --spec or HYBRIDLAB_SPEC names it"
    except OSError:
        return None
    if stat.S_ISDIR(mode):
        inside = named / SPEC_NAME
        known = os.path.lexists(inside)
        return f"is a folder; name the spec in it{f': --spec {safe(str(inside))}' if known else ''}"
    if not stat.S_ISREG(mode):
        return "is a pipe or device; save the spec as a file: what is generated lies beside it"
    return None
