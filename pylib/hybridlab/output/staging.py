"""The hidden folder in which a run prepares its files, and the journals by which a killed run is known.

A journal is the index that a run was about to make true. It is there before the first file of the tree
changes and goes after the last, so the next run knows the files of a half-written tree as ours. Nothing here
knows a plan.
"""

import stat
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from attrs import frozen

from hybridlab.errors import OutputError
from hybridlab.output.folder import Found, Missing, look, reported, sync_folder, write_durably
from hybridlab.output.index import Index, digest

STAGING_PATH = PurePosixPath(".hybridlab-staging")

_IGNORE, _JOURNAL, _NEW, _OLD, _PART = ".gitignore", ".journal", ".new", ".old", ".part"


@frozen
class Staging:
    """The staging folder below `root`; it stands only while a run is at work, or after one was killed."""

    root: Path

    @property
    def folder(self) -> Path:
        return self.root / STAGING_PATH

    def exists(self) -> bool:
        """Whether there is a staging folder; an OutputError if something else has taken its place."""
        with reported("read", self.folder):
            try:
                mode = self.folder.lstat().st_mode
            except FileNotFoundError:
                return False
        if not stat.S_ISDIR(mode):
            raise OutputError(f"{self.folder} is in the way: hybridlab needs that name, so move it away")
        return True

    def journals(self) -> tuple[Index, ...]:
        """Return the journals of every killed run since the tree was last whole."""
        return tuple(self._journals())

    def _journals(self) -> Iterator[Index]:
        with reported("read", self.folder):
            names = [entry.name for entry in self._entries() if entry.name.endswith(_JOURNAL)]
        for name in sorted(names):
            match look(self.root, STAGING_PATH / name):
                case Missing():  # the run that wrote it has just ended
                    continue
                case Found(content):
                    yield self._parsed(name, content)
                case unusable:
                    raise OutputError(f"{self.folder / name} {unusable.reason}")

    def _parsed(self, name: str, content: bytes) -> Index:
        try:
            return Index.parse(content)
        except ValueError as error:
            raise OutputError(
                f"{self.folder / name} is damaged: {error}; delete it: "
                f"then files that a killed run wrote count as edited by hand, or as yours"
            ) from error

    def open(self) -> None:
        """Make the folder, or empty the one of a killed run of everything but its journals."""
        with reported("create", self.folder):
            self.folder.mkdir(mode=0o700, exist_ok=True)
            self._remove(_IGNORE, _NEW, _OLD, _PART)
            (self.folder / _IGNORE).write_text("*\n")

    def new(self, path: PurePosixPath) -> Path:
        """Return where the future content of the generated file `path` lies."""
        return self._staged(path, _NEW)

    def old(self, path: PurePosixPath) -> Path:
        """Return where the former content of the generated file `path` lies, for the way back."""
        return self._staged(path, _OLD)

    def _staged(self, path: PurePosixPath, suffix: str) -> Path:
        return self.folder / (digest(bytes(path)) + suffix)

    def write_journal(self, index: Index) -> None:
        """Promise durably that the tree is about to become that of `index`; earlier journals stay."""
        content = index.file.content
        journal = self.folder / (digest(content) + _JOURNAL)
        part = journal.with_suffix(_PART)
        with reported("write", journal):
            write_durably(part, content)
            sync_folder(self.folder)  # what is staged is on disk before the promise is
            part.replace(journal)
            sync_folder(self.folder)
            sync_folder(self.root)

    def drop(self) -> None:
        """Remove the folder; a file in it that no run made stays and is an OutputError."""
        with reported("remove", self.folder):
            self._remove(_IGNORE, _NEW, _OLD, _PART, _JOURNAL)
            if self.exists():
                self.folder.rmdir()

    def _remove(self, *endings: str) -> None:
        for entry in self._entries():
            if entry.name.endswith(endings):
                entry.unlink()

    def _entries(self) -> tuple[Path, ...]:
        try:
            return tuple(self.folder.iterdir())
        except FileNotFoundError:
            return ()
