"""Stand-in machines with a healthy network, and with one thing wrong: one check says so, and which."""

import contextlib
import copy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hybridlab import Cluster, parse_spec, resolve
from hybridlab.live.checks import firewall, network
from hybridlab.live.checks.check import CouldNotLook, Failed, Key, Ok, Result, Skipped
from hybridlab.live.checks.selection import select
from hybridlab.live.gate import FirewallChanges, firewall_changes
from hybridlab.live.verify import verify
from live.standin.lab import Lab, Played, lab
from live.standin.rulesets import Item, from_interface, rule, to_port

ROOT = Path(__file__).parents[2]
NIXOS = ("inet", "nixos-fw")
ACCEPT: Item = {"accept": None}


@pytest.fixture(scope="module")
def machines(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """The stand-ins of the example's machines; who plants a fault takes it away."""
    with lab(cluster, tmp_path_factory.mktemp("lab") / "lab") as running:
        yield running


def results(lab: Lab) -> tuple[Result, ...]:
    """All that phase network looks at on the machines; from here, nothing answers a ping."""
    checks = [*network.checks(lab.cluster), *firewall.checks(lab.cluster)]
    return verify(select(checks, skip=("ping",)).checks, lab.cluster, lab.ssh)


def unwell(lab: Lab) -> dict[Key, Failed | CouldNotLook]:
    return {
        result.check.key: result.verdict
        for result in results(lab)
        if isinstance(result.verdict, Failed | CouldNotLook)
    }


def link(state: dict[str, Any], name: str) -> dict[str, Any]:
    [said] = [said for said in state["network"]["links"] if said["ifname"] == name]
    return said


def no_bridge(state: dict[str, Any]) -> None:
    network = state["network"]
    network["links"] = [said for said in network["links"] if not said["ifname"].startswith("br0")]
    network["routes"] = [said for said in network["routes"] if not said["dev"].startswith("br0")]
    network["vlans"] = []


def no_filtering(state: dict[str, Any]) -> None:
    link(state, "br0")["linkinfo"]["info_data"]["vlan_filtering"] = 0


def no_uplink(state: dict[str, Any]) -> None:
    del link(state, "enp1s0")["master"]


def no_carrier(state: dict[str, Any]) -> None:
    link(state, "enp1s0")["flags"] = ["NO-CARRIER", "UP"]


def native_vlan(state: dict[str, Any]) -> None:
    state["network"]["vlans"][0]["vlans"].append({"vlan": 1, "flags": ["PVID", "Egress Untagged"]})


def tap_elsewhere(state: dict[str, Any]) -> None:
    [tap] = [said for said in state["network"]["vlans"] if said["ifname"] == "vm-k8s-worker-2"]
    tap["vlans"][0]["vlan"] = 10


def other_id(state: dict[str, Any]) -> None:
    link(state, "br0.10")["linkinfo"]["info_data"]["id"] = 11


def no_address(state: dict[str, Any]) -> None:
    link(state, "vlan20")["addr_info"] = []
    state["network"]["routes"] = []


def taken_address(state: dict[str, Any]) -> None:
    own = {"family": "inet", "local": "10.0.20.10", "prefixlen": 24, "scope": "global"}
    link(state, "vlan20")["addr_info"].append(own)


def other_gateway(state: dict[str, Any]) -> None:
    state["network"]["routes"][0]["gateway"] = "10.0.20.254"


def empty_table(state: dict[str, Any]) -> None:
    routes = state["network"]["routes"]
    state["network"]["routes"] = [said for said in routes if said.get("table") != "20"]


def no_rule_of_pods(state: dict[str, Any]) -> None:
    rules = state["network"]["rules"]
    rules["4"] = [said for said in rules["4"] if said["priority"] != 1000]


def no_firewall(state: dict[str, Any]) -> None:
    state["network"]["nft"] = []


def open_policy(state: dict[str, Any]) -> None:
    for item in state["network"]["nft"]:
        if item.get("chain", {}).get("name") == "input":
            item["chain"]["policy"] = "accept"


def without(text: str) -> Callable[[dict[str, Any]], None]:
    """Take away the rule with this comment, or that accepts from this interface."""

    def change(state: dict[str, Any]) -> None:
        nft = state["network"]["nft"]
        [gone] = [
            item
            for item in nft
            if item.get("rule", {}).get("comment", "").startswith(text)
            or item.get("rule", {}).get("expr") == [from_interface(text), ACCEPT]
        ]
        nft.remove(gone)

    return change


def another_port(state: dict[str, Any]) -> None:
    state["network"]["nft"].append(rule(NIXOS, "input-allow", to_port("tcp", 9100), ACCEPT))


def open_range(state: dict[str, Any]) -> None:
    nft = state["network"]["nft"]
    [last] = [item for item in nft if "30000" in str(item)]
    nft.remove(last)


FAULTS: dict[str, tuple[str, Callable[[dict[str, Any]], None], Key, str]] = {
    name: (str(key.machine), change, key, advice)
    for name, change, key, advice in (
        ("no bridge", no_bridge, Key("bridge", "homelab", "br0"), "systemctl restart systemd-networkd"),
        ("no VLAN filtering", no_filtering, Key("bridge", "homelab", "br0"), "networkctl status br0"),
        (
            "uplink is no port",
            no_uplink,
            Key("bridge.port", "homelab", "enp1s0"),
            "networkctl reconfigure enp1s0",
        ),
        ("no cable", no_carrier, Key("bridge.port", "homelab", "enp1s0"), "cable"),
        ("a native VLAN", native_vlan, Key("bridge.vlans", "homelab", "enp1s0"), "bridge vlan show"),
        (
            "a guest in another VLAN",
            tap_elsewhere,
            Key("bridge.vlans", "homelab", "vm-k8s-worker-2"),
            "networkctl reconfigure vm-k8s-worker-2",
        ),
        ("another VLAN's id", other_id, Key("vlan", "homelab", "br0.10"), "ip link delete br0.10"),
        ("no address", no_address, Key("address", "k8s-master", "vlan20"), "networkctl reconfigure vlan20"),
        ("another's address", taken_address, Key("address.others", "k8s-worker-1"), "ip addr delete"),
        (
            "another gateway",
            other_gateway,
            Key("route.default", "k8s-master"),
            "networkctl reconfigure vlan20",
        ),
        ("no routes of a leg", empty_table, Key("route.leg", "homelab", "br0.20"), "ip route show table 20"),
        (
            "no rule of pods",
            no_rule_of_pods,
            Key("route.rule", "homelab", "1000 to 10.244.0.0/16"),
            "networkctl reconfigure br0.20",
        ),
        ("no firewall", no_firewall, Key("firewall.loaded", "k8s-worker-1"), "systemctl restart nftables"),
        ("all is let in", open_policy, Key("firewall.input", "homelab"), "systemctl reload nftables"),
        (
            "flannel's port is shut",
            without("flannel VXLAN"),
            Key("firewall.opening", "k8s-worker-2", "8472/udp on vlan20"),
            "hybridlab deploy k8s-worker-2",
        ),
        (
            "a port more",
            another_port,
            Key("firewall.closed", "k8s-master"),
            "networking.firewall.allowedTCPPorts",
        ),
        ("no ping", without("allow ping"), Key("firewall.icmp", "k8s-master"), "systemctl reload nftables"),
        (
            "the NodePort is shut",
            without("Ollama"),
            Key("firewall.nodePort", "homelab", "31434/tcp"),
            "systemctl reload nftables",
        ),
        ("every NodePort is open", open_range, Key("firewall.guard", "homelab"), "systemctl reload nftables"),
        ("pods' packets stay", without("flannel.1"), Key("firewall.forwarding", "homelab"), "nftables"),
        (
            "guests do not reach the host",
            without("guests to"),
            Key("firewall.reversePath", "homelab"),
            "nftables",
        ),
    )
}


@contextlib.contextmanager
def changed(played: Played, change: Callable[[dict[str, Any]], None]) -> Iterator[None]:
    """Change what a machine shows, until the end."""
    with played.changing() as state:
        before = copy.deepcopy(state["network"])
        change(state)
    try:
        yield
    finally:
        with played.changing() as state:
            state["network"] = before


def test_a_healthy_lab_is_well(machines: Lab) -> None:
    assert all(isinstance(result.verdict, Ok | Skipped) for result in results(machines)), unwell(machines)
    assert all(played.unplayed == () for played in machines.machines.values())


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_reported_once(machines: Lab, fault: str) -> None:
    machine, change, key, advice = FAULTS[fault]
    with changed(machines.machine(machine), change):
        [(reported, verdict)] = unwell(machines).items()
    assert reported == key
    assert isinstance(verdict, Failed) and verdict.expected and verdict.found
    assert advice in verdict.advice


def test_a_name_that_leads_elsewhere(machines: Lab) -> None:
    played = machines.machine("k8s-worker-1")
    before = played.machine.read("/etc/hosts")
    played.write("/etc/hosts", before.replace("10.0.20.10", "10.0.20.99"))
    try:
        [(reported, verdict)] = unwell(machines).items()
    finally:
        played.write("/etc/hosts", before)
    assert reported == Key("names", "k8s-worker-1")
    assert isinstance(verdict, Failed)
    assert (verdict.expected, verdict.found) == ("k8s-master is 10.0.20.10", "k8s-master is 10.0.20.99")


def test_what_ssh_does_not_reach_is_pinged(machines: Lab) -> None:
    """Then one wants to know; whether anything answers is another matter."""
    played = machines.machine("k8s-worker-1")
    checks = [*network.checks(machines.cluster), *firewall.checks(machines.cluster)]
    asked = select(checks, machines=("k8s-worker-1",)).checks
    played.close_port()
    try:
        found = verify(asked, machines.cluster, machines.ssh)
    finally:
        played.open_port()
    of_code = {one.check.key.code: one.verdict for one in found if one.check.key.machine == "k8s-worker-1"}
    assert not isinstance(of_code["ping"], Skipped)
    assert isinstance(of_code["address"], CouldNotLook)


@pytest.mark.parametrize("program", ["ip", "bridge", "nft"])
def test_a_program_that_fails_says_nothing_of_the_network(machines: Lab, program: str) -> None:
    played = machines.machine("homelab")
    played.plant(program, times=None)
    try:
        found = unwell(machines)
    finally:
        played.heal()
    assert found
    assert all(verdict == CouldNotLook("planted by the test") for verdict in found.values())


def test_what_a_deployment_opens_and_shuts_is_told_before_it_or_that_nobody_knows(
    cluster: Cluster, machines: Lab
) -> None:
    spec = (ROOT / "cluster.yaml").read_text(encoding="utf-8")
    homelab, played = cluster.hosts, machines.machine("homelab")
    assert firewall_changes(cluster, homelab, machines.ssh) == FirewallChanges()
    fewer = resolve(parse_spec(spec.replace("from: [management, services]", "from: [management]")))
    narrower = firewall_changes(fewer, fewer.hosts, machines.ssh)
    assert any("31434/tcp is open to 10.0.10.0/24, and nobody else" in one for one in narrower.opens)
    assert (narrower.shuts, narrower.unknown) == ((), ())
    more = resolve(
        parse_spec(
            spec.replace(
                "    cpus: 16", "    cpus: 16\n    services: {web: {port: 8080, from: [management]}}"
            )
        )
    )
    assert any("8080" in one for one in firewall_changes(more, more.hosts, machines.ssh).opens)
    played.plant("nft", times=None)
    try:
        changes = firewall_changes(cluster, homelab, machines.ssh)
    finally:
        played.heal()
    assert changes == FirewallChanges(unknown=("homelab: planted by the test",))
