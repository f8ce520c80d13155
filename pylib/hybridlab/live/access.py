"""Finds out how a machine lets us in now: from where, over which links, by which key; it judges nothing."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from ipaddress import ip_address
from typing import Any

from attrs import evolve, frozen

from hybridlab.live.checks.check import CouldNotLook
from hybridlab.live.gather import gather
from hybridlab.live.probe import Output, Probe, read
from hybridlab.live.ssh import Ssh, Unreachable
from hybridlab.model.access import Access
from hybridlab.spec.scalars import Address

# sshd sets it: client, its port, server, its port (ssh(1), ENVIRONMENT).
_CONNECTION = read("printenv", "SSH_CONNECTION")
_HOST = r"([0-9A-Fa-f:.]+)(?:%\S+)?"  # UNKNOWN where sshd has no socket; a zone names a link of the machine
_CONNECTION_LINE = re.compile(rf"^{_HOST} \d+ {_HOST} (\d{{1,5}})$", re.MULTILINE)
_LINKS = read("ip", "-json", "-details", "address", "show")
# `-v` wins over any LogLevel; what it says of keys is in OpenSSH's sshconnect2.c (format_identity).
_VERBOSE = ("-v", "-oFingerprintHash=sha256")
_PRINT = r"(SHA256:[A-Za-z0-9+/]{43})(?: explicit)?(?: token)?"
_ACCEPTED = re.compile(rf"debug1: Server accepts key: .* {_PRINT}(?: agent)?$")
_OFFERED = re.compile(rf"debug1: Will attempt key: .* {_PRINT}( agent)?$")
_ANY_OFFER = "debug1: Will attempt key: "
_OTHER_SHAPES = (ValueError, LookupError, TypeError, AttributeError, RecursionError)
# sshd hangs up after so many keys (MaxAuthTries in sshd_config(5)): what comes later is never shown.
_TRIES = 6


def look(ssh: Ssh, address: Address) -> Access | Unreachable | CouldNotLook:
    """Return how `address` lets us in, over two connections, of which the first is a new one.

    Raises: LiveError if there is no ssh here.
    """
    speaking = evolve(ssh, options=(*_VERBOSE, *ssh.options))
    first = speaking.run(address, _CONNECTION.words, seconds=30, fresh=True)
    if isinstance(first, Unreachable):
        return first
    ends = _CONNECTION_LINE.search(first.stdout)
    if ends is None:
        return CouldNotLook("sshd does not say from where we come: there is no SSH_CONNECTION")
    try:
        source, own, port = ip_address(ends[1]), ip_address(ends[2]), int(ends[3])
    except ValueError as error:
        return CouldNotLook(f"what sshd says of the connection can not be read: {error}")
    route = _route_to(source, own)
    answers = gather(ssh, address, (_LINKS, route))
    if isinstance(answers, Unreachable):
        return answers
    for probe in (_LINKS, route):
        if (why := _why_not(answers, probe)) is not None:
            return CouldNotLook(why)
    try:
        links, way = parse_links(answers[_LINKS].stdout), _parse(answers[route].stdout)
        access = parse_access(source, own, port, links, way[0] if way else {})
    except _OTHER_SHAPES as error:
        return CouldNotLook(f"what ip says can not be read: {error}")
    if access is None:
        return CouldNotLook(f"no link has the address {own}, at which sshd says that it is reached")
    return evolve(access, key=accepted_key(first.stderr), held=held_keys(first.stderr))


def _route_to(source: Address, own: Address) -> Probe:
    """Which way an answer takes; a link-local address has none without its link, and is on the wire."""
    to = own if source.is_link_local else source
    return read("ip", "-json", "route", "get", str(to), "from", str(own))


def _why_not(answers: Mapping[Probe, Output], probe: Probe) -> str | None:
    answer = answers.get(probe)
    return f"no answer to {' '.join(probe.words)}" if answer is None else answer.why_not(probe)


def accepted_key(said: str) -> str | None:
    """Return the fingerprint of the key that the machine took, from what `ssh -v` said; None if it took none.

    A jump host's ssh speaks on the same stream, but before: the last one counts.
    """
    found = [match[1] for line in said.splitlines() if (match := _ACCEPTED.match(line.strip()))]
    return found[-1] if found else None


def held_keys(said: str) -> frozenset[str]:
    """Return the fingerprints of the agent's keys that ssh would show, as soon as sshd would look at them.

    Only those in an agent are sure to work: of a key in a file, ssh has seen the public half.
    """
    offers: list[str] = []
    before = ""
    for line in (line.strip() for line in said.splitlines()):
        if line.startswith(_ANY_OFFER):
            offers = [*offers, line] if before.startswith(_ANY_OFFER) else [line]
        before = line
    # A file that is not there is listed without a fingerprint, and not tried.
    keys = [match for line in offers if (match := _OFFERED.match(line))]
    return frozenset(match[1] for match in keys[:_TRIES] if match[2])


@frozen
class Link:
    """A link of a machine: all its names, its own first; `below`: what it lies on, `master`: its bridge."""

    names: tuple[str, ...]
    kind: str = ""
    vlan: int | None = None
    below: str | None = None
    master: str | None = None
    addresses: frozenset[Address] = frozenset()


def parse_links(text: str) -> tuple[Link, ...]:
    """Return the links in the answer of `ip -json -details address show` (iproute2's ip/ipaddress.c)."""
    return tuple(_link(data) for data in _parse(text) if "ifname" in data)


def _link(data: Mapping[str, Any]) -> Link:
    info = data.get("linkinfo", {})
    kind = info.get("info_kind", "")
    # The other end of a veth is a `link`, too.
    stacked = kind in ("vlan", "macvlan")
    return Link(
        names=(data["ifname"], *data.get("altnames", ())),
        kind=kind,
        vlan=info.get("info_data", {}).get("id") if kind == "vlan" else None,
        below=data.get("link") if stacked else None,
        master=data.get("master"),
        addresses=frozenset(ip_address(one["local"]) for one in data.get("addr_info", ()) if "local" in one),
    )


def parse_access(
    source: Address, own: Address, port: int, links: tuple[Link, ...], way: Mapping[str, Any]
) -> Access | None:
    """Return how `source` gets in at `own`; None if no link has that. `way`: from `ip -json route get`."""
    having = [link for link in links if own in link.addresses]
    # After a bridge was renamed, two have it until the next boot.
    link = next((link for link in having if way.get("dev") in link.names), having[0] if having else None)
    if link is None:
        return None
    base = next((other for other in links if link.below in other.names), link)
    bridge = base.names[0] if base.kind == "bridge" else None
    ports = (other for other in links if other.master == bridge) if bridge else (base,)
    gateway = way.get("gateway") or way.get("via", {}).get("host")
    return Access(
        source=source,
        address=own,
        port=port,
        interface=link.names[0],
        vlan=link.vlan,
        bridge=bridge,
        carriers=frozenset(_names(ports)),
        links=frozenset(_names(links)),
        addresses=frozenset(address for other in links for address in other.addresses),
        gateway=None if gateway is None else ip_address(gateway),
    )


def _names(links: Iterable[Link]) -> Iterator[str]:
    for link in links:
        yield from link.names


def _parse(text: str) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = json.loads(text)
    if not isinstance(found, list):
        raise ValueError("no list")
    return found
