"""What a machine's kernel is told of links and ways: bridge ports, routes, rules; not how it is told."""

from collections.abc import Iterator

from attrs import frozen

from hybridlab.model.cluster import Cluster
from hybridlab.model.network import Leg
from hybridlab.model.node import Host, Machine
from hybridlab.spec.scalars import Address, Network
from hybridlab.tables import interfaces

# Priorities of routing rules, before the main table's 32766: pods, then answers by address, then by mark.
_PODS_FIRST, _BY_ADDRESS, _BY_MARK = 1000, 1100, 1200

# Bits of the packet mark: modules/shared/packet-mark.nix says the same to nftables.
TRANSIT_MARK = 0x1000
LEG_MARK = 0xFFF


@frozen
class Port:
    """A port of the host's bridge, with the ids of the VLANs that it carries tagged, or the one untagged."""

    interface: str
    tagged: tuple[int, ...] = ()
    untagged: int | None = None


@frozen
class Route:
    """A way to a network, or to everything else (`destination` None), in a table, or the main one (None)."""

    interface: str
    destination: Network | None = None
    gateway: Address | None = None
    table: int | None = None


@frozen
class Rule:
    """Which table is asked for packets from an address, to a network, or with a mark (under LEG_MARK)."""

    priority: int
    table: int | None
    source: Address | None = None
    destination: Network | None = None
    mark: int | None = None


def bridge_ports(cluster: Cluster, host: Host) -> tuple[Port, ...]:
    """Return who is in which VLAN on a host's bridge: the uplink, the bridge itself, each guest's tap."""
    return (
        Port(host.uplink, tagged=tuple(vlan.id for vlan in host.vlans)),
        Port(cluster.bridge, tagged=tuple(leg.vlan.id for leg in host.legs)),
        *(Port(guest.identity.tap, untagged=guest.leg.vlan.id) for guest in host.guests),
    )


def default_route(machine: Machine) -> Route | None:
    """Return the way to what is in none of the machine's VLANs, if there is one."""
    leg = machine.default_leg if isinstance(machine, Host) else machine.leg
    if leg is None or leg.vlan.gateway is None:
        return None
    return Route(leg.interface, gateway=leg.vlan.gateway)


def leg_routes(leg: Leg) -> tuple[Route, ...]:
    """Return what stands in a host's table for answers over this leg (docs/decisions/0003-packet-path.md)."""
    direct = Route(leg.interface, destination=leg.vlan.network, table=leg.table)
    if leg.vlan.gateway is None:
        return (direct,)
    return (direct, Route(leg.interface, gateway=leg.vlan.gateway, table=leg.table))


def leg_rules(cluster: Cluster, host: Host, leg: Leg) -> Iterator[Rule]:
    """Yield the rules that come with a leg of a host: what came in over it is answered over it."""
    if cluster.kubernetes is not None and host.membership is not None and leg == host.membership.leg:
        yield Rule(_PODS_FIRST, None, destination=cluster.kubernetes.pod_network)
    yield Rule(_BY_ADDRESS, leg.table, source=leg.address)
    yield Rule(_BY_MARK, leg.table, mark=leg.table)


def trusted_interfaces(machine: Machine) -> tuple[str, ...]:
    """Return the interfaces from which everything is let in, besides the loopback: the pods' on a node."""
    return () if machine.membership is None else (interfaces.POD_BRIDGE,)


def forwards_from(machine: Machine) -> tuple[str, ...] | None:
    """Return the interfaces whose packets the machine sends on: its pods'; None if that is not filtered."""
    return None if machine.membership is None else (interfaces.POD_BRIDGE, interfaces.FLANNEL)
