"""What we generate for systemd-networkd, read and applied by a real one: no complaint, the model's network.

It runs on the files that NixOS makes of the options. A kernel without 802.1Q or VLAN filtering refuses those
parts; there the legs are links that exist before, under the same names, so that their files apply.
"""

import copy
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import pytest

from hybridlab import Cluster
from hybridlab.model.network import Leg
from hybridlab.model.node import Guest, Host, Machine
from network.namespaces import Namespace, namespaces, need_namespaces
from network.networkd import Networkd, need_networkd, networkd, own_files
from network.units import files
from nix_programs import need

# All that networkd may say of a bridge, its ports and its VLAN devices where the kernel has not got the two.
_REFUSED = re.compile(
    r"(?P<link>\S+): (Bridge parameters could not be set: Operation not supported"
    r"|Failed to set bridge VLAN configurations: Operation not supported"
    r"|netdev could not be created: Operation not supported"
    r"|Failed)"
)


@pytest.fixture(scope="module")
def has_vlans() -> bool:
    """Whether this kernel has 802.1Q and VLAN filtering."""
    need_namespaces()
    need_networkd()
    with namespaces("probe") as [probe]:
        commands = (
            "ip link add probe type bridge vlan_filtering 1 && ip link add link probe probe.2 type vlan id 2"
        )
        return probe.run("sh", "-c", f"({commands}) 2>/dev/null && echo yes || true") != ""


@pytest.fixture
def place(has_vlans: bool) -> Iterator[Namespace]:
    with namespaces("machine") as [namespace]:
        yield namespace


def test_every_machine_is_here(cluster: Cluster, example: Mapping[str, Any]) -> None:
    assert list(example) == sorted(machine.name for machine in cluster.machines)
    kinds = {type(machine) for machine in cluster.machines}
    assert kinds == {Guest, Host}


def test_networkd_complains_of_nothing(cluster: Cluster, example: Mapping[str, Any], has_vlans: bool) -> None:
    """Every file as it is: what networkd reads, and what it says when it has bridge and ports before it."""
    for machine in cluster.machines:
        with namespaces(machine.name) as [namespace]:
            ports = _ports(machine)
            _lay_cables(namespace, ports)
            with networkd(namespace, files(example[machine.name]["network"])) as running:
                if isinstance(machine, Host):
                    settled = "configured" if has_vlans else "failed"
                    running.wait_for_state(namespace, dict.fromkeys((cluster.bridge, *ports), settled))
                refused = (
                    () if has_vlans else (cluster.bridge, *ports, *(leg.interface for leg in machine.legs))
                )
                assert _complaints(running, refused) == []


def test_a_guest_gets_its_address(cluster: Cluster, example: Mapping[str, Any]) -> None:
    """Each guest's link, known by its MAC address alone, and its pods' links left as they are."""
    need_namespaces()
    for guest in (machine for machine in cluster.machines if isinstance(machine, Guest)):
        with namespaces(guest.name) as [namespace]:
            _check_guest(guest, example[guest.name]["network"], namespace)


def _check_guest(guest: Guest, network: Mapping[str, Any], namespace: Namespace) -> None:
    namespace.ip(
        f"link add eth0 address {guest.identity.mac} type veth peer name far",
        "link set far up",
        "link add mynet type bridge",
        "link add vethpod type veth peer name pod",
        "link set vethpod master mynet",
    )
    with networkd(namespace, files(network)) as running:
        running.settle(lambda: _addresses(namespace, "eth0"), [guest.leg.prefixed])
        running.settle(lambda: _ways_out(namespace), [str(guest.leg.vlan.gateway)])
        assert _ports_of(namespace, "mynet") == {"vethpod"}
        for link in ("mynet", "vethpod"):
            assert _addresses(namespace, link) == []
            assert "UP" not in _link(namespace, link)["flags"]
        assert running.complaints() == []


