"""Firewalls as NixOS makes them: they let in all that flows ask for, and nothing else that can be seen."""

from collections.abc import Iterable, Iterator, Sequence

from attrs import frozen

from hybridlab.diagnostic import Severity, SpecPath
from hybridlab.model.cluster import Cluster
from hybridlab.model.evaluated import Definition
from hybridlab.model.exposure import Firewall, NodePort, Opening
from hybridlab.rules.deep import openings
from hybridlab.rules.deep.openings import FIREWALL, INPUT_RULES, Opened
from hybridlab.rules.deep.rule import Difference, Example, Seen, deep_rule
from hybridlab.rules.wording import listed
from hybridlab.spec.scalars import Network

_HOMELAB = SpecPath.of("hosts", "homelab")
_WORKER = SpecPath.of("guests", "k8s-worker-1")
_SWITCHES = (f"{FIREWALL}.enable", "networking.nftables.enable")
_BACKEND = f"{FIREWALL}.backend"
SWITCHES = (*_SWITCHES, _BACKEND)


@deep_rule(
    "NIX101",
    "no-firewall",
    summary="A machine's firewall is off, or is not the one that the openings are written for.",
    rationale="""Every port on which anything listens is then open to every VLAN. Openings and the guard
        of NodePorts are rules of nftables, which NixOS leaves out where its firewall is off or has
        another backend.""",
    source="nixpkgs, nixos/modules/services/networking: firewall.nix, firewall-nftables.nix",
    reads=SWITCHES,
    bad=Example("homelab", "networking.firewall.enable = lib.mkForce false;", at=_HOMELAB),
    good=Example("homelab", "networking.firewall.enable = true;", at=_HOMELAB),
)
def no_firewall(cluster: Cluster, machines: Sequence[Seen]) -> Iterable[Difference]:
    for seen in machines:
        for option, value in unguarded(seen):
            yield Difference(
                seen.machine,
                f"{option} is {value}, so no opening of the spec is guarded, and every port is open",
                seen.machine.path,
                "take that out: the generated firewall.nix opens what the spec asks for; more is named "
                "below 'services' of the machine",
                seen.nixos.defined(option),
                on_key=True,
            )


def unguarded(seen: Seen) -> Iterator[tuple[str, str]]:
    """Yield what turns a firewall off, or makes it one without our rules, with its value."""
    for option in _SWITCHES:
        if seen.nixos.is_off(option):
            yield option, "false"
            return
    if (backend := seen.nixos.text(_BACKEND)) not in ("", "nftables"):
        yield _BACKEND, repr(backend)


@deep_rule(
    "NIX102",
    "opening-without-flow",
    severity=Severity.WARNING,
    summary="""A machine lets in a port that nothing in the spec asks for, or lets it in from more than
        the spec does.""",
    rationale="""What opens it is a module beside the generated ones: written by hand, or one of NixOS
        whose `openFirewall` is true by default. The spec does not know of it, so no other check does
        either: not whether the port is free, nor who may use it; `show openings` and `verify` say that
        it is shut.""",
    source="nixpkgs, nixos/modules/services/networking/firewall.nix; model/flows.py",
    reads=(*SWITCHES, *openings.READS),
    bad=Example("k8s-worker-1", "networking.firewall.allowedTCPPorts = [ 8080 ];", at=_WORKER),
    good=Example(
        "k8s-worker-1",
        "services.openssh.openFirewall = false;",
        at=_WORKER,
        patch="guests: {k8s-worker-1: {services: {page: {port: 8080, from: [services]}}}}",
    ),
)
def opening_without_flow(cluster: Cluster, machines: Sequence[Seen]) -> Iterable[Difference]:
    for seen in machines:
        firewall = cluster.firewalls.get(seen.machine.name, Firewall())
        if any(unguarded(seen)):
            continue
        groups: dict[_Wider, list[Opened]] = {}
        for one in openings.opened(seen.nixos):
            wider = _wider(one, [*firewall.openings])
            if wider is not None:
                groups.setdefault(wider, []).append(one)
        for one in openings.node_ports(seen.nixos):
            wider = _wider(one, [*firewall.node_ports])
            if wider is not None:
                groups.setdefault(wider, []).append(one)
        for wider, many in groups.items():
            yield _too_open(seen, wider, many)


@frozen
class _Wider:
    """How an opening goes beyond the spec: by which option, and to whom the spec opens the port if at all."""

    option: str
    protocol: str
    interface: str | None
    sources: tuple[Network, ...] | None
    allowed: tuple[Network, ...]
    definitions: tuple[Definition, ...]
    path: SpecPath | None


