"""Addresses of machines as NixOS sets them: those of the spec, and no others where it gives addresses."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import combinations

from attrs import frozen

from hybridlab.diagnostic import Related, Severity, SpecPath
from hybridlab.model.cluster import Cluster
from hybridlab.model.evaluated import part, texts
from hybridlab.model.network import Leg
from hybridlab.model.node import Machine, known_leg, leg_path
from hybridlab.rules.address_plan import VlanNetworks, given_addresses
from hybridlab.rules.deep.claims import READS, Claim, claims
from hybridlab.rules.deep.rule import Difference, Example, Seen, deep_rule
from hybridlab.spec.scalars import Address, Network

_HOMELAB = SpecPath.of("hosts", "homelab")
_WORKER = SpecPath.of("guests", "k8s-worker-1")


def _own(machine: Machine) -> Mapping[Address, SpecPath]:
    return {leg.address: leg_path(machine, leg) for leg in machine.legs}


@deep_rule(
    "NIX108",
    "address-of-another",
    summary="A module gives a machine an address that is another one's.",
    rationale="""Both answer for the address, and which of them a packet reaches changes with every ARP
        or neighbour reply. The spec has the address once, so nothing else could find that.""",
    source="RFC 5227, section 1 (address conflicts in IPv4); RFC 4862, section 5.4 (IPv6)",
    reads=READS,
    bad=Example(
        "homelab",
        """
        systemd.network.networks."50-more" = {
          matchConfig.Name = "eno9";
          address = [ "10.0.20.11/24" ];
        };
        """,
        at=_WORKER / "address",
    ),
    good=Example(
        "homelab",
        """
        systemd.network.networks."50-more" = {
          matchConfig.Name = "eno9";
          address = [ "192.168.9.1/24" ];
        };
        """,
        at=_WORKER / "address",
    ),
)
def address_of_another(cluster: Cluster, machines: Sequence[Seen]) -> Iterable[Difference]:
    given = {one.address: one for one in given_addresses(cluster)}
    others: dict[Address, Machine] = {}
    for seen, who in _everybody(cluster, machines):
        own = () if who else _own(seen.machine)
        for claim in claims(seen.nixos):
            known = given.get(claim.address)
            if claim.address in own:
                continue
            if known is not None:
                yield Difference(
                    seen.machine,
                    f"{who}{claim.option} has {claim.given}, which is the address of {known.who}",
                    known.path,
                    "give it another address, and name that in the spec: below 'devices' of its VLAN",
                    claim.definitions,
                )
            elif not claim.local:
                other = others.setdefault(claim.address, seen.machine)
                if other != seen.machine:
                    yield Difference(
                        seen.machine,
                        f"{who}{claim.option} has {claim.given}, which {other} has as well",
                        seen.machine.path,
                        "give one of them another address",
                        claim.definitions,
                        related=(Related("the other machine", other.path),),
                        on_key=True,
                    )


def _everybody(cluster: Cluster, machines: Sequence[Seen]) -> Iterator[tuple[Seen, str]]:
    """Yield the machines, and guests that a host runs beside those of the spec, with what to call these."""
    known = {machine.name for machine in cluster.machines}
    for seen in machines:
        yield seen, ""
        for name, nixos in sorted(seen.nixos.guests.items()):
            if name not in known:
                yield Seen(seen.machine, nixos), f"in its guest {name!r}, "


@deep_rule(
    "NIX109",
    "address-not-in-spec",
    severity=Severity.WARNING,
    summary="A module gives a machine an address in a VLAN of which the spec does not know.",
    rationale="""Another machine may be given the same one, and no check would tell; nor is it said who
        may talk to it, since openings are for the addresses of the spec.""",
    source="rules/address_plan.py: every address in a VLAN stands in the spec",
    reads=READS,
    bad=Example(
        "homelab",
        """
        networking.interfaces."br0.20".ipv4.addresses = [ { address = "10.0.20.77"; prefixLength = 24; } ];
        """,
        at=_HOMELAB,
    ),
    good=Example(
        "homelab",
        """
        networking.interfaces."br0.20".ipv4.addresses = [ { address = "10.0.20.5"; prefixLength = 24; } ];
        """,
        at=_HOMELAB,
    ),
)
def address_not_in_spec(cluster: Cluster, machines: Sequence[Seen]) -> Iterable[Difference]:
    known = {one.address for one in given_addresses(cluster)}
    networks = VlanNetworks(cluster.vlans)
    for seen in machines:
        found = [claim for claim in claims(seen.nixos) if claim.on_link]
        # Where the machine has not what the spec gives it, NIX111 tells what it has instead.
        told = [leg.vlan for leg in _without(seen.machine, found)]
        for claim in found:
            vlan = networks.holding(claim.address)
            if claim.address in known or vlan is None or vlan in told:
                continue
            given_out = vlan.dhcp is not None and claim.address in vlan.dhcp
            lease = ", of which the router's DHCP server gives it to anybody" if given_out else ""
            yield Difference(
                seen.machine,
                f"{claim.option} has {claim.given} in {vlan}{lease}, and the spec does not know of it",
                seen.machine.path,
                f"write it below networks.vlans.{vlan.name}.devices, so that nobody else gets it, or "
                "take it out",
                claim.definitions,
                on_key=True,
            )


def _without(machine: Machine, found: Sequence[Claim]) -> tuple[Leg, ...]:
    """Return the legs whose address the machine does not get."""
    real = {str(claim.given) for claim in found}
    return tuple(leg for leg in machine.legs if leg.prefixed not in real)


@frozen
class _Network:
    network: Network
    what: str
    path: SpecPath


def _networks(cluster: Cluster) -> Iterator[_Network]:
    for vlan in cluster.vlans:
        yield _Network(vlan.network, str(vlan), vlan.path / "cidr")
    if cluster.kubernetes is not None:
        kubernetes = SpecPath.of("kubernetes")
        yield _Network(cluster.kubernetes.pod_network, "the network of pods", kubernetes / "podCidr")
        yield _Network(
            cluster.kubernetes.service_network, "the network of Services", kubernetes / "serviceCidr"
        )


@deep_rule(
    "NIX110",
    "network-overlaps",
    summary="""A module gives a machine a network that overlaps a VLAN, the pods, the Services, or
        another one of its own.""",
    rationale="""The machine has then two ways to the same addresses and takes the narrower: a VPN or a
        bridge of containers swallows packets for nodes, pods or Services. Docker, podman and libvirt
        take networks without being told which.""",
    source="ip-route(8) (longest prefix wins); docker docs, daemon: bip; nixpkgs, virtualisation/podman",
    reads=READS,
    bad=Example(
        "homelab",
        'networking.wireguard.interfaces.wg0.ips = [ "10.244.1.1/24" ];',
        at=SpecPath.of("kubernetes", "podCidr"),
    ),
    good=Example(
        "homelab",
        'networking.wireguard.interfaces.wg0.ips = [ "10.9.0.1/24" ];',
        at=SpecPath.of("kubernetes", "podCidr"),
    ),
)
def network_overlaps(cluster: Cluster, machines: Sequence[Seen]) -> Iterable[Difference]:
    known, taken = tuple(_networks(cluster)), {one.address for one in given_addresses(cluster)}
    for seen in machines:
        own = [claim for claim in claims(seen.nixos) if claim.address not in taken]
        for claim in own:
            if claim.on_link and any(claim.address in vlan.network for vlan in cluster.vlans):
                continue
            for other in known:
                if claim.network.overlaps(other.network):
                    yield Difference(
                        seen.machine,
                        f"{claim.option} gives it {claim.network}, which overlaps {other.what} "
                        f"({other.network})",
                        other.path,
                        _elsewhere(claim),
                        claim.definitions,
                    )
                    break
        routed = [claim for claim in own if not claim.on_link]
        for one, two in combinations(routed, 2):
            if one.network != two.network and one.network.overlaps(two.network):
                yield Difference(
                    seen.machine,
                    f"{one.option} gives it {one.network}, and {two.option} {two.network}, which overlap",
                    seen.machine.path,
                    _elsewhere(two),
                    (*one.definitions, *two.definitions),
                    on_key=True,
                )


def _elsewhere(claim: Claim) -> str:
    where = f": {claim.change}" if claim.change else ""
    return f"take another network there{where}, and name it below 'networks.others' of the spec"


@deep_rule(
    "NIX111",
    "address-missing",
    summary="A machine does not get the address that the spec gives it.",
    rationale="""A module beside the generated ones has set the list of addresses anew. All others know
        the machine by the spec's address: names, openings, certificates, and the next deployment.""",
    source="emit/nixos/network.py; nixpkgs, nixos/modules/system/boot/networkd.nix",
    reads=READS,
    bad=Example(
        "k8s-worker-1",
        'systemd.network.networks."20-vlan20".address = lib.mkForce [ "10.0.20.111/16" ];',
        at=_WORKER / "address",
    ),
    good=Example(
        "k8s-worker-1",
        'systemd.network.networks."20-vlan20".address = [ "fd00::111/64" ];',
        at=_WORKER / "address",
    ),
)
def address_missing(cluster: Cluster, machines: Sequence[Seen]) -> Iterable[Difference]:
    others = {one.address for one in given_addresses(cluster)}
    for seen in machines:
        real = [claim for claim in claims(seen.nixos) if claim.on_link]
        for leg in _without(seen.machine, real):
            near = [claim for claim in real if claim.address in leg.vlan.network]
            if any(claim.address in others and claim.address != leg.address for claim in near):
                continue  # NIX108 tells whose it has
            has = f"has {near[0].given} there instead" if near else "has no address there"
            yield Difference(
                seen.machine,
                f"it {has}, and the spec gives it {leg.prefixed} in {leg.vlan}",
                leg_path(seen.machine, leg),
                "take out what sets the address (lib.mkForce), or write the one that is meant into the spec",
                near[0].definitions if near else (),
            )


