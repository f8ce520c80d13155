"""What the live ruleset of each machine lets in, held against the openings of the model.

`modules/firewall.nix` and NixOS's firewall-nftables.nix (26.05) say what a machine loads. What is refused or
sent on before that is looked at in `packets`.
"""

from collections.abc import Iterator, Mapping
from functools import partial

from hybridlab.live.checks import packets
from hybridlab.live.checks.check import Check, CouldNotLook, Failed, Key, Ok, Verdict
from hybridlab.live.checks.loaded import (
    LOADED,
    NIXOS,
    failed,
    interfaces_of,
    is_trust,
    judge_tables,
    listed,
    loaded_check,
    named,
    open_to,
    tables_of,
)
from hybridlab.live.checks.ruleset import Rule, Ruleset, match, rule
from hybridlab.live.checks.traffic import joined, traffic, within
from hybridlab.model.cluster import Cluster
from hybridlab.model.exposure import Firewall, Opening
from hybridlab.model.links import trusted_interfaces
from hybridlab.model.node import Machine
from hybridlab.spec.scalars import Network

# Interface, protocol, port.
_Single = tuple[str, str, int]

# NixOS's own rules.
_STATES = rule(
    "ct state vmap { established : accept, invalid : drop, new : jump input-allow, related : accept, "
    "untracked : jump input-allow }"
)
_ICMP = {
    "input": (rule(match("icmpv6 type", "echo-reply"), "accept"),),
    "input-allow": (
        rule(match("icmp type", "echo-request"), "accept"),
        rule(match("icmpv6 type", "nd-redirect", 139, negated=True), "accept"),
    ),
}
_OTHERS = (
    rule(match("meta l4proto . th dport", "@temp-ports"), "accept"),
    rule(match("ip6 daddr", "fe80::/64"), match("udp dport", 546), "accept"),
)


def checks(cluster: Cluster) -> Iterator[Check]:
    """Yield what has to be so of the ruleset of each machine."""
    for machine in cluster.machines:
        firewall = cluster.firewalls.get(machine.name, Firewall())
        yield from _input_checks(machine, firewall)
        yield from packets.checks(cluster, machine, firewall)


def _input_checks(machine: Machine, firewall: Firewall) -> Iterator[Check]:
    name = machine.name
    loaded, table = Key(LOADED, name), Key("firewall.input", name)
    tables = tables_of(machine)
    yield loaded_check(
        loaded,
        f"the tables of the firewall are loaded: {', '.join(map(' '.join, tables))}",
        partial(judge_tables, tables),
    )
    yield loaded_check(table, "what comes in is dropped unless something lets it in", _judge_input, loaded)
    trusted = ("lo", *trusted_interfaces(machine))
    yield loaded_check(
        Key("firewall.trusted", name),
        f"everything is let in from {' and '.join(trusted)}, and from no other interface",
        partial(_judge_trusted, frozenset(trusted)),
        table,
    )
    yield loaded_check(Key("firewall.icmp", name), "ping and ICMPv6 are let in", _judge_icmp, table)
    for opening in firewall.openings:
        port = f"{opening.port}/{opening.protocol.value} on {opening.interface}"
        yield loaded_check(
            Key("firewall.opening", name, port),
            f"{port} is open to {named(opening.sources)}: {opening.reason}",
            partial(_judge_opening, opening),
            table,
        )
    yield loaded_check(
        Key("firewall.closed", name),
        "no rule lets in or refuses anything else",
        partial(_judge_closed, firewall),
        table,
    )


def _judge_input(ruleset: Ruleset) -> Verdict:
    expected = "table inet nixos-fw, whose chain input drops what its chain input-allow does not let in"
    chain = ruleset.chain(*NIXOS, "input")
    if chain is None:
        return failed(expected, "no such chain")
    if (chain.hook, chain.policy) != ("input", "drop"):
        return failed(expected, f"hook {chain.hook}, policy {chain.policy}")
    if _STATES not in chain.rules or ruleset.chain(*NIXOS, "input-allow") is None:
        return failed(expected, f"the rules: {listed(chain.rules)}")
    for (family, table), chains in ruleset.tables.items():
        for name, other in chains.items():
            if other.hook == "input" and other.policy == "drop" and (family, table) != NIXOS:
                return Failed(
                    "no other table that drops by default",
                    f"chain {name} of table {family} {table} does, too",
                    "find out who made it, and do without, or no opening is one: "
                    f"`nft list table {family} {table}`",
                )
    return Ok("policy drop")