def _wider(one: Opened, known: Sequence[Opening] | Sequence[NodePort]) -> _Wider | None:
    """Return how an opening goes beyond those of the spec; None if it does not."""
    first, last = one.ports
    same = [
        other
        for other in known
        if other.protocol.value == one.protocol
        and first <= other.port <= last
        and (one.interface is None or isinstance(other, NodePort) or other.interface == one.interface)
    ]
    allowed = tuple(dict.fromkeys(network for other in same for network in other.sources))
    if (
        first == last
        and same
        and one.sources is not None
        and all(any(openings.within(source, network) for network in allowed) for source in one.sources)
    ):
        return None
    path = same[0].flows[0].cause if same else None
    return _Wider(one.option, one.protocol, one.interface, one.sources, allowed, one.definitions, path)


def _too_open(seen: Seen, wider: _Wider, many: Sequence[Opened]) -> Difference:
    ports = listed([one.shown for one in dict.fromkeys(many)], most=5)
    noun = "port" if len(many) == 1 and many[0].ports[0] == many[0].ports[1] else "ports"
    where = "" if wider.option == openings.NODE_PORTS else " on every interface"
    if wider.interface is not None:
        where = f" on {wider.interface}"
    source = f" from {listed(wider.sources)}" if wider.sources else ""
    what = f"{wider.option} lets in {wider.protocol} {noun} {ports}{where}{source}"
    if wider.allowed:
        beyond, hint = f"which the spec opens to {listed(wider.allowed)} only", _TAKE_OUT
    else:
        beyond, hint = "and nothing in the spec asks for it", _write(many[0])
    if wider.option == openings.PUBLISHED:
        hint = _PUBLISH
    path = wider.path or seen.machine.path
    return Difference(seen.machine, f"{what}, {beyond}", path, hint, wider.definitions, on_key=True)


_TAKE_OUT = (
    "take it out: the generated firewall.nix opens the port; of a service of NixOS, set openFirewall = false"
)
_PUBLISH = (
    "what a container publishes meets no firewall: publish it on 127.0.0.1, behind a program that the "
    "spec has below 'services'"
)


def _write(one: Opened) -> str:
    """Return how the spec has a port opened."""
    protocol = ", protocol: udp" if one.protocol == "udp" else ""
    service = f"{{NAME: {{port: {one.ports[0]}{protocol}, from: [VLAN]}}}}"
    return (
        f"if it is meant, take it out and write 'services: {service}' for the machine, which opens it; "
        "of a service of NixOS, set openFirewall = false"
    )


@deep_rule(
    "NIX103",
    "opening-missing",
    summary="A machine does not let in what the spec asks for.",
    rationale="""A module beside the generated ones has set the list anew, with mkForce or with another
        priority. What is shut is a part of the cluster or the admin's way in: a node does not join, or
        the next deployment finds no machine.""",
    source="modules/firewall.nix; model/flows.py",
    reads=(*SWITCHES, *openings.READS),
    bad=Example(
        "k8s-master",
        'networking.firewall.extraInputRules = lib.mkForce "";',
        at=SpecPath.of("admin"),
    ),
    good=Example("k8s-master", 'networking.firewall.extraInputRules = "";', at=SpecPath.of("admin")),
)
def opening_missing(cluster: Cluster, machines: Sequence[Seen]) -> Iterable[Difference]:
    for seen in machines:
        firewall = cluster.firewalls.get(seen.machine.name, Firewall())
        if any(unguarded(seen)):
            continue
        real, guarded = list(openings.opened(seen.nixos)), list(openings.node_ports(seen.nixos))
        shut: list[Opening | NodePort] = [
            one
            for one in firewall.openings
            if not all(
                any(each.lets_in(one.interface, one.port, one.protocol.value, source) for each in real)
                for source in one.sources
            )
        ]
        shut += [
            one
            for one in firewall.node_ports
            if not all(
                any(each.lets_in("", one.port, one.protocol.value, source) for each in guarded)
                for source in one.sources
            )
        ]
        if shut:
            yield _too_shut(seen, shut)


def _too_shut(seen: Seen, shut: Sequence[Opening | NodePort]) -> Difference:
    names = [f"{one.protocol.value} port {one.port} ({one.flows[0].service})" for one in shut]
    definitions = [
        definition
        for option in (INPUT_RULES, openings.OPENINGS, openings.NODE_PORTS)
        for definition in seen.nixos.defined(option)
    ]
    return Difference(
        seen.machine,
        f"{listed(list(dict.fromkeys(names)))} {'is' if len(shut) == 1 else 'are'} shut, which the spec "
        "opens",
        shut[0].flows[0].cause,
        "do not set networking.firewall.extraInputRules, hybridlab.firewall.openings or nodePorts with "
        "lib.mkForce: plain definitions are joined",
        tuple(definitions),
        on_key=True,
    )
