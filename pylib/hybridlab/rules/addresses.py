"""Addresses of machines and gateways: each inside its VLAN, fit for a machine, and given once."""

from collections.abc import Iterable, Iterator

from attrs import frozen

from hybridlab.diagnostic import Related, SpecPath
from hybridlab.model.cluster import Cluster
from hybridlab.model.network import Vlan
from hybridlab.model.node import Machine, leg_path
from hybridlab.rules.rule import Example, Finding, rule
from hybridlab.rules.uses import Use, conflict, used_again
from hybridlab.spec.scalars import Address, Network


@frozen
class _Given:
    """An address that someone has in a VLAN."""

    address: Address
    vlan: Vlan
    who: str
    path: SpecPath


def _vlan_path(vlan: Vlan) -> SpecPath:
    return SpecPath.of("networks", "vlans", vlan.name)


def _given(cluster: Cluster) -> Iterator[_Given]:
    """Yield every address of the spec; gateways first, since the router was there before the machines."""
    for vlan in cluster.vlans:
        if vlan.gateway is not None:
            yield _Given(vlan.gateway, vlan, f"the gateway of {vlan}", _vlan_path(vlan) / "gateway")
    machines: tuple[Machine, ...] = (*cluster.hosts, *cluster.guests)
    for machine in machines:
        for leg in machine.legs:
            yield _Given(leg.address, leg.vlan, str(machine), leg_path(machine, leg))


@rule(
    "NET001",
    "duplicate-address",
    summary="Two machines, or a machine and a gateway, have the same address.",
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
    everyone = list(_given(cluster))
    by_path = {given.path: given for given in everyone}
    free = _Unused(everyone)
    for earlier, use in used_again(Use(given.address, given.who, given.path) for given in everyone):
        hint = "give one of them another address"
        if (address := free.in_vlan(by_path[use.path].vlan)) is not None:
            hint = f"give one of them another address: {address} is unused"
        yield conflict(earlier, use, f"have address {use.value}", hint)


class _Unused:
    """Addresses to suggest: those behind the last that anyone has in a VLAN, each once."""

    def __init__(self, everyone: Iterable[_Given]) -> None:
        self.last: dict[str, Address] = {}
        for given in everyone:
            if given.address in given.vlan.network:
                name = given.vlan.name
                self.last[name] = max(given.address, self.last.get(name, given.address), key=int)

    def in_vlan(self, vlan: Vlan) -> Address | None:
        """Return an address that nobody has, nor was told to take; None when the last one is used."""
        last = self.last.get(vlan.name)
        if last is None or int(last) + 1 >= int(vlan.network.broadcast_address):
            return None
        self.last[vlan.name] = last + 1
        return last + 1


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
    for given in _given(cluster):
        network = given.vlan.network
        if given.address not in network or (kind := _reserved_as(given.address, network)) is None:
            continue
        yield Finding(
            f"{given.who} has address {given.address}, which is the {kind} of {given.vlan} ({network})",
            given.path,
            f"take one from {network[1]} to {network[-2]}",
            related=(Related(f"the network of {given.vlan}", _vlan_path(given.vlan) / "cidr"),),
        )


def _reserved_as(address: Address, network: Network) -> str | None:
    if network.num_addresses <= 2:
        return None
    if address == network.network_address:
        return "network address" if address.version == 4 else "subnet-router anycast address"
    if address == network.broadcast_address and address.version == 4:
        return "broadcast address"
    return None


@rule(
    "NET003",
    "address-outside-network",
    summary="A machine or gateway has an address that is not in its VLAN's network.",
    rationale="""Others in the VLAN look for such an address behind the router instead of on the wire, and
        the machine does not find its gateway: it is cut off from the moment it boots.""",
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
    outside = [given for given in _given(cluster) if given.address not in given.vlan.network]
    holders = _Networks.of(cluster.vlans) if outside else None
    for given in outside:
        network = given.vlan.network
        holder = holders.holding(given.address) if holders else None
        hint = f"take an address of {network}"
        if holder is not None:
            hint = f"{given.address} is in {holder}: take that VLAN, or an address of {network}"
        elif given.address.version != network.version:
            hint = f"{given.vlan} is IPv{network.version}: take an address of {network}"
        yield Finding(
            f"{given.who} has address {given.address}, which is not in {given.vlan} ({network})",
            given.path,
            hint,
            related=(Related(f"the network of {given.vlan}", _vlan_path(given.vlan) / "cidr"),),
        )


@frozen
class _Networks:
    """VLANs by network, to find the one that holds an address without trying each."""

    by_bits: dict[tuple[int, int, int], Vlan]
    lengths: frozenset[tuple[int, int]]

    @classmethod
    def of(cls, vlans: Iterable[Vlan]) -> "_Networks":
        by_bits: dict[tuple[int, int, int], Vlan] = {}
        for vlan in vlans:
            network = vlan.network
            by_bits[network.version, network.prefixlen, int(network.network_address)] = vlan
        return cls(by_bits, frozenset(key[:2] for key in by_bits))

    def holding(self, address: Address) -> Vlan | None:
        """Return the VLAN with the smallest network that has `address`."""
        for version, length in sorted(self.lengths, reverse=True):
            if version == address.version:
                low = address.max_prefixlen - length
                if vlan := self.by_bits.get((version, length, int(address) >> low << low)):
                    return vlan
        return None
