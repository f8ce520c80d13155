"""From plain Python data to syntax tree, with what an emitter may say beyond values: comments, groups, paths.

It knows nodes, but no layout and no option of NixOS.
"""

from collections.abc import Mapping, Sequence
from typing import TypeAlias, cast

from attrs import frozen

from hybridlab.nixlang.ast import (
    Arguments,
    AttrSet,
    Binding,
    Call,
    ListItem,
    NixBool,
    NixFloat,
    NixInt,
    NixList,
    NixNull,
    NixString,
    Ref,
    Value,
)
from hybridlab.nixlang.strings import NixValueError

# One attribute's name, taken as it is, or (for options only) the names on the way to it.
Key: TypeAlias = str | tuple[str, ...]
Options: TypeAlias = Mapping[str, object] | Mapping[Key, object]


@frozen
class Commented:
    """A value of a mapping or a list, with comment lines to go above it and a comment to go after it."""

    value: object
    comment: str | None = None
    trailing: str | None = None


@frozen
class Groups:
    """One attribute set made of several mappings, with a blank line between one and the next."""

    groups: tuple[Options, ...]


def groups(*mappings: Options) -> Groups:
    """Return the attribute set of `mappings`, to be written with a blank line between one and the next."""
    return Groups(mappings)


def path(dotted: str, *names: str) -> tuple[str, ...]:
    """Return the names in `dotted`, which is split at its dots, and then `names` as they are.

    What stands in a spec belongs into `names`: `path("sops.secrets", secret.name)`.
    """
    return (*dotted.split("."), *names)


def ref(dotted: str, *names: str) -> Ref:
    """Return a reference; as in `path`, only `dotted` is split."""
    return Ref(path(dotted, *names))


def call(function: str, *arguments: object) -> Call:
    """Return a call such as `call("lib.mkForce", True)`, of one or two arguments: Python data or nodes."""
    # The call itself checks how many there are, and whether the first of two is simple.
    return Call(ref(function), cast(Arguments, tuple(map(nix, arguments))))


def nix(value: object) -> Value:
    """Return the node for plain Python data: text, numbers, booleans, None, sequences and mappings by name.

    Nodes pass through, mappings keep their order. Raises `NixValueError`, which names the place, for all that
    has no Nix literal: NaN, infinities, integers beyond 64 bits, text with NUL, names that are no text.
    """
    return _value(value, dotted=False)


def nix_options(*mappings: Options) -> AttrSet:
    """Return option values as an attribute set, written as a person would: `boot.kernelModules = [ … ];`.

    A mapping with one key is folded into the path to it, from two keys up it is nested; comments along a
    folded path gather above its binding. Keys may also be whole paths (see `path`), which stay as they are.
    Between one mapping and the next goes a blank line. Raises `NixValueError` as `nix` does.
    """
    return _attribute_set(mappings, dotted=True)


def _value(value: object, *, dotted: bool) -> Value:
    match value:
        case None:
            return NixNull()
        case bool():
            return NixBool(value)
        case int():
            return NixInt(int(value))
        case float():
            return NixFloat(float(value))
        case str():
            # Plain text, whatever a subclass of str would print.
            return NixString(str.__str__(value))
        case list() | tuple():
            return _list(value, dotted=dotted)
        case Mapping():
            return _attribute_set((value,), dotted=dotted)
        case Groups(mappings):
            return _attribute_set(mappings, dotted=dotted)
        case _ if isinstance(value, Value):
            return value
    raise NixValueError(f"{value!r} has no Nix literal")


def _list(values: Sequence[object], *, dotted: bool) -> NixList:
    items = []
    for index, value in enumerate(values):
        item = value if isinstance(value, Commented) else Commented(value)
        try:
            items.append(ListItem(_value(item.value, dotted=dotted), item.comment, item.trailing))
        except NixValueError as error:
            raise error.inside(f"[{index}]") from None
    return NixList(items)


def _attribute_set(mappings: Sequence[Options], *, dotted: bool) -> AttrSet:
    bindings = []
    for mapping in mappings:
        # The first key starts a group; before the very first binding no blank line is written.
        starts_group = True
        for key, value in mapping.items():
            names, innermost = _folded(key, value, dotted=dotted)
            try:
                node = _value(innermost.value, dotted=dotted)
                bindings.append(Binding(names, node, innermost.comment, innermost.trailing, starts_group))
            except NixValueError as error:
                raise error.inside(".".join(names)) from None
            starts_group = False
    return AttrSet(tuple(bindings))


def _folded(key: Key, value: object, *, dotted: bool) -> tuple[tuple[str, ...], Commented]:
    """Follow mappings of one key as far as they go; return the path, and its value with the comments met."""
    names = _names(key, dotted=dotted)
    comments: list[str] = []
    trailing: list[str] = []
    while True:
        match value:
            case Commented():
                comments.extend(filter(None, [value.comment]))
                trailing.extend(filter(None, [value.trailing]))
                value = value.value
            case Mapping() if dotted and len(value) == 1:
                ((key, value),) = value.items()
                names += _names(key, dotted=dotted)
            case _:
                return names, Commented(value, "\n".join(comments) or None, " ".join(trailing) or None)


def _names(key: object, *, dotted: bool) -> tuple[str, ...]:
    match key:
        case str():
            return (str.__str__(key),)
        case tuple() if dotted and key and all(isinstance(name, str) for name in key):
            return key
    raise NixValueError(f"an attribute's name must be text, not {key!r}")
