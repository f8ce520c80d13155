"""Which file is the spec: the one that the user names, or the nearest one, as git finds its repository."""

import os
from pathlib import Path

import click

SPEC_NAME = "cluster.yaml"


def find_spec(named: Path | None) -> Path:
    """Return the spec's path: `named`, or the nearest one upward, relative to the working directory.

    Raises: click.UsageError (exit code 2) when none is named and none is found.
    """
    if named is not None:
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
