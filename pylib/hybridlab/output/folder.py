"""A folder on disk: what stands at a path in it, and how to write durably; it knows nothing of plans.

No symbolic link inside the folder is ever followed, so a path can not lead out of it.
"""

import enum
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from attrs import frozen

from hybridlab.errors import OutputError


class ObstacleKind(enum.Enum):
    """What stands where a regular file, or a folder above it, should be."""

    LINK = "is a symbolic link"
    FOLDER = "is a folder"
    FILE = "is a file, not a folder"
    OTHER = "is neither a file nor a folder"


@frozen
class Missing:
    """Nothing stands there."""


@frozen
class Found:
    """A regular file stands there."""

    content: bytes


@frozen
class Obstacle:
    """Something else stands there, or in place of a folder above; `at` is where."""

    at: PurePosixPath
    kind: ObstacleKind

    @property
    def reason(self) -> str:
        return f"{self.at} {self.kind.value}"


@frozen
class Unreadable:
    """The operating system does not let us look."""

    reason: str


Sight = Missing | Found | Obstacle | Unreadable


def look(root: Path, path: PurePosixPath) -> Sight:
    """Return what stands at `path` below `root`, without following a symbolic link below `root`."""
    try:
        for folder in reversed(path.parents[:-1]):
            kind = _kind((root / folder).lstat().st_mode)
            if kind is not ObstacleKind.FOLDER:
                return Obstacle(folder, kind)
        kind = _kind((root / path).lstat().st_mode)
        if kind is not ObstacleKind.FILE:
            return Obstacle(path, kind)
        with os.fdopen(os.open(root / path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
            return Found(file.read())
    except FileNotFoundError:
        return Missing()
    except OSError as error:
        return Unreadable(f"can not be read: {error.strerror or error}")


def is_empty_folder(root: Path, path: PurePosixPath) -> bool:
    """Whether a folder with nothing in it stands at `path` below `root`, again without following a link."""
    return look(root, path) == Obstacle(path, ObstacleKind.FOLDER) and not any((root / path).iterdir())


def _kind(mode: int) -> ObstacleKind:
    if stat.S_ISLNK(mode):
        return ObstacleKind.LINK
    if stat.S_ISDIR(mode):
        return ObstacleKind.FOLDER
    return ObstacleKind.FILE if stat.S_ISREG(mode) else ObstacleKind.OTHER


@contextmanager
def reported(verb: str, path: Path) -> Iterator[None]:
    """Turn an error of the operating system into an OutputError that names `path` and the reason."""
    try:
        yield
    except OSError as error:
        raise OutputError(f"can not {verb} {path}: {error.strerror or error}") from error


def write_durably(path: Path, content: bytes, mode: int | None = None) -> None:
    """Write the new file `path` and wait until it is on disk; its mode follows the umask unless given."""
    with path.open("xb") as file:
        if mode is not None:
            os.fchmod(file.fileno(), mode)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Wait until the names in `folder` are on disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
