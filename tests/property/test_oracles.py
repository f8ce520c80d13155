"""Rules against the dullest way to find the same: all pairs, all ports, all placements, on small clusters.

How many examples is the profile's business (tests/conftest.py): no test here says it.
"""

import itertools
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

from hypothesis import event, given
from hypothesis import strategies as st

from emitted import emitted
from hybridlab import parse_spec, resolve
from hybridlab.diagnostic import Diagnostic
from hybridlab.model.cluster import Cluster
from hybridlab.rules.registry import ALL_RULES
from strategies import RECIPIENTS, Data, as_yaml

Address = IPv4Address | IPv6Address

BASE: Data = {
    "apiVersion": "hybridlab/v1",
    "name": "lab",
    "nixos": {"release": "26.05", "stateVersion": "26.05"},
    "admin": {
        "user": "me",
        "sshKeys": ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJHqiovr6I27uUTJMT+2wzgMMgEq20O2Ie9H0SLjIW9o"],
    },
}


def found_by(cluster: Cluster, *codes: str) -> list[Diagnostic]:
    """Return what the rules of these codes find, each finding for itself."""
    return [found for rule in ALL_RULES if rule.code in codes for found in rule.check(cluster)]


def paths(found: Iterable[Diagnostic], code: str) -> set[str]:
    return {str(d.path) for d in found if d.code == code}


# Few networks and few addresses: most of what is drawn collides with something.
NETWORKS = (
    *(
        "10.0.0.0/28",
        "10.0.0.0/29",
        "10.0.0.0/30",
        "10.0.0.4/30",
        "10.0.0.8/30",
        "10.0.0.12/31",
        "10.0.0.14/31",
    ),
    *("fd00::/124", "fd00::/125", "fd00::/126", "fd00::4/126", "fd00::8/126", "fd00::c/127", "fd00::e/127"),
)
ADDRESSES = (
    *(f"10.0.0.{n}" for n in range(16)),
    *(f"fd00::{n:x}" for n in range(16)),
    "fe80::1",
    "169.254.0.1",
)


@st.composite
def address_plans(draw: st.DrawFn) -> Data:
    """A cluster without Kubernetes, in which hardly anything is where it belongs."""
    # Mostly of the VLAN, or nothing would ever be right.
    anywhere = st.sampled_from(ADDRESSES)

    def address(cidr: str) -> str:
        inside = st.sampled_from([str(one) for one in ip_network(cidr)])
        return draw(inside | inside | anywhere)

    vlans: Data = {}
    for number in range(draw(st.integers(1, 3))):
        cidr = draw(st.sampled_from(NETWORKS))
        vlan: Data = {"id": number + 1, "cidr": cidr}
        if draw(st.booleans()):
            vlan["gateway"] = address(cidr)
        if draw(st.booleans()):
            vlan["dhcp"] = {"from": address(cidr), "to": address(cidr)}
        vlan["devices"] = {f"d{n}": address(cidr) for n in range(draw(st.integers(0, 3)))}
        vlans[f"v{number}"] = vlan
    hosts = {
        f"h{n}": {
            "uplink": "eth0",
            "addresses": {name: address(vlan["cidr"]) for name, vlan in vlans.items() if draw(st.booleans())},
            "cpus": 4,
            "memory": "64GiB",
        }
        for n in range(draw(st.integers(1, 2)))
    }
    guests: Data = {}
    for n in range(draw(st.integers(0, 4))):
        vlan_name = draw(st.sampled_from(sorted(vlans)))
        guests[f"g{n}"] = {
            "host": "h0",
            "vlan": vlan_name,
            "address": address(vlans[vlan_name]["cidr"]),
            "vcpus": 1,
            "memory": "1GiB",
        }
    others = {f"o{n}": draw(st.sampled_from(NETWORKS)) for n in range(draw(st.integers(0, 2)))}
    return {**BASE, "networks": {"vlans": vlans, "others": others}, "hosts": hosts, "guests": guests}


