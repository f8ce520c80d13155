"""Addresses and names of Services in the user's texts: found once, for every rule.

Texts are those of the user's own manifests, and the values of variables of workloads.
"""

import re
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address

from attrs import frozen

from hybridlab.diagnostic import SpecPath
from hybridlab.model.workload import App, KubernetesObject

# An address, perhaps with a port; not a network, and no part of something longer.
_ADDRESS = re.compile(
    r"(?<![\w.])((?:[0-9]{1,3}\.){3}[0-9]{1,3})(?::([0-9]{1,5})|(?!/[0-9]{1,2}(?!\w)))(?!\.?\w)"
)
# The name of a Service in the DNS of a cluster, perhaps with the cluster's domain; nothing of it is a
# placeholder, and `*` is no name.
_LABEL = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_SERVICE = re.compile(
    rf"(?<![\w.}})>*$-])((?:[a-z0-9_-]{{1,63}}\.)+)svc(?:\.({_LABEL}(?:\.{_LABEL})*))?(?![\w-])"
    r"(?::([0-9]{1,5})(?!\w))?"
)
_NAME = re.compile(_LABEL)
_COMMENT = re.compile(r"\s*(?:#|//|;)")
# Where addresses are the API's own business, and have rules of their own.
_OWN_FIELDS = frozenset({"clusterIP", "clusterIPs", "podCIDR", "podCIDRs"})


@frozen
class Mention:
    """An address in a text of the object or workload `one`, perhaps with a port."""

    one: KubernetesObject | App
    address: IPv4Address
    port: int | None
    path: SpecPath


@frozen
class NamedService:
    """A Service as a text of `one` calls it; `domain` and `port` are None where it leaves them out."""

    one: KubernetesObject | App
    name: str
    namespace: str
    domain: str | None
    port: int | None
    path: SpecPath

    def __str__(self) -> str:
        return ".".join(filter(None, (self.name, self.namespace, "svc", self.domain)))


def find_named_services(ones: Iterable[KubernetesObject | App]) -> Iterator[NamedService]:
    """Yield the Services that are named in every text of these, but for comments in it."""
    for one in ones:
        for text, path in _texts_of(one):
            if ".svc" not in text:
                continue
            for line in text.splitlines():
                matches = () if _COMMENT.match(line) else _SERVICE.finditer(line)
                for match in matches:
                    labels = match[1].rstrip(".").split(".")
                    # One alone names no Service; what is before the two is a pod of it, or a port.
                    if len(labels) >= 2 and all(map(_NAME.fullmatch, labels[-2:])):
                        port = int(match[3]) if match[3] else None
                        yield NamedService(one, labels[-2], labels[-1], match[2], port, path)


def find_mentions(ones: Iterable[KubernetesObject | App]) -> Iterator[Mention]:
    """Yield the addresses in every text of these."""
    for one in ones:
        for text, path in _texts_of(one):
            for match in _ADDRESS.finditer(text):
                try:
                    address = IPv4Address(match[1])
                except ValueError:
                    continue
                yield Mention(one, address, int(match[2]) if match[2] else None, path)


def _texts_of(one: KubernetesObject | App) -> Iterator[tuple[str, SpecPath]]:
    if isinstance(one, KubernetesObject):
        # What a definition of a kind says are explanations, with examples in them.
        if one.kind != "CustomResourceDefinition":
            yield from _texts(one.data, one.path)
    else:
        for name, value in one.env.items():
            yield value, one.path / "env" / name


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
