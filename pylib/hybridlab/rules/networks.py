"""Networks as a whole, of VLANs, Kubernetes and others: apart from each other, usable, with a way out."""

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Network, IPv6Network, ip_network

from attrs import frozen

from hybridlab.diagnostic import Related, Severity, SpecPath
from hybridlab.model.cluster import Cluster
from hybridlab.model.node import Host, Machine
from hybridlab.rules.address_plan import given_addresses, misplaced_vlans
from hybridlab.rules.rule import Example, Finding, rule
from hybridlab.rules.uses import Use, conflict, used_again
from hybridlab.rules.wording import listed
from hybridlab.spec.scalars import Network


@frozen
class _Named:
    """A network of the spec; `kind` is 'vlan', 'pods', 'services' or 'other'."""

    kind: str
    title: str
    network: Network
    path: SpecPath

    def __str__(self) -> str:
        return f"{self.title} ({self.network})"


def _networks(cluster: Cluster) -> Iterator[_Named]:
    for vlan in cluster.vlans:
        yield _Named("vlan", str(vlan), vlan.network, vlan.path / "cidr")
    if kubernetes := cluster.kubernetes:
        pods, services = kubernetes.pod_network, kubernetes.service_network
        yield _Named("pods", "the network of pods", pods, SpecPath.of("kubernetes", "podCidr"))
        yield _Named(
            "services", "the network of services", services, SpecPath.of("kubernetes", "serviceCidr")
        )
    for other in cluster.other_networks:
        yield _Named("other", str(other), other.network, other.path)


# What is suggested instead, in this order: customary choices that few home networks have.
_CUSTOMARY = {
    "pods": ("10.244.0.0/16", "10.42.0.0/16", "172.20.0.0/16", "192.168.128.0/17"),
    "services": ("10.96.0.0/12", "10.43.0.0/16", "172.21.0.0/16", "192.168.64.0/18"),
}


@rule(
    "NET004",
    "overlapping-networks",
    summary="Two networks share addresses: VLANs, the pods' or services', or others beside them.",
    rationale="""A machine has one route for an address. Where networks overlap, packets for machines of one
        go to pods, virtual addresses or machines of the other. NixOS's own defaults, 10.0.0.0/24 for
        services and 10.1.0.0/16 for pods, lie where many home networks are; so do those of docker
        (172.17.0.0/16), libvirt (192.168.122.0/24) and tailscale (100.64.0.0/10), if somebody took them.""",
    source="nixpkgs, nixos/modules/services/cluster/kubernetes (serviceClusterIpRange, clusterCidr)",
    bad=Example(
        """
        kubernetes: {podCidr: 10.0.0.0/16}
        """,
        at=SpecPath.of("kubernetes", "podCidr"),
    ),
    good="""
        kubernetes: {podCidr: 10.42.0.0/16}
    """,
)
def overlapping_networks(cluster: Cluster) -> Iterable[Finding]:
    # NET003 tells of a VLAN that has another network than its addresses are in; what it overlaps follows.
    wrong = {one.vlan.path / "cidr" for one in misplaced_vlans(given_addresses(cluster)).values()}
    # NET005 tells of one in which no machine can be.
    named = [one for one in _networks(cluster) if one.path not in wrong and _unusable(one.network) is None]
    for outer, inside in _overlaps(named):
        # What there is beside the homelab can hardly be changed, so what lies in it is told.
        own = [one for one in inside if outer.kind == "other" and one.kind != "other"]
        for one in own:
            yield Finding(
                f"{one} overlaps {outer}",
                one.path,
                _free_network(one, named),
                related=(Related(f"{outer} is around it", outer.path),),
                group=str(outer.path),
            )
        if not (inner := [one for one in inside if one not in own]):
            continue
        yield Finding(
            f"{outer} overlaps {listed(inner)}",
            outer.path,
            _free_network(outer, named),
            related=tuple(Related(f"{other} is within it", other.path) for other in inner[:3]),
        )