@deep_rule(
    "NIX113",
    "name-elsewhere",
    summary="A machine knows another one by an address that is not its.",
    rationale="""Nodes find the API server and each other by names in /etc/hosts, with which
        certificates are verified; of two lines for one name the first counts.""",
    source="hosts(5); nixpkgs, nixos/modules/config/networking.nix (networking.hosts)",
    reads=("networking.hosts",),
    bad=Example(
        "k8s-worker-1",
        'networking.hosts."10.0.20.99" = [ "k8s-master" ];',
        at=SpecPath.of("guests", "k8s-master", "address"),
    ),
    good=Example(
        "k8s-worker-1",
        'networking.hosts."127.0.0.2" = [ "k8s-worker-1" ];',
        at=SpecPath.of("guests", "k8s-master", "address"),
    ),
)
def name_elsewhere(cluster: Cluster, machines: Sequence[Seen]) -> Iterable[Difference]:
    known = {machine.name: machine for machine in cluster.machines}
    for seen in machines:
        for address, names in seen.nixos.items("networking.hosts"):
            for name in texts(names):
                machine = known.get(name)
                if machine is None or address.startswith("127.") or address == "::1":
                    continue
                leg = known_leg(machine)
                if leg is not None and address not in {str(other.address) for other in machine.legs}:
                    yield Difference(
                        seen.machine,
                        f"networking.hosts has {name} at {address}, and {machine} has {leg.address}",
                        leg_path(machine, leg),
                        "take it out: the generated cluster.nix has every machine's name",
                        seen.nixos.defined("networking.hosts", partial(_names, address=address, name=name)),
                    )


def _names(given: object, address: str, name: str) -> bool:
    return name in texts(part(given, address))
