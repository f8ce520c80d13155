"""Who has which address in which VLAN, and VLANs whose network is another one than most of them are in.

It is what the rules of addresses and networks share; it finds nothing itself.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from ipaddress import ip_network

from attrs import frozen

from hybridlab.diagnostic import SpecPath
from hybridlab.model.cluster import Cluster
from hybridlab.model.network import Vlan
from hybridlab.model.node import Machine, leg_path
from hybridlab.spec.scalars import Address, Network

# A VLAN with fewer addresses says nothing of whether they or its network are wrong.
_FEWEST = 3
# The largest network of a VLAN that is suggested, by version of IP.
_LEAST_PREFIX = {4: 16, 6: 48}
# What a VLAN has most often.
_USUAL_PREFIX = {4: 24, 6: 64}


@frozen
class Given:
    """An address that someone has in a VLAN; `is_device` is someone that is no machine, and no gateway."""

    address: Address
    vlan: Vlan
    who: str
    path: SpecPath
    is_device: bool = False

    @property
    def is_outside(self) -> bool:
        """Whether it is not in its VLAN's network, and not on every link either.

        An IPv6 router may be known by a link-local address (RFC 4861, section 6.1.2).
        """
        is_router = self.path == self.vlan.path / "gateway"
        on_link = self.address.version == self.vlan.network.version == 6 and self.address.is_link_local
        return self.address not in self.vlan.network and not (is_router and on_link)


@frozen
class Misplaced:
    """A VLAN whose network has less than half of the addresses in it: `outside` are the others.

    `meant` is the network that has most of them, or all, if there is one that is not too large.
    """

    vlan: Vlan
    outside: tuple[Given, ...]
    meant: Network | None


def given_addresses(cluster: Cluster) -> Iterator[Given]:
    """Yield every address of the spec: gateways and devices first, which were there before the machines."""
    for vlan in cluster.vlans:
        if vlan.gateway is not None:
            yield Given(vlan.gateway, vlan, f"the gateway of {vlan}", vlan.path / "gateway")
    for vlan in cluster.vlans:
        for device in vlan.devices:
            yield Given(device.address, vlan, str(device), device.path, is_device=True)
    machines: tuple[Machine, ...] = (*cluster.hosts, *cluster.guests)
    for machine in machines:
        for leg in machine.legs:
            yield Given(leg.address, leg.vlan, str(machine), leg_path(machine, leg))


def misplaced_vlans(given: Iterable[Given]) -> Mapping[str, Misplaced]:
    """Return the VLANs of which the network is wrong rather than each of the addresses, by name."""
    by_vlan: dict[str, list[Given]] = {}
    for one in given:
        by_vlan.setdefault(one.vlan.name, []).append(one)
    found = {}
    for name, members in by_vlan.items():
        vlan = members[0].vlan
        outside = [one for one in members if one.is_outside]
        if len(outside) * 2 > len(members) >= _FEWEST or (outside and vlan.network.num_addresses == 1):
            found[name] = Misplaced(vlan, tuple(outside), _meant(vlan, members, outside))
    return found


def _meant(vlan: Vlan, members: Sequence[Given], outside: Sequence[Given]) -> Network | None:
    """Return the network that a VLAN should have: a larger one if it has some of its addresses already."""
    network = vlan.network
    if network.num_addresses == 1:
        network = network.supernet(new_prefix=_USUAL_PREFIX[network.version])
    elif len(outside) == len(members):
        alike = (one.address for one in outside if one.address.version == network.version)
        around = Counter(ip_network((address, network.prefixlen), strict=False) for address in alike)
        most = around.most_common(1)
        return most[0][0] if most and most[0][1] * 2 > len(outside) else None
    least = _LEAST_PREFIX[network.version]
    while network.prefixlen > least and any(one.address not in network for one in outside):
        network = network.supernet()
    return network if all(one.address in network for one in outside) else None


class Unused:
    """Addresses to suggest: those behind the last that anyone has in a VLAN, each once."""

    def __init__(self, everyone: Iterable[Given]) -> None:
        self._taken: set[Address] = set()
        self._last: dict[str, Address] = {}
        for one in everyone:
            vlan, address = one.vlan, one.address
            self._taken.add(address)
            if address in vlan.network and (vlan.dhcp is None or address not in vlan.dhcp):
                self._last[vlan.name] = max(address, self._last.get(vlan.name, address), key=int)

    def in_vlan(self, vlan: Vlan) -> Address | None:
        """Return an address that nobody has, nor was told to take; None when the last one is used."""
        last = self._last.get(vlan.name)
        while last is not None and int(last) + 1 < int(vlan.network.broadcast_address):
            last += 1
            if vlan.dhcp is not None and last in vlan.dhcp:
                last = vlan.dhcp.last
            elif last not in self._taken:
                self._taken.add(last)
                self._last[vlan.name] = last
                return last
        return None


class VlanNetworks:
    """VLANs by network, to find the one that holds an address without trying each."""

    def __init__(self, vlans: Iterable[Vlan]) -> None:
        self._by_bits: dict[tuple[int, int, int], Vlan] = {}
        for vlan in vlans:
            network = vlan.network
            self._by_bits[network.version, network.prefixlen, int(network.network_address)] = vlan
        self._lengths = sorted({key[:2] for key in self._by_bits}, reverse=True)

    def holding(self, address: Address) -> Vlan | None:
        """Return the VLAN with the smallest network that has `address`."""
        for version, length in self._lengths:
            if version == address.version:
                low = address.max_prefixlen - length
                if vlan := self._by_bits.get((version, length, int(address) >> low << low)):
                    return vlan
        return None


def reserved_as(address: Address, network: Network) -> str | None:
    """Return as what an address of `network` is reserved, so that nobody has it; None if it is not."""
    if network.num_addresses <= 2:
        return None
    if address == network.network_address:
        return "network address" if address.version == 4 else "subnet-router anycast address"
    if address == network.broadcast_address and address.version == 4:
        return "broadcast address"
    return None
