"""How a class of the spec is made: frozen, keyword-only, every field documented and typed by a scalar.

A field's annotation is also its conversion: `ClusterSpec(name="homelab")` in Python turns and checks its
arguments by the same scalar types as a loaded file does, so both ways give equal objects.
"""

import enum
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, dataclass_transform

import attrs

from hybridlab.spec.scalars import (
    Address,
    Cpu,
    Network,
    Size,
    Text,
    WholeNumber,
    parse_address,
    parse_network,
)

T = TypeVar("T")


def doc(text: str) -> dict[str, str]:
    """Return the metadata of a documented field; `docs/spec.md` is made from it."""
    return {"doc": text}


def yaml_name(python_name: str) -> str:
    """Return the key of a field in YAML: `pod_cidr` is written `podCidr`."""
    head, *rest = python_name.rstrip("_").split("_")
    return head + "".join(part.capitalize() for part in rest)


def optional_argument(annotation: Any) -> Any:
    """Return X for the annotation `X | None`, else None."""
    arguments = [a for a in typing.get_args(annotation) if a is not types.NoneType]
    if not isinstance(annotation, types.UnionType) or types.NoneType not in typing.get_args(annotation):
        return None
    return typing.Union[tuple(arguments)]  # noqa: UP007 - built from a list


def text_or_class(annotation: Any) -> tuple[type[Text], type] | None:
    """Return the two sides of `SomeText | SomeSpecClass`, a value or where it lies; None for all else."""
    sides = typing.get_args(annotation) if isinstance(annotation, types.UnionType) else ()
    match sides:
        case (text, cls) if isinstance(text, type) and issubclass(text, Text) and attrs.has(cls):
            return text, cls
    return None


def _coercion(annotation: Any) -> Callable[[Any], Any]:
    """Return the function that turns a Python argument into `annotation`, or raises what the scalar does."""
    if annotation == Address:
        return parse_address
    if annotation == Network:
        return parse_network
    if (inner := optional_argument(annotation)) is not None:
        turn = _coercion(inner)
        return lambda value: None if value is None else turn(value)
    if (sides := text_or_class(annotation)) is not None:
        text, cls = sides
        return lambda value: value if isinstance(value, cls) else text(value)
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Mapping:
        turn_key, turn_value = map(_coercion, arguments)
        return lambda value: types.MappingProxyType({turn_key(k): turn_value(v) for k, v in value.items()})
    if origin is tuple:
        turn_item = _coercion(arguments[0])
        return lambda value: tuple(turn_item(item) for item in value)
    if isinstance(annotation, type) and issubclass(annotation, (Text, WholeNumber, Size, Cpu, enum.Enum)):
        return annotation
    return lambda value: value


def _convert_fields(cls: type, fields: list[Any]) -> list[Any]:
    return [f if f.converter else f.evolve(converter=_coercion(f.type)) for f in fields]


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(attrs.field,))
def spec_class(cls: type[T]) -> type[T]:
    """Make `cls` a class of the spec."""
    return attrs.frozen(kw_only=True, field_transformer=_convert_fields)(cls)
