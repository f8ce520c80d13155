"""What listens on each port of a machine, of all layers: its system, Kubernetes, the user's own programs.

Pods that take a port of their node are not among them: which node they come to is the scheduler's choice.
"""

from collections.abc import Iterable, Iterator

from attrs import frozen

from hybridlab.diagnostic import SpecPath
from hybridlab.model.cluster import Cluster
from hybridlab.model.node import Machine
from hybridlab.tables import ports
from hybridlab.tables.ports import Protocol, Service


@frozen
class Listener:
    """Something that has a port of a machine; `path` is what asks for it in the spec.

    `local` is one on the loopback only: another program may have the port on other addresses.
    """

    port: int
    protocol: Protocol
    who: str
    path: SpecPath
    local: bool = False

    @property
    def place(self) -> str:
        """The port as people write it: `53/udp`."""
        return f"{self.port}/{self.protocol.value}"


@frozen
class Listeners:
    """What listens on the machines of a cluster; `node_ports` do so on every node."""

    node_ports: tuple[Listener, ...]

    @classmethod
    def of(cls, cluster: Cluster) -> "Listeners":
        return cls(tuple(_node_ports(cluster)))

    def on(self, machine: Machine) -> Iterator[Listener]:
        """Yield what listens on `machine`: what is always there first, the user's own programs last."""
        yield from _always(machine.path, ports.ON_MACHINES)
        if (member := machine.membership) is not None:
            path = machine.path / "kubernetes"
            yield from _always(path, ports.ON_NODES)
            yield from _always(path, ports.LOCAL_ON_NODES, local=True)
            if member.is_control_plane:
                yield from _always(path, ports.ON_CONTROL_PLANES)
                yield from _always(path, ports.LOCAL_ON_CONTROL_PLANES, local=True)
            yield from self.node_ports
        for own in machine.services:
            yield Listener(own.port, own.protocol, f"service {own.name!r}", own.path / "port")


def _always(path: SpecPath, services: Iterable[Service], *, local: bool = False) -> Iterator[Listener]:
    for service in services:
        yield Listener(service.port, service.protocol, service.name, path, local)


def _node_ports(cluster: Cluster) -> Iterator[Listener]:
    """Yield the NodePorts of all workloads, which kube-proxy answers on every node."""
    for app in cluster.apps:
        for endpoint in app.endpoints:
            if (exposure := endpoint.exposure) is not None:
                path = exposure.path / "nodePort"
                who = f"the NodePort of {app}"
                yield Listener(exposure.node_port, endpoint.service.protocol, who, path)
    for workload in cluster.manifests:
        for own in workload.ports:
            if own.node_port is not None:
                who = f"the NodePort of {own}"
                yield Listener(own.node_port, own.protocol, who, own.path / "nodePort")
