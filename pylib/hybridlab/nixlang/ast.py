"""The Nix that we write, as values: a small closed set of node classes, each valid once it is constructed.

Nodes know nothing of layout or of Python data; the set is kept so small that local rules decide every layout.
"""

import math
import re
import sys
from collections.abc import Iterable
from typing import Final, TypeAlias

from attrs import Attribute, field, frozen

from hybridlab.nixlang.names import is_identifier, print_path
from hybridlab.nixlang.strings import NixValueError, check_text

_LARGEST_INT: Final = 2**63 - 1
_PATH: Final = re.compile(r"\.{1,2}(/[A-Za-z0-9._+-]+)+")


def _check_identifier(_node: object, attribute: "Attribute[str]", name: str) -> None:
    if not is_identifier(name):
        raise NixValueError(f"a {attribute.name} must be a bare Nix name, not {name!r}")


def _check_identifiers(
    _node: object, attribute: "Attribute[tuple[str, ...]]", names: tuple[str, ...]
) -> None:
    for name in names:
        if not is_identifier(name):
            raise NixValueError(f"each of {attribute.name} must be a bare Nix name, not {name!r}")
    if len(set(names)) != len(names):
        raise NixValueError(f"{attribute.name} repeat one of {', '.join(names)}")


def _with_one_zero(value: float) -> float:
    return value + 0.0


@frozen
class NixString:
    """A text; it never holds code, so there is no interpolation."""

    text: str = field()

    @text.validator
    def _check(self, _attribute: "Attribute[str]", text: str) -> None:
        check_text(text)


@frozen
class NixInt:
    """A signed 64-bit integer but -2^63, which Nix can not read: to it the sign is an operator."""

    value: int = field()

    @value.validator
    def _check(self, _attribute: "Attribute[int]", value: int) -> None:
        if abs(value) > _LARGEST_INT:
            raise NixValueError(f"{value} is no Nix integer: those go from -{_LARGEST_INT} to {_LARGEST_INT}")


@frozen
class NixFloat:
    """A finite double; Nix can not read those too small for full precision, and knows no negative zero."""

    value: float = field(converter=_with_one_zero)

    @value.validator
    def _check(self, _attribute: "Attribute[float]", value: float) -> None:
        if not math.isfinite(value) or 0 < abs(value) < sys.float_info.min:
            raise NixValueError(f"{value!r} has no Nix literal")


@frozen
class NixBool:
    """`true` or `false`."""

    value: bool


@frozen
class NixNull:
    """`null`."""


@frozen
class NixPath:
    """A relative path literal such as `./boot.nix`, of characters that need no quotes."""

    path: str = field()

    @path.validator
    def _check(self, _attribute: "Attribute[str]", path: str) -> None:
        if not _PATH.fullmatch(path):
            raise NixValueError(
                f"a Nix path literal starts with ./ or ../ and has only path characters, not {path!r}"
            )


@frozen
class Ref:
    """A variable and the attributes selected from it: `pkgs.rocmPackages.clr`."""

    parts: tuple[str, ...] = field()

    @parts.validator
    def _check(self, _attribute: "Attribute[tuple[str, ...]]", parts: tuple[str, ...]) -> None:
        if not parts or not is_identifier(parts[0]):
            raise NixValueError(f"a reference must start with a variable, not {'.'.join(parts)!r}")
        for part in parts:
            check_text(part)


@frozen
class ListItem:
    """A list's item, the comment above it and after it, and whether a blank line goes before all."""

    value: "Value"
    comment: str | None = None
    trailing: str | None = None
    blank_before: bool = False


def _items(items: "Iterable[Value | ListItem]") -> tuple[ListItem, ...]:
    return tuple(item if isinstance(item, ListItem) else ListItem(item) for item in items)


@frozen
class NixList:
    """A list; plain nodes are taken as items without comments."""

    items: tuple[ListItem, ...] = field(default=(), converter=_items)


