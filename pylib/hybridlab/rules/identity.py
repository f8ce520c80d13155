"""What tells machines apart besides addresses: names, MAC addresses, vsock CIDs, machine ids."""

import re
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address

from hybridlab.diagnostic import Severity, SpecPath
from hybridlab.model.cluster import Cluster
from hybridlab.model.node import Guest, Host
from hybridlab.rules.rule import Example, Finding, rule
from hybridlab.rules.uses import Use, conflict, used_again

_KEYS = {"mac": "mac", "cid": "cid", "machine_id": "machineId"}


def _uses(guests: Iterable[Guest], part: str) -> Iterator[Use]:
    """Yield who has which `part` of an identity; derived ones first, so that pinned ones are reported."""
    for guest in sorted(guests, key=lambda guest: part in guest.identity.pinned):
        pinned = part in guest.identity.pinned
        path = guest.path / _KEYS[part] if pinned else guest.path
        yield Use(getattr(guest.identity, part), str(guest), path)


def _conflicts(guests: Iterable[Guest], part: str, what: str) -> Iterator[Finding]:
    key = _KEYS[part]
    for earlier, use in used_again(_uses(guests, part)):
        # Pinned ones come last: if this one is derived, so is the other.
        derived = use.path[-1] != key
        hint = f"give one of them a key {key!r}" if derived else f"remove the key {key!r} of one of them"
        yield conflict(earlier, use, what.format(use.value), hint, on_key=derived)


@rule(
    "ID001",
    "duplicate-mac",
    summary="Two guests have the same MAC address.",
    rationale="""The bridges of all hosts are one Ethernet per VLAN: with the same address twice, each frame
        goes to whoever sent last.""",
    source="IEEE 802.1D, section 7.8 (bridges learn where an address is from who sent last)",
    bad=Example(
        """
        guests:
          k8s-master: {mac: "02:00:00:00:00:01"}
          k8s-worker-1: {mac: "02:00:00:00:00:01"}
        """,
        at=SpecPath.of("guests", "k8s-worker-1", "mac"),
    ),
    good="""
        guests:
          k8s-master: {mac: "02:00:00:00:00:01"}
          k8s-worker-1: {mac: "02:00:00:00:00:02"}
    """,
)
def duplicate_mac(cluster: Cluster) -> Iterable[Finding]:
    return _conflicts(cluster.guests, "mac", "have MAC address {}")


@rule(
    "ID002",
    "universal-mac",
    severity=Severity.WARNING,
    summary="A guest has a MAC address that belongs to a manufacturer.",
    rationale="""Addresses without the bit 'locally administered' are given out with hardware: some device on
        the network may have this one.""",
    source="IEEE 802 (the U/L bit of an address); the addresses that hybridlab derives begin with 02",
    bad=Example(
        """
        guests:
          k8s-worker-1: {mac: "00:1b:21:00:00:01"}
        """,
        at=SpecPath.of("guests", "k8s-worker-1", "mac"),
    ),
    good="""
        guests:
          k8s-worker-1: {mac: "02:1b:21:00:00:01"}
    """,
)
def universal_mac(cluster: Cluster) -> Iterable[Finding]:
    for guest in cluster.guests:
        mac = guest.identity.mac
        if not int(mac[:2], 16) & 2:
            local = f"{int(mac[:2], 16) | 2:02x}{mac[2:]}"
            yield Finding(
                f"{guest} has MAC address {mac}, which belongs to a manufacturer",
                guest.path / "mac",
                f"remove the key 'mac', or set the second bit of the first byte: {local}",
            )


@rule(
    "ID003",
    "duplicate-cid",
    summary="Two guests of a host have the same vsock CID.",
    rationale="The kernel refuses the second one (EADDRINUSE), and that guest does not start.",
    source="microvm-nix/microvm.nix#378; vsock(7)",
    bad=Example(
        """
        guests:
          k8s-master: {cid: 10}
          k8s-worker-1: {cid: 10}
        """,
        at=SpecPath.of("guests", "k8s-worker-1", "cid"),
    ),
    good="""
        guests:
          k8s-master: {cid: 10}
          k8s-worker-1: {cid: 11}
    """,
)
def duplicate_cid(cluster: Cluster) -> Iterable[Finding]:
    for host in cluster.hosts:
        yield from _conflicts(host.guests, "cid", f"have vsock CID {{}} on {host}")


