"""Addresses in the texts of the user's own manifests: found once, for every rule that asks whose they are."""

import re
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address

from attrs import frozen

from hybridlab.diagnostic import SpecPath
from hybridlab.model.workload import KubernetesObject

# An address, perhaps with a port; not a network, and no part of something longer.
_ADDRESS = re.compile(
    r"(?<![\w.])((?:[0-9]{1,3}\.){3}[0-9]{1,3})(?::([0-9]{1,5})|(?!/[0-9]{1,2}(?!\w)))(?!\.?\w)"
)
# Where addresses are the API's own business, and have rules of their own.
_OWN_FIELDS = frozenset({"clusterIP", "clusterIPs", "podCIDR", "podCIDRs"})


@frozen
class Mention:
    """An address in a text of a manifest, perhaps with a port."""

    one: KubernetesObject
    address: IPv4Address
    port: int | None
    path: SpecPath


def find_mentions(objects: Iterable[KubernetesObject]) -> Iterator[Mention]:
    """Yield the addresses in every text of these objects."""
    for one in objects:
        for text, path in _texts(one.data, one.path):
            for match in _ADDRESS.finditer(text):
                try:
                    address = IPv4Address(match[1])
                except ValueError:
                    continue
                yield Mention(one, address, int(match[2]) if match[2] else None, path)


def _texts(value: object, path: SpecPath) -> Iterator[tuple[str, SpecPath]]:
    """Yield every text below a value, with its place; recursion is bounded by the reader of the file."""
    if isinstance(value, str):
        yield value, path
    elif isinstance(value, dict):
        for key, below in value.items():
            if key not in _OWN_FIELDS:
                yield from _texts(below, path / key)
    elif isinstance(value, list):
        for index, below in enumerate(value):
            yield from _texts(below, path / index)
