"""The option values that emitters write, as plain data, and how the option table's rows are made up.

The values are taken from the syntax trees, before they are text.
"""

from collections.abc import Iterator
from pathlib import PurePosixPath

from hybridlab import Cluster
from hybridlab.emit.header import HEADER
from hybridlab.emit.nixos import cluster as cluster_wide
from hybridlab.emit.nixos import kubernetes
from hybridlab.emit.nixos.tree import CONCERNS, FOLDER
from hybridlab.nixlang import File, nix_options, print_file
from hybridlab.nixlang.ast import (
    AttrSet,
    Binding,
    NixBool,
    NixFloat,
    NixInt,
    NixList,
    NixNull,
    NixPath,
    NixString,
)
from hybridlab.tables.options.kinds import Attrs, AttrsOf, Kind, ListOf, NullOr


def emitted(cluster: Cluster) -> Iterator[tuple[str, dict[str, object], str]]:
    """Yield each generated module that sets options: its path, its values, and them as text."""
    groups = {"cluster.nix": cluster_wide.options(cluster)}
    if cluster.kubernetes is not None:
        groups["kubernetes.nix"] = kubernetes.shared_options(cluster)
    for machine in cluster.machines:
        for name, options in CONCERNS.items():
            groups[f"{machine.name}/{name}"] = options(cluster, machine)
    for name, mappings in groups.items():
        if mappings:
            values = nix_options(*mappings)
            yield f"{FOLDER}/{name}", _attributes(values), print_file(File(values, HEADER))


def fields(kind: Kind) -> Iterator[tuple[tuple[str, ...], Kind]]:
    """Yield `kind` and the fields in it, each with the way to it; in that `[]` is any item of a list."""
    yield (), kind
    match kind:
        case Attrs(inner):
            steps = dict(inner)
        case ListOf(item):
            steps = {"[]": item}
        case AttrsOf(value):
            steps = {"<name>": value}
        case NullOr(inner):
            yield from (field for field in fields(inner) if field[0])
            return
        case _:
            return
    for step, below in steps.items():
        # An item as such is no field.
        yield from (((step, *way), one) for way, one in fields(below) if way or step not in ("[]", "<name>"))


def _plain(node: object) -> object:
    match node:
        case AttrSet():
            return _attributes(node)
        case NixList(items):
            return [_plain(item.value) for item in items]
        case NixPath(path):
            return PurePosixPath(path)
        case NixNull():
            return None
        case NixString(value) | NixBool(value) | NixInt(value) | NixFloat(value):
            return value
    raise AssertionError(f"a generated file sets no option to {node!r}")


def _attributes(node: AttrSet) -> dict[str, object]:
    result: dict[str, object] = {}
    for entry in node.entries:
        assert isinstance(entry, Binding), entry
        target = result
        for name in entry.path[:-1]:
            inner = target.setdefault(name, {})
            assert isinstance(inner, dict)
            target = inner
        target[entry.path[-1]] = _plain(entry.value)
    return result
