"""Packets through the host, a guest and the router, with the rules of our modules in a real nftables.

Each call is made for real, over TCP or UDP, and counts as answered only if text came back. The last column of
docs/decisions/0003-packet-path.md is `EXPECTED` and `test_only_flows_are_let_through`; its other columns are
`WITHOUT`, where each decision is left out and something must break.
"""

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from hybridlab import Cluster
from network.lab import CLIENTS, GUESTS, HOST, POD, SERVICE, Call, Lab, bridged_leg, host_of, lab, ruleset
from network.namespaces import Namespace

MASTER, WORKER = GUESTS
_HOST_10, _HOST_20 = "10.0.10.5", "10.0.20.5"
_MASTER, _WORKER = "10.0.20.10", "10.0.20.11"

# What each row of the decision's table is, and whether it is answered.
EXPECTED: dict[str, tuple[Call, bool]] = {
    "guest → guest": ((WORKER, None, "tcp", _MASTER, 6443), True),
    "guest → host:10250": ((MASTER, None, "tcp", _HOST_20, 10250), True),
    "guest → host:8472/udp": ((WORKER, None, "udp", _HOST_20, 8472), True),
    "host → guest:6443": ((HOST, None, "tcp", _MASTER, 6443), True),
    "host → guest:8888": ((HOST, None, "tcp", _MASTER, 8888), True),
    "pod → guest:6443": (("pod", None, "tcp", _MASTER, 6443), True),
    "pod → host:10250": (("pod", None, "tcp", _HOST_20, 10250), True),
    "VLAN 10 → guest:6443": (("desk", None, "tcp", _MASTER, 6443), True),
    "VLAN 10 → guest:22": (("desk", None, "tcp", _WORKER, 22), True),
    "VLAN 10 → host:22 on 10.0.10.5": (("desk", None, "tcp", _HOST_10, 22), True),
    "VLAN 10 → host:22 on 10.0.20.5": (("desk", None, "tcp", _HOST_20, 22), True),
    "VLAN 20 → host:22 on 10.0.10.5": (("shelf", None, "tcp", _HOST_10, 22), False),
    "guest → host:22": ((WORKER, None, "tcp", _HOST_20, 22), False),
    "VLAN 20 → guest:22": (("shelf", None, "tcp", _WORKER, 22), False),
    "VLAN 10 → NodePort on 10.0.10.5": (("desk", None, "tcp", _HOST_10, 31434), True),
    "VLAN 10 → NodePort on 10.0.20.5": (("desk", None, "tcp", _HOST_20, 31434), True),
    "VLAN 20 → NodePort on 10.0.10.5": (("shelf", None, "tcp", _HOST_10, 31434), True),
    "VLAN 20 → NodePort on 10.0.20.5": (("shelf", None, "tcp", _HOST_20, 31434), True),
    "guest → NodePort on 10.0.20.5": ((WORKER, None, "tcp", _HOST_20, 31434), True),
    "guest → NodePort on 10.0.10.5": ((WORKER, None, "tcp", _HOST_10, 31434), True),
    "pod → NodePort on 10.0.20.5": (("pod", None, "tcp", _HOST_20, 31434), False),
    "elsewhere → NodePort on 10.0.20.5": (("stranger", None, "tcp", _HOST_20, 31434), False),
    "elsewhere → NodePort on 10.0.10.5": (("stranger", None, "tcp", _HOST_10, 31434), False),
    "elsewhere → NodePort on a guest": (("stranger", None, "tcp", _WORKER, 31434), False),
    "elsewhere → host:22": (("stranger", None, "tcp", _HOST_10, 22), False),
    "elsewhere → guest:6443": (("stranger", None, "tcp", _MASTER, 6443), False),
    "pod → VLAN 10": (("pod", None, "tcp", CLIENTS["desk"], 6443), True),
    "pod → elsewhere": (("pod", None, "udp", CLIENTS["stranger"], 8472), True),
    "pod → Service": (("pod", None, "tcp", str(SERVICE), 11434), True),
    "VLAN 20 → pod, by way of the host": (("shelf", None, "tcp", str(POD), 11434), False),
    "VLAN 20 → Service, by way of the host": (("shelf", None, "tcp", str(SERVICE), 11434), False),
    "VLAN 20 → VLAN 10, by way of the host": (("shelf", None, "udp", CLIENTS["desk"], 8472), False),
    "guest → pod, by way of the host": ((WORKER, None, "tcp", str(POD), 11434), False),
    "guest → elsewhere, by way of the host": ((WORKER, None, "udp", CLIENTS["stranger"], 8472), False),
    "VLAN 20 → a NodePort not in the spec": (("shelf", None, "tcp", _HOST_20, 30080), False),
    "VLAN 10 → a NodePort not in the spec": (("desk", None, "tcp", _HOST_10, 30080), False),
    "VLAN 20 → that NodePort on a guest": (("shelf", None, "tcp", _WORKER, 30080), False),
    "VLAN 10 → guest:10250": (("desk", None, "tcp", _WORKER, 10250), False),
    "VLAN 10 → guest:8888": (("desk", None, "tcp", _MASTER, 8888), False),
    "VLAN 10 → guest:8472/udp": (("desk", None, "udp", _WORKER, 8472), False),
    "VLAN 20 → worker:6443": (("shelf", None, "tcp", _WORKER, 6443), False),
}
# Nobody's, on any machine: kubelet's read-only port, flannel's other back end, etcd, Ollama past its Service.
_CLOSED = [("tcp", 10255), ("udp", 8285), ("tcp", 8285), ("tcp", 2379), ("tcp", 11434)]
_POSES = (WORKER, str(POD), "tcp", _HOST_20, 10250)


