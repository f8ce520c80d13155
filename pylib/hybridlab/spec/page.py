"""`docs/spec.md`: every key of a spec, from the classes themselves, so that the page can not lack one.

Made by `python -m hybridlab.spec.page > docs/spec.md`.
"""

import enum
import sys
import typing
from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from hybridlab.spec.cluster import ClusterSpec
from hybridlab.spec.define import optional_argument, text_or_class, yaml_name
from hybridlab.spec.scalars import Address, Network
from hybridlab.spec.workload import WORKLOAD_TYPES, WorkloadSpec

_INTRODUCTION = """\
<!-- Made by `python -m hybridlab.spec.page > docs/spec.md`: do not edit. -->

# The spec, key by key

The example to start from is [cluster.yaml](../cluster.yaml); `hybridlab check` says what is wrong with
yours, at its line.

Names (of machines, VLANs, workloads, recipients) are DNS labels: lower-case letters, digits and inner
`-`, at most 63. Text that YAML would read as something else needs quotes: `release: "26.05"`.
"""


def spec_page() -> str:
    """Return the page as Markdown."""
    parts = [_INTRODUCTION, *_section("The whole", (), ClusterSpec)]
    return "\n".join(parts)


def _section(title: str, path: tuple[str, ...], cls: type) -> Iterator[str]:
    """Yield the table of a class, and the sections of the classes below it."""
    kind = getattr(cls, "TYPE", None)
    yield f"## {title}\n\n{_summary(cls)}\n"
    yield "| key | value | default | what |\n| --- | --- | --- | --- |"
    if kind is not None:
        yield f"| `type` | `{kind}` | required | what the workload is |"
    below: list[tuple[tuple[str, ...], type]] = []
    for field in attrs.fields(cls):
        if "doc" not in field.metadata:
            continue
        key = yaml_name(field.name)
        yield f"| `{key}` | {_kind(field.type)} | {_default(field)} | {field.metadata['doc']} |"
        below += _classes(field.type, (*path, key))
    yield ""
    for place, inner in below:
        suffix = f" ({inner.TYPE})" if hasattr(inner, "TYPE") else ""
        yield from _section(f"`{'.'.join(place)}`{suffix}", place, inner)


def _summary(cls: type) -> str:
    return (cls.__doc__ or "").split("\n\n")[0]


def _classes(annotation: Any, place: tuple[str, ...]) -> list[tuple[tuple[str, ...], type]]:
    """Return the spec classes that values of `annotation` hold, each with its place."""
    if annotation == WorkloadSpec:
        return [(place, cls) for cls in WORKLOAD_TYPES]
    if (inner := optional_argument(annotation)) is not None and annotation not in (Address, Network):
        return _classes(inner, place)
    if (sides := text_or_class(annotation)) is not None:
        return [(place, sides[1])]
    if typing.get_origin(annotation) is Mapping:
        return _classes(typing.get_args(annotation)[1], (*place, "NAME"))
    return [(place, annotation)] if attrs.has(annotation) else []


def _kind(annotation: Any) -> str:
    if annotation == Address:
        return "an IP address"
    if annotation == Network:
        return "a network in CIDR notation"
    if annotation == WorkloadSpec:
        return "a workload, see below"
    if (inner := optional_argument(annotation)) is not None:
        return _kind(inner)
    if (sides := text_or_class(annotation)) is not None:
        return f"{_kind(sides[0])}, or where it lies (see below)"
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Mapping:
        return f"a mapping from {_kind(arguments[0])} to {_kind(arguments[1])}"
    if origin is tuple:
        return f"a list, of {_kind(arguments[0])}"
    if attrs.has(annotation):
        return "a mapping, see below"
    if issubclass(annotation, enum.Enum):
        return " or ".join(f"`{member.value}`" for member in annotation)
    if annotation.__name__ == "Name":
        return "a name"
    plain = {str: "text", bool: "`true` or `false`"}
    return plain.get(annotation) or annotation.expected.replace("|", "\\|")


def _default(field: Any) -> str:
    if field.metadata.get("required_in_file"):
        return "required"
    match field.default:
        case attrs.NOTHING:
            return "required"
        case None:
            return "optional"
        case enum.Enum() as member:
            return f"`{member.value}`"
        case bool(value):
            return f"`{str(value).lower()}`"
        case value if attrs.has(type(value)):
            return ", ".join(f"`{yaml_name(k)}: {v}`" for k, v in attrs.asdict(value).items())
        case value if isinstance(value, Mapping | tuple) and not value:
            return "empty"
        case value:
            return f"`{value}`"


if __name__ == "__main__":
    sys.stdout.write(spec_page())
