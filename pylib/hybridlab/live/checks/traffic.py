"""Which packets a rule is about, as sets of interfaces, ports and networks; it knows not what ought to be."""

from collections.abc import Iterable
from ipaddress import collapse_addresses, ip_address, ip_network, summarize_address_range
from typing import Any

from attrs import frozen

from hybridlab.live.checks.ruleset import Rule
from hybridlab.spec.scalars import Network

# Where there is no /etc/protocols, nft prints numbers.
_BY_NUMBER = {"6": "tcp", "17": "udp"}


@frozen
class Traffic:
    """The packets that a rule is about, if it only asks for these things; None stands for all."""

    interfaces: frozenset[str] | None
    sources: frozenset[Network] | None
    ports: frozenset[tuple[str, int, int]]  # protocol, first, last


def traffic(of: Rule) -> Traffic | None:
    """Return what a rule about ports is about; None if it asks for anything else, or for no port."""
    interfaces: frozenset[str] | None = None
    sources: frozenset[Network] | None = None
    transport: frozenset[str] = frozenset()
    ranges: frozenset[tuple[int, int]] = frozenset()
    if len({one.left for one in of.matches}) < len(of.matches):
        return None
    try:
        for one in of.matches:
            if one.negated:
                return None
            match one.left.split():
                case ["iifname"] if not any("*" in name for name in one.right):
                    interfaces = one.right
                case ["ip" | "ip6", "saddr"]:
                    sources = networks(one.right)
                case ["meta", "l4proto"]:
                    transport = frozenset(_BY_NUMBER.get(name, name) for name in one.right)
                case ["tcp" | "udp" | "th" as protocol, "dport"]:
                    ranges = frozenset(map(_port_range, one.right))
                    transport = transport if protocol == "th" else frozenset({protocol})
                case _:
                    return None
    except (TypeError, ValueError):  # also: a range from one family to the other
        return None
    if not ranges or not transport <= {"tcp", "udp"} or not transport:
        return None
    return Traffic(interfaces, sources, frozenset((p, *pair) for p in transport for pair in ranges))


def networks(texts: Iterable[str]) -> frozenset[Network]:
    """Return the fewest networks that hold these addresses, prefixes and ranges (`10.0.0.1-10.0.0.9`).

    Raises: ValueError for anything else.
    """
    found: list[Any] = []
    for text in texts:
        first, dash, last = text.partition("-")
        ends: Any = (ip_address(first), ip_address(last)) if dash else ()
        found.extend(summarize_address_range(*ends) if dash else [ip_network(text)])
    return joined(found)


def joined(given: Iterable[Network]) -> frozenset[Network]:
    """Return the fewest networks that hold the same addresses, of both families."""
    given = tuple(given)
    four: Any = [network for network in given if network.version == 4]
    six: Any = [network for network in given if network.version == 6]
    return frozenset((*collapse_addresses(four), *collapse_addresses(six)))


def within(inner: frozenset[Network], outer: frozenset[Network]) -> bool:
    """Whether every address of `inner` is in `outer`; both are joined."""
    return all(any(_holds(one, network) for one in outer) for network in inner)


def _holds(outer: Any, inner: Any) -> bool:
    return outer.version == inner.version and bool(inner.subnet_of(outer))


def _port_range(text: str) -> tuple[int, int]:
    first, _, last = text.partition("-")
    return int(first), int(last or first)
