"""Machines that the user names on the command line: complete them, and find them in the cluster."""

import difflib
from collections.abc import Collection, Sequence
from pathlib import Path

import click

import hybridlab
from hybridlab.cli.spec_file import find_spec


def complete_machine(ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """Return the machines of the spec whose names start like this; none when the spec can not be read."""
    named = ctx.find_root().params.get("spec")
    try:
        spec = hybridlab.load_spec(find_spec(named if isinstance(named, Path) else None))
    except Exception:  # whatever is wrong with the spec, a shell that completes must not show it
        return []
    return [name for name in sorted({*spec.hosts, *spec.guests}) if name.startswith(incomplete)]


def check_names(names: Sequence[str], known: Collection[str]) -> None:
    """Refuse names of machines that do not exist, as wrong usage."""
    for name in names:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(sorted(known)[:20])}"
            raise click.UsageError(f"there is no machine {name!r}; {hint}")
