"""Takes apart what common programs print, for checks of any phase; it knows nothing of machines.

What can not be taken apart is left out, so that a check finds nothing rather than something wrong.
"""

import re
from collections.abc import Mapping

from attrs import frozen

from hybridlab.live.probe import Probe, read

_FORMAT = "%a|%U|%G|%s|%F|%n"


@frozen
class File:
    """What stat(1) says of a file; `mode` is its permissions, `size` in bytes, `kind` as `regular file`."""

    path: str
    mode: int
    owner: str
    group: str
    size: int
    kind: str

    def __str__(self) -> str:
        return f"{self.owner}:{self.group} {self.mode:04o}"


def stat(*paths: str) -> Probe:
    """Return the probe that asks what files these are, links followed; of one that is not there, nothing."""
    return read("stat", "-L", "-c", _FORMAT, "--", *paths, fine=(0, 1))


def files(text: str) -> Mapping[str, File]:
    """Return what `stat` printed, by path."""
    found = (_file(line) for line in text.splitlines())
    return {file.path: file for file in found if file is not None}


def _file(line: str) -> File | None:
    match line.split("|", 5):
        case [mode, owner, group, size, kind, path] if re.fullmatch("[0-7]+", mode) and size.isdecimal():
            return File(path, int(mode, 8), owner, group, int(size), kind)
    return None


def properties(text: str) -> Mapping[str, str]:
    """Return lines like `Name=value`, as `systemctl show`, `timedatectl show` and os-release(5) have them."""
    pairs = (line.partition("=") for line in text.splitlines())
    return {name.strip(): value.strip().strip("\"'") for name, equals, value in pairs if equals}


def bytes_text(size: float) -> str:
    """Return a number of bytes with a unit of 1024s, for people."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit in ("B", "KiB") else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"
