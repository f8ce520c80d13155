"""What `ip` and `bridge` of iproute2 print as JSON, in the words of the model; what ought to be is not known.

Recorded of 6.1.0 and 7.3.0 (NixOS 26.05 has 7.1.0), which say the same: a route without a table is in the
main one, a link that was filtered out is an empty object, a rule's prefix is split into `src` and `srclen`.
bridge/vlan.c has the format of VLANs. What the model has no words for, as a route of another type, is left
out.
"""

from collections.abc import Iterator, Mapping
from ipaddress import ip_address, ip_interface, ip_network
from typing import Any

from attrs import frozen

from hybridlab.live.checks.answers import NotUnderstoodError, Object, at, parse_json, text
from hybridlab.live.probe import Output, read
from hybridlab.model.links import LEG_MARK, Route, Rule
from hybridlab.model.plain import items, mapping

LINKS = read("ip", "-json", "-details", "link", "show")
ADDRESSES = read("ip", "-json", "addr", "show")
ROUTES = read("ip", "-json", "route", "show", "table", "all")
RULES = {4: read("ip", "-json", "-4", "rule", "show"), 6: read("ip", "-json", "-6", "rule", "show")}
VLANS = read("bridge", "-json", "vlan", "show")

_MOST = 4095  # a VLAN's id has 12 bits
_MAIN = ("main", "254")
_OF_A_RULE = {"priority", "src", "srclen", "dst", "dstlen", "table", "fwmark", "fwmask", "protocol"}


@frozen
class Link:
    """A network interface: is it up, does its cable carry, whose port is it, what is below it."""

    up: bool
    carrier: bool
    bridge: str | None
    below: str | None
    info: Object
    addresses: frozenset[str]

    @property
    def kind(self) -> str:
        return text(self.info, "info_kind")

    @property
    def data(self) -> Object:
        return mapping(at(self.info, "info_data"))


def links(output: Output) -> Mapping[str, Link]:
    """Return the links by name, their addresses with prefix lengths. Raises: NotUnderstoodError."""
    found = {}
    for said in _objects(output):
        flags = items(at(said, "flags"))
        if name := text(said, "ifname"):
            found[name] = Link(
                up="UP" in flags,
                carrier="LOWER_UP" in flags,
                bridge=text(said, "master") or None,
                below=text(said, "link") or None,
                info=mapping(at(said, "linkinfo")),
                addresses=frozenset(_addresses(at(said, "addr_info"))),
            )
    if not found:
        raise NotUnderstoodError("ip shows no link, not even the loopback")
    return found


def _addresses(said: object) -> Iterator[str]:
    for one in items(said):
        if at(one, "dadfailed") is True:  # somebody else has it, so the kernel does not use it
            continue
        try:
            yield str(ip_interface(f"{at(one, 'local')}/{at(one, 'prefixlen')}"))
        except ValueError:
            continue


def routes(output: Output) -> tuple[Route, ...]:
    """Return the routes of all tables that have numbers, and of the main one. Raises: NotUnderstoodError."""
    return tuple(
        route
        for said in _objects(output)
        for way in items(at(said, "nexthops")) or (said,)
        if (route := _route(said, mapping(way))) is not None
    )


def _route(said: Object, way: Object) -> Route | None:
    """Return one of the ways of a route; one with several has them in a list, as that by two IPv6 routers."""
    if text(said, "type") not in ("", "unicast"):
        return None
    gateway, destination = text(way, "gateway"), text(said, "dst")
    try:
        return Route(
            text(way, "dev"),
            None if destination == "default" else ip_network(destination),
            ip_address(gateway) if gateway else None,
            _table(at(said, "table")),
        )
    except ValueError:
        return None


def _table(said: object) -> int | None:
    """Raises: ValueError for one that has no number here, as `local`."""
    return None if said is None or said in _MAIN else int(str(said))


def rules(output: Output) -> tuple[Rule, ...]:
    """Return the rules that ask a table for an address, a network, or a leg's mark, and for nothing more.

    Raises: NotUnderstoodError.
    """
    return tuple(rule for said in _objects(output) if (rule := _rule(said)) is not None)


def _rule(said: Object) -> Rule | None:
    priority = at(said, "priority")
    mark = at(said, "fwmark")
    if not isinstance(priority, int) or not said.keys() <= _OF_A_RULE:
        return None
    if mark is not None and _number(at(said, "fwmask")) != LEG_MARK:
        return None
    try:
        source, destination = _prefix(said, "src"), _prefix(said, "dst")
        if source is not None and source.num_addresses > 1:
            return None
        return Rule(
            priority,
            _table(at(said, "table")),
            None if source is None else source.network_address,
            destination,
            None if mark is None else _number(mark),
        )
    except ValueError:
        return None


def _prefix(said: Object, key: str) -> Any:
    address, length = text(said, key), at(said, f"{key}len")
    if address in ("", "all"):
        return None
    return ip_network(address if length is None else f"{address}/{length}")


def _number(said: object) -> int | None:
    try:
        return int(str(said), 0)
    except ValueError:
        return None


@frozen
class Vlans:
    """The ids of the VLANs of a bridge's port: sent tagged, sent untagged, and that of untagged frames."""

    tagged: frozenset[int] = frozenset()
    untagged: frozenset[int] = frozenset()
    own: frozenset[int] = frozenset()

    def __str__(self) -> str:
        parts = (
            ("tagged", self.tagged),
            ("untagged", self.untagged & self.own),
            ("untagged on the way out only", self.untagged - self.own),
            ("untagged on the way in only", self.own - self.untagged),
        )
        said = (f"{', '.join(map(str, sorted(ids)))} {how}" for how, ids in parts if ids)
        return "; ".join(said) or "no VLAN"


def vlans(output: Output) -> Mapping[str, Vlans]:
    """Return the VLANs of each bridge port that is in any. Raises: NotUnderstoodError."""
    found = {}
    for said in _objects(output):
        sets: dict[str, set[int]] = {"tagged": set(), "untagged": set(), "own": set()}
        for one in items(at(said, "vlans")):
            first, last, flags = at(one, "vlan"), at(one, "vlanEnd"), items(at(one, "flags"))
            last = first if last is None else last
            if not (isinstance(first, int) and isinstance(last, int) and 0 <= first <= last <= _MOST):
                raise NotUnderstoodError(f"bridge shows a VLAN without a number at {text(said, 'ifname')}")
            ids = range(first, last + 1)
            sets["untagged" if "Egress Untagged" in flags else "tagged"].update(ids)
            sets["own"].update(ids if "PVID" in flags else ())
        found[text(said, "ifname")] = Vlans(**{key: frozenset(ids) for key, ids in sets.items()})
    return found


def _objects(output: Output) -> list[Object]:
    data = parse_json(output.stdout.strip() or "[]")  # older ones print nothing for nothing
    if not isinstance(data, list):
        raise NotUnderstoodError("iproute2 shows no list")
    return [mapping(one) for one in data]
