"""The live ruleset against the model: every change of its effect is found, by one check."""

import copy
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hybridlab import Cluster, parse_spec, resolve
from hybridlab.live.checks.check import Check, CouldNotLook, Failed, Key, Ok, Verdict
from hybridlab.live.checks.firewall import checks
from hybridlab.live.probe import Output
from hybridlab.model.links import LEG_MARK, TRANSIT_MARK
from live.judging import State, failed, judge, states_of, verdicts
from live.standin.rulesets import (
    Item,
    from_interface,
    match,
    meta,
    payload,
    rule,
    to_port,
)
from nix.flakes import REPOSITORY
from patched import cluster
from strategies import as_yaml, good_clusters

NIXOS, GUARD = ("inet", "nixos-fw"), ("inet", "hybridlab-guard")
ACCEPT: Item = {"accept": None}
DROP: Item = {"drop": None}
KUBELET = "10250/tcp on br0.20"
# An IPv6 VLAN, a machine outside Kubernetes, and an id whose routing table is another number.
OTHERS = """
networks: {vlans: {six: {id: 254, cidr: "fd00:6::/64", gateway: "fd00:6::1"}}}
admin: {sshFrom: [management, six]}
hosts: {homelab: {addresses: {six: "fd00:6::5"}}}
guests: {web: {host: homelab, vlan: six, address: "fd00:6::30", vcpus: 1, memory: 1GiB}}
"""


def found(of: Cluster, states: dict[str, State]) -> dict[Key, Failed]:
    return failed(verdicts(checks(of), states))


def one(of: Cluster, code: str, machine: str = "homelab", subject: str = "") -> Check:
    return next(check for check in checks(of) if check.key == Key(code, machine, subject))


def rules(state: State, table: str, chain: str) -> Iterator[dict[str, Any]]:
    """The rules of a chain, to be changed."""
    for item in state["nft"]:
        said = item.get("rule", {})
        if (said.get("table"), said.get("chain")) == (table, chain):
            yield said


def about(state: State, table: str, chain: str, text: str) -> dict[str, Any]:
    """The one rule of a chain that has this in it."""
    [there] = [said for said in rules(state, table, chain) if text in json.dumps(said)]
    return there


def with_rule(of: Cluster, *added: Item, machine: str = "homelab") -> dict[Key, Failed]:
    states = states_of(of)
    states[machine]["nft"] += added
    return found(of, states)


def ours(item: Item) -> bool:
    """Whether a rule is one without which something else is let in, refused or sent on."""
    said = item.get("rule")
    if said is None or said["family"] == "ip":
        return False
    no_matter = ("DHCPv4 client/server", "DHCPv6 client", "@temp-ports")
    # A NodePort is refused once more, with all others of the range.
    last_but_one = (
        said["chain"] == "node-ports" and "drop" in json.dumps(said) and '"th"' not in json.dumps(said)
    )
    return not last_but_one and not any(text in json.dumps(said) for text in no_matter)


@pytest.mark.parametrize("patch", ["", OTHERS], ids=["example", "IPv6, no node"])
def test_healthy_machines_pass_all_checks(patch: str) -> None:
    of = cluster(patch)
    assert all(isinstance(verdict, Ok) for verdict in verdicts(checks(of), states_of(of)).values())


@settings(max_examples=25)
@given(good_clusters(most_guests=8))
def test_healthy_machines_of_any_cluster_pass_all_checks(data: Any) -> None:
    of = resolve(parse_spec(as_yaml(data)))
    assert found(of, states_of(of)) == {}


@pytest.mark.parametrize("patch", ["", OTHERS], ids=["example", "IPv6, no node"])
def test_each_rule_that_is_missing_is_missed_by_one_check(patch: str) -> None:
    of = cluster(patch)
    whole = states_of(of)
    for machine, state in whole.items():
        for index, item in enumerate(state["nft"]):
            if ours(item):
                fewer = {**whole, machine: {"nft": state["nft"][:index] + state["nft"][index + 1 :]}}
                missed = found(of, fewer)
                assert [key.machine for key in missed] == [machine], (item, missed)


