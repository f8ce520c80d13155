"""The way in is followed in the new network: each edit of the spec with the hops where it ends, or none."""

import copy
import random
import shutil
import subprocess
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from hypothesis import event, given
from hypothesis import strategies as st

from hybridlab import Cluster, parse_spec, resolve
from hybridlab.diagnostic import SpecPath
from hybridlab.model.access import Access, Break, fingerprint
from hybridlab.model.network import Leg
from hybridlab.model.node import Host, Machine
from hybridlab.model.way import follow
from hybridlab.spec.load import load_spec
from patched import cluster
from strategies import Data, as_yaml, good_clusters

REPOSITORY = Path(__file__).parents[3]
EXAMPLE = (REPOSITORY / "cluster.yaml").read_text(encoding="utf-8")
# Of the example's one key; `ssh-keygen -lf` says so.
KEY = "SHA256:voB8yRM2d7mYQPIzqA7iCyFkW9ixffcEfOkwNm6wZeI"
OTHER_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ13vmbcMGysktDYedRkjN1smimItS++CBqWiYgg3s9t"
STRANGER = "SHA256:45b+umScTJsssAH17RLVq5AxYL59VAdnxDxqyu8d0JQ"


def way_to(
    of: Cluster,
    machine: Machine,
    leg: Leg,
    source: str,
    *,
    gateway: str | None = None,
    key: str | None = None,
) -> Access:
    """Return how `source` gets in to a machine that is as the cluster has it, at the address of `leg`."""
    of_host = isinstance(machine, Host)
    uplink = machine.uplink if isinstance(machine, Host) else leg.interface
    taps = {guest.identity.tap for guest in machine.guests} if isinstance(machine, Host) else set()
    names = {"lo", uplink, leg.interface, *taps, *([of.bridge] if of_host else [])}
    return Access(
        source=ip_address(source),
        address=leg.address,
        port=22,
        interface=leg.interface,
        vlan=leg.vlan.id if of_host else None,
        bridge=of.bridge if of_host else None,
        carriers=frozenset({uplink, *taps}),
        links=frozenset(names),
        addresses=frozenset(each.address for each in machine.legs),
        gateway=None if gateway is None else ip_address(gateway),
        key=key,
    )


def _leg(machine: Machine, vlan: str) -> Leg:
    return next(leg for leg in machine.legs if leg.vlan.name == vlan)


_NOW = resolve(load_spec(REPOSITORY / "cluster.yaml"))
_HOST, _GUEST = _NOW.machine("homelab"), _NOW.machine("k8s-worker-1")
_MANAGEMENT = way_to(_NOW, _HOST, _leg(_HOST, "management"), "10.0.10.50", key=KEY)
# In the services' VLAN, by way of the router.
_ROUTED = evolve(_MANAGEMENT, source=ip_address("10.0.20.50"), gateway=ip_address("10.0.10.1"))
_INSTALLER = evolve(  # a machine that was installed by hand: its card has the address, nothing is tagged
    _MANAGEMENT, interface="enp1s0", vlan=None, bridge=None, carriers=frozenset({"enp1s0"})
)
# From management over the router, as all guests of the example.
_TO_GUEST = way_to(_NOW, _GUEST, _leg(_GUEST, "services"), "10.0.10.50", gateway="10.0.20.1", key=KEY)
_IPV6 = """
  networks: {vlans: {management: {cidr: "fd00:10::/64", gateway: "fd00:10::1"}}}
  hosts: {homelab: {addresses: {management: "fd00:10::5"}}}
"""
_OVER_IPV6 = evolve(
    _MANAGEMENT,
    source=ip_address("fd00:10::50"),
    address=ip_address("fd00:10::5"),
    addresses=frozenset({ip_address("fd00:10::5"), ip_address("10.0.20.5")}),
)


def _follow(patch: str, access: Access, machine: str) -> tuple[Break, ...]:
    new = cluster(patch, EXAMPLE)
    return follow(new, new.machine(machine), access)


def _hops(patch: str, access: Access, machine: str = "homelab") -> list[str]:
    return [one.hop.value for one in _follow(patch, access, machine)]