def _overlaps(named: Iterable[_Named]) -> Iterator[tuple[_Named, list[_Named]]]:
    """Yield each network that has others in it, with those of which it is the closest.

    Of two networks that overlap, one holds the other, so in the order of their first addresses, larger ones
    first, the networks around the present one are a stack.
    """
    within: dict[SpecPath, tuple[_Named, list[_Named]]] = {}
    around: list[_Named] = []
    # Of equal networks, the one that is easiest to change holds the rest.
    kinds = ("services", "pods", "vlan", "other")

    def place(one: _Named) -> tuple[int, int, int, int]:
        network = one.network
        return network.version, int(network.network_address), network.prefixlen, kinds.index(one.kind)

    for item in sorted(named, key=place):
        while around and not _holds(around[-1].network, item.network):
            around.pop()
        if around:
            within.setdefault(around[-1].path, (around[-1], []))[1].append(item)
        around.append(item)
    yield from within.values()


def _holds(outer: Network, inner: Network) -> bool:
    return outer.version == inner.version and inner.network_address in outer


def _free_network(outer: _Named, named: Iterable[_Named]) -> str:
    others = [other.network for other in named if other.path != outer.path]
    for text in _CUSTOMARY.get(outer.kind, ()):
        candidate = ip_network(text)
        if not any(other.version == 4 and candidate.overlaps(other) for other in others):
            return f"{text} is free"
    return "give one of them a network that no other has"


_UNUSABLE = {
    "0.0.0.0/8": "means 'this network'",
    "127.0.0.0/8": "is a machine's own loopback",
    "169.254.0.0/16": "is link-local",
    "224.0.0.0/3": "is multicast or reserved",
    "::/8": "holds the loopback and IPv4-mapped addresses",
    "fe80::/10": "is link-local",
    "ff00::/8": "is multicast",
}
_UNUSABLE_NETWORKS = {ip_network(text): reason for text, reason in _UNUSABLE.items()}


@rule(
    "NET005",
    "unusable-network",
    summary="A network holds addresses that no machine can have.",
    rationale="""Linux treats loopback, link-local, multicast and reserved addresses on their own terms: they
        are not routed, or not accepted as an address of a machine at all.""",
    source="IANA special-purpose address registries (RFC 6890)",
    bad=Example(
        """
        kubernetes: {podCidr: 127.16.0.0/16}
        """,
        at=SpecPath.of("kubernetes", "podCidr"),
    ),
    good="""
        kubernetes: {podCidr: 172.16.0.0/16}
    """,
)
def unusable_network(cluster: Cluster) -> Iterable[Finding]:
    for named in _networks(cluster):
        if (why := _unusable(named.network)) is not None:
            yield Finding(
                f"{named} {why}",
                named.path,
                "take a private network: of 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 or fd00::/8",
            )


def _unusable(network: Network) -> str | None:
    """Return why no machine can have addresses of a network, if that is so."""
    if network.prefixlen == 0:
        return "is every address that there is"
    for special, reason in _UNUSABLE_NETWORKS.items():
        if special.version == network.version and special.overlaps(network):
            return f"overlaps {special}, which {reason}"
    return None


@rule(
    "NET006",
    "duplicate-vlan-id",
    summary="Two VLANs have the same id.",
    rationale="""On the wire there is only the id: both would be one broadcast domain, and a host's two legs
        would be one interface.""",
    source="IEEE 802.1Q, clause 9.6 (the VLAN identifier)",
    bad=Example(
        """
        networks:
          vlans:
            services: {id: 10}
        """,
        at=SpecPath.of("networks", "vlans", "services", "id"),
    ),
    good="""
        networks:
          vlans:
            services: {id: 30}
    """,
)
def duplicate_vlan_id(cluster: Cluster) -> Iterable[Finding]:
    vlans = SpecPath.of("networks", "vlans")
    uses = (Use(vlan.id, str(vlan), vlans / vlan.name / "id") for vlan in cluster.vlans)
    for earlier, use in used_again(uses):
        yield conflict(
            earlier, use, f"have id {use.value}", "give one of them another id, as the switch has it"
        )


