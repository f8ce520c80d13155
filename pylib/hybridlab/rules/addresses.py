"""Addresses of machines, devices and gateways: each inside its VLAN, fit for a machine, and given once."""

from collections.abc import Iterable, Mapping

from hybridlab.diagnostic import Related, SpecPath
from hybridlab.model.cluster import Cluster
from hybridlab.model.network import Vlan
from hybridlab.rules.address_plan import (
    Given,
    Misplaced,
    Unused,
    VlanNetworks,
    given_addresses,
    misplaced_vlans,
    reserved_as,
)
from hybridlab.rules.rule import Example, Finding, rule
from hybridlab.rules.uses import Use, conflict, used_again
from hybridlab.rules.wording import listed
from hybridlab.spec.scalars import Network

_MOST_RELATED = 3


@rule(
    "NET001",
    "duplicate-address",
    summary="Two of the machines, devices and gateways have the same address.",
    rationale="""Both answer for the address, and which of them a packet reaches changes with every ARP or
        neighbour reply: connections break at random, and a node drops out of the cluster for no visible
        reason.""",
    source="RFC 5227, section 1 (address conflicts in IPv4); RFC 4862, section 5.4 (IPv6)",
    bad=Example(
        """
        guests:
          k8s-worker-1: {address: 10.0.20.10}
        """,
        at=SpecPath.of("guests", "k8s-worker-1", "address"),
    ),
    good="""
        guests:
          k8s-worker-1: {address: 10.0.20.21}
    """,
)
def duplicate_address(cluster: Cluster) -> Iterable[Finding]:
    everyone = list(given_addresses(cluster))
    free = Unused(everyone)
    misplaced = misplaced_vlans(everyone)
    # NET003 tells of an address that is in another VLAN; whose it is there follows.
    placed = [given for given in everyone if not given.is_outside or given.vlan.name in misplaced]
    by_path = {given.path: given for given in placed}
    for earlier, use in used_again(Use(_once(given), given.who, given.path) for given in placed):
        given = by_path[use.path]
        hint = "give one of them another address"
        if (address := free.in_vlan(given.vlan)) is not None:
            hint = f"give one of them another address: {address} is unused"
        yield conflict(earlier, use, f"have address {given.address}", hint)


def _once(given: Given) -> object:
    """Return what only one may have: a link-local address is another one in each VLAN (RFC 4291, 2.5.6)."""
    return (given.address, given.vlan.name) if given.address.is_link_local else given.address


@rule(
    "NET002",
    "reserved-address",
    summary="An address is the first or the broadcast address of its network.",
    rationale="""The first address names the network in IPv4 and every router in it in IPv6, the last one of
        an IPv4 network everyone in it; a machine that has one of them is not reached. Networks of two
        addresses (/31, /127) and of one have no such addresses.""",
    source="""RFC 1122, section 3.2.1.3; RFC 3021 (/31); RFC 4291, section 2.6.1 (subnet-router anycast);
        RFC 6164 (/127)""",
    bad=Example(
        """
        guests:
          k8s-worker-1: {address: 10.0.20.255}
        """,
        at=SpecPath.of("guests", "k8s-worker-1", "address"),
    ),
    good="""
        guests:
          k8s-worker-1: {address: 10.0.20.254}
    """,
)
def reserved_address(cluster: Cluster) -> Iterable[Finding]:
    for given in given_addresses(cluster):
        network = given.vlan.network
        if given.address not in network or (kind := reserved_as(given.address, network)) is None:
            continue
        yield Finding(
            f"{given.who} has address {given.address}, which is the {kind} of {given.vlan} ({network})",
            given.path,
            f"take one from {network[1]} to {network[-2]}",
            related=(Related(f"the network of {given.vlan}", given.vlan.path / "cidr"),),
        )


@rule(
    "NET003",
    "address-outside-network",
    summary="A machine, device or gateway has an address that is not in its VLAN's network.",
    rationale="""Others in the VLAN look for such an address behind the router instead of on the wire, and
        the machine does not find its gateway: it is cut off from the moment it boots. Where most addresses
        of a VLAN are outside, the network is wrong rather than they.""",
    source="RFC 1122, section 3.3.1.1 (a host decides by the network whether a destination is local)",
    bad=Example(
        """
        guests:
          k8s-worker-1: {address: 10.0.10.11}
        """,
        at=SpecPath.of("guests", "k8s-worker-1", "address"),
    ),
    good="""
        guests:
          k8s-worker-1: {vlan: management, address: 10.0.10.11, kubernetes: null}
    """,
)
def address_outside_network(cluster: Cluster) -> Iterable[Finding]:
    everyone = list(given_addresses(cluster))
    outside = [given for given in everyone if given.is_outside]
    if not outside:
        return
    misplaced = misplaced_vlans(everyone)
    by_network = {vlan.network: vlan for vlan in cluster.vlans}
    for wrong in misplaced.values():
        yield _of_network(wrong, by_network)
    holders = VlanNetworks(cluster.vlans)
    for given in outside:
        if given.vlan.name not in misplaced:
            yield _of_address(given, holders)


def _of_address(given: Given, holders: VlanNetworks) -> Finding:
    network = given.vlan.network
    holder = holders.holding(given.address)
    hint = f"take an address of {network}"
    if holder is not None:
        hint = f"{given.address} is in {holder}: take that VLAN, or an address of {network}"
    elif given.address.version != network.version:
        hint = f"{given.vlan} is IPv{network.version}: take an address of {network}"
    return Finding(
        f"{given.who} has address {given.address}, which is not in {given.vlan} ({network})",
        given.path,
        hint,
        related=(Related(f"the network of {given.vlan}", given.vlan.path / "cidr"),),
    )


def _of_network(wrong: Misplaced, by_network: Mapping[Network, Vlan]) -> Finding:
    """Return the finding that a VLAN's network is wrong, once for all of its addresses."""
    vlan = wrong.vlan
    hint = f"give {vlan} the network that its addresses are in"
    if wrong.meant is not None:
        hint = f"did you mean {wrong.meant}?"
        if (other := by_network.get(wrong.meant)) is not None:
            hint = f"they are in {wrong.meant}, the network of {other}: have two been exchanged?"
    what = f"{vlan} is {vlan.network}, and {len(wrong.outside)} of its addresses are not in it"
    if vlan.network.num_addresses == 1:
        others = listed([one.who for one in wrong.outside])
        what = f"{vlan} is {vlan.network}, a network of one address, which has no room for {others}"
    return Finding(
        what,
        vlan.path / "cidr",
        hint,
        related=tuple(
            Related(f"{one.who} has {one.address}", one.path) for one in wrong.outside[:_MOST_RELATED]
        ),
    )
