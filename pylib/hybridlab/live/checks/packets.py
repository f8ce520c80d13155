"""What the live ruleset refuses before kube-proxy, sends on, and lets cross a host, held against the model.

`modules/firewall.nix` (guard, forwarding) and `modules/hypervisor.nix` (crossing frames, ways back) say what
a machine loads, docs/decisions/0003-packet-path.md says why. kube-proxy's and flannel's rules are theirs.
"""

from collections.abc import Iterator, Mapping
from functools import partial

from hybridlab.live.checks.check import Check, CouldNotLook, Key, Ok, Verdict
from hybridlab.live.checks.loaded import (
    GUARD,
    HOST,
    LOADED,
    NIXOS,
    TRANSIT,
    failed,
    interfaces_of,
    is_trust,
    listed,
    loaded_check,
    named,
    open_to,
)
from hybridlab.live.checks.ruleset import Chain, Rule, Ruleset, match, rule
from hybridlab.live.checks.traffic import joined, traffic
from hybridlab.model.cluster import Cluster
from hybridlab.model.exposure import NODE_PORT_RANGE, Firewall, NodePort
from hybridlab.model.links import LEG_MARK, TRANSIT_MARK, forwards_from
from hybridlab.model.node import Host, Machine
from hybridlab.spec.scalars import Network

_BEFORE_DNAT = range(-199, -100)  # after connection tracking (-200), before kube-proxy's dstnat (-100)
_ALL_BITS = 0xFFFFFFFF

_LOCAL = match("fib daddr type", "local")
_CROSSES = match(f"meta mark & {TRANSIT_MARK}", TRANSIT_MARK)
_GUARDED = (
    rule(match("ct state", "established", "related"), "accept"),
    rule(match("iifname", "lo"), "accept"),
    rule(_LOCAL, "goto node-ports"),
    rule("goto forwarded"),
)
_STRICT = (rule(match("fib saddr . mark . iif oif", "true"), "accept"), rule("jump rpfilter-allow"))
_DHCP = rule(match("meta nfproto", "ipv4"), match("udp sport . udp dport", "67 . 68", "68 . 67"), "accept")


def checks(cluster: Cluster, machine: Machine, firewall: Firewall) -> Iterator[Check]:
    """Yield what has to be so of a machine's ruleset before its input chain."""
    if (forward_from := forwards_from(machine)) is not None:
        yield from _guard_checks(machine.name, firewall, forward_from)
    yield loaded_check(
        Key("firewall.reversePath", machine.name),
        "what comes in where its answer would not leave is dropped",
        partial(_judge_reverse_path, _ways_in(cluster, machine)),
        Key(LOADED, machine.name),
    )
    if isinstance(machine, Host):
        yield loaded_check(
            Key("firewall.transit", machine.name),
            f"frames that only cross {cluster.bridge} are left alone",
            partial(_judge_chains, _transit(cluster.bridge)),
            Key(LOADED, machine.name),
        )
        yield loaded_check(
            Key("firewall.returnPath", machine.name),
            "an answer, a pod's too, leaves over the leg on which the question came",
            partial(_judge_chains, _return_path(machine)),
            Key(LOADED, machine.name),
        )


def _guard_checks(machine: str, firewall: Firewall, forward_from: tuple[str, ...]) -> Iterator[Check]:
    guard = Key("firewall.guard", machine)
    first, last = NODE_PORT_RANGE[0], NODE_PORT_RANGE[-1]
    yield loaded_check(
        guard,
        f"NodePorts ({first} to {last}) are refused before kube-proxy, but for those of the spec",
        partial(_judge_guard, firewall),
        Key(LOADED, machine),
    )
    for node_port in firewall.node_ports:
        port = f"{node_port.port}/{node_port.protocol.value}"
        yield loaded_check(
            Key("firewall.nodePort", machine, port),
            f"NodePort {port} is open to {named(node_port.sources)}, and nobody else: {node_port.reason}",
            partial(_judge_node_port, node_port),
            guard,
        )
    yield loaded_check(
        Key("firewall.forwarding", machine),
        f"only what comes from {' and '.join(forward_from)} is sent on",
        partial(_judge_forwarding, frozenset(forward_from)),
        guard,
    )


def _judge_guard(firewall: Firewall, ruleset: Ruleset) -> Verdict:
    prerouting, node_ports = (ruleset.chain(*GUARD, name) for name in ("prerouting", "node-ports"))
    if prerouting is None or node_ports is None:
        return failed("table inet hybridlab-guard", "no such table or chain")
    if prerouting.hook != "prerouting" or prerouting.priority not in _BEFORE_DNAT:
        return failed(
            "hook prerouting, priority dstnat - 10 (-110)", f"hook {prerouting.hook}, {prerouting.priority}"
        )
    if prerouting.rules != _GUARDED:
        return failed(listed(_GUARDED), listed(prerouting.rules))
    return _judge_shut(firewall, node_ports)


def _judge_shut(firewall: Firewall, chain: Chain) -> Verdict:
    """Judge whether a port of the range that is not listed meets a drop, and nothing before it."""
    known = {(node_port.protocol.value, node_port.port) for node_port in firewall.node_ports}
    shut: set[str] = set()
    for one in chain.rules:
        about = traffic(one)
        if about is not None and one.outcome == "drop" and about.interfaces is None and about.sources is None:
            shut |= {p for p, a, b in about.ports if a <= NODE_PORT_RANGE[0] and NODE_PORT_RANGE[-1] <= b}
        elif about is None or one.outcome != "accept" or about.interfaces is not None:
            return CouldNotLook(f"there is a rule that is not understood: {one}")
        elif not all(a == b and (p, a) in known for p, a, b in about.ports):
            return failed("no NodePort that the spec does not list", str(one))
        if shut == {"tcp", "udp"}:
            return Ok()
    return failed("the rest of the range is dropped", listed(chain.rules))