@frozen
class Binding:
    """`path = value;`, where the path is one name or several: `boot.kernelModules`."""

    path: tuple[str, ...] = field()
    value: "Value | Let"
    comment: str | None = None
    trailing: str | None = None
    blank_before: bool = False

    @path.validator
    def _check(self, _attribute: "Attribute[tuple[str, ...]]", path: tuple[str, ...]) -> None:
        if not path:
            raise NixValueError("a binding needs a name")
        for name in path:
            check_text(name)


@frozen
class Inherit:
    """`inherit names;` or `inherit (source) names;`."""

    names: tuple[str, ...] = field(validator=_check_identifiers)
    source: Ref | None = None
    comment: str | None = None
    trailing: str | None = None
    blank_before: bool = False

    def __attrs_post_init__(self) -> None:
        if not self.names:
            raise NixValueError("an inherit needs a name")


Entry: TypeAlias = Binding | Inherit


def _check_distinct(
    _node: object, _attribute: "Attribute[tuple[Entry, ...]]", entries: tuple[Entry, ...]
) -> None:
    """Refuse to define an attribute twice, or one and another below it: Nix would refuse or merge them."""
    defined: set[tuple[str, ...]] = set()
    parents: set[tuple[str, ...]] = set()
    for entry in entries:
        paths = [entry.path] if isinstance(entry, Binding) else [(name,) for name in entry.names]
        for path in paths:
            above = [path[:length] for length in range(1, len(path))]
            if path in defined:
                raise NixValueError(f"attribute '{print_path(path)}' is defined twice")
            if path in parents:
                raise NixValueError(f"attribute '{print_path(path)}' is defined, and so is one below it")
            if clash := next((parent for parent in above if parent in defined), None):
                raise NixValueError(
                    f"attribute '{print_path(path)}' is defined, and so is '{print_path(clash)}'"
                )
            defined.add(path)
            parents.update(above)


@frozen
class AttrSet:
    """An attribute set, in the order in which it is written."""

    entries: tuple[Entry, ...] = field(default=(), validator=_check_distinct)


@frozen
class Call:
    """A function applied to one argument, or to a simple one and another.

    More arguments would need nixfmt's search for a layout; nothing that sets options needs them.
    """

    function: Ref
    arguments: "Arguments" = field()

    @arguments.validator
    def _check(self, _attribute: "Attribute[tuple[Value, ...]]", arguments: "tuple[Value, ...]") -> None:
        if len(arguments) not in {1, 2}:
            raise NixValueError(f"a call takes one or two arguments, not {len(arguments)}")
        for first in arguments[:-1]:
            if not isinstance(first, Simple) or (isinstance(first, NixInt | NixFloat) and first.value < 0):
                raise NixValueError(f"the first of two arguments must be a plain word, not {first}")


@frozen
class Lambda:
    """A function of one plain parameter: `name: body`."""

    parameter: str = field(validator=_check_identifier)
    body: "AttrSet | NixList | Call"


@frozen
class Update:
    """A set that overrides attributes of a named one: `base // { … }`."""

    base: Ref
    overrides: AttrSet


@frozen
class Let:
    """`let … in body`, as a file's expression, a file function's body, or the value of a binding."""

    entries: tuple[Entry, ...] = field(validator=_check_distinct)
    body: "Value"

    def __attrs_post_init__(self) -> None:
        if not self.entries:
            raise NixValueError("a let needs a binding")


@frozen
class Function:
    """A file's function of a set, which ignores other attributes: `{ lib, pkgs, ... }:` and its body."""

    parameters: tuple[str, ...] = field(validator=_check_identifiers)
    body: "AttrSet | NixList | Call | Update | Let"


Simple: TypeAlias = NixString | NixInt | NixFloat | NixBool | NixNull | NixPath | Ref
Arguments: TypeAlias = "tuple[Value] | tuple[Simple, Value]"
Value: TypeAlias = Simple | NixList | AttrSet | Call | Lambda | Update
Expr: TypeAlias = Value | Let | Function


@frozen
class File:
    """A file: comment lines at its head, and its one expression."""

    expression: "Function | Let | AttrSet | NixList"
    header: tuple[str, ...] = ()