def test_a_host_gets_the_network_of_the_model(
    cluster: Cluster, example: Mapping[str, Any], has_vlans: bool
) -> None:
    for host in (machine for machine in cluster.machines if isinstance(machine, Host)):
        with namespaces(host.name) as [namespace]:
            network = example[host.name]["network"]
            if not has_vlans:
                network = _without_vlans(network)
                _lay_cables(namespace, [leg.interface for leg in host.legs])
            _lay_cables(namespace, _ports(host))
            _check_host(cluster, host, network, namespace)


def _check_host(cluster: Cluster, host: Host, network: Mapping[str, Any], namespace: Namespace) -> None:
    assert host.default_leg is not None
    with networkd(namespace, files(network)) as running:
        running.wait_for_state(namespace, dict.fromkeys((cluster.bridge, *_ports(host)), "configured"))
        running.settle(lambda: _rules(namespace), _expected_rules(cluster, host))
        for leg in host.legs:
            running.settle(partial(_addresses, namespace, leg.interface), [leg.prefixed])
            running.settle(partial(_routes, namespace, str(leg.table)), _expected_routes(leg))
        running.settle(lambda: _ways_out(namespace), [str(host.default_leg.vlan.gateway)])
        assert _addresses(namespace, cluster.bridge) == []
        assert _ports_of(namespace, cluster.bridge) == set(_ports(host))
        assert running.complaints() == []


@pytest.mark.parametrize(
    ("file", "text", "complaint"),
    [
        ("network/99-planted.network", "[Network]\nAdress=10.0.0.1/24\n", "Unknown key 'Adress' in section"),
        ("network/99-planted.network", "[Network]\nManageForeignRoutes=no\n", "'ManageForeignRoutes'"),
        ("network/99-planted.network", "[Match]\nVLANFiltering=yes\n", "'VLANFiltering' in section [Match]"),
        ("network/99-planted.network", "[Routes]\nTable=10\n", "Unknown section 'Routes'"),
        ("network/99-planted.network", "[RoutingPolicyRule]\nFirewallMark=ten\n", "ten"),
        ("network/99-planted.netdev", "[NetDev]\nKind=bridge\nName=br9\nID=4\n", "'ID' in section [NetDev]"),
        ("networkd.conf", "[Network]\nManageForeignRoute=no\n", "'ManageForeignRoute' in section"),
    ],
)
def test_a_planted_mistake_is_found(
    example: Mapping[str, Any], place: Namespace, file: str, text: str, complaint: str
) -> None:
    with networkd(place, files(example["k8s-master"]["network"]) | {file: text}) as running:
        found = running.complaints()
    assert any(complaint in line and file in line for line in found), found


def test_udev_names_a_guest_s_link(cluster: Cluster, example: Mapping[str, Any], place: Namespace) -> None:
    """A link of a namespace has no permanent address, so that udev is asked with the plain one."""
    for guest in (machine for machine in cluster.machines if isinstance(machine, Guest)):
        of_guest = files(example[guest.name]["network"])
        said = _udev(place, {name: text.replace("Permanent", "") for name, text in of_guest.items()}, guest)
        assert f"ID_NET_NAME={guest.leg.interface}" in said.splitlines()
        said = _udev(place, of_guest, guest)
        assert "Unknown" not in said
        [link_file] = [name for name in of_guest if name.endswith(".link")]
        said = _udev(place, of_guest | {link_file: of_guest[link_file] + "Nmae=x\n"}, guest)
        assert "Unknown key 'Nmae' in section [Link]" in said


