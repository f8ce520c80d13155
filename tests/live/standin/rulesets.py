"""The ruleset of a machine as `nft --json list ruleset` (1.0.6) prints it, made from the model.

It follows modules/firewall.nix, modules/hypervisor.nix and NixOS's firewall-nftables.nix (26.05);
test_real_ruleset.py holds it against what the real nft makes of them. What kube-proxy adds by iptables-nft is
there, too, for it must not disturb.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from hybridlab import Cluster
from hybridlab.model.exposure import Firewall, Opening
from hybridlab.model.network import Leg
from hybridlab.model.node import Host, Machine
from hybridlab.spec.scalars import Network

Item = dict[str, Any]
_NIXOS, _GUARD, _HOST = ("inet", "nixos-fw"), ("inet", "hybridlab-guard"), ("inet", "hybridlab-host")
_TRANSIT_TABLE = ("bridge", "hybridlab-transit")
_ACCEPT, _DROP, _COUNTER = {"accept": None}, {"drop": None}, {"counter": {"packets": 0, "bytes": 0}}


def ruleset(cluster: Cluster, machine: Machine) -> list[Item]:
    """Return the items of the list, without the one about nft itself."""
    firewall = cluster.firewalls.get(machine.name, Firewall())
    is_host, is_node = isinstance(machine, Host), machine.membership is not None
    items = [
        *(_guard(firewall) if is_node else ()),
        *(_host(cluster.bridge, machine.legs) if is_host else ()),
        *_nixos(cluster.bridge, machine.legs if is_host else None, firewall.openings, is_node),
        *(_kube_proxy() if is_node else ()),
    ]
    for handle, item in enumerate(items):
        [said] = item.values()
        said["handle"] = handle
    return items


def rule(table: tuple[str, str], chain: str, *expr: Item, comment: str | None = None) -> Item:
    said = {"family": table[0], "table": table[1], "chain": chain, "handle": 0}
    return {"rule": said | ({} if comment is None else {"comment": comment}) | {"expr": list(expr)}}


def match(left: Item, right: Any, op: str = "==") -> Item:
    return {"match": {"op": op, "left": left, "right": right}}


def one_or_set(values: Iterable[Any]) -> Any:
    """nft prints an anonymous set of one element as the element."""
    listed = list(values)
    return listed[0] if len(listed) == 1 else {"set": listed}


def meta(key: str) -> Item:
    return {"meta": {"key": key}}


def payload(protocol: str, field: str) -> Item:
    return {"payload": {"protocol": protocol, "field": field}}


def from_interface(*names: str) -> Item:
    return match(meta("iifname"), one_or_set(names))


def from_networks(networks: Sequence[Network]) -> list[Item]:
    """Return the match for each family that has some, as the module makes a rule for each."""
    families = (
        ("ip", [n for n in networks if n.version == 4]),
        ("ip6", [n for n in networks if n.version == 6]),
    )
    return [
        match(payload(family, "saddr"), one_or_set(map(_network, some))) for family, some in families if some
    ]


def to_port(protocol: str, port: Any) -> Item:
    return match(payload(protocol, "dport"), port)


def _network(network: Network) -> Any:
    if network.prefixlen == network.max_prefixlen:
        return str(network.network_address)
    return {"prefix": {"addr": str(network.network_address), "len": network.prefixlen}}


def _table(table: tuple[str, str]) -> Item:
    return {"table": {"family": table[0], "name": table[1], "handle": 0}}


def _chain(table: tuple[str, str], name: str, hook: str = "", prio: int = 0, policy: str = "accept") -> Item:
    said: Item = {"family": table[0], "table": table[1], "name": name, "handle": 0}
    base = {"type": "filter", "hook": hook, "prio": prio, "policy": policy}
    return {"chain": said | (base if hook else {})}


def _fib(result: str, *flags: str) -> Item:
    return {"fib": {"result": result, "flags": list(flags)}}


def _ct(key: str) -> Item:
    return {"ct": {"key": key}}


_CROSSES = match({"&": [meta("mark"), 4096]}, 4096)
_LOCAL = match(_fib("type", "daddr"), "local")


def _guard(firewall: Firewall) -> Iterator[Item]:
    yield _table(_GUARD)
    yield _chain(_GUARD, "prerouting", "prerouting", -110)
    yield _chain(_GUARD, "node-ports")
    yield _chain(_GUARD, "forwarded")
    yield rule(_GUARD, "prerouting", match(_ct("state"), ["established", "related"], "in"), _ACCEPT)
    yield rule(_GUARD, "prerouting", from_interface("lo"), _ACCEPT)
    yield rule(_GUARD, "prerouting", _LOCAL, {"goto": {"target": "node-ports"}})
    yield rule(_GUARD, "prerouting", {"goto": {"target": "forwarded"}})
    for port in firewall.node_ports:
        for sources in from_networks(port.sources):
            to = to_port(port.protocol.value, port.port)
            yield rule(_GUARD, "node-ports", sources, to, _ACCEPT, comment=port.reason[:128])
    for port in firewall.node_ports:
        yield rule(_GUARD, "node-ports", to_port(port.protocol.value, port.port), _COUNTER, _DROP)
    both = match(meta("l4proto"), {"set": ["tcp", "udp"]})
    yield rule(_GUARD, "node-ports", both, to_port("th", {"range": [30000, 32767]}), _COUNTER, _DROP)
    to_many = match(_fib("type", "daddr"), {"set": ["broadcast", "anycast", "multicast"]})
    yield rule(_GUARD, "forwarded", to_many, _ACCEPT)
    yield rule(_GUARD, "forwarded", _CROSSES, _ACCEPT)
    yield rule(_GUARD, "forwarded", from_interface("mynet"), _ACCEPT)
    yield rule(_GUARD, "forwarded", from_interface("flannel.1"), _ACCEPT)
    yield rule(_GUARD, "forwarded", _COUNTER, _DROP)


def _host(bridge: str, legs: Sequence[Leg]) -> Iterator[Item]:
    def set_leg(key: Item, table: int) -> Item:
        kept = {"&": [key, 0xFFFFF000 | table]}  # nft prints `and 0xfffff000 or 10` so
        return {"mangle": {"key": key, "value": {"|": [kept, table]}}}

    # By name of the interface, as Nix has attributes; then by table.
    legs = sorted(legs, key=lambda leg: leg.interface)
    yield _table(_HOST)
    yield _chain(_HOST, "transit", "prerouting", -300)
    yield _chain(_HOST, "return-path", "prerouting", -130)
    yield rule(_HOST, "transit", from_interface(bridge), _CROSSES, {"notrack": None})
    for leg in legs:
        back = match(_fib("oifname", "saddr", "mark"), leg.interface)
        new = match(_ct("state"), "new", "in")
        yield rule(_HOST, "return-path", new, _LOCAL, back, set_leg(_ct("mark"), leg.table))
    for leg in legs:
        reply = match(_ct("direction"), "reply")
        marked = match({"&": [_ct("mark"), 4095]}, leg.table)
        yield rule(_HOST, "return-path", reply, marked, set_leg(meta("mark"), leg.table))
    mark = {"mangle": {"key": meta("mark"), "value": {"|": [meta("mark"), 4096]}}}
    yield _table(_TRANSIT_TABLE)
    yield _chain(_TRANSIT_TABLE, "prerouting", "prerouting", -300)
    yield rule(_TRANSIT_TABLE, "prerouting", match(meta("pkttype"), "other"), mark)


def _nixos(
    bridge: str, legs: Sequence[Leg] | None, openings: Sequence[Opening], is_node: bool
) -> Iterator[Item]:
    yield _table(_NIXOS)
    yield {
        "set": {
            "family": "inet",
            "name": "temp-ports",
            "table": "nixos-fw",
            "type": ["inet_proto", "inet_service"],
            "handle": 0,
            "comment": "Temporarily opened ports",
            "flags": ["interval"],
        }
    }
    yield _chain(_NIXOS, "rpfilter", "prerouting", -140, "drop")
    yield _chain(_NIXOS, "rpfilter-allow")
    yield _chain(_NIXOS, "input", "input", 0, "drop")
    yield _chain(_NIXOS, "input-allow")
    yield from _reverse_path(bridge, legs)
    trusted = from_interface("lo", *(("mynet",) if is_node else ()))
    yield rule(_NIXOS, "input", trusted, _ACCEPT, comment="trusted interfaces")
    yield rule(_NIXOS, "input", match(payload("icmpv6", "type"), "echo-reply"), _ACCEPT)
    jump = {"jump": {"target": "input-allow"}}
    states = (("invalid", _DROP), ("established", _ACCEPT), ("related", _ACCEPT), ("new", jump))
    vmap = {"key": _ct("state"), "data": {"set": [*map(list, states), ["untracked", jump]]}}
    yield rule(_NIXOS, "input", {"vmap": vmap})
    temporary = {"concat": [meta("l4proto"), payload("th", "dport")]}
    yield rule(_NIXOS, "input-allow", match(temporary, "@temp-ports"), _ACCEPT)
    yield rule(
        _NIXOS, "input-allow", match(payload("icmp", "type"), "echo-request"), _ACCEPT, comment="allow ping"
    )
    but = match(payload("icmpv6", "type"), {"set": ["nd-redirect", 139]}, "!=")
    why = (
        "Accept all ICMPv6 messages except redirects and node information queries (type 139).  See RFC 4890, "
    )
    yield rule(_NIXOS, "input-allow", but, _ACCEPT, comment=f"{why}section 4.4.")
    near = match(payload("ip6", "daddr"), {"prefix": {"addr": "fe80::", "len": 64}})
    yield rule(_NIXOS, "input-allow", near, to_port("udp", 546), _ACCEPT, comment="DHCPv6 client")
    for opening in openings:
        for sources in from_networks(opening.sources):
            to = to_port(opening.protocol.value, opening.port)
            at = from_interface(opening.interface)
            yield rule(_NIXOS, "input-allow", at, sources, to, _ACCEPT, comment=opening.reason[:128])


def _reverse_path(bridge: str, legs: Sequence[Leg] | None) -> Iterator[Item]:
    ports = {"concat": [payload("udp", "sport"), payload("udp", "dport")]}
    dhcp = match(ports, {"set": [{"concat": [68, 67]}, {"concat": [67, 68]}]})
    four = match(meta("nfproto"), "ipv4")
    yield rule(_NIXOS, "rpfilter", four, dhcp, _ACCEPT, comment="DHCPv4 client/server")
    yield rule(_NIXOS, "rpfilter", match(_fib("oif", "saddr", "mark", "iif"), True), _ACCEPT)
    yield rule(_NIXOS, "rpfilter", {"jump": {"target": "rpfilter-allow"}})
    if legs is None:
        return
    at = from_interface(bridge)
    names = one_or_set(sorted(leg.interface for leg in legs))
    back = match(_fib("oifname", "saddr", "mark"), names)
    near = match(payload("ip6", "saddr"), {"prefix": {"addr": "fe80::", "len": 10}})
    why = ("frames that only cross the bridge", "guests to this host", "neighbours on the bridge")
    for what, comment in zip((_CROSSES, back, near), why, strict=True):
        yield rule(_NIXOS, "rpfilter-allow", at, what, _ACCEPT, comment=comment)


def _kube_proxy() -> Iterator[Item]:
    """What iptables-nft makes: nft knows no more of its matches and targets than that they are there."""
    nat = ("ip", "nat")
    yield _table(nat)
    yield _chain(nat, "KUBE-SERVICES")
    hooked = {"type": "nat", "hook": "prerouting", "prio": -100, "policy": "accept"}
    yield {"chain": {"family": "ip", "table": "nat", "name": "PREROUTING", "handle": 0, **hooked}}
    comment = {"xt": {"type": "match", "name": "comment"}}
    yield rule(nat, "PREROUTING", comment, _COUNTER, {"jump": {"target": "KUBE-SERVICES"}})
    yield rule(nat, "KUBE-SERVICES", {"xt": None}, _COUNTER, {"return": None})