class Holder:
    """Someone with an address, as the text of the spec has it."""

    def __init__(self, data: Data, path: str, vlan: str, address: str, kind: str) -> None:
        self.path, self.vlan, self.kind = path, vlan, kind
        self.network = ip_network(data["networks"]["vlans"][vlan]["cidr"])
        self.address: Address = ip_address(address)
        router = kind == "gateway" and self.network.version == 6 and str(self.address) == "fe80::1"
        self.outside = self.address not in list(self.network) and not router

    def is_told_apart_from(self, other: "Holder") -> bool:
        on_link = self.address in ip_network("fe80::/10") if self.address.version == 6 else False
        on_link = on_link or str(self.address).startswith("169.254.")
        return self.address != other.address or (on_link and self.vlan != other.vlan)


def holders(data: Data) -> list[Holder]:
    found = []
    for name, vlan in data["networks"]["vlans"].items():
        place = f"networks.vlans.{name}"
        if "gateway" in vlan:
            found.append(Holder(data, f"{place}.gateway", name, vlan["gateway"], "gateway"))
        for device, address in vlan["devices"].items():
            found.append(Holder(data, f"{place}.devices.{device}", name, address, "device"))
    for host, machine in data["hosts"].items():
        for vlan, address in machine["addresses"].items():
            found.append(Holder(data, f"hosts.{host}.addresses.{vlan}", vlan, address, "machine"))
    for guest, machine in data["guests"].items():
        found.append(Holder(data, f"guests.{guest}.address", machine["vlan"], machine["address"], "machine"))
    return found


def wrong_vlans(data: Data) -> set[str]:
    """Return the VLANs of which more than half of at least three addresses are outside."""
    everyone = holders(data)
    found = set()
    for name in data["networks"]["vlans"]:
        members = [holder for holder in everyone if holder.vlan == name]
        if len(members) >= 3 and sum(holder.outside for holder in members) > len(members) / 2:
            found.add(name)
    return found


def is_reserved(address: Address, network: Any) -> bool:
    everything = list(network)
    if len(everything) <= 2 or address not in everything:
        return False
    return address == everything[0] or (network.version == 4 and address == everything[-1])


@given(address_plans())
def test_an_address_that_two_have_is_told_of_all_but_one(data: Data) -> None:
    found = paths(found_by(resolve(parse_spec(as_yaml(data))), "NET001"), "NET001")
    # An address in another VLAN is told as such.
    wrong = wrong_vlans(data)
    everyone = [holder for holder in holders(data) if not holder.outside or holder.vlan in wrong]
    assert found <= {holder.path for holder in everyone}
    for holder in everyone:
        alike = [other for other in everyone if not holder.is_told_apart_from(other)]
        told = [other for other in alike if other.path in found]
        assert len(told) == len(alike) - 1, holder.path
    event(f"{min(len(found), 3)} duplicates")


@given(address_plans())
def test_an_address_outside_of_its_network_is_told_once(data: Data) -> None:
    found = paths(found_by(resolve(parse_spec(as_yaml(data))), "NET003"), "NET003")
    wrong = wrong_vlans(data)
    expected = {f"networks.vlans.{name}.cidr" for name in wrong}
    expected |= {holder.path for holder in holders(data) if holder.outside and holder.vlan not in wrong}
    assert found == expected
    event(f"{len(wrong)} wrong networks")


@given(address_plans())
def test_a_reserved_address_is_told(data: Data) -> None:
    found = paths(found_by(resolve(parse_spec(as_yaml(data))), "NET002"), "NET002")
    assert found == {h.path for h in holders(data) if is_reserved(h.address, h.network)}
    event(f"{min(len(found), 3)} reserved")


