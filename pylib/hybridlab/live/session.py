"""Hands this process over to the user's ssh, on a machine; nothing of ours runs any more afterwards."""

import os
import re
import shutil
import sys
from collections.abc import Iterable, Sequence
from typing import NoReturn

from attrs import frozen

from hybridlab.errors import LiveError

# systemd.unit(5), and journalctl's patterns; systemd's own few that begin with a dash are given up.
_UNIT = re.compile(r"(?!-)[A-Za-z0-9:_.\\@*?\[\]-]{1,255}")
# Of a journal that nobody has narrowed down.
_LINES = 100


def become(command: Sequence[str]) -> NoReturn:
    """Go on as this command, whose exit status is ours then. Raises: LiveError if it can not be run."""
    if shutil.which(command[0]) is None:
        raise LiveError(f"{command[0]} is not installed: install OpenSSH's client (Debian: openssh-client)")
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        os.execvp(command[0], list(command))
    except OSError as error:
        raise LiveError(f"can not run {command[0]}: {error.strerror}") from error


@frozen
class Journal:
    """What of a machine's journal is wanted; `lines`: the last so many, None: all, or all since `since`.

    `units`: of these alone, names or patterns. `since`: as journalctl reads it (systemd.time(7)).

    Raises: ValueError, which names it, for what can be no unit.
    """

    units: tuple[str, ...] = ()
    lines: int | None = None
    follow: bool = False
    since: str | None = None
    this_boot: bool = False

    def __attrs_post_init__(self) -> None:
        for unit in self.units:
            if not _UNIT.fullmatch(unit):
                raise ValueError(f"no name of a unit: {unit!r}")

    @property
    def words(self) -> tuple[str, ...]:
        """The words for the machine; each value is part of an option, and so none itself."""
        lines = self.lines
        if lines is None and self.since is None and not self.this_boot:
            lines = _LINES
        return tuple(
            _given(
                ("journalctl", True),
                ("--no-pager", True),
                *((f"--unit={unit}", True) for unit in self.units),
                (f"--lines={lines}", lines is not None),
                ("--follow", self.follow),
                (f"--since={self.since}", self.since is not None),
                ("--boot", self.this_boot),
            )
        )


def _given(*words: tuple[str, bool]) -> Iterable[str]:
    return (word for word, wanted in words if wanted)
