"""From flows to what a machine's firewall lets in; nothing here decides who may talk to whom."""

from collections.abc import Iterable, Mapping

from attrs import frozen

from hybridlab.model.flows import Flow, FlowKind
from hybridlab.spec.scalars import Network
from hybridlab.tables import ports
from hybridlab.tables.ports import Protocol

# Where kube-proxy runs, a port of this range that is no NodePort of the spec is shut.
NODE_PORT_RANGE = ports.NODE_PORTS


@frozen
class Opening:
    """A port of the machine itself that is let in on one interface, from these networks."""

    interface: str
    port: int
    protocol: Protocol
    sources: tuple[Network, ...]
    reason: str
    flows: tuple[Flow, ...]


@frozen
class NodePort:
    """A NodePort that answers on the machine, on whatever interface, to these networks only."""

    port: int
    protocol: Protocol
    sources: tuple[Network, ...]
    reason: str
    flows: tuple[Flow, ...]


@frozen
class Firewall:
    """All that one machine answers to."""

    openings: tuple[Opening, ...] = ()
    node_ports: tuple[NodePort, ...] = ()


def derive_firewalls(flows: Iterable[Flow]) -> Mapping[str, Firewall]:
    """Return what each machine lets in, by name; flows that differ only in their source are one opening."""
    by_machine: dict[str, list[Flow]] = {}
    for flow in flows:
        by_machine.setdefault(flow.destination, []).append(flow)
    return {name: _firewall(received) for name, received in by_machine.items()}


def _firewall(flows: list[Flow]) -> Firewall:
    openings: dict[tuple[str, int, str], list[Flow]] = {}
    node_ports: dict[tuple[int, str], list[Flow]] = {}
    for flow in flows:
        match flow.kind:
            case FlowKind.MACHINE:
                openings.setdefault((flow.leg.interface, flow.port, flow.protocol.value), []).append(flow)
            case FlowKind.NODE_PORT:
                node_ports.setdefault((flow.port, flow.protocol.value), []).append(flow)
    return Firewall(
        openings=tuple(
            Opening(interface, port, Protocol(protocol), _sources(group), _reason(group), tuple(group))
            for (interface, port, protocol), group in sorted(openings.items())
        ),
        node_ports=tuple(
            NodePort(port, Protocol(protocol), _sources(group), _reason(group), tuple(group))
            for (port, protocol), group in sorted(node_ports.items())
        ),
    )


def _sources(flows: list[Flow]) -> tuple[Network, ...]:
    networks = {flow.source.network for flow in flows}
    return tuple(sorted(networks, key=lambda network: (network.version, network)))


def _reason(flows: list[Flow]) -> str:
    services = dict.fromkeys(flow.service for flow in flows)
    purposes = dict.fromkeys(flow.purpose for flow in flows)
    return f"{', '.join(services)}: {'; '.join(purposes)}"