@given(address_plans())
def test_dhcp_gives_out_nobody_s_address_and_only_what_it_can(data: Data) -> None:
    found = found_by(resolve(parse_spec(as_yaml(data))), "NET012", "NET013")
    pools: dict[str, list[Address]] = {}
    impossible: set[str] = set()
    for name, vlan in data["networks"]["vlans"].items():
        if "dhcp" not in vlan:
            continue
        first, last = (ip_address(vlan["dhcp"][end]) for end in ("from", "to"))
        network, place = ip_network(vlan["cidr"]), f"networks.vlans.{name}.dhcp"
        everything: list[Address] = [ip_address(address) for address in ADDRESSES]
        pools[name] = [
            a for a in everything if a.version == first.version == last.version and first <= a <= last
        ]
        ends = {f"{place}.from": first, f"{place}.to": last}
        if name in wrong_vlans(data):
            continue
        if any(end not in list(network) for end in ends.values()):
            impossible |= {path for path, end in ends.items() if end not in list(network)}
        elif last < first:
            impossible.add(f"{place}.to")
        else:
            impossible |= {path for path, end in ends.items() if is_reserved(end, network)}
    assert paths(found, "NET012") == impossible
    given_out = {h.path for h in holders(data) if h.kind != "device" and h.address in pools.get(h.vlan, [])}
    assert paths(found, "NET013") == given_out
    event(f"{min(len(given_out), 3)} given out, {len(impossible)} impossible")


@given(address_plans())
def test_what_is_suggested_is_nobody_s(data: Data) -> None:
    taken = {holder.address for holder in holders(data)}
    vlans = data["networks"]["vlans"]
    of = {holder.path: vlans[holder.vlan] for holder in holders(data)}
    suggested: list[Address] = []
    for found in found_by(resolve(parse_spec(as_yaml(data))), "NET001", "NET013"):
        match = re.search(r"(\S+) is unused", found.hint or "")
        if match is None:
            continue
        address, vlan = ip_address(match[1]), of[str(found.path)]
        assert address not in taken
        assert address in ip_network(vlan["cidr"])
        assert not is_reserved(address, ip_network(vlan["cidr"]))
        if found.code == "NET013":
            suggested.append(address)
            first, last = (ip_address(vlan["dhcp"][end]) for end in ("from", "to"))
            assert first.version != address.version or not first <= address <= last
    assert len(set(suggested)) == len(suggested)
    event("suggested" if suggested else "nothing suggested")


@given(address_plans())
def test_networks_that_overlap_are_told_at_the_larger_one_that_can_be_changed(data: Data) -> None:
    found = found_by(resolve(parse_spec(as_yaml(data))), "NET004")
    networks: dict[str, Any] = {
        f"networks.vlans.{name}.cidr": ip_network(vlan["cidr"])
        for name, vlan in data["networks"]["vlans"].items()
        if name not in wrong_vlans(data)
    }
    networks |= {f"networks.others.{name}": ip_network(n) for name, n in data["networks"]["others"].items()}
    pairs = [
        (one, other)
        for one, other in itertools.permutations(networks, 2)
        if networks[one].version == networks[other].version and networks[one].overlaps(networks[other])
    ]
    told = paths(found, "NET004")
    assert bool(told) == bool(pairs)
    for path in told:
        assert any(path == one for one, _ in pairs)
    for one, other in pairs:
        # Of each pair, the inner one is told, or a network that it lies in, which may be a third in between.
        inner = min((one, other), key=lambda path: networks[path].num_addresses)
        assert any(
            outer in told and networks[inner].subnet_of(networks[outer])
            for outer in networks
            if networks[outer].version == networks[inner].version
        )
    # Of one of the homelab's own and another network, which nobody can change, the former is told.
    for path in told:
        if path.startswith("networks.others"):
            assert any(path == one and other.startswith("networks.others") for one, other in pairs)
    event(f"{min(len(told), 2)} hold others")


# What listens where, written out once more from the facts.
EVERYWHERE = {
    "machine": {(22, "tcp")},
    "worker": {(22, "tcp"), (10250, "tcp"), (10256, "tcp"), (8472, "udp")},
    "control-plane": {
        *((22, "tcp"), (10250, "tcp"), (10256, "tcp"), (8472, "udp"), (6443, "tcp"), (8888, "tcp"))
    },
}
LOOPBACK = {
    "machine": set(),
    "worker": {(10248, "tcp"), (10249, "tcp"), (9488, "tcp")},
    "control-plane": {
        *((10248, "tcp"), (10249, "tcp"), (9488, "tcp")),
        *((2379, "tcp"), (2380, "tcp"), (10251, "tcp"), (10252, "tcp")),
    },
}
PORTS = (22, 53, 80, 2379, 6443, 8472, 8888, 9488, 10248, 10250, 10252, 10256)
PORTS_OF_NODES = (29999, 30000, 31434, 32767, 32768)