_ANYWHERE = "admin: {sshFrom: null}"  # from all VLANs
_HOST_PATCHES: dict[str, tuple[str, Access, list[str]]] = {
    # what it stands on
    "nothing changes": ("", _MANAGEMENT, []),
    "nothing changes, routed": (_ANYWHERE, _ROUTED, []),
    "ssh is reached at another port": ("", evolve(_MANAGEMENT, port=2222), ["ssh port"]),
    # VLANs and gateways
    "id of the VLAN": ("networks: {vlans: {management: {id: 30}}}", _MANAGEMENT, ["VLAN"]),
    "id of the VLAN, routed": (
        "{admin: {sshFrom: null}, networks: {vlans: {management: {id: 30}}}}",
        _ROUTED,
        ["VLAN"],
    ),
    "id of another VLAN": ("networks: {vlans: {services: {id: 30}}}", _MANAGEMENT, []),
    "ids swapped": (
        "networks: {vlans: {management: {id: 20}, services: {id: 10}}}",
        _MANAGEMENT,
        ["VLAN"],
    ),
    "VLAN has another name": (
        """
        admin: {sshFrom: [lan]}
        networks: {vlans: {management: null, lan: {id: 10, cidr: 10.0.10.0/24, gateway: 10.0.10.1}}}
        hosts: {homelab: {addresses: {management: null, lan: 10.0.10.5}}}
        workloads: null
        """,
        _MANAGEMENT,
        [],
    ),
    "gateway, on the wire": ("networks: {vlans: {management: {gateway: 10.0.10.254}}}", _MANAGEMENT, []),
    "gateway, routed": (
        "{admin: {sshFrom: null}, networks: {vlans: {management: {gateway: 10.0.10.254}}}}",
        _ROUTED,
        ["way back"],
    ),
    "gateway removed, on the wire": ("networks: {vlans: {management: {gateway: null}}}", _MANAGEMENT, []),
    "gateway removed, routed": (
        "{admin: {sshFrom: null}, networks: {vlans: {management: {gateway: null}}}}",
        _ROUTED,
        ["way back"],
    ),
    "gateway of another VLAN, routed": (
        "{admin: {sshFrom: null}, networks: {vlans: {services: {gateway: 10.0.20.254}}}}",
        _ROUTED,
        [],
    ),
    "network excludes the deployer": (
        "networks: {vlans: {management: {cidr: 10.0.10.0/27}}}",
        _MANAGEMENT,
        ["firewall"],
    ),
    "network widened": ("networks: {vlans: {management: {cidr: 10.0.8.0/22}}}", _MANAGEMENT, []),
    "network widened over a routed deployer": (
        "networks: {vlans: {management: {cidr: 10.0.8.0/22}}}",
        evolve(_ROUTED, source=ip_address("10.0.9.7")),
        ["way back"],
    ),
    "a VLAN more": (
        "networks: {vlans: {lab: {id: 30, cidr: 10.0.30.0/24, gateway: 10.0.30.1}}}",
        _MANAGEMENT,
        [],
    ),
    # links
    "bridge renamed": ("networks: {bridge: br-lab}", _MANAGEMENT, ["bridge"]),
    "uplink that is not there": ("hosts: {homelab: {uplink: eno7}}", _MANAGEMENT, ["uplink"]),
    "uplink by its other name": (
        "hosts: {homelab: {uplink: enp0s31f6}}",
        evolve(
            _MANAGEMENT,
            carriers=_MANAGEMENT.carriers | {"enp0s31f6"},
            links=_MANAGEMENT.links | {"enp0s31f6"},
        ),
        [],
    ),
    "uplink that is another card": (
        "hosts: {homelab: {uplink: enp2s0}}",
        evolve(_MANAGEMENT, links=_MANAGEMENT.links | {"enp2s0"}),
        ["uplink"],
    ),
    "bridge and uplink": (
        "{networks: {bridge: br-lab}, hosts: {homelab: {uplink: eno7}}}",
        _MANAGEMENT,
        ["uplink", "bridge"],
    ),
    "first deployment, untagged": ("", _INSTALLER, ["switch port", "bridge"]),
    "first deployment, tagged without a bridge": (
        "",
        evolve(_INSTALLER, interface="enp1s0.10", vlan=10),
        ["bridge"],
    ),
    "VLAN's interface has another name": ("", evolve(_MANAGEMENT, interface="mgmt"), ["VLAN"]),
    # keys
    "key removed, another one is there": (f"admin: {{sshKeys: [{OTHER_KEY}]}}", _MANAGEMENT, ["ssh key"]),
    "key removed, another one is held": (
        f"admin: {{sshKeys: [{OTHER_KEY}]}}",
        evolve(_MANAGEMENT, held=frozenset({KEY, fingerprint(OTHER_KEY)})),
        [],
    ),
    "all keys removed": ("admin: {sshKeys: []}", _MANAGEMENT, ["ssh key"]),
    "all keys removed, key unknown": ("admin: {sshKeys: []}", evolve(_MANAGEMENT, key=None), ["ssh key"]),
    "key unknown": (f"admin: {{sshKeys: [{OTHER_KEY}]}}", evolve(_MANAGEMENT, key=None), []),
    "key unknown, and none is held": (
        "",
        evolve(_MANAGEMENT, key=None, held=frozenset({STRANGER})),
        ["ssh key"],
    ),
    "key added": (f"admin: {{sshKeys: [{_NOW.admin.ssh_keys[0]}, {OTHER_KEY}]}}", _MANAGEMENT, []),
    "keys in another order": (
        f"admin: {{sshKeys: [{OTHER_KEY}, {_NOW.admin.ssh_keys[0]}]}}",
        _MANAGEMENT,
        [],
    ),
    "key without its comment": (
        f"admin: {{sshKeys: [{_NOW.admin.ssh_keys[0].rpartition(' ')[0]}]}}",
        _MANAGEMENT,
        [],
    ),
    # firewall
    "ssh from another VLAN only": ("admin: {sshFrom: [services]}", _MANAGEMENT, ["firewall"]),
    "ssh from another VLAN only, routed from there": ("admin: {sshFrom: [services]}", _ROUTED, []),
    "ssh from one more VLAN": ("admin: {sshFrom: [management, services]}", _MANAGEMENT, []),
    "ssh from all VLANs": (_ANYWHERE, _MANAGEMENT, []),
    "ssh from no VLAN": ("admin: {sshFrom: []}", _MANAGEMENT, ["firewall"]),
    "deployer in a third VLAN": (
        "networks: {vlans: {lab: {id: 30, cidr: 10.0.30.0/24, gateway: 10.0.30.1}}}",
        evolve(_ROUTED, source=ip_address("10.0.30.7")),
        ["firewall"],
    ),
    "deployer in a third VLAN that may": (
        """
        admin: {sshFrom: [management, lab]}
        networks: {vlans: {lab: {id: 30, cidr: 10.0.30.0/24, gateway: 10.0.30.1}}}
        """,
        evolve(_ROUTED, source=ip_address("10.0.30.7")),
        [],
    ),
    "deployer in no VLAN": ("", evolve(_ROUTED, source=ip_address("192.168.1.9")), ["firewall"]),
    "deployer behind a router that hides it": ("", evolve(_MANAGEMENT, source=ip_address("10.0.10.1")), []),
    "narrowed, and no way back": (
        "networks: {vlans: {management: {gateway: null}}}",
        _ROUTED,
        ["firewall", "way back"],
    ),
    # addresses
    "address": ("hosts: {homelab: {addresses: {management: 10.0.10.6}}}", _MANAGEMENT, ["address"]),
    "address in another network": (
        """
        networks: {vlans: {management: {cidr: 10.0.11.0/24, gateway: 10.0.11.1}}}
        hosts: {homelab: {addresses: {management: 10.0.11.5}}}
        """,
        _MANAGEMENT,
        ["address"],
    ),
    "address of the other leg": ("hosts: {homelab: {addresses: {services: 10.0.20.6}}}", _MANAGEMENT, []),
    "leg removed": (
        "{admin: {sshFrom: null}, hosts: {homelab: {addresses: {management: null}}}}",
        _MANAGEMENT,
        ["address"],
    ),
    "other leg removed": (
        "{hosts: {homelab: {addresses: {services: null}, kubernetes: null}}, workloads: null}",
        _MANAGEMENT,
        [],
    ),
    # Kubernetes. Only the leg of Kubernetes has the rule for pods, but that one is asked of every packet.
    "pods over the deployer": ("kubernetes: {podCidr: 10.0.10.0/24}", _MANAGEMENT, ["way back"]),
    "pods over the deployer of a host that is no node": (
        "{kubernetes: {podCidr: 10.0.10.0/24}, hosts: {homelab: {kubernetes: null}}, workloads: null}",
        _MANAGEMENT,
        [],
    ),
    "services over the deployer": ("kubernetes: {serviceCidr: 10.0.10.0/24}", _MANAGEMENT, []),
    "VLAN of Kubernetes": (
        """
        kubernetes: {vlan: management}
        guests: {k8s-master: {vlan: management, address: 10.0.10.10},
          k8s-worker-1: {vlan: management, address: 10.0.10.11},
          k8s-worker-2: {vlan: management, address: 10.0.10.12}}
        """,
        _MANAGEMENT,
        [],
    ),
    "no Kubernetes": (
        """
        kubernetes: null
        workloads: null
        hosts: {homelab: {kubernetes: null}}
        guests: {k8s-master: {kubernetes: null}, k8s-worker-1: {kubernetes: null},
          k8s-worker-2: {kubernetes: null}}
        """,
        _MANAGEMENT,
        [],
    ),
    # what ssh has nothing to do with
    "admin renamed": ("admin: {user: somebody}", _MANAGEMENT, []),
    "GPU to nobody": ("{hosts: {homelab: {gpu: {mode: 'off'}}}, workloads: null}", _MANAGEMENT, []),
    "workloads": ("workloads: {ollama: {expose: {nodePort: 30022, from: [services]}}}", _MANAGEMENT, []),
    "resolvers": ("networks: {dns: [9.9.9.9]}", _MANAGEMENT, []),
    "guest removed": ("guests: {k8s-worker-2: null}", _MANAGEMENT, []),
    "guest added": (
        "guests: {extra: {host: homelab, vlan: services, address: 10.0.20.30, vcpus: 1, memory: 2GiB}}",
        _MANAGEMENT,
        [],
    ),
    "guest in another VLAN": (
        "guests: {k8s-worker-1: {vlan: management, address: 10.0.10.11, kubernetes: null}}",
        _MANAGEMENT,
        [],
    ),
    "guest's address": ("guests: {k8s-worker-1: {address: 10.0.20.21}}", _MANAGEMENT, []),
    # on the machine itself
    "deployer on the host": (
        "{admin: {sshFrom: [services]}, networks: {bridge: br-lab}}",
        evolve(_MANAGEMENT, source=ip_address("10.0.10.5")),
        [],
    ),
    "deployer on the host, whose address changes": (
        "hosts: {homelab: {addresses: {management: 10.0.10.6}}}",
        evolve(_MANAGEMENT, source=ip_address("10.0.10.5")),
        ["address"],
    ),
    "deployer on the host, over the loopback": (
        "hosts: {homelab: {addresses: {management: 10.0.10.6}}}",
        evolve(_MANAGEMENT, source=ip_address("127.0.0.1"), address=ip_address("127.0.0.1"), interface="lo"),
        [],
    ),
    "deployer on the host, key removed": (
        f"admin: {{sshKeys: [{OTHER_KEY}]}}",
        evolve(_MANAGEMENT, source=ip_address("::1"), address=ip_address("::1"), interface="lo"),
        ["ssh key"],
    ),
    # IPv6
    "over IPv6": (_IPV6, _OVER_IPV6, []),
    "over IPv6, from elsewhere": (
        _IPV6,
        evolve(_OVER_IPV6, source=ip_address("fd00:99::1"), gateway=ip_address("fd00:10::1")),
        ["firewall"],
    ),
    "IPv6 instead of IPv4": (_IPV6, _MANAGEMENT, ["address"]),
    "over a link-local address": (
        "",
        evolve(_MANAGEMENT, source=ip_address("fe80::1"), address=ip_address("fe80::2")),
        ["address"],
    ),
}


