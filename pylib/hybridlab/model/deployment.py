"""Where a host is deployed to, in which turn and under which names; how it is done is not known here.

A guest has no deployment of its own: its configuration is part of its host's system.
"""

from collections.abc import Iterable

from hybridlab.model.cluster import Cluster
from hybridlab.model.node import Guest, Host, Machine
from hybridlab.spec.scalars import Address


def login_address(cluster: Cluster, machine: Machine) -> Address | None:
    """Return the address at which the admin logs in, or None: in the admin's VLANs, the first by name.

    A guest in none of these has one address all the same, if ssh to it is let in from one of them.
    """
    legs = {leg.vlan.name: leg for leg in machine.legs}
    for vlan in cluster.admin.vlans:
        if vlan.name in legs:
            return legs[vlan.name].address
    if isinstance(machine, Guest) and any(
        (flow.destination, flow.who, flow.service) == (machine.name, "admin", "ssh") for flow in cluster.flows
    ):
        return machine.leg.address
    return None


def in_turn(hosts: Iterable[Host]) -> tuple[Host, ...]:
    """Return the hosts in the order in which they are deployed: those with a control plane first.

    The nodes ask it for their certificates, and its version may not be older than theirs
    (kubernetes.io/releases/version-skew-policy). Otherwise it is the order of their names.
    """
    return tuple(sorted(hosts, key=lambda host: (not _leads(host), host.name)))


def tags_of(host: Host, turn: int) -> tuple[str, ...]:
    """Return the names under which a host is chosen together with others, sorted.

    They are the roles in Kubernetes of the host and its guests, `hypervisor` if it has guests, `gpu` if it
    has one, and `order-N`: its place among all hosts, from 1 on.
    """
    roles = {machine.membership.role.value for machine in _deployed_with(host) if machine.membership}
    traits = {"hypervisor": bool(host.guests), "gpu": host.gpu is not None}
    return tuple(sorted({*roles, *(tag for tag, holds in traits.items() if holds), f"order-{turn}"}))


def _leads(host: Host) -> bool:
    return any(
        machine.membership is not None and machine.membership.is_control_plane
        for machine in _deployed_with(host)
    )


def _deployed_with(host: Host) -> tuple[Machine, ...]:
    return (host, *host.guests)
