"""From a spec to its cluster: names become objects, and each name of nothing is told where it stands."""

import pytest

from hybridlab import parse_spec, resolve
from hybridlab.diagnostic import Diagnostic
from hybridlab.errors import ResolveError
from patched import cluster, patched


def problems(patch: str) -> list[Diagnostic]:
    with pytest.raises(ResolveError) as caught:
        cluster(patch)
    return list(caught.value.report)


@pytest.mark.parametrize(
    ("patch", "code", "path", "message", "hint"),
    [
        ("guests: {k8s-master: {host: homlab}}", "RES001", "guests.k8s-master.host", "'homlab'", "'homelab'"),
        ("guests: {k8s-master: {vlan: dmz}}", "RES001", "guests.k8s-master.vlan", "VLAN 'dmz'", "management"),
        (
            "hosts: {homelab: {addresses: {dmz: 10.9.0.1}}}",
            "RES001",
            "hosts.homelab.addresses.dmz",
            "'dmz'",
            "",
        ),
        ("kubernetes: {vlan: service}", "RES001", "kubernetes.vlan", "'service'", "'services'"),
        ("admin: {sshFrom: [managment]}", "RES001", "admin.sshFrom.0", "'managment'", "'management'"),
        (
            "hosts: {homelab: {gpu: {model: radeon-780}}}",
            "RES001",
            "hosts.homelab.gpu.model",
            "GPU model",
            "780m",
        ),
        ('nixos: {release: "24.05"}', "RES001", "nixos.release", "NixOS release '24.05'", "26.05"),
        (
            "workloads: {ollama: {expose: {from: [services, servces]}}}",
            "RES001",
            "workloads.ollama.expose.from.1",
            "'servces'",
            "'services'",
        ),
        (
            "hosts: {homelab: {gpu: {passthrough:"
            " {address: 0000:c4:00.0, ids: [1002:1900], guest: k8s-worker-9}}}}",
            "RES001",
            "hosts.homelab.gpu.passthrough.guest",
            "guest of this host 'k8s-worker-9'",
            "k8s-worker-1",
        ),
        (
            """
hosts:
  second: {uplink: eth0, addresses: {services: 10.0.20.6}, cpus: 4, memory: 8GiB, gpu: {
    model: radeon-780m, passthrough: {address: "0000:c4:00.0", ids: ["1002:1900"], guest: k8s-worker-1}}}
""",
            "RES001",
            "hosts.second.gpu.passthrough.guest",
            "is on another host, 'homelab'",
            "none",
        ),
        ("secrets: null", "RES003", "kubernetes", "has no secrets", "recipients"),
        (
            "guests: {homelab: {host: homelab, vlan: services, address: 10.0.20.9, vcpus: 1, memory: 1GiB}}",
            "RES004",
            "guests.homelab",
            "both called 'homelab'",
            "rename",
        ),
        (
            "hosts: {homelab: {addresses: {services: null}}}",
            "RES005",
            "hosts.homelab",
            "no address in VLAN",
            "",
        ),
        (
            "kubernetes: {vlan: management}",
            "RES005",
            "kubernetes.vlan",
            "2 nodes",
            "did you mean 'services'?",
        ),
    ],
)
def test_a_name_of_nothing_is_told_where_it_stands(
    patch: str, code: str, path: str, message: str, hint: str
) -> None:
    (problem,) = problems(patch)
    assert (problem.code, str(problem.path)) == (code, path)
    assert message in problem.message
    assert hint in (problem.hint or "")
    assert problem.span is not None


def test_members_of_a_cluster_that_is_not_there_are_all_told() -> None:
    found = problems("kubernetes: null")
    assert {problem.code for problem in found} == {"RES002"}
    assert {str(problem.path) for problem in found} == {
        "hosts.homelab.kubernetes",
        "guests.k8s-master.kubernetes",
        "guests.k8s-worker-1.kubernetes",
        "workloads.amd-gpu-device-plugin",
        "workloads.ollama",
    }


def test_problems_are_told_together() -> None:
    found = problems(
        "{guests: {k8s-master: {host: a, vlan: b}}, admin: {sshFrom: [c]}, kubernetes: {vlan: d}}"
    )
    assert [problem.code for problem in found] == ["RES001"] * 4


def test_host_reaches_the_world_by_its_first_vlan_with_a_gateway() -> None:
    (host,) = cluster("").hosts
    assert host.default_leg.vlan.name == "management"
    (host,) = cluster("networks: {vlans: {management: {gateway: null}}}").hosts
    assert host.default_leg.vlan.name == "services"
    vlans = "management: {gateway: null}, services: {gateway: null}"
    (host,) = cluster(f"networks: {{vlans: {{{vlans}}}}}").hosts
    assert host.default_leg is None


def test_labels_of_a_node_are_its_own_and_those_of_every_kubelet() -> None:
    labels = {node.name: node.membership.labels for node in cluster("").nodes}
    assert labels["homelab"] == {
        "gpu": "amd",
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/hostname": "homelab",
        "kubernetes.io/os": "linux",
    }
    assert "gpu" not in labels["k8s-worker-1"]


def test_control_plane_takes_pods_only_if_the_spec_says_so() -> None:
    def schedulable(patch: str) -> dict[str, bool]:
        return {node.name: node.membership.schedulable for node in cluster(patch).nodes}

    assert schedulable("") == {"homelab": True, "k8s-master": False, "k8s-worker-1": True}
    assert schedulable("guests: {k8s-master: {kubernetes: {schedulable: true}}}")["k8s-master"]
    assert not schedulable("hosts: {homelab: {kubernetes: {schedulable: false}}}")["homelab"]


def test_nodes_in_different_vlans_are_told_each() -> None:
    found = problems(
        "hosts: {homelab: {addresses: {services: null}}}\nguests: {k8s-worker-1: {vlan: management}}"
    )
    assert [(one.code, str(one.path)) for one in found] == [
        ("RES005", "hosts.homelab"),
        ("RES005", "guests.k8s-worker-1"),
    ]


@pytest.mark.parametrize("folder", ["k8s", "k8s/own", "modules/generated"])
def test_manifests_of_ones_own_are_not_where_hybridlab_writes(folder: str) -> None:
    settings = b"{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: default}}"
    text = patched(f"workloads: {{own: {{type: manifests, folder: {folder}}}}}")
    with pytest.raises(ResolveError) as caught:
        resolve(parse_spec(text, folders={folder: {"a.yaml": settings}}))
    (one,) = caught.value.report
    assert (one.code, str(one.path)) == ("RES006", "workloads.own.folder")
