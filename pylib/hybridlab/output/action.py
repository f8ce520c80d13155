"""What can happen to one generated file on disk, and what can stand in its way; it reads and writes nothing.

Contents are the bytes of whole files: `found` on disk, `wanted` by what is generated.
"""

from pathlib import PurePosixPath

from attrs import frozen


@frozen
class Create:
    """Nothing stands there yet."""

    path: PurePosixPath
    wanted: bytes


@frozen
class Update:
    """An older file of ours stands there."""

    path: PurePosixPath
    found: bytes
    wanted: bytes


@frozen
class Remove:
    """A file of ours stands there that is no longer generated."""

    path: PurePosixPath
    found: bytes


@frozen
class Keep:
    """The file is there already, as it should be."""

    path: PurePosixPath


@frozen
class Edited:
    """Someone edited our file by hand; `wanted` is None if it is no longer generated."""

    path: PurePosixPath
    found: bytes
    wanted: bytes | None

    @property
    def reason(self) -> str:
        return "was edited by hand since hybridlab wrote it"

    @property
    def forced(self) -> Update | Remove:
        """The change that gives the edit up."""
        if self.wanted is None:
            return Remove(self.path, self.found)
        return Update(self.path, self.found, self.wanted)


@frozen
class Foreign:
    """Someone else's file stands there."""

    path: PurePosixPath
    found: bytes
    wanted: bytes

    @property
    def reason(self) -> str:
        return "was not written by hybridlab"


@frozen
class Blocked:
    """The path can not be written or read safely, for example because it leads through a symbolic link."""

    path: PurePosixPath
    reason: str


Change = Create | Update | Remove
Conflict = Edited | Foreign | Blocked
Action = Change | Keep | Conflict