@rule(
    "ID004",
    "duplicate-machine-id",
    summary="Two guests have the same machine id.",
    rationale="""systemd makes DHCP identities and the names of journals of it, and the kubelet reports it
        as the node's: two machines look like one to whatever goes by it.""",
    source="machine-id(5): the id must be unique",
    bad=Example(
        """
        guests:
          k8s-master: {machineId: 0123456789abcdef0123456789abcdef}
          k8s-worker-1: {machineId: 0123456789abcdef0123456789abcdef}
        """,
        at=SpecPath.of("guests", "k8s-worker-1", "machineId"),
    ),
    good="""
        guests:
          k8s-worker-1: {machineId: 0123456789abcdef0123456789abcdef}
    """,
)
def duplicate_machine_id(cluster: Cluster) -> Iterable[Finding]:
    return _conflicts(cluster.guests, "machine_id", "have machine id {}")


@rule(
    "ID005",
    "reserved-machine-name",
    summary="A machine is called localhost.",
    rationale="""Every machine's own hosts file has that name for 127.0.0.1 and ::1, so it is never reached
        by it, and NixOS would give it two meanings in one file.""",
    source="RFC 6761, section 6.3; nixpkgs, nixos/modules/config/networking.nix",
    bad=Example(
        """
        guests:
          localhost: {host: homelab, vlan: services, address: 10.0.20.30, vcpus: 1, memory: 1GiB}
        """,
        at=SpecPath.of("guests", "localhost"),
    ),
    good="""
        guests:
          local: {host: homelab, vlan: services, address: 10.0.20.30, vcpus: 1, memory: 1GiB}
    """,
)
def reserved_machine_name(cluster: Cluster) -> Iterable[Finding]:
    for machine in cluster.machines:
        if machine.name == "localhost":
            message = f"{machine} has the name that every machine has for itself"
            yield Finding(message, machine.path, "give it another name", on_key=True)


# What the C library reads as an IPv4 address of one number: decimal, octal or hexadecimal (inet_aton(3)).
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]+")


@rule(
    "ID006",
    "number-as-name",
    severity=Severity.WARNING,
    summary="A machine is called by a number.",
    rationale="""The C library takes a number for an address before it looks into any hosts file: `ssh 10`
        goes to 0.0.0.10. What is written in Go looks for the name, so some programs find the machine and
        others do not.""",
    source="inet_aton(3); getaddrinfo(3); RFC 1123, section 2.1 (names and addresses are told apart)",
    bad=Example(
        """
        guests:
          "10": {host: homelab, vlan: services, address: 10.0.20.30, vcpus: 1, memory: 1GiB}
        """,
        at=SpecPath.of("guests", "10"),
    ),
    good="""
        guests:
          vm-10: {host: homelab, vlan: services, address: 10.0.20.30, vcpus: 1, memory: 1GiB}
    """,
)
def number_as_name(cluster: Cluster) -> Iterable[Finding]:
    for machine in cluster.machines:
        if _NUMBER.fullmatch(machine.name) and (number := _value(machine.name)) < 2**32:
            message = f"{machine} has a name that programs take for the address {IPv4Address(number)}"
            kind = "host" if isinstance(machine, Host) else "vm"
            yield Finding(message, machine.path, f"did you mean '{kind}-{machine.name}'?", on_key=True)


def _value(name: str) -> int:
    """Return the number that strtoul(3) reads, in the base that its beginning says; 2^32 if it is none."""
    base = 16 if name.startswith("0x") else 8 if name.startswith("0") and name != "0" else 10
    try:
        return int(name, base)
    except ValueError:
        return 2**32
