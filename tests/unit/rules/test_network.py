"""Addresses, networks, interfaces and identities: boundaries, IPv6, several hosts, and one cause once."""

import socket

import pytest

from patched import cluster, report

SECOND_HOST = """
  second:
    uplink: enp1s0
    addresses: {management: 10.0.10.6, services: 10.0.20.6}
    cpus: 8
    memory: 32GiB
"""
WEB = "host: homelab, vcpus: 1, memory: 1GiB"
OTHER_WEB = "host: second, vlan: services, address: 10.0.20.30, vcpus: 1, memory: 1GiB"
IPV6 = """
networks:
  vlans:
    six: {id: 60, cidr: "fd00:60::/64", gateway: "fd00:60::1"}
    pair: {id: 61, cidr: "fd00:61::/127"}
"""

CASES = {
    "a machine has the gateway's address": (
        "guests: {k8s-worker-1: {address: 10.0.20.1}}",
        [("NET001", "guests.k8s-worker-1.address")],
    ),
    "a host and a guest have one address": (
        "guests: {k8s-worker-1: {address: 10.0.20.5}}",
        [("NET001", "guests.k8s-worker-1.address")],
    ),
    "three have one address: one finding for each that is too many": (
        "guests: {k8s-master: {address: 10.0.20.5}, k8s-worker-1: {address: 10.0.20.5}}",
        [("NET001", "guests.k8s-master.address"), ("NET001", "guests.k8s-worker-1.address")],
    ),
    "machines of two hosts have one address": (
        f"hosts: {SECOND_HOST}\nguests: {{web: {{{OTHER_WEB}}}, k8s-worker-1: {{address: 10.0.20.30}}}}",
        [("NET001", "guests.web.address")],
    ),
    "IPv6: the same address in two spellings": (
        f"""{IPV6}
guests:
  one: {{{WEB}, vlan: six, address: "fd00:60::10"}}
  two: {{{WEB}, vlan: six, address: "fd00:60:0:0::0010"}}
""",
        [("NET001", "guests.two.address")],
    ),
    "IPv6: every address but the first is a machine's": (
        f"""{IPV6}
guests:
  last: {{{WEB}, vlan: six, address: "fd00:60::ffff:ffff:ffff:ffff"}}
  pair-0: {{{WEB}, vlan: pair, address: "fd00:61::"}}
  pair-1: {{{WEB}, vlan: pair, address: "fd00:61::1"}}
""",
        [],
    ),
    "IPv6: the subnet-router anycast address": (
        f'{IPV6}\nguests: {{web: {{{WEB}, vlan: six, address: "fd00:60::"}}}}',
        [("NET002", "guests.web.address")],
    ),
    "IPv4: both addresses of a /31": (
        f"""
networks: {{vlans: {{pair: {{id: 61, cidr: 10.9.0.0/31, gateway: 10.9.0.0}}}}}}
guests: {{web: {{{WEB}, vlan: pair, address: 10.9.0.1}}}}
""",
        [],
    ),
    "IPv4: first and last of a /30": (
        f"""
networks: {{vlans: {{four: {{id: 61, cidr: 10.9.0.0/30, gateway: 10.9.0.0}}}}}}
guests: {{web: {{{WEB}, vlan: four, address: 10.9.0.3}}}}
""",
        [("NET002", "guests.web.address"), ("NET002", "networks.vlans.four.gateway")],
    ),
    "a host's address is in no VLAN": (
        "hosts: {homelab: {addresses: {management: 192.168.1.5}}}",
        [("NET003", "hosts.homelab.addresses.management")],
    ),
    "a gateway outside of its VLAN": (
        "networks: {vlans: {services: {gateway: 10.0.30.1}}}",
        [("NET003", "networks.vlans.services.gateway")],
    ),
    "IPv6 address in an IPv4 VLAN": (
        'guests: {k8s-worker-1: {address: "fd00::11"}}',
        [("NET003", "guests.k8s-worker-1.address")],
    ),
    "resolvers may be anywhere": ("networks: {dns: [10.0.20.1, 10.0.20.1, 9.9.9.9, 10.0.20.99]}", []),
    "two VLANs with one network": (
        """
networks: {vlans: {other: {id: 30, cidr: 10.0.20.0/24}}}
""",
        [("NET004", "networks.vlans.other.cidr")],
    ),
    "pods and services in one network: the services' is reported": (
        "kubernetes: {podCidr: 10.96.0.0/12}",
        [("NET004", "kubernetes.serviceCidr")],
    ),
    "one network holds all others: one finding": (
        "kubernetes: {podCidr: 10.0.0.0/8}",
        [("NET004", "kubernetes.podCidr")],
    ),
    "networks side by side": (
        "networks: {vlans: {next: {id: 30, cidr: 10.0.21.0/24}, before: {id: 31, cidr: 10.0.19.0/24}}}",
        [],
    ),
    "IPv4 and IPv6 never overlap": (
        'networks: {vlans: {six: {id: 60, cidr: "a00:1400::/24"}}}',
        [],
    ),
    "everything is no network": (
        "networks: {vlans: {all: {id: 60, cidr: 0.0.0.0/0}}}",
        [("NET005", "networks.vlans.all.cidr")],
    ),
    "everything is no other network either": (
        "networks: {others: {all: 0.0.0.0/0, six: '::/0'}}",
        [("NET005", "networks.others.all"), ("NET005", "networks.others.six")],
    ),
    "a network of one address, and a gateway": (
        "networks: {vlans: {tiny: {id: 60, cidr: 10.9.0.5/32, gateway: 10.9.0.1}}}",
        [("NET003", "networks.vlans.tiny.cidr")],
    ),
    "a network of one address, which somebody has": (
        "networks: {vlans: {tiny: {id: 60, cidr: 10.9.0.5/32, gateway: 10.9.0.5}}}",
        [],
    ),
    "link-local network": (
        'networks: {vlans: {local: {id: 60, cidr: "fe80::/64"}}}',
        [("NET005", "networks.vlans.local.cidr")],
    ),
    "three VLANs with one id": (
        "networks: {vlans: {a: {id: 10, cidr: 10.1.0.0/24}, b: {id: 10, cidr: 10.2.0.0/24}}}",
        [("NET006", "networks.vlans.b.id"), ("NET006", "networks.vlans.management.id")],
    ),
    "a guest that is no node may have no way out": (
        f"""
networks: {{vlans: {{iot: {{id: 60, cidr: 10.9.0.0/24}}}}}}
guests: {{web: {{{WEB}, vlan: iot, address: 10.9.0.2}}}}
""",
        [],
    ),
    "a host without a gateway": (
        "networks: {vlans: {management: {gateway: null}, services: {gateway: null}}}",
        [("NET007", "networks.vlans.management"), ("NET007", "networks.vlans.services")],
    ),
    "a leg's name of 15 characters": ("networks: {bridge: twelve-chars}", []),
    "a leg's name of 16 characters": ("networks: {bridge: thirteen-char}", [("NET008", "networks.bridge")]),
    "a long bridge on which no host has a leg": (
        "networks: {bridge: twelve-chars, vlans: {big: {id: 4094, cidr: 10.9.0.0/24}}}",
        [],
    ),
    "the uplink is called like the bridge": (
        "hosts: {homelab: {uplink: br0}}",
        [("NET009", "hosts.homelab.uplink")],
    ),
    "the uplink is the pods' bridge": (
        "hosts: {homelab: {uplink: cni0}}",
        [("NET010", "hosts.homelab.uplink")],
    ),
    "the uplink is a tunnel of the pods": (
        "hosts: {homelab: {uplink: flannel.1}}",
        [("NET010", "hosts.homelab.uplink")],
    ),
    "a tap is called like a leg": (
        "guests: {k8s-worker-1: {tap: br0.20}}",
        [("NET009", "guests.k8s-worker-1.tap")],
    ),
    "a pinned tap is called like a derived one": (
        "guests: {k8s-master: {tap: vm-k8s-worker-1}}",
        [("NET009", "guests.k8s-master.tap")],
    ),
    "a tap of another host": (
        f"""
hosts: {SECOND_HOST}
guests: {{web: {{{OTHER_WEB}, tap: vm-k8s-worker-1}}}}
""",
        [],
    ),
    "names of the pod network on a host that is no node": (
        f"""
hosts: {SECOND_HOST}
guests: {{web: {{{OTHER_WEB}, tap: veth0}}}}
""",
        [],
    ),
    "the bridge is the loopback": ("networks: {bridge: lo}", [("NET010", "networks.bridge")]),
    "legs are called after the bridge: one finding": (
        "networks: {bridge: cni0}",
        [("NET010", "networks.bridge")],
    ),
    "the bridge is the pods'": ("networks: {bridge: mynet}", [("NET010", "networks.bridge")]),
    "the same MAC address in two spellings, on two hosts": (
        f"""
hosts: {SECOND_HOST}
guests:
  k8s-master: {{mac: "02:AB:00:00:00:01"}}
  web: {{{OTHER_WEB}, mac: "02:ab:00:00:00:01"}}
""",
        [("ID001", "guests.web.mac")],
    ),
    "the same CID on two hosts": (
        f"""
hosts: {SECOND_HOST}
guests:
  k8s-master: {{cid: 7}}
  web: {{{OTHER_WEB}, cid: 7}}
""",
        [],
    ),
    "the same machine id on two hosts": (
        f"""
hosts: {SECOND_HOST}
guests:
  k8s-master: {{machineId: 0123456789abcdef0123456789abcdef}}
  web: {{{OTHER_WEB}, machineId: 0123456789abcdef0123456789abcdef}}
""",
        [("ID004", "guests.web.machineId")],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_finds(case: str) -> None:
    patch, expected = CASES[case]
    assert sorted((d.code, str(d.path)) for d in report(patch)) == sorted(expected)


HINTS = {
    "the next unused address": (
        "guests: {k8s-worker-1: {address: 10.0.20.10}}",
        "give one of them another address: 10.0.20.11 is unused",
    ),
    "another one for each": (
        "guests: {k8s-worker-1: {address: 10.0.20.5}, k8s-master: {address: 10.0.20.5}}",
        "give one of them another address: 10.0.20.7 is unused",
    ),
    "the last address": (
        "guests: {k8s-worker-1: {address: 10.0.20.253}, k8s-master: {address: 10.0.20.253}}",
        "give one of them another address: 10.0.20.254 is unused",
    ),
    "no address is left": (
        "guests: {k8s-worker-1: {address: 10.0.20.254}, k8s-master: {address: 10.0.20.254}}",
        "give one of them another address",
    ),
    "the VLAN that holds the address": (
        "guests: {k8s-worker-1: {address: 10.0.10.7}}",
        "10.0.10.7 is in VLAN 'management': take that VLAN, or an address of 10.0.20.0/24",
    ),
    "the other version of IP": (
        'guests: {k8s-worker-1: {address: "fd00::11"}}',
        "VLAN 'services' is IPv4: take an address of 10.0.20.0/24",
    ),
    "the addresses that a machine can have": (
        "guests: {k8s-worker-1: {address: 10.0.20.0}}",
        "take one from 10.0.20.1 to 10.0.20.254",
    ),
    "a MAC address of one's own": (
        'guests: {k8s-worker-1: {mac: "f8:1b:21:00:00:01"}}',
        "remove the key 'mac', or set the second bit of the first byte: fa:1b:21:00:00:01",
    ),
    "how long the bridge's name may be": (
        "networks: {bridge: thirteen-char}",
        "give the bridge a name of at most 12 characters",
    ),
    "a network that is free": ("kubernetes: {podCidr: 10.96.0.0/16}", "10.43.0.0/16 is free"),
    "not one that anything else has": (
        "kubernetes: {podCidr: 10.0.0.0/8}\nnetworks: {vlans: {x: {id: 30, cidr: 10.244.7.0/24}}}",
        "10.42.0.0/16 is free",
    ),
    "not one that a VLAN has": (
        "networks: {vlans: {pods: {id: 30, cidr: 10.244.0.0/16}}}",
        "10.42.0.0/16 is free",
    ),
}


@pytest.mark.parametrize("case", HINTS)
def test_suggests(case: str) -> None:
    patch, hint = HINTS[case]
    *_, found = report(patch)
    assert found.hint == hint


def test_names_both_sides_with_the_first_use_as_the_related_place() -> None:
    found = report("guests: {k8s-master: {address: 10.0.20.5}, k8s-worker-1: {address: 10.0.20.5}}")
    assert [d.message for d in found] == [
        "guest 'k8s-master' and host 'homelab' both have address 10.0.20.5",
        "guest 'k8s-worker-1' and host 'homelab' both have address 10.0.20.5",
    ]
    assert {str(d.related[0].path) for d in found} == {"hosts.homelab.addresses.services"}
    assert all(d.related[0].span is not None for d in found)


@pytest.mark.parametrize(
    ("address", "kind"), [("fd00:60::", "subnet-router anycast"), ("10.0.20.0", "network")]
)
def test_names_the_kind_of_a_reserved_address(address: str, kind: str) -> None:
    vlan = "six" if ":" in address else "services"
    (found,) = report(f'{IPV6}\nguests: {{web: {{{WEB}, vlan: {vlan}, address: "{address}"}}}}')
    assert f"which is the {kind} address of VLAN {vlan!r}" in found.message


def test_a_network_that_holds_several_names_each() -> None:
    (found,) = report("kubernetes: {podCidr: 10.0.0.0/8}")
    assert found.message == (
        "the network of pods (10.0.0.0/8) overlaps VLAN 'management' (10.0.10.0/24), VLAN 'services' "
        "(10.0.20.0/24) and the network of services (10.96.0.0/12)"
    )


@pytest.mark.parametrize(
    ("part", "key", "code"),
    [("mac", "mac", "ID001"), ("cid", "cid", "ID003"), ("machine_id", "machineId", "ID004")],
)
def test_reports_who_pins_what_another_guest_derives(part: str, key: str, code: str) -> None:
    derived = {guest.name: guest.identity for guest in cluster("").guests}
    value = getattr(derived["k8s-worker-1"], part)
    (found,) = report(f"guests: {{k8s-master: {{{key}: {value if part == 'cid' else f'{value!r}'}}}}}")
    assert (found.code, str(found.path)) == (code, f"guests.k8s-master.{key}")
    assert str(found.related[0].path) == "guests.k8s-worker-1"
    assert found.hint == f"remove the key {key!r} of one of them"


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("10", "0.0.0.10"),
        ("0", "0.0.0.0"),
        ("010", "0.0.0.8"),
        ("4294967295", "255.255.255.255"),
        ("0x7f000001", "127.0.0.1"),
        # No numbers to the C library: too large, not octal, not hexadecimal, letters and more.
        ("4294967296", None),
        ("08", None),
        ("0x", None),
        ("0xg", None),
        ("1a", None),
        ("10-0", None),
    ],
)
def test_names_that_are_numbers(name: str, address: str | None) -> None:
    found = report(f'guests: {{"{name}": {{{WEB}, vlan: services, address: 10.0.20.30}}}}')
    assert [(d.code, str(d.path)) for d in found] == (
        [] if address is None else [("ID006", f"guests.{name}")]
    )
    try:
        read = socket.inet_ntoa(socket.inet_aton(name))
    except OSError:
        read = None
    assert read == address
    assert all(str(address) in d.message for d in found)


