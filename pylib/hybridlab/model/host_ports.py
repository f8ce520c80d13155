"""Ports of their node that pods of the user's manifests take: by `hostPort`, or on the node's own network."""

from collections.abc import Iterator

from attrs import frozen

from hybridlab.diagnostic import SpecPath
from hybridlab.model.plain import is_true, items, mapping, whole
from hybridlab.model.workload import PodTemplate
from hybridlab.tables.ports import Protocol

_ANY_ADDRESS = ("", "0.0.0.0", "::")
_PROTOCOLS = {"TCP": Protocol.TCP, "UDP": Protocol.UDP}


@frozen
class HostPort:
    """A port of the node, on one of its addresses or, None, on all; `forwarded` is one to a pod's network."""

    port: int
    protocol: Protocol
    address: str | None
    path: SpecPath
    forwarded: bool

    @property
    def container(self) -> SpecPath:
        return SpecPath(self.path[:-3])


def host_ports(template: PodTemplate) -> Iterator[HostPort]:
    """Yield the ports that each of these pods takes on its node, but not those of containers that prepare."""
    shared = is_true(template.spec.get("hostNetwork"))
    for container, at in template.containers:
        if "initContainers" in at:
            continue
        for index, item in enumerate(items(container.get("ports"))):
            port = mapping(item)
            key = "hostPort" if whole(port.get("hostPort")) else "containerPort"
            number = whole(port.get(key))
            protocol = _PROTOCOLS.get(str(port.get("protocol") or "TCP"))
            if not number or protocol is None or (key == "containerPort" and not shared):
                continue
            address = port.get("hostIP")
            yield HostPort(
                number,
                protocol,
                address if isinstance(address, str) and address not in _ANY_ADDRESS else None,
                at / "ports" / index / key,
                forwarded=not shared,
            )
