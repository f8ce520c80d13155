"""Files that Nix names in its store, found again in the user's folder: whose each is, and which line."""

import os
import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from attrs import define

from hybridlab.diagnostic import SourceSpan
from hybridlab.model.evaluated import Origin

GENERATED = "modules/generated/"


@define(frozen=True, slots=False)  # the cached property needs a __dict__
class Files:
    """Where modules stand: in the flake's `folder`, Nix's `store`; `ours` are hybridlab's own modules."""

    folder: Path
    store: str
    ours: frozenset[str] = frozenset()

    def place(self, file: str, option: str) -> tuple[str, Origin, SourceSpan | None]:
        """Return what to call the file of a definition of `option`, whose it is, and where in it that is."""
        if not file.startswith("/"):
            # A module that was written into another one has no file.
            return "", Origin.USER, None
        inside = self._inside_source(file)
        if file in self.ours:
            return inside, Origin.OURS, None
        own = self.own(file)
        if own is None:
            return inside, Origin.OTHER, None
        if inside.startswith(GENERATED) or f"/{GENERATED}" in inside:
            return str(own), Origin.OURS, None
        return str(own), Origin.USER, line_with(own, option)

    def own(self, file: str) -> Path | None:
        """Return the user's file that a file of the store is a copy of; relative where it is below us."""
        inside = self._inside_source(file)
        if inside == file:
            return Path(file) if Path(file).is_relative_to(self.folder.absolute()) else None
        for base in self._bases:
            own = base / inside
            if own.is_file() and _same(own, Path(file)):
                return own
        return None

    @cached_property
    def _bases(self) -> tuple[Path, ...]:
        """The folder of the flake, and those above it up to the repository's, all of which Nix copies."""
        here = self.folder.absolute()
        for count, above in enumerate((here, *here.parents)):
            if (above / ".git").exists():
                return tuple(Path(self.folder, *[os.pardir] * level) for level in range(count + 1))
        return (self.folder,)

    def _inside_source(self, file: str) -> str:
        """Return a path without the store's folder: in another flake, or NixOS, one below its root."""
        if not file.startswith(f"{self.store}/"):
            return file
        return file[len(self.store) + 1 :].partition("/")[2] or file


def _same(own: Path, copy: Path) -> bool:
    """Whether two files hold the same; if the copy is not here, nothing says that it is another."""
    try:
        return own.read_bytes() == copy.read_bytes()
    except OSError:
        return not copy.exists()


def line_with(file: Path, option: str) -> SourceSpan:
    """Return where the name of `option` stands in a file, or its end; if not once, where the file starts."""
    try:
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    for text in _spellings(option):
        word = re.compile(rf"(?<![\w'-]){re.escape(text)}(?![\w'-])")
        found = [
            SourceSpan(str(file), number, match.start() + 1, len(text), line)
            for number, line in enumerate(lines, start=1)
            for match in word.finditer(line.partition("#")[0])
        ]
        if len(found) == 1:
            return found[0]
    return SourceSpan(str(file), 1, 1)


def _spellings(option: str) -> Iterator[str]:
    """Yield what a name may stand as: all of it on one line, or its end in braces; the last part first.

    What stands for `*` is not known.
    """
    for part in reversed(option.split(".*")):
        names = part.strip(".").split(".")
        yield from (".".join(names[start:]) for start in range(len(names)))
