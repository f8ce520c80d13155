"""The one cattrs converter: from plain data to the classes of the spec, strictly, with every error kept.

Nothing is turned silently: a number stays a number, and where text is meant it is an error. Where a value was
written is not known here; `load` walks the errors that cattrs groups and finds the places.
"""

import enum
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any, TypeVar

import attrs
from cattrs import Converter, IterableValidationError, IterableValidationNote
from cattrs.gen import make_dict_structure_fn, override

from hybridlab.spec.cluster import ClusterSpec
from hybridlab.spec.define import optional_argument, text_or_class, yaml_name
from hybridlab.spec.document import Ambiguous
from hybridlab.spec.scalars import (
    Address,
    Cpu,
    Network,
    ScalarError,
    Size,
    Text,
    WholeNumber,
    parse_address,
    parse_network,
)
from hybridlab.spec.workload import WORKLOAD_TYPES, WorkloadSpec

T = TypeVar("T")
Hook = Callable[[Any, Any], Any]


class WrongTypeError(Exception):
    """A value of another kind than the key takes; `expected` says which, `kind` is a class of Python.

    `keys` are those of the mapping that it should be, if that is a class of the spec, `required` those that
    it must have.
    """

    def __init__(
        self,
        expected: str,
        kind: type,
        value: object,
        keys: tuple[str, ...] = (),
        required: tuple[str, ...] = (),
    ) -> None:
        super().__init__(expected, kind, value, keys, required)
        self.expected = expected
        self.kind = kind
        self.value = value
        self.keys = keys
        self.required = required


class WrongChoiceError(Exception):
    """A text that is not one of the `choices`."""

    def __init__(self, value: str, choices: tuple[str, ...]) -> None:
        super().__init__(value, choices)
        self.value = value
        self.choices = choices


class UnderKeyError(Exception):
    """An error of what is written under (or, with `on_key`, of) the key `key` of a mapping."""

    def __init__(self, key: str, cause: Exception, *, on_key: bool = False) -> None:
        super().__init__(key, cause)
        self.key = key
        self.cause = cause
        self.on_key = on_key


class MissingKeyError(Exception):
    """A mapping, which should be a `cls` where that is known, lacks the key `key`; `text` documents it."""

    def __init__(self, key: str, text: str, cls: type | None = None) -> None:
        super().__init__(key, text, cls)
        self.key = key
        self.text = text
        self.cls = cls


def structure(data: object) -> ClusterSpec:
    """Return the spec that `data`, as read from YAML, holds.

    Raises: whatever cattrs groups: the errors above, `ScalarError` and cattrs' own for unknown keys.
    """
    return _CONVERTER.structure(data, ClusterSpec)


def keys_of(cls: type) -> dict[str, str]:
    """Return the keys that a class of the spec takes in YAML, each with its documentation."""
    return {yaml_name(f.name): f.metadata["doc"] for f in attrs.fields(cls) if "doc" in f.metadata}


def places_of(key: str) -> tuple[str, ...]:
    """Return where in a spec there is a key of this name, like `guests.NAME.kubernetes`."""
    return _places().get(key, ())


@cache
def _places() -> Mapping[str, tuple[str, ...]]:
    found: dict[str, dict[str, None]] = {}
    todo: list[tuple[type, str]] = [(ClusterSpec, "")]
    while todo:
        cls, at = todo.pop(0)
        for attribute in attrs.fields(cls):
            if "doc" in attribute.metadata:
                key = yaml_name(attribute.name)
                found.setdefault(key, {})[at or "the spec itself"] = None
                below = f"{at}.{key}".removeprefix(".")
                todo += [(inner, below + steps) for inner, steps in _classes_in(attribute.type)]
    return {key: tuple(places) for key, places in found.items()}


def _classes_in(annotation: Any, steps: str = "") -> Iterator[tuple[type, str]]:
    """Yield the classes of the spec in the type of a field, with the steps from there to each."""
    if attrs.has(annotation):
        yield annotation, steps
        return
    step = ".NAME" if _origin(annotation) is Mapping else ""
    for argument in typing.get_args(annotation):
        yield from _classes_in(argument, steps + step)


def _expect(kind: type[T], expected: str, value: object) -> T:
    # `bool` is an `int` to Python, but not to whoever writes a port.
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise WrongTypeError(expected, kind, value)
    return value


def _make_converter() -> Converter:
    converter = Converter(detailed_validation=True, forbid_extra_keys=True)
    converter.register_structure_hook(str, lambda value, _: _expect(str, "text", value))
    converter.register_structure_hook(bool, lambda value, _: _expect(bool, "true or false", value))
    # By class, as cattrs asks for subclasses of `str` and `int` before it asks any factory.
    converter.register_structure_hook(Text, _structure_text)
    converter.register_structure_hook(Size, _structure_size)
    converter.register_structure_hook(Cpu, _structure_cpu)
    converter.register_structure_hook(WholeNumber, _structure_number)
    # Factories are asked latest first.
    converter.register_structure_hook_factory(_is_enum, _enum_hook)
    converter.register_structure_hook_factory(lambda t: _origin(t) is Mapping, _mapping_hook)
    converter.register_structure_hook_factory(lambda t: _origin(t) is tuple, _list_hook)
    converter.register_structure_hook_factory(lambda t: optional_argument(t) is not None, _optional_hook)
    converter.register_structure_hook_factory(lambda t: text_or_class(t) is not None, _text_or_class_hook)
    converter.register_structure_hook_func(lambda t: t == Address, _text_hook("an IP address", parse_address))
    converter.register_structure_hook_func(
        lambda t: t == Network, _text_hook("a network in CIDR notation", parse_network)
    )
    converter.register_structure_hook_factory(attrs.has, _class_hook)
    converter.register_structure_hook_func(lambda t: t == WorkloadSpec, _workload_hook)
    return converter