@pytest.mark.parametrize(("patch", "access", "hops"), _HOST_PATCHES.values(), ids=list(_HOST_PATCHES))
def test_the_way_to_a_host(patch: str, access: Access, hops: list[str]) -> None:
    assert _hops(patch, access) == hops


_GUEST_PATCHES: dict[str, tuple[str, Access, list[str]]] = {
    "nothing changes": ("", _TO_GUEST, []),
    "ssh from one more VLAN": ("admin: {sshFrom: null}", _TO_GUEST, []),
    "ssh from another VLAN only": ("admin: {sshFrom: [services]}", _TO_GUEST, ["firewall"]),
    "key removed": (f"admin: {{sshKeys: [{OTHER_KEY}]}}", _TO_GUEST, ["ssh key"]),
    "another address": ("guests: {k8s-worker-1: {address: 10.0.20.21}}", _TO_GUEST, []),
    "moved to the deployer's VLAN": (
        "guests: {k8s-worker-1: {vlan: management, address: 10.0.10.11, kubernetes: null}}",
        _TO_GUEST,
        [],
    ),
    "moved to a VLAN without a way out": (
        """
        networks: {vlans: {lab: {id: 30, cidr: 10.0.30.0/24}}}
        guests: {k8s-worker-1: {vlan: lab, address: 10.0.30.11, kubernetes: null}}
        """,
        _TO_GUEST,
        ["way back"],
    ),
    "moved to a VLAN with a router of its own": (
        """
        networks: {vlans: {lab: {id: 30, cidr: 10.0.30.0/24, gateway: 10.0.30.1}}}
        guests: {k8s-worker-1: {vlan: lab, address: 10.0.30.11, kubernetes: null}}
        """,
        _TO_GUEST,
        [],
    ),
    "id of its VLAN": ("networks: {vlans: {services: {id: 30}}}", _TO_GUEST, ["VLAN"]),
    "id of the deployer's VLAN": ("networks: {vlans: {management: {id: 30}}}", _TO_GUEST, []),
    "gateway": ("networks: {vlans: {services: {gateway: 10.0.20.254}}}", _TO_GUEST, ["way back"]),
    "gateway, where the router announces itself": (
        "networks: {vlans: {services: {gateway: 10.0.20.254}}}",
        evolve(_TO_GUEST, gateway=ip_address("fe80::1")),
        [],
    ),
    "gateway removed": ("networks: {vlans: {services: {gateway: null}}}", _TO_GUEST, ["way back"]),
    "gateway removed, on the wire": (
        "{admin: {sshFrom: null}, networks: {vlans: {services: {gateway: null}}}}",
        evolve(_TO_GUEST, source=ip_address("10.0.20.50"), gateway=None),
        [],
    ),
    "pods over the deployer": ("kubernetes: {podCidr: 10.0.10.0/24}", _TO_GUEST, ["way back"]),
    "on another host": (
        """
        hosts: {second: {uplink: eno1, addresses: {management: 10.0.10.6, services: 10.0.20.6},
          cpus: 8, memory: 32GiB}}
        guests: {k8s-worker-1: {host: second}}
        """,
        _TO_GUEST,
        [],
    ),
    # Told when its host is followed.
    "bridge renamed": ("networks: {bridge: br-lab}", _TO_GUEST, []),
}