@pytest.fixture(scope="module")
def wires(cluster: Cluster, example: Mapping[str, Any]) -> Iterator[Lab]:
    with lab(cluster, example) as built:
        yield built


@pytest.fixture
def machines(wires: Lab, cluster: Cluster, example: Mapping[str, Any]) -> Lab:
    """The lab with each machine's own rules."""
    for name in (HOST, *GUESTS):
        wires.give_rules(name, ruleset(cluster, example[name]))
    return wires


def test_the_table(machines: Lab) -> None:
    answered = machines.dial([call for call, _ in EXPECTED.values()])
    found = dict(zip(EXPECTED, answered, strict=True))
    assert found == {row: expected for row, (_, expected) in EXPECTED.items()}


def test_only_flows_are_let_through(machines: Lab) -> None:
    """Ports that are nobody's, from everywhere to everywhere; a client that listens is the control."""
    addresses = (_HOST_10, _HOST_20, _MASTER, _WORKER)
    callers = (*CLIENTS, MASTER, WORKER)
    own = {MASTER: _MASTER, WORKER: _WORKER}
    calls: list[Call] = [
        (caller, None, protocol, address, port)
        for caller in callers
        for address in addresses
        for protocol, port in _CLOSED
        if address != own.get(caller)
    ]
    answered = machines.dial(calls)
    assert [call for call, open_ in zip(calls, answered, strict=True) if open_] == []
    control: list[Call] = [(HOST, None, protocol, CLIENTS["desk"], port) for protocol, port in _CLOSED]
    assert machines.dial(control) == [True] * len(control)


def test_a_guest_that_poses_as_a_pod_gets_nothing(machines: Lab) -> None:
    """A hostile one, without rules of its own; the host gives no program what it sends."""
    machines.give_rules(WORKER, "")
    guest = machines.places[WORKER]
    guest.ip(f"address add {POD}/32 dev {_link_of(guest)}")
    try:
        assert machines.dial([_POSES]) == [False]
        before = _received(machines)
        machines.dial([(WORKER, str(POD), "udp", _HOST_20, 8472)])
        assert _received(machines) == before
        machines.dial([(WORKER, None, "udp", _HOST_20, 8472)])
        assert _received(machines) > before
    finally:
        guest.ip(f"address delete {POD}/32 dev {_link_of(guest)}")