@settings(max_examples=25)
@given(good_clusters(most_guests=4), st.data())
def test_a_rule_of_any_cluster_that_is_missing_is_missed_by_one_check(
    data: Any, choose: st.DataObject
) -> None:
    of = resolve(parse_spec(as_yaml(data)))
    states = states_of(of)
    machine = choose.draw(st.sampled_from(sorted(states)))
    items = states[machine]["nft"]
    items.remove(choose.draw(st.sampled_from([item for item in items if ours(item)])))
    assert len(found(of, states)) == 1


@pytest.mark.parametrize(
    "added",
    [
        pytest.param([to_port("tcp", 9100)], id="a port"),
        pytest.param([to_port("tcp", 22)], id="a port that is open to some"),
        pytest.param([from_interface("br0.20"), to_port("udp", {"range": [1, 65535]})], id="a range"),
        pytest.param([from_interface("br0.10"), to_port("udp", 8472)], id="a port, on another interface"),
        pytest.param([from_interface("br*"), to_port("tcp", 10250)], id="interfaces by a pattern"),
        pytest.param([to_port("tcp", {"set": [80, 443]})], id="ports"),
        pytest.param([match(meta("l4proto"), "tcp")], id="a protocol"),
        pytest.param([match(meta("skuid"), 1000)], id="something that nobody knows"),
        pytest.param([match(payload("tcp", "sport"), 53)], id="where it comes from"),
        pytest.param([], id="everything"),
    ],
)
@pytest.mark.parametrize("chain", ["input", "input-allow"])
def test_what_is_let_in_besides_is_found_once(added: list[Item], chain: str) -> None:
    assert [*with_rule(cluster(""), rule(NIXOS, chain, *added, ACCEPT))] == [
        Key("firewall.closed", "homelab")
    ]


def test_a_port_that_was_opened_for_a_while_is_found() -> None:
    of = cluster("")
    states = states_of(of)
    [ports] = [item["set"] for item in states["k8s-master"]["nft"] if "set" in item]
    ports["elem"] = [{"concat": ["tcp", {"range": [8000, 8010]}]}]

    [(key, verdict)] = found(of, states).items()

    assert key == Key("firewall.closed", "k8s-master")
    assert verdict.found == "opened for a while: tcp . 8000-8010"
    assert "nixos-firewall-tool reset" in verdict.advice


def test_what_refuses_an_opening_is_found() -> None:
    near = match(payload("ip", "saddr"), "10.0.10.7")
    [(key, verdict)] = with_rule(cluster(""), rule(NIXOS, "input-allow", near, DROP)).items()
    assert (key.code, verdict.found) == ("firewall.closed", "ip saddr 10.0.10.7 drop")


def test_a_rule_that_leads_elsewhere_is_not_taken_for_a_good_one() -> None:
    of = cluster("")
    states = states_of(of)
    states["homelab"]["nft"].append(rule(NIXOS, "input-allow", {"jump": {"target": "mine"}}))
    assert judge(one(of, "firewall.closed"), states) == CouldNotLook(
        "there are rules that are not understood: jump mine"
    )


@pytest.mark.parametrize(
    ("sources", "seen"),
    [
        (["10.0.0.0/16"], "open to 10.0.0.0/16"),
        (["10.0.20.0/25"], "open to 10.0.20.0/25"),
        (["10.0.20.0/24", "10.0.30.0/24"], "open to 10.0.20.0/24, 10.0.30.0/24"),
        (["fd00::/64"], "open to fd00::/64"),
    ],
)
def test_an_opening_to_others_is_found_once(sources: list[str], seen: str) -> None:
    of = cluster("")
    states = states_of(of)
    said = about(states["homelab"], "nixos-fw", "input-allow", "10250")
    said["expr"][1] = _from(*sources)

    [(key, verdict)] = found(of, states).items()

    assert key == Key("firewall.opening", "homelab", KUBELET)
    assert (verdict.expected, verdict.found) == ("open to 10.0.20.0/24", seen)


