"""Who talks to whom, and why: every opening of a firewall, and every NodePort, comes from a flow.

A flow comes from a whole VLAN, never from a list of machines: what a machine opens does not change when
another one is added. It is let in on the leg that packets for the destination's address come in on, which is
also where the router delivers packets from other VLANs.
"""

import enum
from collections.abc import Iterable, Iterator

from attrs import frozen

from hybridlab.diagnostic import SpecPath
from hybridlab.model.network import Leg, Vlan
from hybridlab.model.node import Machine, OwnService
from hybridlab.model.workload import Deployment, Exposure, Manifests, Ollama, Workload
from hybridlab.tables import ports
from hybridlab.tables.ports import Protocol, Service


class FlowKind(enum.Enum):
    """Who answers: a program on the machine itself, or through its NodePort a pod anywhere."""

    MACHINE = "machine"
    NODE_PORT = "nodePort"


@frozen
class Flow:
    """Machines of the VLAN `source` talk to `port` of the machine `destination`, on its leg `leg`.

    `who` says what talks ("nodes", "admin"), `service` what answers, `purpose` what it is about; `cause` is
    the value of the spec that asks for it.
    """

    who: str
    source: Vlan
    destination: str
    leg: Leg
    port: int
    protocol: Protocol
    service: str
    purpose: str
    cause: SpecPath
    kind: FlowKind = FlowKind.MACHINE

    @property
    def reason(self) -> str:
        return f"{self.service}: {self.purpose}"


@frozen
class _Exposed:
    """A NodePort that some VLANs may use, and what answers there."""

    workload: str
    service: str
    exposure: Exposure
    protocol: Protocol


def derive_flows(
    machines: Iterable[Machine], workloads: Iterable[Workload], admin_vlans: tuple[Vlan, ...]
) -> tuple[Flow, ...]:
    """Return every flow of the cluster, in the order of the machines."""
    exposed = tuple(found for workload in workloads for found in _exposed(workload))
    return tuple(flow for machine in machines for flow in _flows_to(machine, exposed, admin_vlans))


def _flows_to(machine: Machine, exposed: Iterable[_Exposed], admin_vlans: tuple[Vlan, ...]) -> Iterator[Flow]:
    yield from _from_admin(machine, admin_vlans, ports.SSH, "the admin logs in and deploys")
    for own in machine.services:
        yield from _to_own_service(machine, own)
    member = machine.membership
    if member is None:
        return
    if member.is_control_plane:
        yield _from_nodes(
            machine, member.leg, "nodes", ports.API_SERVER, "kubelet, kube-proxy, flannel, pods"
        )
        yield _from_nodes(
            machine, member.leg, "nodes", ports.CFSSL, "certmgr gets and renews the node's certificates"
        )
        yield from _from_admin(machine, admin_vlans, ports.API_SERVER, "the admin uses kubectl")
    yield _from_nodes(machine, member.leg, "control plane", ports.KUBELET, "kubectl logs and exec, metrics")
    yield _from_nodes(machine, member.leg, "nodes", ports.FLANNEL_VXLAN, "traffic of pods between nodes")
    for found in exposed:
        yield from _to_node_port(machine, found)


def _from_nodes(machine: Machine, leg: Leg, who: str, service: Service, purpose: str) -> Flow:
    return Flow(
        who=who,
        source=leg.vlan,
        destination=machine.name,
        leg=leg,
        port=service.port,
        protocol=service.protocol,
        service=service.name,
        purpose=purpose,
        cause=machine.path / "kubernetes",
    )


def _from_admin(machine: Machine, vlans: tuple[Vlan, ...], service: Service, purpose: str) -> Iterator[Flow]:
    for leg in machine.legs:
        for vlan in vlans:
            yield Flow(
                who="admin",
                source=vlan,
                destination=machine.name,
                leg=leg,
                port=service.port,
                protocol=service.protocol,
                service=service.name,
                purpose=purpose,
                cause=SpecPath.of("admin"),
            )


def _to_own_service(machine: Machine, own: OwnService) -> Iterator[Flow]:
    for leg in machine.legs:
        for vlan in own.vlans:
            yield Flow(
                who="clients",
                source=vlan,
                destination=machine.name,
                leg=leg,
                port=own.port,
                protocol=own.protocol,
                service=own.name,
                purpose="a program of its own",
                cause=own.path,
            )


def _exposed(workload: Workload) -> Iterator[_Exposed]:
    """Yield the NodePorts of a workload; one of a manifest with the protocols that its Services have."""
    match workload:
        case Manifests():
            for exposure in workload.exposures:
                protocols = {p.protocol for p in workload.ports if p.node_port == exposure.node_port}
                for protocol in sorted(protocols, key=lambda protocol: protocol.value):
                    yield _Exposed(workload.name, workload.name, exposure, protocol)
        case Ollama() | Deployment():
            for endpoint in workload.endpoints:
                if endpoint.exposure is not None:
                    service = endpoint.service
                    yield _Exposed(workload.name, service.name, endpoint.exposure, service.protocol)


def _to_node_port(machine: Machine, found: _Exposed) -> Iterator[Flow]:
    exposure = found.exposure
    for leg in machine.legs:
        for vlan in exposure.vlans:
            yield Flow(
                who="clients",
                source=vlan,
                destination=machine.name,
                leg=leg,
                port=exposure.node_port,
                protocol=found.protocol,
                service=found.service,
                purpose=f"workload {found.workload}",
                cause=exposure.path,
                kind=FlowKind.NODE_PORT,
            )