@st.composite
def port_plans(draw: st.DrawFn) -> Data:
    """A cluster of three machines, of which two are nodes, with NodePorts and programs on few ports."""
    vlan_names = st.lists(st.sampled_from(["a", "b"]), unique=True, max_size=2)

    def services() -> Data:
        return {
            f"s{n}": {
                "port": draw(st.sampled_from((*PORTS, *PORTS_OF_NODES))),
                "protocol": draw(st.sampled_from(["tcp", "udp"])),
                "from": draw(vlan_names),
            }
            for n in range(draw(st.integers(0, 4)))
        }

    guest = {"host": "metal", "vlan": "a", "vcpus": 2, "memory": "4GiB"}
    apps: Data = {}
    for n, node_port in enumerate(draw(st.lists(st.sampled_from([30000, 31434]), unique=True))):
        apps[f"app{n}"] = {"type": "deployment", "image": "nginx:1.29.1", "port": 80}
        apps[f"app{n}"]["expose"] = {"nodePort": node_port, "from": draw(vlan_names)}
        if draw(st.booleans()):
            expose = {"nodePort": node_port, "from": draw(vlan_names)}
            apps[f"app{n}"]["ports"] = {"quic": {"port": 80, "protocol": "udp", "expose": expose}}
    legs = {"a": "10.0.0.2", **({"b": "10.0.1.2"} if draw(st.booleans()) else {})}
    return {
        **BASE,
        "admin": {**BASE["admin"], "sshFrom": draw(vlan_names)},
        "networks": {
            "vlans": {"a": {"id": 1, "cidr": "10.0.0.0/24"}, "b": {"id": 2, "cidr": "10.0.1.0/24"}},
        },
        "hosts": {
            "metal": {
                "uplink": "eth0",
                "addresses": legs,
                "cpus": 8,
                "memory": "32GiB",
                "services": services(),
                **({"kubernetes": {"role": "worker"}} if draw(st.booleans()) else {}),
            }
        },
        "guests": {
            "cp": guest
            | {"address": "10.0.0.10", "services": services(), "kubernetes": {"role": "control-plane"}},
            "web": guest | {"address": "10.0.0.11", "services": services()},
        },
        "kubernetes": {"vlan": "a", "podCidr": "10.128.0.0/16", "serviceCidr": "10.64.0.0/16"},
        "workloads": apps,
        "secrets": {"recipients": dict.fromkeys(("admin", "metal", "cp"), RECIPIENTS[0])},
    }


def machines_of(data: Data) -> Iterator[tuple[str, str, Data]]:
    """Yield each machine's path, its role (`machine` if it is no node) and what stands there."""
    for kind in ("hosts", "guests"):
        for name, machine in data[kind].items():
            yield f"{kind}.{name}", machine.get("kubernetes", {}).get("role", "machine"), machine


def node_ports_of(data: Data) -> Iterator[tuple[int, str, list[str]]]:
    """Yield every NodePort: its number, protocol, and the VLANs that may use it."""
    for app in data["workloads"].values():
        yield app["expose"]["nodePort"], "tcp", app["expose"]["from"]
        for port in app.get("ports", {}).values():
            yield port["expose"]["nodePort"], port["protocol"], port["expose"]["from"]


