"""Links, addresses, routes and names against the model: each change is found, by one check."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hybridlab import Cluster, parse_spec, resolve
from hybridlab.live.checks.check import Check, CouldNotLook, Failed, Key, Ok, Ping
from hybridlab.live.checks.network import checks
from hybridlab.live.ping import Answers, Silent
from hybridlab.live.probe import Output
from live.judging import State, failed, states_of, verdicts
from patched import cluster
from strategies import as_yaml, good_clusters

SIX = """
networks: {vlans: {six: {id: 254, cidr: "fd00:6::/64", gateway: "fd00:6::1"}}}
hosts: {homelab: {addresses: {six: "fd00:6::5"}}}
guests: {web: {host: homelab, vlan: six, address: "fd00:6::30", vcpus: 1, memory: 1GiB}}
"""


def found(of: Cluster, states: dict[str, State]) -> dict[Key, Failed]:
    return failed(verdicts(checks(of), states))


def one(of: Cluster, code: str, machine: str = "homelab", subject: str = "") -> Check:
    return next(check for check in checks(of) if check.key == Key(code, machine, subject))


def link(state: State, name: str) -> dict[str, Any]:
    [said] = [said for said in state["links"] if said["ifname"] == name]
    return said


def without_link(state: State, name: str) -> None:
    """As it is when a link goes: its ports, what is on it, and their routes and VLANs go with it."""
    gone = {name, *(said["ifname"] for said in state["links"] if said.get("link") == name)}
    state["links"] = [said for said in state["links"] if said["ifname"] not in gone]
    state["routes"] = [said for said in state["routes"] if said["dev"] not in gone]
    state["vlans"] = [said for said in state["vlans"] if said["ifname"] not in gone]
    for said in state["links"]:
        if said.get("master") == name:
            del said["master"]


def without_address(state: State, name: str) -> None:
    link(state, name)["addr_info"] = []
    state["routes"] = [said for said in state["routes"] if said["dev"] != name]


@pytest.mark.parametrize("patch", ["", SIX], ids=["example", "IPv6"])
def test_healthy_machines_pass_all_checks(patch: str) -> None:
    of = cluster(patch)
    assert all(isinstance(verdict, Ok) for verdict in verdicts(checks(of), states_of(of)).values())


@settings(max_examples=25)
@given(good_clusters(most_guests=8))
def test_healthy_machines_of_any_cluster_pass_all_checks(data: Any) -> None:
    of = resolve(parse_spec(as_yaml(data)))
    assert found(of, states_of(of)) == {}


@settings(max_examples=25)
@given(good_clusters(most_guests=4), st.data())
def test_a_thing_that_is_missing_is_missed_by_one_check(data: Any, choose: st.DataObject) -> None:
    """A link, address, route, rule or VLAN, of any machine; with what the kernel takes away with it."""
    of = resolve(parse_spec(as_yaml(data)))
    states = states_of(of)
    machine = choose.draw(st.sampled_from(of.machines))
    state = states[machine.name]
    what = choose.draw(st.sampled_from(["link", "address", "route", "rule", "vlans"]))
    pods = ("lo", "mynet", "flannel.1")
    match what:
        case "link":
            names = [said["ifname"] for said in state["links"] if said["ifname"] not in pods]
            without_link(state, choose.draw(st.sampled_from(names)))
        case "address":
            without_address(state, choose.draw(st.sampled_from(machine.legs)).interface)
        case "route":
            routes = [said for said in state["routes"] if said.get("protocol") == "static"]
            state["routes"].remove(choose.draw(st.sampled_from(routes)))
        case _:
            list_of = state["rules"]["4"] if what == "rule" else state["vlans"]
            own = [
                said
                for said in list_of
                if said.get("ifname") not in pods and said.get("priority") not in (0, 32766)
            ]
            if not own:
                return
            list_of.remove(choose.draw(st.sampled_from(own)))
    assert [key.machine for key in found(of, states)] == [machine.name]


@pytest.mark.parametrize(
    ("path", "value", "key", "seen"),
    [
        (("br0", "linkinfo", "info_data", "vlan_filtering"), 0, ("bridge", "br0"), "no VLAN filtering"),
        (("br0", "linkinfo", "info_kind"), "dummy", ("bridge", "br0"), "br0 is no bridge, but of kind dummy"),
        (("enp1s0", "master"), "br1", ("bridge.port", "enp1s0"), "it is a port of br1"),
        (("enp1s0", "flags"), ["UP", "NO-CARRIER"], ("bridge.port", "enp1s0"), "no carrier"),
        (("vm-k8s-master", "flags"), [], ("bridge.port", "vm-k8s-master"), "it is down"),
        (("br0.20", "linkinfo", "info_data", "id"), 30, ("vlan", "br0.20"), "VLAN 30 of br0, up"),
        (("br0.20", "link"), "enp1s0", ("vlan", "br0.20"), "VLAN 20 of enp1s0, up"),
        (("br0.20", "addr_info", 0, "prefixlen"), 16, ("address", "br0.20"), "it is on br0.20"),
        (("br0.20", "addr_info", 0, "local"), "10.0.20.6", ("address", "br0.20"), "there: 10.0.20.6/24"),
    ],
)
def test_a_link_that_is_otherwise(path: tuple[Any, ...], value: Any, key: tuple[str, str], seen: str) -> None:
    of = cluster("")
    states = states_of(of)
    place: Any = link(states["homelab"], path[0])
    for step in path[1:-1]:
        place = place[step]
    place[path[-1]] = value

    [(where, verdict)] = found(of, states).items()

    assert where == Key(key[0], "homelab", key[1])
    assert verdict.found.startswith(seen)
    assert "`" in verdict.advice or "cable" in verdict.advice


def test_an_address_that_somebody_else_has_already() -> None:
    of = cluster(SIX)
    states = states_of(of)
    link(states["web"], "vlan254")["addr_info"][0]["dadfailed"] = True
    assert [*found(of, states)] == [Key("address", "web", "vlan254")]


@pytest.mark.parametrize(
    ("port", "vlans", "seen"),
    [
        ("enp1s0", [{"vlan": 10}], "10 tagged"),
        (
            "enp1s0",
            [{"vlan": 1, "flags": ["PVID", "Egress Untagged"]}, {"vlan": 10}],
            "10 tagged; 1 untagged",
        ),
        ("enp1s0", [{"vlan": 10, "vlanEnd": 12}, {"vlan": 20}], "10, 11, 12, 20 tagged"),
        ("br0", [{"vlan": 10}], "10 tagged"),
        ("vm-k8s-master", [{"vlan": 20}], "20 tagged"),
        ("vm-k8s-master", [{"vlan": 10, "flags": ["PVID", "Egress Untagged"]}], "10 untagged"),
        ("vm-k8s-master", [{"vlan": 20, "flags": ["Egress Untagged"]}], "20 untagged on the way out only"),
        ("vm-k8s-master", [], "no VLAN"),
    ],
)
def test_a_port_in_other_vlans(port: str, vlans: list[Any], seen: str) -> None:
    of = cluster("")
    states = states_of(of)
    [said] = [said for said in states["homelab"]["vlans"] if said["ifname"] == port]
    said["vlans"] = vlans

    [(where, verdict)] = found(of, states).items()

    assert where == Key("bridge.vlans", "homelab", port)
    assert verdict.found == seen


def test_a_range_of_vlans_is_its_members() -> None:
    of = cluster("networks: {vlans: {services: {id: 11}}}")
    states = states_of(of)
    [said] = [said for said in states["homelab"]["vlans"] if said["ifname"] == "enp1s0"]
    said["vlans"] = [{"vlan": 10, "vlanEnd": 11}]
    assert found(of, states) == {}


@pytest.mark.parametrize("of_whom", ["10.0.20.5", "10.0.20.10"])
def test_an_address_of_the_cluster_where_it_does_not_belong(of_whom: str) -> None:
    of = cluster("")
    states = states_of(of)
    link(states["homelab"], "enp1s0")["addr_info"].append(
        {"family": "inet", "local": of_whom, "prefixlen": 24, "scope": "global"}
    )

    [(where, verdict)] = found(of, states).items()

    assert where == Key("address.others", "homelab")
    owner = "homelab" if of_whom == "10.0.20.5" else "k8s-master"
    assert verdict.found == f"{of_whom} on enp1s0, which belongs to {owner}"


@pytest.mark.parametrize(
    ("route", "seen"),
    [
        (
            {"dst": "default", "gateway": "10.0.20.1", "dev": "br0.20"},
            "by 10.0.10.1 over br0.10; by 10.0.20.1",
        ),
        ({"dst": "default", "dev": "wg0"}, "by 10.0.10.1 over br0.10; over wg0"),
        (
            {
                "dst": "default",
                "nexthops": [
                    {"gateway": "10.0.10.1", "dev": "br0.10", "weight": 1, "flags": []},
                    {"gateway": "10.0.10.2", "dev": "br0.10", "weight": 1, "flags": []},
                ],
            },
            "by 10.0.10.1 over br0.10; by 10.0.10.1 over br0.10; by 10.0.10.2 over br0.10",
        ),
    ],
)
def test_a_second_default_route(route: dict[str, Any], seen: str) -> None:
    of = cluster("")
    states = states_of(of)
    states["homelab"]["routes"].append({**route, "flags": []})

    [(where, verdict)] = found(of, states).items()

    assert where == Key("route.default", "homelab")
    assert verdict.found.startswith(seen)


def test_two_routers_of_ipv6_are_no_second_default_route() -> None:
    """As iproute2 7.3.0 lists a group of next hops, which networkd makes of what both advertise."""
    of = cluster("")
    states = states_of(of)
    ways = [{"gateway": f"fe80::{n}", "dev": "br0.10", "weight": 1, "flags": []} for n in (1, 2)]
    states["homelab"]["routes"].append(
        {"dst": "default", "nhid": 9, "protocol": "ra", "metric": 1024, "flags": [], "nexthops": ways}
    )
    assert found(of, states) == {}


def test_routes_of_pods_and_of_others_are_no_fault() -> None:
    of = cluster("")
    states = states_of(of)
    states["homelab"]["routes"] += [
        {"dst": "10.244.1.0/24", "gateway": "10.244.1.0", "dev": "flannel.1", "flags": ["onlink"]},
        {"dst": "default", "gateway": "fe80::1", "dev": "br0.20", "flags": [], "pref": "medium"},
        {"dst": "10.9.0.0/16", "nexthops": [{"gateway": "10.0.20.1", "dev": "br0.20"}], "flags": []},
        {"type": "unreachable", "dst": "default", "dev": "lo", "table": "default", "flags": []},
    ]
    states["homelab"]["rules"]["4"].append(
        {"priority": 5270, "src": "all", "fwmark": "0x80000", "table": "52"}
    )
    assert found(of, states) == {}


@pytest.mark.parametrize(
    "change",
    [{"table": "10"}, {"priority": 900}, {"iif": "br0.20"}, {"fwmask": "0xffffffff", "fwmark": "0x1"}],
)
def test_a_rule_that_is_otherwise(change: dict[str, Any]) -> None:
    of = cluster("")
    states = states_of(of)
    [said] = [said for said in states["homelab"]["rules"]["4"] if said["src"] == "10.0.20.5"]
    said.update(change)
    assert [*found(of, states)] == [Key("route.rule", "homelab", "1100 from 10.0.20.5")]


NAMES = """\
10.0.20.5       homelab
10.0.20.10      k8s-master
10.0.20.11      k8s-worker-1
"""


@pytest.mark.parametrize(
    ("said", "seen"),
    [
        (NAMES, None),
        (f"{NAMES}127.0.0.2       homelab\n", None),
        (NAMES.replace("10.0.20.5 ", "127.0.0.2 "), None),
        (NAMES.replace("10.0.20.5 ", "fe80::5 "), None),
        (NAMES.replace("10.0.20.5 ", "10.0.10.5 "), "homelab is 10.0.10.5"),
        (NAMES.replace("10.0.20.10 ", "10.0.20.9 "), "k8s-master is 10.0.20.9"),
        (f"{NAMES}10.0.20.9 k8s-master\n", "k8s-master is 10.0.20.10, 10.0.20.9"),
        (f"{NAMES}127.0.0.2 k8s-master\n", "k8s-master is 10.0.20.10, 127.0.0.2"),
        (NAMES.replace("10.0.20.11      k8s-worker-1\n", "\n"), "k8s-worker-1 is unknown"),
    ],
)
def test_names(said: str, seen: str | None) -> None:
    verdict = one(cluster(""), "names").judge(Output(0, said))
    if seen is None:
        assert verdict == Ok("3 names")
    else:
        assert isinstance(verdict, Failed) and verdict.found == seen


def test_each_address_is_pinged() -> None:
    of = cluster("")
    pings = [check for check in checks(of) if check.key.code == "ping"]
    assert [str(look.address) for check in pings for look in check.looks if isinstance(look, Ping)] == [
        *("10.0.10.5", "10.0.20.5", "10.0.20.10", "10.0.20.11")
    ]
    assert pings[0].judge(Answers(0.25)) == Ok("0.25 ms")
    silent = pings[0].judge(Silent())
    assert isinstance(silent, Failed) and "VLAN 10" in silent.advice
    assert all(check.even_unreached for check in pings)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", "[", "null", "[3, null, []]", '[{"vlans": [{}]}]', "[" * 9999]
)
def test_what_iproute2_never_prints_is_not_well(text: str) -> None:
    for check in checks(cluster("")):
        if check.key.code not in ("names", "ping"):
            assert isinstance(check.judge(Output(0, text)), CouldNotLook | Failed), check


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=100)
@given(st.just(cluster(SIX)), st.data())
def test_no_judge_ever_raises(of: Cluster, choose: st.DataObject) -> None:
    """Whatever stands anywhere in an answer, there is a verdict."""
    states = states_of(of)
    shown = choose.draw(st.sampled_from(["links", "routes", "vlans", "4", "6"]))
    data = states["homelab"].get(shown) or states["homelab"]["rules"][shown]
    place: Any = data
    while isinstance(place, dict | list) and place:
        keys = sorted(place) if isinstance(place, dict) else range(len(place))
        parent, key = place, choose.draw(st.sampled_from(keys))
        place = parent[key]
        if choose.draw(st.integers(0, 3)) == 0:
            break
    parent[key] = choose.draw(json_values)
    for check in checks(of):
        if check.key.machine == "homelab" and check.key.code != "ping":
            verdict = check.judge(Output(0, json.dumps(data)))
            assert not isinstance(verdict, Failed) or all((verdict.expected, verdict.found, verdict.advice))