@pytest.mark.parametrize(("patch", "access", "hops"), _GUEST_PATCHES.values(), ids=list(_GUEST_PATCHES))
def test_the_way_to_a_guest(patch: str, access: Access, hops: list[str]) -> None:
    assert _hops(patch, access, "k8s-worker-1") == hops


def test_a_host_with_another_name_is_the_same_at_its_address() -> None:
    text = EXAMPLE.replace("homelab:", "tower:").replace("host: homelab", "host: tower")
    new = resolve(parse_spec(text))
    assert follow(new, new.machine("tower"), _MANAGEMENT) == ()


_PLACES = {
    "networks: {vlans: {management: {id: 30}}}": ("networks", "vlans", "management", "id"),
    "networks: {vlans: {management: {cidr: 10.0.10.0/27}}}": ("networks", "vlans", "management", "cidr"),
    "networks: {bridge: br-lab}": ("networks", "bridge"),
    "hosts: {homelab: {uplink: eno7}}": ("hosts", "homelab", "uplink"),
    "hosts: {homelab: {addresses: {management: 10.0.10.6}}}": ("hosts", "homelab", "addresses", "management"),
    "admin: {sshFrom: [services]}": ("admin", "sshFrom"),
    "kubernetes: {podCidr: 10.0.10.0/24}": ("kubernetes", "podCidr"),
}