@given(port_plans())
def test_ports_against_a_list_of_all_that_listens(data: Data) -> None:
    found = found_by(resolve(parse_spec(as_yaml(data))), "NET016", "NET017", "NET018")
    node_ports = {(number, protocol) for number, protocol, _ in node_ports_of(data)}
    taken, local, in_range = set(), set(), set()
    for path, role, machine in machines_of(data):
        listening = set(EVERYWHERE[role])
        if role != "machine":
            listening |= node_ports
        own = [(f"{path}.services.{name}.port", s) for name, s in sorted(machine["services"].items())]
        for index, (at, service) in enumerate(own):
            port = service["port"], service["protocol"]
            before = [(other["port"], other["protocol"]) for _, other in own[:index]]
            if port in listening or port in before:
                taken.add(at)
            if port in LOOPBACK[role]:
                local.add(at)
            elif (
                role != "machine" and 30000 <= port[0] <= 32767 and service["from"] and port not in node_ports
            ):
                in_range.add(at)
    assert paths(found, "NET016") == taken
    assert paths(found, "NET017") == local
    assert paths(found, "NET018") == in_range
    event(
        f"{min(len(taken), 3)} taken, {min(len(local), 2)} on the loopback, {min(len(in_range), 2)} in range"
    )


@given(port_plans())
def test_the_firewall_opens_what_the_spec_says_and_nothing_else(data: Data) -> None:
    """From the text of the spec to the values in `firewall.nix`, past the model's flows."""
    files = {path: values for path, values, _ in emitted(resolve(parse_spec(as_yaml(data))))}
    networks = {name: vlan["cidr"] for name, vlan in data["networks"]["vlans"].items()}
    ssh_from = [networks[name] for name in data["admin"]["sshFrom"]]
    for path, role, machine in machines_of(data):
        name = path.split(".")[1]
        interfaces = {"vlan1": "a"}
        if "addresses" in machine:
            interfaces = {
                f"br0.{data['networks']['vlans'][vlan]['id']}": vlan for vlan in machine["addresses"]
            }
        wanted: set[tuple[str, str, int, str]] = set()
        for interface, vlan in interfaces.items():
            wanted |= {(interface, "tcp", 22, source) for source in ssh_from}
            for service in machine["services"].values():
                sources = [networks[one] for one in service["from"]]
                wanted |= {(interface, service["protocol"], service["port"], one) for one in sources}
            if role == "control-plane":
                wanted |= {(interface, "tcp", 6443, source) for source in ssh_from}
                if vlan == "a":
                    wanted |= {(interface, "tcp", port, networks["a"]) for port in (6443, 8888)}
            if role != "machine" and vlan == "a":
                wanted |= {(interface, "tcp", 10250, networks["a"]), (interface, "udp", 8472, networks["a"])}
        values: Any = files[f"modules/generated/{name}/firewall.nix"]
        firewall = values["hybridlab"]["firewall"]
        assert openings(firewall["openings"]) == Counter(wanted)
        exposed = {
            ("", protocol, number, networks[vlan])
            for number, protocol, vlans in node_ports_of(data)
            for vlan in vlans
            if role != "machine"
        }
        assert openings(firewall.get("nodePorts", [])) == Counter(exposed)


def openings(listed: Iterable[Mapping[str, Any]]) -> Counter[tuple[str, str, int, str]]:
    """Return what is opened, by interface, protocol, port and source; nothing is opened to anyone."""
    assert all(one["sources"] for one in listed)
    return Counter(
        (one.get("interface", ""), one["protocol"], one["port"], source)
        for one in listed
        for source in one["sources"]
    )


NODES = ("n0", "n1")