@rule(
    "NET007",
    "no-way-out",
    severity=Severity.WARNING,
    summary="A host or a node of Kubernetes is in no VLAN that has a gateway.",
    rationale="""It reaches nothing outside its VLANs: no resolver, no binary cache, no registry, so images
        of pods can not be pulled. Guests that are no nodes may be cut off on purpose.""",
    source="ip-route(8): without a default route, what is on no attached network is unreachable",
    bad=Example(
        """
        networks:
          vlans:
            services: {gateway: null}
        """,
        at=SpecPath.of("networks", "vlans", "services"),
    ),
    good="""
        networks:
          vlans:
            services: {gateway: 10.0.20.254}
    """,
)
def no_way_out(cluster: Cluster) -> Iterable[Finding]:
    shut_in: dict[tuple[str, ...], list[Machine]] = {}
    machines: tuple[Machine, ...] = (*cluster.hosts, *cluster.guests)
    for machine in machines:
        needs_one = isinstance(machine, Host) or machine.membership is not None
        if needs_one and machine.legs and all(leg.vlan.gateway is None for leg in machine.legs):
            shut_in.setdefault(tuple(leg.vlan.name for leg in machine.legs), []).append(machine)
    for vlans, cut_off in shut_in.items():
        where = listed([f"VLAN {name!r}" for name in vlans])
        yield Finding(
            f"{listed(cut_off)} {'are' if len(cut_off) > 1 else 'is'} in {where} only, without a gateway",
            SpecPath.of("networks", "vlans", vlans[0]),
            "give the VLAN the key 'gateway', or put them into one that has it",
            related=tuple(Related(f"{machine} is cut off", machine.path) for machine in cut_off[:3]),
            on_key=True,
        )


# The private networks of IPv4: RFC 1918, and what RFC 6598 keeps for providers and tailscale uses.
_PRIVATE = tuple(map(IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")))
# Networks that are for tests between routers and for documents: nothing of the Internet is in them.
_NOBODYS = tuple(map(IPv4Network, ("198.18.0.0/15", "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")))
_DOCUMENTATION = (IPv6Network("2001:db8::/32"), IPv6Network("3fff::/20"))
# A homelab may have some public addresses of its own, but hardly so many.
_LONGEST_SHADOW = 24


@rule(
    "NET011",
    "borrowed-network",
    severity=Severity.WARNING,
    summary="A network has addresses that belong to others on the Internet, or are for documentation.",
    rationale="""Whoever has these addresses is not reached any more: packets for them stay in the homelab.
        172.16.0.0/12 ends at 172.31.255.255, and of 192.0.0.0/8 only 192.168.0.0/16 is private. Addresses
        of the documentation prefix of IPv6 are dropped by every provider.""",
    source="RFC 1918, section 3; RFC 6598; RFC 3849 and RFC 9637 (documentation)",
    bad=Example(
        """
        kubernetes: {podCidr: 172.32.0.0/16}
        """,
        at=SpecPath.of("kubernetes", "podCidr"),
    ),
    good="""
        kubernetes: {podCidr: 172.31.0.0/16}
    """,
)
def borrowed_network(cluster: Cluster) -> Iterable[Finding]:
    everything = list(_networks(cluster))
    for named in everything:
        whose = None if named.kind == "other" else _whose(named)
        if whose is not None:
            hint = "take a network of fd00::/8, or of the prefix that your provider gives you"
            if named.network.version == 4:
                hint = "take a private network: of 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16"
            if named.kind in _CUSTOMARY:
                hint = _free_network(named, everything)
            yield Finding(f"{named} {whose}", named.path, hint)


def _whose(named: _Named) -> str | None:
    """Return whose addresses a network has, in words, if they are not the homelab's."""
    network = named.network
    if _unusable(network) is not None:
        return None
    match network:
        case IPv6Network():
            prefix = next((one for one in _DOCUMENTATION if network.subnet_of(one)), None)
            return None if prefix is None else f"is of {prefix}, which stands in manuals and leads nowhere"
        case IPv4Network():
            own = any(network.subnet_of(one) for one in (*_PRIVATE, *_NOBODYS))
            few = named.kind == "vlan" and network.prefixlen > _LONGEST_SHADOW
            return None if own or few else "has addresses of others on the Internet"