@pytest.mark.parametrize(("patch", "place"), _PLACES.items(), ids=list(_PLACES))
def test_a_break_is_where_its_value_is_written(patch: str, place: tuple[str, ...]) -> None:
    new = cluster(patch, EXAMPLE)
    (found,) = follow(new, new.machine("homelab"), _MANAGEMENT)
    assert found.path == SpecPath.of(*place)
    assert new.source.locate(found.path) is not None


def test_a_break_names_both_sides() -> None:
    (found,) = _follow("networks: {vlans: {management: {id: 30}}}", _MANAGEMENT, "homelab")
    assert found.message == "frames of VLAN 'management' come tagged with 10 now, and are to come with 30"
    (found,) = _follow("hosts: {homelab: {uplink: eno7}}", _MANAGEMENT, "homelab")
    wanted = "host 'homelab' has no link 'eno7', the uplink of the spec: frames come over 'enp1s0' now"
    assert found.message == wanted


def test_one_value_makes_one_break_on_all_machines_alike() -> None:
    patch = "{admin: {sshFrom: [services]}}"
    at_guest = evolve(_TO_GUEST, source=_MANAGEMENT.source)
    assert _follow(patch, _MANAGEMENT, "homelab") == _follow(patch, at_guest, "k8s-worker-1")


