"""What `show` knows of the example cluster."""

import json
from pathlib import Path

import pytest

from hybridlab import Cluster, load_spec, resolve
from hybridlab.cli.topics import TOPICS, Row
from patched import cluster as patched_cluster

EXAMPLE = Path(__file__).parents[3] / "cluster.yaml"


@pytest.fixture(scope="module")
def cluster() -> Cluster:
    return resolve(load_spec(EXAMPLE))


def rows(cluster: Cluster, topic: str) -> list[Row]:
    return list(TOPICS[topic].rows(cluster))


@pytest.mark.parametrize("topic", list(TOPICS))
def test_rows_are_json_and_hold_every_column(cluster: Cluster, topic: str) -> None:
    shown = rows(cluster, topic)

    assert shown
    assert json.loads(json.dumps(shown)) == shown
    assert len({tuple(row) for row in ({*sorted(row)} for row in shown)}) == 1
    for row in shown:
        assert len(TOPICS[topic].cells(row)) == len(TOPICS[topic].columns)


def test_nodes_are_the_machines(cluster: Cluster) -> None:
    host, master, *_ = rows(cluster, "nodes")

    assert TOPICS["nodes"].cells(host) == [
        "homelab",
        "host",
        "-",
        "worker",
        "10.0.10.5, 10.0.20.5",
        "16",
        "64GiB",
        "1 radeon-780m (host)",
        "gpu=amd, node-type=baremetal",
        "-",
    ]
    assert (master["name"], master["kind"], master["host"]) == ("k8s-master", "guest", "homelab")
    assert (master["role"], master["schedulable"], master["gpuCount"]) == ("control-plane", False, 0)


def test_addresses_are_in_order_and_each_once(cluster: Cluster) -> None:
    shown = rows(cluster, "addresses")

    addresses = [str(row["address"]) for row in shown]
    assert addresses == sorted(set(addresses), key=lambda text: [int(part) for part in text.split(".")])
    assert {"10.0.10.1", "10.0.20.1"} == {row["address"] for row in shown if row["kind"] == "gateway"}
    for guest in cluster.guests:
        (row,) = (row for row in shown if row["machine"] == guest.name)
        identity = guest.identity
        assert (row["mac"], row["tap"], row["cid"]) == (identity.mac, identity.tap, identity.cid)


def test_openings_are_what_flows_ask_for(cluster: Cluster) -> None:
    asked = {
        (flow["to"], flow["interface"] if flow["kind"] == "machine" else None, flow["portProtocol"])
        for flow in rows(cluster, "flows")
    }
    opened = [(row["machine"], row["interface"], row["portProtocol"]) for row in rows(cluster, "openings")]

    assert len(opened) == len(set(opened))
    assert set(opened) == asked


def test_devices_stand_among_the_addresses() -> None:
    shown = rows(patched_cluster("networks: {vlans: {services: {devices: {nas: 10.0.20.6}}}}"), "addresses")
    (nas,) = (row for row in shown if row["kind"] == "device")
    assert (nas["address"], nas["machine"], nas["vlan"]) == ("10.0.20.6", "nas", "services")
