"""What the firewall of an evaluated machine lets in, from options and from plain rules of nftables.

It is what the rules of firewalls share; it finds nothing itself.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from functools import partial
from ipaddress import ip_network
from typing import TypeAlias

from attrs import evolve, frozen

from hybridlab.model.evaluated import Definition, EvaluatedMachine, numbers, part, texts
from hybridlab.model.node import Host, Machine
from hybridlab.spec.scalars import Network

FIREWALL = "networking.firewall"
INPUT_RULES = f"{FIREWALL}.extraInputRules"
TRUSTED = f"{FIREWALL}.trustedInterfaces"
BY_INTERFACE = f"{FIREWALL}.interfaces"
OPENINGS = "hybridlab.firewall.openings"
NODE_PORTS = "hybridlab.firewall.nodePorts"
# What is sent on to somebody behind the machine meets no input chain; docker and podman publish ports so.
NAT = "networking.nat.enable"
FORWARDED = "networking.nat.forwardPorts"
PUBLISHED = "virtualisation.oci-containers.containers.*.ports"
_PROTOCOLS = {"TCP": "tcp", "UDP": "udp"}
_LISTS = tuple(f"allowed{kind}{what}" for kind in _PROTOCOLS for what in ("Ports", "PortRanges"))
READS = (
    *(f"{FIREWALL}.{name}" for name in _LISTS),
    *(f"{BY_INTERFACE}.*.{name}" for name in _LISTS),
    INPUT_RULES,
    OPENINGS,
    NODE_PORTS,
    NAT,
    FORWARDED,
    PUBLISHED,
)

Ports: TypeAlias = tuple[int, int]  # from the first to the last


@frozen
class Opened:
    """Ports that are let in: on one interface or on all (None), from `sources` or from anybody (None)."""

    option: str
    protocol: str
    ports: Ports
    interface: str | None = None
    sources: tuple[Network, ...] | None = None
    definitions: tuple[Definition, ...] = ()

    def lets_in(self, interface: str, port: int, protocol: str, source: Network) -> bool:
        return (
            self.protocol == protocol
            and self.ports[0] <= port <= self.ports[1]
            and (self.interface is None or fnmatchcase(interface, self.interface))
            and (self.sources is None or any(within(source, one) for one in self.sources))
        )

    @property
    def shown(self) -> str:
        first, last = self.ports
        return str(first) if first == last else f"{first} to {last}"


def within(inner: Network, outer: Network) -> bool:
    """Return whether a network is part of another one, or the same."""
    if inner.version != outer.version:
        return False
    shift = outer.max_prefixlen - outer.prefixlen
    same = int(inner.network_address) >> shift == int(outer.network_address) >> shift
    return inner.prefixlen >= outer.prefixlen and same


def opened(nixos: EvaluatedMachine) -> Iterator[Opened]:
    """Yield what is let in by whatever option, or sent on to a container; not what interfaces are trusted."""
    for name in _LISTS:
        option = f"{FIREWALL}.{name}"
        yield from _listed(nixos, option, name, None, nixos.value(option))
        inner = f"{BY_INTERFACE}.*.{name}"
        for interface, value in nixos.items(inner):
            yield from _listed(nixos, inner, name, interface, value)
    for line in rule_lines(nixos.value(INPUT_RULES)):
        for one in read_rule(line) or ():
            yield _by(nixos, line, one)
    yield from _forwarded(nixos)
    yield from _published(nixos)


def node_ports(nixos: EvaluatedMachine) -> Iterator[Opened]:
    """Yield the NodePorts that the guard lets pass."""
    value = nixos.value(NODE_PORTS)
    for item in value if isinstance(value, list) else ():
        port, protocol = part(item, "port"), part(item, "protocol")
        if isinstance(port, int) and isinstance(protocol, str):
            sources = _networks(texts(part(item, "sources"))) or ()
            definitions = nixos.defined(NODE_PORTS, partial(_has, item=item))
            yield Opened(NODE_PORTS, protocol, (port, port), None, sources, definitions)


def _listed(
    nixos: EvaluatedMachine, option: str, name: str, interface: str | None, value: object
) -> Iterator[Opened]:
    protocol = next(text for kind, text in _PROTOCOLS.items() if kind in name)
    for ports in _ranges(value):

        def means(given: object, ports: Ports = ports) -> bool:
            return ports in set(_ranges(given if interface is None else part(given, interface)))

        definitions = nixos.defined(option, means)
        yield Opened(option, protocol, ports, interface, definitions=definitions)


def _forwarded(nixos: EvaluatedMachine) -> Iterator[Opened]:
    value = nixos.value(FORWARDED)
    for item in value if isinstance(value, list) and nixos.is_on(NAT) else ():
        # A port, or a range as `from:to`.
        ports = _port_set(str(part(item, "sourcePort")).replace(":", "-")) or ()
        for one in ports:
            protocol = part(item, "proto") or "tcp"
            yield Opened(FORWARDED, str(protocol), one, definitions=nixos.defined(FORWARDED))


_PUBLISHED = re.compile(
    r"(?:(?P<address>[0-9.]+|\[[0-9a-fA-F:]+\]):)?(?P<port>[0-9-]+):[0-9-]+(?:/(?P<protocol>tcp|udp))?"
)


def _published(nixos: EvaluatedMachine) -> Iterator[Opened]:
    """Yield the ports that containers publish on all addresses of the machine, or on one of a VLAN."""
    for name, value in nixos.items(PUBLISHED):
        for text in texts(value):
            match = _PUBLISHED.fullmatch(text)
            address = match["address"] if match else None
            if match is None or (address or "").startswith(("127.", "[::1]")):
                continue
            definitions = nixos.defined(PUBLISHED, partial(_publishes, name=name, text=text))
            for ports in _port_set(match["port"]) or ():
                yield Opened(PUBLISHED, match["protocol"] or "tcp", ports, definitions=definitions)


def _publishes(given: object, name: str, text: str) -> bool:
    return text in texts(part(given, name))


def _ranges(value: object) -> Iterator[Ports]:
    """Yield ports and ranges of ports."""
    for port in numbers(value):
        yield port, port
    for item in value if isinstance(value, list) else ():
        first, last = part(item, "from"), part(item, "to")
        if isinstance(first, int) and isinstance(last, int):
            yield first, last


def _has(given: object, item: object) -> bool:
    """Return whether a list has an item of this port and protocol; what it leaves out has a default."""
    items = given if isinstance(given, list) else []
    return any(
        part(one, "port") == part(item, "port")
        and (part(one, "protocol") or "tcp") == part(item, "protocol")
        and part(one, "interface") == part(item, "interface")
        for one in items
    )


def rule_lines(value: object) -> Iterator[str]:
    """Yield the rules in a text of nftables, without comments."""
    for line in value.splitlines() if isinstance(value, str) else ():
        if (rule := line.strip()) and not rule.startswith("#"):
            yield rule


_SET = r"\{\s*([^{}]*?)\s*,?\s*\}"
_RULE = re.compile(
    r'(?:iifname "?(?P<interface>[A-Za-z0-9._@*-]+)"?\s+)?'
    rf"(?:ip6? saddr (?:{_SET}|(?P<source>[0-9A-Fa-f.:/]+))\s+)?"
    rf"(?P<protocol>tcp|udp) dport (?:{_SET}|(?P<port>[0-9]+(?:-[0-9]+)?))\s+"
    r'(?:counter\s+)?accept(?:\s+comment\s+"[^"]*")?'
)


def read_rule(line: str) -> tuple[Opened, ...] | None:
    """Return what a rule of the input chain lets in; None for one that is not plain enough to tell."""
    match = _RULE.fullmatch(line)
    if match is None:
        return None
    several, protocol, interface = match[2] or match["source"], match["protocol"], match["interface"]
    sources = None if several is None else _networks(several.replace(",", " ").split())
    ports = _port_set(match[5] or match["port"])
    if ports is None or (several is not None and sources is None):
        return None
    return tuple(Opened(INPUT_RULES, protocol, one, interface, sources) for one in ports)


def _by(nixos: EvaluatedMachine, line: str, one: Opened) -> Opened:
    """Return what a rule lets in with who defined it: the rule itself, or an opening that it is made of."""
    definitions = nixos.defined(INPUT_RULES, lambda given: line in set(rule_lines(given)))
    if definitions:
        return evolve(one, definitions=definitions)
    asked = {"interface": one.interface, "port": one.ports[0], "protocol": one.protocol}
    made_of = nixos.defined(OPENINGS, lambda given: _has(given, asked))
    return evolve(one, option=OPENINGS, definitions=made_of) if made_of else one


def _port_set(text: str) -> tuple[Ports, ...] | None:
    found = [re.fullmatch(r"([0-9]+)(?:-([0-9]+))?", item) for item in text.replace(",", " ").split()]
    ports = tuple((int(one[1]), int(one[2] or one[1])) for one in found if one is not None)
    return ports if ports and len(ports) == len(found) else None


def _networks(items: Iterable[str]) -> tuple[Network, ...] | None:
    try:
        return tuple(ip_network(item, strict=False) for item in items)
    except ValueError:
        return None


def own_links(machine: Machine, bridge: str) -> Mapping[str, str]:
    """Return the links on which VLANs come in, by name, each with what comes in there."""
    links = {leg.interface: str(leg.vlan) for leg in machine.legs}
    if isinstance(machine, Host):
        links |= {bridge: "its guests", machine.uplink: "every VLAN"}
    return links