BRIDGES = ("docker0", "virbr0", "br1", "br-3f2a91c0d5e7", "br-lan", "vmbr0", "lxdbr0", "incusbr0", "podman1")
OTHERS = ("wlp2s0", "wwan0", "wg0", "tun0", "tailscale0", "enp1s0.20", "vlan20", "vnet0", "tap0", "dummy0")


@pytest.mark.parametrize("name", [*BRIDGES, *OTHERS])
def test_what_can_not_carry_vlans_is_no_uplink(name: str) -> None:
    (found,) = report(f"hosts: {{homelab: {{uplink: {name}}}}}")
    assert (found.code, str(found.path)) == ("NET019", "hosts.homelab.uplink")


@pytest.mark.parametrize("name", ["eno1", "enp1s0", "enx0123456789ab", "eth0", "bond0", "team0", "broad0"])
def test_what_may_carry_vlans_is_an_uplink(name: str) -> None:
    assert list(report(f"hosts: {{homelab: {{uplink: {name}}}}}")) == []


@pytest.mark.parametrize(
    ("cidr", "gateway", "meant"),
    [("10.9.0.5/32", "10.9.0.1", "10.9.0.0/24"), ('"fd09::5/128"', '"fd09::1"', "fd09::/64")],
)
def test_a_network_of_one_address_has_no_room(cidr: str, gateway: str, meant: str) -> None:
    (found,) = report(f"networks: {{vlans: {{tiny: {{id: 60, cidr: {cidr}, gateway: {gateway}}}}}}}")
    assert "a network of one address, which has no room for the gateway of VLAN 'tiny'" in found.message
    assert found.hint == f"did you mean {meant}?"