def test_an_opening_to_anyone_is_found_once() -> None:
    of = cluster("")
    states = states_of(of)
    del about(states["homelab"], "nixos-fw", "input-allow", "10250")["expr"][1]
    assert [*found(of, states)] == [Key("firewall.opening", "homelab", KUBELET)]


@pytest.mark.parametrize(
    "same",
    [
        [["10.0.20.0/25", "10.0.20.128/25"]],
        [["10.0.20.128/25"], ["10.0.20.0/25"]],
        [["10.0.20.0-10.0.20.255"]],
        [["10.0.20.0/24"], ["10.0.20.7"]],
    ],
    ids=["halves", "a rule for each half", "a range", "a part twice"],
)
def test_sources_are_sets_of_addresses(same: list[list[str]]) -> None:
    of = cluster("")
    states = states_of(of)
    items = states["homelab"]["nft"]
    said = about(states["homelab"], "nixos-fw", "input-allow", "10250")
    for sources in same:
        items.append({"rule": copy.deepcopy(said)})
        items[-1]["rule"]["expr"][1] = _from(*sources)
    items.remove({"rule": said})
    assert found(of, states) == {}


def test_rules_may_be_joined_and_in_any_order() -> None:
    """As `nft --optimize` and people join them: ssh on both legs in one rule."""
    of = cluster("")
    states = states_of(of)
    items = states["homelab"]["nft"]
    one_leg, other_leg = (
        said
        for said in rules(states["homelab"], "nixos-fw", "input-allow")
        if '"right": 22}' in json.dumps(said)
    )
    items.remove({"rule": one_leg})
    items.remove({"rule": other_leg})
    other_leg["expr"][0] = from_interface("br0.20", "br0.10")
    items.append({"rule": other_leg})
    kubelet = {"rule": about(states["homelab"], "nixos-fw", "input-allow", "10250")}
    items.remove(kubelet)
    items.append(kubelet)
    assert found(of, states) == {}


def test_a_broader_rule_in_place_of_an_opening_is_one_fault() -> None:
    of = cluster("")
    states = states_of(of)
    items = states["homelab"]["nft"]
    items.remove({"rule": about(states["homelab"], "nixos-fw", "input-allow", "10250")})
    items.append(rule(NIXOS, "input-allow", to_port("tcp", {"range": [10000, 11000]}), ACCEPT))
    assert [*found(of, states)] == [Key("firewall.closed", "homelab")]


def test_another_trusted_interface_is_found_once() -> None:
    assert [*with_rule(cluster(""), rule(NIXOS, "input", from_interface("wg0"), ACCEPT))] == [
        Key("firewall.trusted", "homelab")
    ]


def test_options_of_nixos_that_open_nothing_are_no_fault() -> None:
    """logRefusedConnections, rejectPackets, pingLimit, logReversePathDrops."""
    of = cluster("")
    states = states_of(of)
    log: Item = {"log": {"prefix": "refused connection: ", "level": "info"}}
    reset = {"reject": {"type": "tcp reset"}}
    states["homelab"]["nft"] += [
        rule(NIXOS, "input", match(payload("tcp", "flags"), "syn"), log),
        rule(NIXOS, "input", match(meta("l4proto"), "tcp"), reset),
        rule(NIXOS, "input", {"reject": {"type": "icmpx", "expr": "port-unreachable"}}),
        rule(NIXOS, "rpfilter", log),
    ]
    ping = about(states["homelab"], "nixos-fw", "input-allow", "echo-request")
    ping["expr"].insert(1, {"limit": {"rate": 2, "burst": 5, "per": "second"}})
    assert found(of, states) == {}