@st.composite
def workload_plans(draw: st.DrawFn, *, largest: int) -> Data:
    """Two workers, and workloads on one or both that ask for whole processors and GiB, up to `largest`."""
    guest = {"host": "metal", "vlan": "a", "kubernetes": {"role": "worker"}}
    apps: Data = {}
    for n in range(draw(st.integers(0, 4))):
        app: Data = {"type": "deployment", "image": "nginx:1.29.1", "replicas": draw(st.integers(0, 3))}
        if draw(st.booleans()):
            app["cpu"] = draw(st.integers(1, largest))
        if draw(st.booleans()):
            app["memory"] = f"{draw(st.integers(1, largest))}GiB"
        if draw(st.booleans()):
            app["nodeSelector"] = {"kubernetes.io/hostname": draw(st.sampled_from(NODES))}
        apps[f"app{n}"] = app
    # A kubelet keeps 100 MiB: what is left for pods is whole GiB.
    sizes = {name: (draw(st.integers(1, 4)), draw(st.integers(1, 4))) for name in NODES}
    return {
        **BASE,
        "networks": {"vlans": {"a": {"id": 1, "cidr": "10.0.0.0/24"}}},
        "hosts": {"metal": {"uplink": "eth0", "addresses": {"a": "10.0.0.2"}, "cpus": 64, "memory": "1TiB"}},
        "guests": {
            "cp": guest
            | {"address": "10.0.0.9", "vcpus": 2, "memory": "4GiB", "kubernetes": {"role": "control-plane"}},
            **{
                name: guest
                | {
                    "address": f"10.0.0.{10 + n}",
                    "vcpus": sizes[name][0],
                    "memory": f"{sizes[name][1] * 1024 + 100}MiB",
                }
                for n, name in enumerate(NODES)
            },
        },
        "kubernetes": {"vlan": "a", "podCidr": "10.128.0.0/16", "serviceCidr": "10.64.0.0/16"},
        "workloads": apps,
        "secrets": {"recipients": dict.fromkeys(("admin", "cp", *NODES), RECIPIENTS[0])},
    }


Amounts = tuple[int, int]


def asked_by(app: Data) -> Amounts:
    """Return the processors and the GiB of memory that a pod asks for."""
    return app.get("cpu", 0), int(app.get("memory", "0GiB").removesuffix("GiB"))


def places_of(app: Data) -> tuple[str, ...]:
    chosen = app.get("nodeSelector", {}).get("kubernetes.io/hostname")
    return NODES if chosen is None else (chosen,)


def room(data: Data) -> dict[str, Amounts]:
    return {
        name: (data["guests"][name]["vcpus"], int(data["guests"][name]["memory"].removesuffix("MiB")) // 1024)
        for name in NODES
    }


def fits(data: Data, which: tuple[int, ...], apps: Iterable[Data]) -> bool:
    """Whether some placement, of all that there are, gives every pod what it asks for of these resources."""
    pods = [app for app in apps for _ in range(app["replicas"])]
    return any(
        all(
            sum(asked_by(pod)[r] for pod, place in zip(pods, placed, strict=True) if place == node) <= has[r]
            for node, has in room(data).items()
            for r in which
        )
        for placed in itertools.product(*(places_of(pod) for pod in pods))
    )


@given(workload_plans(largest=5))
def test_a_pod_that_is_larger_than_each_of_its_nodes_is_told(data: Data) -> None:
    found = found_by(resolve(parse_spec(as_yaml(data))), "CAP006")
    homeless = {
        name
        for name, app in data["workloads"].items()
        if not any(
            all(asked <= has for asked, has in zip(asked_by(app), room(data)[node], strict=True))
            for node in places_of(app)
        )
    }
    assert {str(d.path[1]) for d in found} == homeless
    event(f"{min(len(homeless), 2)} homeless")


@given(workload_plans(largest=3))
def test_pods_that_are_told_to_be_too_many_find_no_placement(data: Data) -> None:
    told = found_by(resolve(parse_spec(as_yaml(data))), "CAP006", "CAP007")
    running = [app for app in data["workloads"].values() if app["replicas"]]
    if paths(told, "CAP007"):
        assert not fits(data, (0, 1), running)
    event("told" if told else "nothing told")


@given(workload_plans(largest=1))
def test_pods_of_one_size_are_told_exactly_if_they_find_no_placement(data: Data) -> None:
    """Where sums over nodes are all there is to it: of each resource, a pod asks for one whole or none."""
    found = found_by(resolve(parse_spec(as_yaml(data))), "CAP007")
    for number, key in enumerate(("cpu", "memory")):
        told = [d for d in found if d.path[-1] == key]
        assert bool(told) == (not fits(data, (number,), data["workloads"].values()))
    event("told" if found else "nothing told")
