"""Finds in the user's own manifests the fields that a table names; what is right there, its rule knows."""

from collections.abc import Iterator, Mapping
from typing import Any, Generic, TypeAlias, TypeVar

from attrs import frozen

from hybridlab.diagnostic import SpecPath
from hybridlab.model.cluster import Cluster
from hybridlab.model.plain import EACH, matching

T = TypeVar("T")
# By the way to a field, in which `*` is every item of a list: what a rule wants of it.
Fields: TypeAlias = Mapping[tuple[str, ...], T]


@frozen
class Written(Generic[T]):
    """What stands in a field: `who` has it, `name` is its last key, `wanted` is what the table says of it."""

    who: str
    name: str
    wanted: T
    value: Any
    path: SpecPath


def written_fields(
    cluster: Cluster, objects: Mapping[tuple[str, str], Fields[T]], pods: Fields[T], containers: Fields[T]
) -> Iterator[Written[T]]:
    """Yield the fields of objects, by group and kind, of all pods that they make, and of their containers."""
    for one in cluster.objects:
        yield from written_below(str(one), one.data, one.path, objects.get((one.group, one.kind), {}))
    for template in cluster.templates:
        who = str(template.pods)
        yield from written_below(who, template.spec, template.path, pods)
        for container, at in template.containers:
            yield from written_below(who, container, at, containers)


def written_below(who: str, data: Any, at: SpecPath, fields: Fields[T]) -> Iterator[Written[T]]:
    """Yield the fields that are written below `data`, whose place is `at`."""
    for way, wanted in fields.items():
        name = next(key for key in reversed(way) if key != EACH)
        for value, path in matching(data, at, way):
            yield Written(who, name, wanted, value, path)