@pytest.mark.parametrize(
    ("code", "table", "chain", "added"),
    [
        ("firewall.guard", GUARD, "node-ports", [to_port("tcp", 30080), ACCEPT]),
        ("firewall.forwarding", GUARD, "forwarded", [from_interface("wg0"), ACCEPT]),
        ("firewall.reversePath", NIXOS, "rpfilter-allow", [from_interface("br0.20"), ACCEPT]),
        ("firewall.reversePath", NIXOS, "rpfilter", [ACCEPT]),
        ("firewall.transit", ("inet", "hybridlab-host"), "transit", [{"notrack": None}]),
    ],
)
def test_a_rule_before_the_input_chain_is_found_once(
    code: str, table: tuple[str, str], chain: str, added: list[Item]
) -> None:
    of = cluster("")
    states = states_of(of)
    first = next(rules(states["homelab"], table[1], chain))
    items = states["homelab"]["nft"]
    items.insert(items.index({"rule": first}), rule(table, chain, *added))
    assert [*found(of, states)] == [Key(code, "homelab")]


def test_a_node_port_that_is_refused_before_it_is_let_in_is_found_once() -> None:
    of = cluster("")
    states = states_of(of)
    items = states["homelab"]["nft"]
    said = {"rule": about(states["homelab"], "hybridlab-guard", "node-ports", "saddr")}
    items.insert(items.index(said), rule(GUARD, "node-ports", to_port("tcp", 31434), DROP))
    [(key, verdict)] = found(of, states).items()
    assert (key.subject, verdict.found) == ("31434/tcp", "open to nobody")


def test_protocols_may_be_numbers() -> None:
    of = cluster("")
    states = states_of(of)
    said = about(states["homelab"], "hybridlab-guard", "node-ports", "l4proto")
    said["expr"][0] = match(meta("l4proto"), {"set": [6, 17]})
    assert found(of, states) == {}


def test_a_node_port_for_others_is_found_once() -> None:
    of = cluster("")
    states = states_of(of)
    said = about(states["homelab"], "hybridlab-guard", "node-ports", "saddr")
    said["expr"][0] = _from("10.0.0.0/8")
    assert [*found(of, states)] == [Key("firewall.nodePort", "homelab", "31434/tcp")]


@pytest.mark.parametrize(
    ("code", "table", "chain", "change"),
    [
        ("firewall.input", "nixos-fw", "input", {"policy": "accept"}),
        ("firewall.input", "nixos-fw", "input", {"hook": "output"}),
        ("firewall.reversePath", "nixos-fw", "rpfilter", {"policy": "accept"}),
        ("firewall.guard", "hybridlab-guard", "prerouting", {"prio": -90}),
        ("firewall.transit", "hybridlab-transit", "prerouting", {"prio": 10}),
        ("firewall.returnPath", "hybridlab-host", "return-path", {"prio": -150}),
    ],
)
def test_a_chain_elsewhere_is_found_once(code: str, table: str, chain: str, change: dict[str, Any]) -> None:
    of = cluster("")
    states = states_of(of)
    for item in states["homelab"]["nft"]:
        said = item.get("chain", {})
        if (said.get("table"), said.get("name")) == (table, chain):
            said.update(change)
    assert [*found(of, states)] == [Key(code, "homelab")]


def test_a_table_of_others_that_drops_by_default_is_found() -> None:
    chain = {"family": "inet", "table": "filter", "name": "input", "handle": 1}
    hook = {"type": "filter", "hook": "input", "prio": 0, "policy": "drop"}
    table = {"table": {"family": "inet", "name": "filter", "handle": 1}}
    [(key, verdict)] = with_rule(cluster(""), table, {"chain": chain | hook}).items()
    assert (key.code, verdict.found) == ("firewall.input", "chain input of table inet filter does, too")


@pytest.mark.parametrize("table", ["nixos-fw", "hybridlab-guard", "hybridlab-host", "hybridlab-transit"])
def test_a_table_that_is_asleep_is_none(table: str) -> None:
    of = cluster("")
    states = states_of(of)
    [said] = [
        item["table"] for item in states["homelab"]["nft"] if item.get("table", {}).get("name") == table
    ]
    said["flags"] = ["dormant"]
    assert [*found(of, states)] == [Key("firewall.loaded", "homelab")]