@pytest.mark.parametrize("key", [_NOW.admin.ssh_keys[0], OTHER_KEY])
def test_fingerprints_are_those_of_ssh_keygen(key: str) -> None:
    if shutil.which("ssh-keygen") is None:
        pytest.skip("ssh-keygen is not here: install openssh-client (Debian)")
    said = subprocess.run(["ssh-keygen", "-lf", "-"], input=key, capture_output=True, text=True, check=True)
    assert fingerprint(key) == said.stdout.split()[1]


@st.composite
def ways(draw: st.DrawFn) -> tuple[Data, str, Access]:
    """A good cluster, one of its machines, and a way in as it is: from any VLAN, at any of its addresses."""
    data = draw(good_clusters(most_guests=6))
    vlans = sorted(data["networks"]["vlans"])
    if draw(st.booleans()):
        data["admin"]["sshFrom"] = draw(st.permutations(vlans))
    now = resolve(parse_spec(as_yaml(data)))
    machine = draw(st.sampled_from(now.machines))
    leg = draw(st.sampled_from(machine.legs))
    home = draw(st.sampled_from(now.admin.vlans))
    source = home.network[draw(st.integers(1000, home.network.num_addresses - 2))]
    routed = home != leg.vlan
    event(f"{type(machine).__name__}, {'routed' if routed else 'on the wire'}")
    key = fingerprint(now.admin.ssh_keys[0])
    gateway = str(leg.vlan.gateway) if routed else None
    return data, machine.name, way_to(now, machine, leg, str(source), gateway=gateway, key=key)


@given(ways())
def test_a_cluster_as_it_is_lets_in_who_is_in(way: tuple[Data, str, Access]) -> None:
    data, name, access = way
    new = resolve(parse_spec(as_yaml(data)))
    assert follow(new, new.machine(name), access) == ()


@given(ways(), st.randoms(use_true_random=False))
def test_edits_elsewhere_cut_no_way(way: tuple[Data, str, Access], source: random.Random) -> None:
    """Whatever is edited but admin, networks and the machine's own entry."""
    data, name, access = way
    new = resolve(parse_spec(as_yaml(_edited(data, name, source))))
    assert follow(new, new.machine(name), access) == ()


def _edited(data: Data, name: str, source: random.Random) -> Data:
    edited: dict[str, Any] = copy.deepcopy(data)
    others = [guest for guest in edited["guests"] if guest != name]
    for guest in others:
        if source.random() < 0.4:
            del edited["guests"][guest]
    vlan = source.choice(sorted(edited["networks"]["vlans"]))
    host = source.choice(sorted(edited["hosts"]))
    index = list(edited["networks"]["vlans"]).index(vlan)
    extra = {"host": host, "vlan": vlan, "address": f"10.{index}.3.232", "vcpus": 1, "memory": "2GiB"}
    edited["guests"]["an-extra-guest"] = extra
    for other, entry in edited["hosts"].items():
        if other != name and source.random() < 0.5:
            entry["uplink"] = "eno9"
    edited["nixos"]["release"] = source.choice(["25.11", "26.05"])
    if "kubernetes" in edited:
        edited["kubernetes"]["podCidr"] = source.choice(["10.128.0.0/12", "172.20.0.0/16"])
        if source.random() < 0.5:
            del edited["workloads"]
    return edited
