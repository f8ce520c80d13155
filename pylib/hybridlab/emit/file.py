"""A generated file and a set of them: the seam between what is decided and what is written.

Everything before this seam is pure, everything behind it (`output`) knows paths and bytes and no cluster.
"""

from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from typing import Self

from attrs import field, frozen


def _relative_path(path: str | PurePosixPath) -> PurePosixPath:
    checked = PurePosixPath(path)
    if checked.is_absolute() or not checked.parts or ".." in checked.parts or "\0" in str(checked):
        raise ValueError(f"a generated file needs a relative path inside its folder, not {str(path)!r}")
    return checked


@frozen(order=True)
class GeneratedFile:
    """One file to be: its path relative to the output folder, and its whole text (UTF-8, LF)."""

    path: PurePosixPath = field(converter=_relative_path)
    text: str

    @property
    def content(self) -> bytes:
        return self.text.encode()


def _sorted(files: Iterable[GeneratedFile]) -> tuple[GeneratedFile, ...]:
    return tuple(sorted(files))


@frozen
class FileSet:
    """Generated files by path: sorted, each path once, and no path a folder of another."""

    files: tuple[GeneratedFile, ...] = field(default=(), converter=_sorted)

    def __attrs_post_init__(self) -> None:
        paths = {file.path for file in self.files}
        if len(paths) != len(self.files):
            raise ValueError("two generated files have the same path")
        for path in paths:
            if not paths.isdisjoint(path.parents):
                raise ValueError(f"generated file {path} lies below another generated file")

    @classmethod
    def of(cls, files: Iterable[GeneratedFile]) -> Self:
        return cls(files)

    def __iter__(self) -> Iterator[GeneratedFile]:
        return iter(self.files)

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, path: str | PurePosixPath) -> GeneratedFile:
        wanted = PurePosixPath(path)
        for file in self.files:
            if file.path == wanted:
                return file
        raise KeyError(str(path))

    def __or__(self, other: "FileSet") -> "FileSet":
        return FileSet.of((*self, *other))
