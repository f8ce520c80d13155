"""What openings do not tell of a firewall: interfaces that it trusts, its guard of NodePorts, free rules."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase

from hybridlab.diagnostic import Severity, SpecPath
from hybridlab.model.cluster import Cluster
from hybridlab.model.evaluated import Definition, holding, naming
from hybridlab.model.links import forwards_from, trusted_interfaces
from hybridlab.rules.deep import openings
from hybridlab.rules.deep.firewall import SWITCHES, unguarded
from hybridlab.rules.deep.openings import FIREWALL, INPUT_RULES, TRUSTED
from hybridlab.rules.deep.rule import Difference, Example, Seen, deep_rule

_HOMELAB = SpecPath.of("hosts", "homelab")
_WORKER = SpecPath.of("guests", "k8s-worker-1")


@deep_rule(
    "NIX104",
    "trusted-vlan",
    summary="A machine's firewall trusts an interface on which a VLAN comes in.",
    rationale="""Whatever comes in on a trusted interface is let in, to every port: the spec's openings
        mean nothing there, for sshd, kubelet and API server alike.""",
    source="nixpkgs, nixos/modules/services/networking/firewall.nix (trustedInterfaces)",
    reads=(TRUSTED,),
    bad=Example(
        "homelab",
        'networking.firewall.trustedInterfaces = [ "br0.20" ];',
        at=_HOMELAB,
    ),
    good=Example("homelab", 'networking.firewall.trustedInterfaces = [ "lo" ];', at=_HOMELAB),
)
def trusted_vlan(cluster: Cluster, machines: Sequence[Seen]) -> Iterable[Difference]:
    for seen in machines:
        links = openings.own_links(seen.machine, cluster.bridge)
        for name in dict.fromkeys(seen.nixos.texts(TRUSTED)):
            for link, what in links.items():
                if fnmatchcase(link, name):
                    yield Difference(
                        seen.machine,
                        f"{TRUSTED} has {name}, on which {what} comes in, so every port is open there",
                        seen.machine.path,
                        "take it out, and name what is to be open below 'services' of the machine",
                        _with_text(seen, TRUSTED, name),
                        on_key=True,
                    )
                    break


def _with_text(seen: Seen, option: str, text: str) -> tuple[Definition, ...]:
    return seen.nixos.defined(option, holding(text))


@deep_rule(
    "NIX105",
    "trusted-interface",
    severity=Severity.WARNING,
    summary="A machine's firewall trusts an interface that the spec does not know.",
    rationale="""Whoever is behind it, a VPN or containers, reaches every port of the machine, the
        kubelet and sshd among them, and the spec does not tell.""",
    source="nixpkgs, nixos/modules/services/networking/firewall.nix (trustedInterfaces)",
    reads=(TRUSTED,),
    bad=Example("homelab", 'networking.firewall.trustedInterfaces = [ "tailscale0" ];', at=_HOMELAB),
    good=Example("homelab", 'networking.firewall.trustedInterfaces = [ "lo" ];', at=_HOMELAB),
)
def trusted_interface(cluster: Cluster, machines: Sequence[Seen]) -> Iterable[Difference]:
    for seen in machines:
        own = openings.own_links(seen.machine, cluster.bridge)
        known = {"lo", *trusted_interfaces(seen.machine)}
        for name in dict.fromkeys(seen.nixos.texts(TRUSTED)):
            if name not in known and not any(fnmatchcase(link, name) for link in own):
                yield Difference(
                    seen.machine,
                    f"{TRUSTED} has {name}, so every port is open to whoever is behind it",
                    seen.machine.path,
                    f"open single ports instead: networking.firewall.interfaces.{name}.allowedTCPPorts",
                    _with_text(seen, TRUSTED, name),
                    on_key=True,
                )


_GUARD = "hybridlab-guard"
_TABLES = "networking.nftables.tables"
_FORWARD = "hybridlab.firewall.forwardFrom"
_RANGE = "hybridlab.firewall.nodePortRange"


@deep_rule(
    "NIX106",
    "guard-off",
    summary="The guard of NodePorts and of what a node sends on is off or has a hole.",
    rationale="""Packets for a NodePort or a Service are sent on to a pod before the input chain sees
        them. Without the guard, every NodePort that anybody makes is open to everybody; and a node that
        sends on what comes in on a VLAN is a router to every pod and Service, whatever is exposed.""",
    source="docs/decisions/0003-packet-path.md; modules/firewall.nix",
    reads=(*SWITCHES, "hybridlab.firewall.enable", f"{_TABLES}.*.enable", _FORWARD, _RANGE),
    bad=Example(
        "k8s-worker-1", "hybridlab.firewall.nodePortRange = lib.mkForce null;", at=_WORKER / "kubernetes"
    ),
    good=Example("k8s-worker-1", 'hybridlab.firewall.forwardFrom = [ "wg0" ];', at=_WORKER / "kubernetes"),
)
def guard_off(cluster: Cluster, machines: Sequence[Seen]) -> Iterable[Difference]:
    for seen in machines:
        machine, nixos = seen.machine, seen.nixos
        if machine.membership is None or any(unguarded(seen)):
            continue
        for option, message, definitions in _holes(cluster, seen):
            yield Difference(
                machine,
                f"{option} {message}",
                machine.path / "kubernetes",
                "take that out; an interface of your own is added to forwardFrom by a plain definition, "
                "a NodePort is opened by 'expose' of its workload",
                definitions or nixos.defined(option),
                on_key=True,
            )


def _holes(cluster: Cluster, seen: Seen) -> Iterator[tuple[str, str, tuple[Definition, ...]]]:
    nixos = seen.nixos
    if nixos.is_off("hybridlab.firewall.enable"):
        yield "hybridlab.firewall.enable", "is false, so NodePorts are open to everybody", ()
        return
    tables = dict(nixos.items(f"{_TABLES}.*.enable"))
    if tables.get(_GUARD) is False:
        option = f"{_TABLES}.*.enable"
        yield (
            f"{_TABLES}.{_GUARD}.enable",
            "is false, so NodePorts are open to everybody",
            nixos.defined(option, lambda given: isinstance(given, Mapping) and given.get(_GUARD) is False),
        )
    if nixos.value(_RANGE) is None:
        yield _RANGE, "is null, so a NodePort that somebody makes by hand is open to everybody", ()
    if nixos.value(_FORWARD) is None:
        yield _FORWARD, "is null, so the node is a router to every pod and Service", ()
    links = openings.own_links(seen.machine, cluster.bridge)
    known = forwards_from(seen.machine) or ()
    for name in nixos.texts(_FORWARD):
        if name not in known and name in links:
            message = (
                f"has {name}, on which {links[name]} comes in: the node routes it to every pod and Service"
            )
            yield _FORWARD, message, _with_text(seen, _FORWARD, name)


_RULESETS = (
    "networking.nftables.ruleset",
    f"{FIREWALL}.extraForwardRules",
    "networking.nftables.extraDeletions",
)
_OURS = ("hybridlab-", "nixos-")


@deep_rule(
    "NIX107",
    "rules-not-read",
    severity=Severity.WARNING,
    summary="A machine has rules of nftables of somebody's own, which are too free to be read here.",
    rationale="""They may open what the spec has shut, or shut what it opens. Rules of the input chain
        that are no more than an interface, sources and ports are read and compared; all others are not.""",
    source="nixpkgs, nixos/modules/services/networking/nftables.nix (ruleset, tables)",
    reads=(INPUT_RULES, *_RULESETS, f"{_TABLES}.*.enable", f"{_TABLES}.*.family"),
    bad=Example(
        "homelab",
        """
        networking.nftables.tables.mine = {
          family = "inet";
          content = "chain x { type filter hook input priority -10; tcp dport 8080 accept; }";
        };
        """,
        at=_HOMELAB,
    ),
    good=Example(
        "homelab",
        """
        networking.firewall.extraInputRules = ''
          iifname "br0.10" ip saddr 10.0.10.0/24 tcp dport 22 accept
        '';
        """,
        at=_HOMELAB,
    ),
)
def rules_not_read(cluster: Cluster, machines: Sequence[Seen]) -> Iterable[Difference]:
    for seen in machines:
        for what, definitions in _unread(seen):
            yield Difference(
                seen.machine,
                f"{what}: nobody can tell here what that opens or shuts",
                seen.machine.path,
                "look at it yourself; ports are opened by 'services' of the machine, which all checks "
                "know. If it is meant so, waive NIX107 for the machine",
                definitions,
                on_key=True,
            )


def _unread(seen: Seen) -> Iterator[tuple[str, tuple[Definition, ...]]]:
    nixos = seen.nixos
    lines = list(dict.fromkeys(openings.rule_lines(nixos.value(INPUT_RULES))))
    unread = [line for line in lines if openings.read_rule(line) is None]
    if unread:
        definitions = nixos.defined(
            INPUT_RULES, lambda given: not {*unread}.isdisjoint(openings.rule_lines(given))
        )
        more = f" and {len(unread) - 1} more" if len(unread) > 1 else ""
        yield f"{INPUT_RULES} has {unread[0]!r}{more}", definitions
    for option in _RULESETS:
        if nixos.text(option).strip():
            yield f"{option} has rules", nixos.defined(option)
    option = f"{_TABLES}.*.family"
    enabled = dict(nixos.items(f"{_TABLES}.*.enable"))
    for name, _ in nixos.items(option):
        if not name.startswith(_OURS) and enabled.get(name) is not False:
            yield (
                f"{_TABLES} has {name!r}",
                nixos.defined(option, naming(name)),
            )
