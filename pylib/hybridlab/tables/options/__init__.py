"""The option table: what NixOS and its modules let us write, per release; it does not know who writes it.

It holds every option that an emitter writes, and no others.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, TypeAlias

from attrs import frozen

from hybridlab.tables.options.declared import DECLARED
from hybridlab.tables.options.kinds import Kind, mismatch
from hybridlab.tables.options.replaced import REPLACED
from hybridlab.tables.options.sources import Project, Source
from hybridlab.tables.releases import RELEASES

__all__ = ["OPTIONS", "Option", "Project", "Source", "find", "problem", "problems", "settings"]

# Names as they are: one may hold a dot.
Path: TypeAlias = Sequence[str]

ANY: Final = "<name>"


@frozen
class Option:
    """An option: its path with `<name>` for any attribute, what it may be, and where it is declared."""

    path: str
    kind: Kind
    source: Source

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.path.split("."))


OPTIONS: Mapping[str, Option] = {
    path: Option(path, kind, source) for source, kinds in DECLARED.items() for path, kind in kinds.items()
}


def find(path: Path) -> Option | None:
    """Return the option at `path`, if the table has it."""
    return next((option for option in OPTIONS.values() if _matches(option.names, path)), None)


def problem(release: str, path: Path, value: object) -> str | None:
    """Say what is wrong with giving the option at `path` this value in a NixOS release; None if nothing is.

    A value is plain data, as in JSON, and a `PurePath` where Nix has a path.
    """
    if release not in RELEASES:
        return f"no options of NixOS {release} are known, only of {', '.join(RELEASES)}"
    if (gone := _replaced(release, path, value)) is not None:
        return gone
    where = ".".join(path)
    if (option := find(path)) is None:
        return f"{where} is not in the option table"
    reason = mismatch(option.kind, value)
    return None if reason is None else f"{where}: {reason} ({option.source})"


def settings(values: Mapping[str, object], path: Path = ()) -> Iterator[tuple[tuple[str, ...], object]]:
    """Yield the options that `values` sets, with their values; where a path leaves the table, it ends."""
    for name, value in values.items():
        here = (*path, name)
        if isinstance(value, Mapping) and any(_leads_to(option.names, here) for option in OPTIONS.values()):
            yield from settings(value, here)
        else:
            yield here, value


def problems(release: str, values: Mapping[str, object]) -> Iterator[str]:
    """Yield what is wrong with the options that `values` sets."""
    for path, value in settings(values):
        if (reason := problem(release, path, value)) is not None:
            yield reason


def _replaced(release: str, path: Path, value: object) -> str | None:
    """Look for the option itself, for what it was part of, and for what is in its value."""
    where = ".".join(path)
    for replaced in REPLACED.values():
        names = tuple(replaced.path.split("."))
        is_part = len(path) >= len(names) and _matches(names, path[: len(names)])
        if replaced.holds_for(release) and (is_part or _is_set(names, path, value)):
            since = "" if replaced.since is None else f" since {replaced.since}"
            return f"{where}: {replaced.path} is gone{since}; write {replaced.instead}"
    return None


def _is_set(names: Sequence[str], path: Path, value: object) -> bool:
    if not _leads_to(names, path):
        return False
    for name in names[len(path) :]:
        if not isinstance(value, Mapping) or name not in value:
            return False
        value = value[name]
    return True


def _matches(names: Sequence[str], path: Path) -> bool:
    return len(names) == len(path) and all(
        name in (ANY, given) for name, given in zip(names, path, strict=True)
    )


def _leads_to(names: Sequence[str], path: Path) -> bool:
    return len(path) < len(names) and _matches(names[: len(path)], path)