def _udev(place: Namespace, of_guest: Mapping[str, str], guest: Guest) -> str:
    """What udev says of a link with the guest's MAC address."""
    need("udevadm", "install udev (Debian)")
    own_files(place, of_guest)
    if not place.run("sh", "-c", "ip link show eth0 2>/dev/null || true"):
        place.ip("link add eth0 type veth peer name far")
    place.ip(f"link set eth0 address {guest.identity.mac}")
    run = subprocess.run(
        place.command("udevadm", "test-builtin", "net_setup_link", "/sys/class/net/eth0"),
        env=os.environ | {"SYSTEMD_LOG_TARGET": "console", "SYSTEMD_LOG_LEVEL": "info"},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    return run.stdout + run.stderr


def _ports(machine: Machine) -> list[str]:
    """The links that a host's bridge is to get."""
    if isinstance(machine, Host):
        return [machine.uplink, *(guest.identity.tap for guest in machine.guests)]
    return []


def _lay_cables(namespace: Namespace, links: list[str]) -> None:
    """Make links; their far ends are up, so that they have a carrier as soon as networkd brings them up."""
    for number, link in enumerate(links):
        far = f"far{number}-{len(links)}"
        namespace.ip(f"link add name {link} type veth peer name {far}", f"link set {far} up")


def _complaints(running: Networkd, refused: tuple[str, ...]) -> list[str]:
    """What networkd complains of, but for what this kernel refuses to the links named."""
    found = ((line, _REFUSED.fullmatch(line)) for line in running.complaints())
    return [line for line, match in found if match is None or match["link"] not in refused]


def _without_vlans(network: Mapping[str, Any]) -> dict[str, Any]:
    """The same without what takes 802.1Q or VLAN filtering in the kernel; the legs' own files stay."""
    reduced = copy.deepcopy(dict(network))
    netdevs = reduced["netdevs"].items()
    reduced["netdevs"] = {
        name: netdev | {"bridgeConfig": {}}
        for name, netdev in netdevs
        if netdev["netdevConfig"]["Kind"] != "vlan"
    }
    for definition in reduced["networks"].values():
        definition |= {"bridgeVLANs": [], "vlan": []}
    return reduced


def _expected_rules(cluster: Cluster, host: Host) -> list[dict[str, Any]]:
    """Pods come before the legs' addresses, and these before their marks; decision 0003 says why."""
    assert cluster.kubernetes is not None
    pods = cluster.kubernetes.pod_network
    to_pods = {
        "priority": 1000,
        "src": "all",
        "dst": str(pods.network_address),
        "dstlen": pods.prefixlen,
        "table": "main",
    }
    by_address = [{"priority": 1100, "src": str(leg.address), "table": str(leg.table)} for leg in host.legs]
    by_mark = [
        {"priority": 1200, "src": "all", "fwmark": hex(leg.table), "fwmask": "0xfff", "table": str(leg.table)}
        for leg in host.legs
    ]
    return sorted([to_pods, *by_address, *by_mark], key=_order)


def _rules(namespace: Namespace) -> list[dict[str, Any]]:
    """The policy rules that are not the kernel's own."""
    own = {"local", "default"}
    rules = [rule for rule in namespace.show("rule") if rule["table"] not in own and rule["priority"] < 32766]
    return sorted(({key: rule[key] for key in rule if key != "protocol"} for rule in rules), key=_order)


def _order(rule: dict[str, Any]) -> tuple[int, str]:
    return rule["priority"], rule["table"]


def _expected_routes(leg: Leg) -> list[tuple[str, str | None, str]]:
    routes: list[tuple[str, str | None, str]] = [(str(leg.vlan.network), None, leg.interface)]
    if leg.vlan.gateway is not None:
        routes.append(("default", str(leg.vlan.gateway), leg.interface))
    return sorted(routes)


def _routes(namespace: Namespace, table: str) -> list[tuple[str, str | None, str]]:
    """Destination, gateway and interface of the IPv4 routes in a table."""
    return sorted(
        (route["dst"], route.get("gateway"), route["dev"])
        for route in namespace.show("-4", "route", "show", "table", "all")
        if str(route.get("table", "main")) == table
    )


def _ways_out(namespace: Namespace) -> list[str]:
    """The gateways of the main table."""
    return [way for target, way, _ in _routes(namespace, "main") if target == "default" and way is not None]


def _addresses(namespace: Namespace, link: str) -> list[str]:
    [shown] = namespace.show("address", "show", "dev", link)
    return [f"{one['local']}/{one['prefixlen']}" for one in shown["addr_info"] if one["family"] == "inet"]


def _link(namespace: Namespace, link: str) -> dict[str, Any]:
    [shown] = namespace.show("link", "show", "dev", link)
    return shown


def _ports_of(namespace: Namespace, bridge: str) -> set[str]:
    return {link["ifname"] for link in namespace.show("link") if link.get("master") == bridge}
