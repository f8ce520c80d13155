"""Places of a spec as people write them, like `guests.master.address`: is there one, and which is meant."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from hybridlab.spec.cluster import ClusterSpec
from hybridlab.spec.define import yaml_name
from hybridlab.spec.manifests import FOLDER_KEY
from hybridlab.spec.words import near_words

# Where things have names of their own, which people write alone.
_NAMED = ("guests", "hosts", "workloads", "networks.vlans", "secrets.recipients")
_MOST_KEYS = 8


def astray(tree: Mapping[str, Any], place: str) -> str | None:
    """Return what to do about a `place` that there is not in the `tree_of` a spec; None where there is one.

    A key that is not written is a place as well, if it could be: rules find what comes of its default.
    """
    if _is_in(tree, place):
        return None
    dotted = re.sub(r"\[['\"]?([^\]]*?)['\"]?\]|/", r".\1", place).strip(" .$")
    if dotted != place and _is_in(tree, dotted):
        return f"keys are joined by dots: write {dotted}"
    if whole := next((f"{above}.{dotted}" for above in _NAMED if _is_in(tree, f"{above}.{dotted}")), None):
        return f"did you mean {whole}?"
    reached, node, rest = _furthest("", tree, dotted)
    keys = [key for key, _ in _children(node)]
    word, _, below = rest.partition(".")
    if near := near_words(word, keys):
        meant = f"{reached}.{near[0]}".removeprefix(".")
        return f"did you mean {f'{meant}.{below}' if below and _is_in(tree, f'{meant}.{below}') else meant}?"
    if not keys:
        return f"there is nothing below {reached}: write {reached}, or remove the waiver"
    names = ", ".join([*keys[:_MOST_KEYS], *("…" for _ in keys[_MOST_KEYS : _MOST_KEYS + 1])])
    return f"{reached or 'the spec'} has {names}: write one of them, or remove the waiver"


def _is_in(tree: Mapping[str, Any], place: str) -> bool:
    return not _furthest("", tree, place)[2]


def tree_of(spec: ClusterSpec) -> Mapping[str, Any]:
    """Return the spec by its keys; of a workload's folder, its manifests."""
    tree = dict(_children(spec))
    tree["workloads"] = {
        name: {**dict(_children(workload)), **_folder(spec, name)}
        for name, workload in spec.workloads.items()
    }
    return tree


def _folder(spec: ClusterSpec, workload: str) -> dict[str, Any]:
    files = spec.manifests.get(workload)
    return {} if files is None else {FOLDER_KEY: {file.path: file.documents for file in files}}


def _furthest(reached: str, node: Any, rest: str) -> tuple[str, Any, str]:
    """Return how far `rest` leads from `node`: the place, what is there, and what is left of it.

    A key may have dots in it, so each that fits is tried.
    """
    best = (reached, node, rest)
    for key, child in _children(node) if rest else ():
        if rest == key or rest.startswith(f"{key}."):
            below = f"{reached}.{key}".removeprefix(".")
            best = min(best, _furthest(below, child, rest[len(key) + 1 :]), key=lambda found: len(found[2]))
    return best


def _children(node: Any) -> Iterator[tuple[str, Any]]:
    match node:
        case Mapping():
            yield from ((str(key), value) for key, value in node.items())
        case tuple() | list():
            yield from ((str(index), value) for index, value in enumerate(node))
        case _ if attrs.has(type(node)):
            for field in attrs.fields(type(node)):
                if "doc" in field.metadata:
                    yield yaml_name(field.name), getattr(node, field.name)
