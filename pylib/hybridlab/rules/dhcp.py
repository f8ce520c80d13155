"""What a router's DHCP server gives out in a VLAN: a part of its network, and nobody else's addresses."""

from collections.abc import Iterable, Iterator

from hybridlab.diagnostic import Related, SpecPath
from hybridlab.model.cluster import Cluster
from hybridlab.model.network import Vlan
from hybridlab.rules.address_plan import Unused, given_addresses, misplaced_vlans, reserved_as
from hybridlab.rules.rule import Example, Finding, rule


@rule(
    "NET012",
    "impossible-dhcp-range",
    summary="A DHCP range ends before it begins, is not in its VLAN's network, or holds a reserved address.",
    rationale="""No DHCP server takes such a range, so the router has another one than the spec: what the spec
        says of who may have which address is not true.""",
    source="Kea, dnsmasq and ISC dhcpd refuse a pool outside of its subnet; RFC 2131, section 3.1",
    bad=Example(
        """
        networks: {vlans: {services: {dhcp: {from: 10.0.20.200, to: 10.0.20.100}}}}
        """,
        at=SpecPath.of("networks", "vlans", "services", "dhcp", "to"),
    ),
    good="""
        networks: {vlans: {services: {dhcp: {from: 10.0.20.100, to: 10.0.20.200}}}}
    """,
)
def impossible_dhcp_range(cluster: Cluster) -> Iterable[Finding]:
    misplaced = misplaced_vlans(given_addresses(cluster))
    for vlan in cluster.vlans:
        # If the network is wrong, NET003 says so.
        if vlan.name not in misplaced:
            yield from _impossible(vlan)


def _impossible(vlan: Vlan) -> Iterator[Finding]:
    dhcp, network, path = vlan.dhcp, vlan.network, vlan.path / "dhcp"
    if dhcp is None:
        return
    ends = ((dhcp.first, path / "from"), (dhcp.last, path / "to"))
    cidr = (Related(f"the network of {vlan}", vlan.path / "cidr"),)
    outside = [(address, at) for address, at in ends if address not in network]
    for address, at in outside:
        message = f"the DHCP range of {vlan} has {address}, which is not in {network}"
        yield Finding(message, at, f"take addresses of {network}", related=cidr)
    if outside:
        return
    if int(dhcp.last) < int(dhcp.first):
        yield Finding(
            f"the DHCP range of {vlan} goes from {dhcp.first} to {dhcp.last}, which comes before it",
            path / "to",
            "exchange the two",
            related=(Related("where it begins", path / "from"),),
        )
        return
    for address, at in ends:
        if (kind := reserved_as(address, network)) is not None:
            message = f"the DHCP range of {vlan} has {address}, which is the {kind} of {network}"
            yield Finding(message, at, f"{network[1]} to {network[-2]} can be given out", related=cidr)


@rule(
    "NET013",
    "address-of-dhcp",
    summary="A machine or gateway has an address that the DHCP server gives out.",
    rationale="""The server does not know that somebody has it. One day it gives it to a telephone, and both
        answer for it: it looks like any other duplicate address, but comes and goes with the lease. Devices
        that get a fixed address from the server itself may lie in its range.""",
    source="RFC 2131, section 3.1 (a server only may probe an address before it gives it out); RFC 5227",
    bad=Example(
        """
        networks: {vlans: {services: {dhcp: {from: 10.0.20.11, to: 10.0.20.200}}}}
        """,
        at=SpecPath.of("guests", "k8s-worker-1", "address"),
    ),
    good="""
        networks: {vlans: {services: {dhcp: {from: 10.0.20.12, to: 10.0.20.200}}}}
    """,
)
def address_of_dhcp(cluster: Cluster) -> Iterable[Finding]:
    everyone = list(given_addresses(cluster))
    free = Unused(everyone)
    for given in everyone:
        vlan = given.vlan
        if given.is_device or vlan.dhcp is None or given.address not in vlan.dhcp:
            continue
        address = free.in_vlan(vlan)
        unused = "" if address is None else f": {address} is unused"
        yield Finding(
            f"{given.who} has address {given.address}, which DHCP gives out in {vlan} ({vlan.dhcp})",
            given.path,
            f"take one outside of the range{unused}, or make the range smaller, here and in the router",
            related=(Related(f"the DHCP range of {vlan}", vlan.path / "dhcp"),),
            group=vlan.name,
        )