def _judge_node_port(node_port: NodePort, ruleset: Ruleset) -> Verdict:
    port = (node_port.protocol.value, node_port.port)
    expected = joined(node_port.sources)
    chain = ruleset.chain(*GUARD, "node-ports")
    found: set[Network] = set()
    for one in chain.rules if chain else ():
        about = traffic(one)
        if about is None or not any(p == port[0] and a <= port[1] <= b for p, a, b in about.ports):
            continue
        if one.outcome == "drop":
            break
        if about.sources is None:
            return failed(open_to(expected), f"open to anyone: {one}")
        found |= about.sources
    same = joined(found) == expected
    return Ok(open_to(expected)) if same else failed(open_to(expected), open_to(joined(found)))


def _judge_forwarding(expected: frozenset[str], ruleset: Ruleset) -> Verdict:
    chain = ruleset.chain(*GUARD, "forwarded")
    rules = chain.rules if chain else ()
    fixed = {
        rule(match("fib daddr type", "broadcast", "anycast", "multicast"), "accept"),
        rule(_CROSSES, "accept"),
    }
    if rules and rules[-1] == rule("drop") and interfaces_of(rules) == expected:
        others = {one for one in rules[:-1] if not is_trust(one)}
        if others == fixed:
            return Ok()
    return failed(f"what comes from {named(expected)}, and a drop for all else", listed(rules))


def _ways_in(cluster: Cluster, machine: Machine) -> tuple[Rule, ...]:
    """Return the exceptions from the reverse path filter: those of a host's bridge."""
    if not isinstance(machine, Host):
        return ()
    bridge, legs = match("iifname", cluster.bridge), [leg.interface for leg in machine.legs]
    way = match("fib saddr . mark oifname", *legs) if legs else match("fib saddr . mark oif", "true")
    return (
        rule(bridge, _CROSSES, "accept"),
        rule(bridge, way, "accept"),
        rule(bridge, match("ip6 saddr", "fe80::/10"), "accept"),
    )


def _judge_reverse_path(exceptions: tuple[Rule, ...], ruleset: Ruleset) -> Verdict:
    chain, allow = (ruleset.chain(*NIXOS, name) for name in ("rpfilter", "rpfilter-allow"))
    if chain is None or (chain.hook, chain.policy) != ("prerouting", "drop"):
        return failed("chain rpfilter of table inet nixos-fw, with policy drop", "no such chain")
    # A rule without an outcome logs (networking.firewall.logReversePathDrops).
    filters = tuple(one for one in chain.rules if one.outcome and one != _DHCP)
    allowed = allow.rules if allow else ()
    if {*filters} == {*_STRICT} and {*allowed} == {*exceptions}:
        return Ok()
    return failed(listed((*_STRICT, *exceptions)), listed((*filters, *allowed)))


# By table and chain: how its priority has to be, and its rules.
_Chains = Mapping[tuple[tuple[str, str], str], tuple[range, tuple[Rule, ...]]]


def _transit(bridge: str) -> _Chains:
    mark = f"meta mark set meta mark & {_ALL_BITS & ~TRANSIT_MARK} | {TRANSIT_MARK}"
    return {
        # Before br_netfilter (0), and before connection tracking (-200).
        (TRANSIT, "prerouting"): (range(-400, 0), (rule(match("meta pkttype", "other"), mark),)),
        (HOST, "transit"): (range(-400, -200), (rule(match("iifname", bridge), _CROSSES, "notrack"),)),
    }


def _return_path(host: Host) -> _Chains:
    def set_leg(kind: str, table: int) -> str:
        return f"{kind} mark set {kind} mark & {_ALL_BITS & ~LEG_MARK & ~table} | {table}"

    remember = [
        rule(
            match("ct state", "new"),
            _LOCAL,
            match("fib saddr . mark oifname", leg.interface),
            set_leg("ct", leg.table),
        )
        for leg in host.legs
    ]
    recall = [
        rule(
            match("ct direction", "reply"),
            match(f"ct mark & {LEG_MARK}", leg.table),
            set_leg("meta", leg.table),
        )
        for leg in host.legs
    ]
    # After the reverse path filter (mangle + 10), before the routing decision and dstnat.
    return {(HOST, "return-path"): (range(-139, -100), (*remember, *recall))}


def _judge_chains(expected: _Chains, ruleset: Ruleset) -> Verdict:
    for ((family, table), name), (priorities, rules) in expected.items():
        chain = ruleset.chain(family, table, name)
        where = f"chain {name} of table {family} {table}"
        if chain is None:
            return failed(where, "no such table or chain")
        if chain.hook != "prerouting" or chain.priority not in priorities:
            return failed(
                f"{where} at hook prerouting, priority {priorities[0]} to {priorities[-1]}",
                f"hook {chain.hook}, priority {chain.priority}",
            )
        if {*chain.rules} != {*rules}:
            return failed(listed(rules), listed(chain.rules))
    return Ok()