def _origin(annotation: Any) -> Any:
    return typing.get_origin(annotation)


def _is_enum(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, enum.Enum)


def _structure_text(value: Any, cls: Any) -> Any:
    return cls(_expect(str, cls.expected, value))


def _structure_size(value: Any, cls: Any) -> Any:
    # A bare number lacks its unit, which the type explains better than "put it in quotes" would.
    return cls(value) if type(value) is int else _structure_text(value, cls)


def _structure_cpu(value: Any, cls: Any) -> Any:
    # As of a size, for a fraction.
    return cls(value) if type(value) in (int, float) else _structure_text(value, cls)


def _structure_number(value: Any, cls: Any) -> Any:
    return cls(_expect(int, cls.expected, value))


def _text_hook(expected: str, parse: Callable[[str], Any]) -> Hook:
    return lambda value, _: parse(_expect(str, expected, value))


def _enum_hook(cls: Any) -> Hook:
    choices = {str(member.value): member for member in cls}
    expected = "one of " + ", ".join(choices)

    def hook(value: Any, _: Any) -> Any:
        match value:
            # A text was written; that some YAML readers take it for something else changes nothing here.
            case Ambiguous(text) | str(text):
                pass
            case bool() | int() | float():
                text = str(value).lower()
            case _:
                text = _expect(str, expected, value)
        if text not in choices:
            raise WrongChoiceError(text, tuple(choices))
        return choices[text]

    return hook


def _optional_hook(annotation: Any) -> Hook:
    # Who writes a key gives it a value; None is what a key that is not written means.
    inner = optional_argument(annotation)
    return lambda value, _: _CONVERTER.structure(value, inner)


def _text_or_class_hook(annotation: Any) -> Hook:
    sides = text_or_class(annotation)
    assert sides is not None
    text, cls = sides
    return lambda value, _: _CONVERTER.structure(value, cls if isinstance(value, dict) else text)


def _list_hook(annotation: Any) -> Hook:
    (item_type, _ellipsis) = typing.get_args(annotation)

    def hook(value: Any, _: Any) -> Any:
        items, errors = [], []
        for index, item in enumerate(_expect(list, "a list", value)):
            try:
                items.append(_CONVERTER.structure(item, item_type))
            except Exception as error:  # cattrs' way: keep it, go on with the next
                error.add_note(IterableValidationNote("item", index, item_type))
                errors.append(error)
        if errors:
            raise IterableValidationError("list", errors, annotation)
        return tuple(items)

    return hook


def _mapping_hook(annotation: Any) -> Hook:
    key_type, value_type = typing.get_args(annotation)

    def hook(value: Any, _: Any) -> Any:
        structured, errors = {}, []
        for key, item in _expect(dict, "a mapping", value).items():
            try:
                name = key_type(key)
            except ScalarError as error:
                errors.append(UnderKeyError(key, error, on_key=True))
                name = None
            try:
                structured[name] = _CONVERTER.structure(item, value_type)
            except Exception as error:
                errors.append(UnderKeyError(key, error))
        if errors:
            raise IterableValidationError("mapping", errors, annotation)
        return types.MappingProxyType(structured)

    return hook


def _class_hook(cls: Any) -> Hook:
    keys = keys_of(cls)
    required = {yaml_name(f.name): f.metadata["doc"] for f in attrs.fields(cls) if f.default is attrs.NOTHING}
    renames: dict[str, Any] = {
        f.name: override(rename=yaml_name(f.name), omit="doc" not in f.metadata) for f in attrs.fields(cls)
    }
    structure_fields = make_dict_structure_fn(cls, _CONVERTER, _cattrs_forbid_extra_keys=True, **renames)

    def hook(value: Any, _: Any) -> Any:
        if not isinstance(value, dict):
            expected = f"a mapping with the keys {', '.join(keys)}"
            raise WrongTypeError(expected, dict, value, tuple(keys), tuple(required))
        data = value
        try:
            return structure_fields(data, cls)
        except ExceptionGroup as group:
            missing = [MissingKeyError(key, text, cls) for key, text in required.items() if key not in data]
            raise group.derive(
                [*(e for e in group.exceptions if not isinstance(e, KeyError)), *missing]
            ) from None

    return hook


def _workload_hook(value: Any, _: Any) -> Any:
    data = dict(_expect(dict, "a mapping with the key type", value))
    classes = {cls.TYPE: cls for cls in WORKLOAD_TYPES}
    if "type" not in data:
        raise MissingKeyError("type", "one of " + ", ".join(classes))
    try:
        kind = _expect(str, "one of " + ", ".join(classes), data.pop("type"))
        if kind not in classes:
            raise WrongChoiceError(kind, tuple(classes))
    except (WrongTypeError, WrongChoiceError) as error:
        raise UnderKeyError("type", error) from None
    return _CONVERTER.structure(data, classes[kind])


_CONVERTER = _make_converter()