# Decisions of 0003 that are left out, with rows that must then break: the check of this test itself.
WITHOUT: dict[str, set[str]] = {
    "hypervisor": {
        "guest → guest",
        "guest → host:10250",
        "host → guest:6443",
        "pod → guest:6443",
        "VLAN 10 → guest:6443",
        "VLAN 10 → NodePort on 10.0.20.5",
        "VLAN 20 → NodePort on 10.0.10.5",
    },
    "legs": {"VLAN 10 → NodePort on 10.0.20.5", "VLAN 20 → NodePort on 10.0.10.5"},
    "transit": {"guest → NodePort on 10.0.10.5"},
    "pods": {"pod → host:10250"},
    "kernel's filter": {
        "pod → guest:6443",
        "guest → NodePort on 10.0.20.5",
        "VLAN 20 → NodePort on 10.0.20.5",
    },
    "guard": {
        "pod → NodePort on 10.0.20.5",
        "elsewhere → NodePort on 10.0.20.5",
        "elsewhere → NodePort on 10.0.10.5",
        "VLAN 20 → a NodePort not in the spec",
        "VLAN 10 → a NodePort not in the spec",
    },
    "forwarding": {
        "VLAN 20 → pod, by way of the host",
        "VLAN 20 → Service, by way of the host",
        "VLAN 20 → VLAN 10, by way of the host",
        "guest → pod, by way of the host",
        "guest → elsewhere, by way of the host",
    },
    "openings": {
        "guest → host:10250",
        "guest → host:8472/udp",
        "VLAN 10 → host:22 on 10.0.10.5",
        "VLAN 10 → host:22 on 10.0.20.5",
    },
}


@pytest.mark.parametrize("decision", WITHOUT)
def test_each_decision_is_needed(
    machines: Lab, cluster: Cluster, example: Mapping[str, Any], decision: str
) -> None:
    machines.give_rules(HOST, ruleset(cluster, _without(decision, example[HOST])))
    with _changed(decision, machines.places[HOST], cluster):
        answered = machines.dial([call for call, _ in EXPECTED.values()])
    changed = {
        row
        for (row, (_, expected)), found in zip(EXPECTED.items(), answered, strict=True)
        if found is not expected
    }
    assert changed >= WITHOUT[decision], f"only these changed: {sorted(changed)}"


@contextmanager
def _changed(decision: str, host: Namespace, cluster: Cluster) -> Iterator[None]:
    """For a while undo what a decision changes besides nftables."""
    assert cluster.kubernetes is not None
    pods = f"priority 1000 to {cluster.kubernetes.pod_network} table main"
    bridge = f"net.ipv4.conf.{cluster.bridge}.rp_filter"
    match decision:
        case "pods":
            host.ip(f"rule delete {pods}")
            yield
            host.ip(f"rule add {pods}")
        case "kernel's filter":
            host.sysctl({bridge: 2})
            yield
            host.sysctl({bridge: 0})
        case _:
            yield


def _without(decision: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """A machine's options without what a decision adds."""
    reduced = copy.deepcopy(dict(options))
    tables, firewall = reduced["nftables"]["tables"], reduced["firewall"]
    if decision == "hypervisor":
        del tables["hybridlab-transit"], tables["hybridlab-host"]
        firewall["extraReversePathFilterRules"] = ""
    if decision == "legs":
        _remove_lines(tables["hybridlab-host"], "ct mark")
    if decision == "transit":
        _remove_lines(tables["hybridlab-host"], "notrack")
    if decision == "guard":
        del tables["hybridlab-guard"]
    if decision == "forwarding":
        _remove_lines(tables["hybridlab-guard"], "goto forwarded")
    if decision == "openings":
        firewall["extraInputRules"] = ""
    return reduced


def _remove_lines(table: dict[str, Any], word: str) -> None:
    kept = [line for line in table["content"].splitlines() if word not in line]
    assert len(kept) < len(table["content"].splitlines())
    table["content"] = "\n".join(kept)


def _link_of(guest: Any) -> str:
    [link] = {link["ifname"] for link in guest.show("link") if link["ifname"] != "lo"}
    return str(link)


def _received(machines: Lab) -> int:
    """Datagrams that programs of the host have been given."""
    text = machines.places[HOST].run("cat", "/proc/net/snmp")
    names, values = (line.split() for line in text.splitlines() if line.startswith("Udp:"))
    return int(dict(zip(names, values, strict=True))["InDatagrams"])


def test_the_lab_is_the_example(cluster: Cluster) -> None:
    """The addresses above are those of cluster.yaml."""
    legs = {str(leg.address): leg.interface for leg in host_of(cluster).legs}
    assert legs == {_HOST_10: "br0.10", _HOST_20: "br0.20"}
    assert bridged_leg(cluster) == legs[_HOST_20]
    addresses = {guest.name: str(guest.leg.address) for guest in host_of(cluster).guests}
    assert {name: addresses[name] for name in GUESTS} == {MASTER: _MASTER, WORKER: _WORKER}