def _chains(ruleset: Ruleset) -> Mapping[str, tuple[Rule, ...]]:
    """Return the rules of the two chains that let in."""
    found = {name: ruleset.chain(*NIXOS, name) for name in ("input", "input-allow")}
    return {name: chain.rules for name, chain in found.items() if chain is not None}


def _judge_trusted(expected: frozenset[str], ruleset: Ruleset) -> Verdict:
    found = interfaces_of(one for rules in _chains(ruleset).values() for one in rules)
    return Ok() if found == expected else failed(named(expected), named(found))


def _judge_icmp(ruleset: Ruleset) -> Verdict:
    chains = _chains(ruleset)
    lacking = [
        one
        for name, rules in _ICMP.items()
        for one in rules
        if not any(_limited(there) == one for there in chains.get(name, ()))
    ]
    return failed(listed(lacking), "no such rule") if lacking else Ok()


def _limited(of: Rule) -> Rule:
    """Return the rule without its limit of a rate (`networking.firewall.pingLimit`)."""
    limit, comma, outcome = of.outcome.rpartition(", ")
    return Rule(of.matches, outcome) if comma and limit.startswith("limit ") else of


def _of_others(ruleset: Ruleset) -> Iterator[Rule]:
    """Yield the rules that are not NixOS's own: openings, and what nobody knows."""
    for name, rules in _chains(ruleset).items():
        known = (_STATES, *_ICMP.get(name, ()), *_OTHERS)
        # What is refused after the states would have been dropped (networking.firewall.rejectPackets).
        refused = rules[rules.index(_STATES) :] if _STATES in rules else ()
        for one in rules:
            if one.outcome == "" or is_trust(one) or _limited(one) in known:
                continue
            if not (one in refused and one.outcome.startswith(("drop", "reject"))):
                yield one


def _single(of: Rule) -> Mapping[_Single, frozenset[Network] | None]:
    """Return the ports that a rule lets in, with their sources; nothing for all interfaces or a range."""
    about = traffic(of) if of.outcome == "accept" else None
    if about is None or about.interfaces is None or any(first != last for _, first, last in about.ports):
        return {}
    return {(i, p, port): about.sources for i in about.interfaces for p, port, _ in about.ports}


def _wanted(opening: Opening) -> _Single:
    return opening.interface, opening.protocol.value, opening.port


def _judge_opening(opening: Opening, ruleset: Ruleset) -> Verdict:
    """Judge it by rules about its port; broader ones may let in what they lack, and are judged elsewhere."""
    asked = _wanted(opening)
    expected = joined(opening.sources)
    own: set[Network] = set()
    broad: set[Network] = set()
    for one in _of_others(ruleset):
        ports = _single(one)
        if asked in ports:
            sources = ports[asked]
            if sources is None:
                return failed(open_to(expected), f"open to anyone: {one}")
            own |= sources
        elif not ports and one.outcome == "accept" and (about := traffic(one)) is not None:
            covers = about.interfaces is None or opening.interface in about.interfaces
            if covers and any(p == asked[1] and a <= asked[2] <= b for p, a, b in about.ports):
                broad |= expected if about.sources is None else about.sources
    if within(joined(own), expected) and within(expected, joined(own | broad)):
        return Ok(open_to(expected))
    return failed(open_to(expected), open_to(joined(own | broad)))


def _judge_closed(firewall: Firewall, ruleset: Ruleset) -> Verdict:
    expected = {_wanted(opening) for opening in firewall.openings}
    extra, strange = [], []
    for one in _of_others(ruleset):
        ports = _single(one)
        if one.outcome.endswith(("accept", "drop")):
            extra += [] if ports and ports.keys() <= expected else [one]
        else:
            strange.append(one)
    temporary = ruleset.elements.get((NIXOS, "temp-ports"), ())
    found = [*map(str, extra), *(f"opened for a while: {element}" for element in temporary)]
    if found:
        return Failed(
            "no rules but those of NixOS and of the openings",
            "; ".join(found),
            "let the spec ask for it (a workload, a role, `services` of the machine), or take it away: "
            "`nixos-firewall-tool reset` "
            "closes what was opened for a while, `systemctl reload nftables` what somebody added by hand; an "
            "option like networking.firewall.allowedTCPPorts opens for good",
        )
    if strange:
        return CouldNotLook(f"there are rules that are not understood: {listed(strange)}")
    return Ok(f"{len(expected)} openings, and no other")
