"""Who talks to whom: each flow has a reason, and each opening of a firewall its flows."""

import pytest

from hybridlab import Cluster, ResolveError
from hybridlab.model.flows import FlowKind
from patched import cluster


def openings(of: Cluster, machine: str) -> dict[tuple[str, int, str], list[str]]:
    return {
        (o.interface, o.port, o.protocol.value): [str(source) for source in o.sources]
        for o in of.firewalls[machine].openings
    }


def test_control_plane_opens_what_the_facts_ask_for() -> None:
    lab, both = "10.0.20.0/24", ["10.0.10.0/24", "10.0.20.0/24"]
    assert openings(cluster("admin: {sshFrom: [management]}"), "k8s-master") == {
        ("vlan20", 22, "tcp"): ["10.0.10.0/24"],
        ("vlan20", 6443, "tcp"): both,
        ("vlan20", 8472, "udp"): [lab],
        ("vlan20", 8888, "tcp"): [lab],
        ("vlan20", 10250, "tcp"): [lab],
    }


def test_host_as_worker_talks_to_nodes_on_their_vlan_only() -> None:
    assert openings(cluster("admin: {sshFrom: [management]}"), "homelab") == {
        ("br0.10", 22, "tcp"): ["10.0.10.0/24"],
        ("br0.20", 22, "tcp"): ["10.0.10.0/24"],
        ("br0.20", 8472, "udp"): ["10.0.20.0/24"],
        ("br0.20", 10250, "tcp"): ["10.0.20.0/24"],
    }


def test_node_port_answers_on_every_node_to_the_vlans_of_the_spec() -> None:
    exposed = cluster("workloads: {ollama: {expose: {from: [management, services]}}}")
    for node in exposed.nodes:
        (port,) = exposed.firewalls[node.name].node_ports
        assert (port.port, [str(s) for s in port.sources]) == (31434, ["10.0.10.0/24", "10.0.20.0/24"])
    hidden = cluster("workloads: {ollama: {expose: null}}")
    assert not any(firewall.node_ports for firewall in hidden.firewalls.values())


def test_machine_outside_kubernetes_answers_to_its_admin_alone() -> None:
    patch = "guests: {web: {host: homelab, vlan: services, address: 10.0.20.30, vcpus: 1, memory: 1GiB}}"
    assert {port for _, port, _ in openings(cluster(patch), "web")} == {22}


def test_every_flow_says_why_and_what_of_the_spec_asks_for_it() -> None:
    of = cluster("")
    assert of.flows
    for flow in of.flows:
        assert flow.service
        assert flow.purpose in flow.reason
        assert of.source.locate(flow.cause) is not None
        openings = of.firewalls[flow.destination]
        asked = openings.openings if flow.kind is FlowKind.MACHINE else openings.node_ports
        assert [flow in opening.flows for opening in asked].count(True) == 1


SERVICES = """
hosts: {homelab: {services: {backup: {port: 873, from: [management]}, quiet: {port: 9100}}}}
guests:
  k8s-worker-1:
    services:
      dns: {port: 53, protocol: udp, from: [services, management]}
      dns-tcp: {port: 53, from: [services]}
"""


def test_a_service_of_the_user_is_open_on_every_leg_to_the_vlans_that_may_use_it() -> None:
    plain, with_services = cluster(""), cluster(SERVICES)
    management, services = "10.0.10.0/24", "10.0.20.0/24"
    assert openings(with_services, "homelab") == openings(plain, "homelab") | {
        ("br0.10", 873, "tcp"): [management],
        ("br0.20", 873, "tcp"): [management],
    }
    assert openings(with_services, "k8s-worker-1") == openings(plain, "k8s-worker-1") | {
        ("vlan20", 53, "udp"): [management, services],
        ("vlan20", 53, "tcp"): [services],
    }
    assert openings(with_services, "k8s-master") == openings(plain, "k8s-master")


def test_a_service_says_who_asked_for_it() -> None:
    of = cluster(SERVICES)
    (opening,) = (o for o in of.firewalls["homelab"].openings if (o.interface, o.port) == ("br0.10", 873))
    assert opening.reason == "backup: a program of its own"
    assert {str(flow.cause) for flow in opening.flows} == {"hosts.homelab.services.backup"}
    assert {flow.who for flow in opening.flows} == {"clients"}


def test_a_service_from_a_vlan_that_does_not_exist() -> None:
    with pytest.raises(ResolveError) as caught:
        cluster("guests: {k8s-worker-1: {services: {dns: {port: 53, from: [service]}}}}")
    (found,) = caught.value.report
    assert (found.code, str(found.path)) == ("RES001", "guests.k8s-worker-1.services.dns.from.0")
    assert found.hint == "did you mean 'services'?"