def test_a_list_as_nft_1_1_4_prints_it_is_the_same() -> None:
    """It says `check` for `oif` where only existence is asked, and has no list around one flag."""
    of = cluster("")
    states = states_of(of)
    for state in states.values():
        text = json.dumps(state["nft"]).replace('["daddr"]', '"daddr"')
        state["nft"] = json.loads(text.replace('"result": "oif"', '"result": "check"'))
    assert '"check"' in json.dumps(states)
    assert found(of, states) == {}


def test_no_ruleset_at_all_is_one_fault() -> None:
    of = cluster("")
    states = {**states_of(of), "homelab": {"nft": []}}
    [(key, verdict)] = found(of, states).items()
    assert key == Key("firewall.loaded", "homelab")
    assert verdict.found.endswith("not loaded; there are: none")
    assert "systemctl restart nftables" in verdict.advice


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[]", '{"nftables": 3}', '{"nftables": [3]}', '{"nftables": [{"rule": {}}]}', "[" * 9999],
)
def test_what_nft_never_prints_is_no_answer(text: str) -> None:
    for check in checks(cluster("")):
        assert isinstance(check.judge(Output(0, text)), CouldNotLook | Failed), check


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=100)
@given(st.just(cluster("")), st.data())
def test_no_judge_ever_raises(of: Cluster, choose: st.DataObject) -> None:
    """Whatever stands anywhere in a ruleset, there is a verdict."""
    nft = states_of(of)["homelab"]["nft"]
    place: Any = nft
    while isinstance(place, dict | list) and place:
        keys = sorted(place) if isinstance(place, dict) else range(len(place))
        parent, key = place, choose.draw(st.sampled_from(keys))
        place = parent[key]
        if choose.draw(st.integers(0, 3)) == 0:
            break
    parent[key] = choose.draw(json_values)
    for check in checks(of):
        if check.key.machine == "homelab":
            verdict: Verdict = check.judge(Output(0, json.dumps({"nftables": nft})))
            assert not isinstance(verdict, Failed) or all((verdict.expected, verdict.found, verdict.advice))


def test_titles_say_what_has_to_be_so() -> None:
    of = cluster("")
    assert one(of, "firewall.opening", subject="8472/udp on br0.20").title == (
        "8472/udp on br0.20 is open to 10.0.20.0/24: flannel VXLAN: traffic of pods between nodes"
    )
    assert one(of, "firewall.forwarding").title == "only what comes from mynet and flannel.1 is sent on"


def test_a_machine_outside_kubernetes_guards_and_forwards_nothing() -> None:
    codes = {check.key.code for check in checks(cluster(OTHERS)) if check.key.machine == "web"}
    assert codes == {
        "firewall.loaded",
        "firewall.input",
        "firewall.trusted",
        "firewall.icmp",
        "firewall.opening",
        "firewall.closed",
        "firewall.reversePath",
    }


def test_marks_are_those_of_the_modules() -> None:
    text = (REPOSITORY / "modules/shared/packet-mark.nix").read_text()
    marks = {name: int(value, 16) for name, value in re.findall(r'(\w+) = "(0x\w+)"', text)}
    assert marks == {"transit": TRANSIT_MARK, "leg": LEG_MARK}


def _from(*sources: str) -> Item:
    """A match as nft prints it: of addresses, prefixes and ranges."""

    def value(text: str) -> Any:
        if "-" in text:
            return {"range": text.split("-")}
        address, slash, length = text.partition("/")
        return {"prefix": {"addr": address, "len": int(length)}} if slash else address

    family = "ip6" if ":" in sources[0] else "ip"
    values = [value(text) for text in sources]
    return match(payload(family, "saddr"), values[0] if len(values) == 1 else {"set": values})
