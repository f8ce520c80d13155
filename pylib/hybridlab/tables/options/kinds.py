"""What the value of an option may be, as far as Python can tell; it knows no option by name.

A kind is a type of NixOS without what merges several definitions: emitters define each option once. Values
are plain data, as in JSON; a path of the repository is a `PurePath`. As text a kind is its noun.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import TypeAlias

from attrs import frozen


@frozen
class Bool:
    """`types.bool`."""

    def __str__(self) -> str:
        return "a boolean"


@frozen
class Int:
    """`types.int`, and `types.ints.*` and `types.port` with bounds, both included."""

    low: int | None = None
    high: int | None = None

    def __str__(self) -> str:
        bounds = (("from", self.low), ("to", self.high))
        return " ".join(["an integer", *(f"{word} {bound}" for word, bound in bounds if bound is not None)])


@frozen
class Text:
    """`types.str`, and with a pattern `types.strMatching`, whose expression Python's `re` must know, too."""

    pattern: str | None = None

    def __str__(self) -> str:
        return "a string" if self.pattern is None else f"a string that matches {self.pattern}"


@frozen
class PathName:
    """`types.path`: a path of the repository, or text that is an absolute path on the machine."""

    def __str__(self) -> str:
        return "an absolute path"


@frozen
class Enum:
    """`types.enum`, of strings."""

    values: tuple[str, ...]

    def __str__(self) -> str:
        return f"one of {', '.join(self.values)}"


@frozen
class Json:
    """`(pkgs.formats.json { }).type`."""

    def __str__(self) -> str:
        return "JSON"


@frozen
class NullOr:
    """`types.nullOr`."""

    kind: "Kind"

    def __str__(self) -> str:
        return f"null or {self.kind}"


@frozen
class Either:
    """`types.either` and `types.oneOf`."""

    kinds: tuple["Kind", ...]

    def __str__(self) -> str:
        return " or ".join(map(str, self.kinds))


@frozen
class ListOf:
    """`types.listOf`."""

    item: "Kind"

    def __str__(self) -> str:
        return f"a list, each item {self.item}"


@frozen
class AttrsOf:
    """`types.attrsOf`: any names, values of one kind."""

    value: "Kind"

    def __str__(self) -> str:
        return f"an attribute set, each value {self.value}"


@frozen
class Attrs:
    """A submodule, or a section of a systemd unit: fields by name, some of which must be there."""

    fields: Mapping[str, "Kind"]
    required: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"an attribute set of {', '.join(self.fields)}"


Kind: TypeAlias = Bool | Int | Text | PathName | Enum | Json | NullOr | Either | ListOf | AttrsOf | Attrs


def mismatch(kind: Kind, value: object) -> str | None:
    """Say why `value` is not of `kind`, with the place in it; None if it is."""
    return next(_mismatches(kind, value, ""), None)


def _mismatches(kind: Kind, value: object, place: str) -> Iterator[str]:
    match kind, value:
        case ListOf(item), list() | tuple():
            for index, one in enumerate(value):
                yield from _mismatches(item, one, f"{place}[{index}]")
        case AttrsOf(inner), Mapping():
            for name, one in value.items():
                yield from _mismatches(inner, one, _below(place, name))
        case Attrs(fields, required), Mapping():
            yield from (_at(place, f"{name} is missing") for name in required if name not in value)
            for name, one in value.items():
                if name in fields:
                    yield from _mismatches(fields[name], one, _below(place, name))
                else:
                    yield _at(place, f"there is no {name}")
        case _:
            if not _is(kind, value):
                yield _at(place, f"{value!r} is not {kind}")


def _is(kind: Kind, value: object) -> bool:
    match kind:
        case Bool():
            return isinstance(value, bool)
        case Int(low, high):
            if not isinstance(value, int) or isinstance(value, bool):
                return False
            return (low is None or low <= value) and (high is None or value <= high)
        case Text(pattern):
            return isinstance(value, str) and (pattern is None or re.fullmatch(pattern, value) is not None)
        case PathName():
            return isinstance(value, PurePath) or (isinstance(value, str) and value.startswith("/"))
        case Enum(values):
            return isinstance(value, str) and value in values
        case Json():
            return _is_json(value)
        case NullOr(inner):
            return value is None or mismatch(inner, value) is None
        case Either(kinds):
            return any(mismatch(one, value) is None for one in kinds)
        case ListOf() | AttrsOf() | Attrs():
            return False


def _is_json(value: object) -> bool:
    match value:
        case None | bool() | int() | float() | str():
            return True
        case Mapping():
            return all(isinstance(name, str) and _is_json(one) for name, one in value.items())
        case list() | tuple():
            return all(map(_is_json, value))
        case _:
            return False


def _below(place: str, name: object) -> str:
    return f"{place}.{name}" if place else str(name)


def _at(place: str, text: str) -> str:
    return f"{place}: {text}" if place else text
