"""What modules/kubernetes-node.nix and its like add to a machine of the example, as evaluated."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from nix.flakes import REPOSITORY
from nix.machines import machines, machines_of
from patched import patched

NODES = ("homelab", "k8s-master", "k8s-worker-1", "k8s-worker-2")


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Any]:
    return machines(REPOSITORY, tmp_path_factory.mktemp("nix"))


@pytest.mark.parametrize("node", NODES)
def test_pods_ask_no_resolver_of_the_node_s_own(example: Mapping[str, Any], node: str) -> None:
    assert example[node]["kubelet"]["extraConfig"]["resolvConf"] == "/run/systemd/resolve/resolv.conf"


@pytest.mark.parametrize("node", NODES)
def test_bridged_pods_meet_kube_proxy_and_are_forwarded(example: Mapping[str, Any], node: str) -> None:
    """Each once, though kubelet.nix defines them, too: or it would not have evaluated."""
    sysctl = example[node]["sysctl"]
    for key in ("bridge.bridge-nf-call-iptables", "bridge.bridge-nf-call-ip6tables", "ipv4.ip_forward"):
        assert sysctl[f"net.{key}"] == 1


@pytest.mark.parametrize("node", NODES)
def test_pods_reach_the_node_and_nothing_deletes_their_rules(example: Mapping[str, Any], node: str) -> None:
    assert example[node]["firewall"]["trustedInterfaces"] == ["mynet"]
    assert example[node]["nftables"]["enable"] is True
    assert example[node]["nftables"]["flushRuleset"] is False


@pytest.mark.parametrize("node", NODES)
def test_networkd_leaves_pods_links_routes_and_rules_alone(example: Mapping[str, Any], node: str) -> None:
    network = example[node]["network"]
    links = network["networks"]["00-hybridlab-cni"]
    assert links["matchConfig"]["Name"] == "mynet flannel* cni* veth*"
    assert links["linkConfig"]["Unmanaged"] is True
    assert network["config"]["networkConfig"] == {
        "ManageForeignRoutes": False,
        "ManageForeignRoutingPolicyRules": False,
    }


def test_a_gpu_s_driver_finds_its_firmware(example: Mapping[str, Any]) -> None:
    assert example["homelab"]["enableRedistributableFirmware"] is True


def test_a_guest_starts_as_what_it_is_now_and_with_its_key(example: Mapping[str, Any]) -> None:
    services = example["homelab"]["services"]
    for guest in NODES[1:]:
        unit = services[f"microvm@{guest}"]
        assert unit["wants"] == [f"install-microvm-{guest}.service", "sops-install-secrets.service"]
        assert unit["after"] == ["sops-install-secrets.service"]


def test_a_guest_starts_anew_when_only_its_hardware_changes(tmp_path: Path) -> None:
    def triggers(patch: str) -> dict[str, object]:
        units = machines_of(patched(patch), tmp_path)["homelab"]["services"]
        return {name: unit["restartTriggers"] for name, unit in units.items()}

    before = triggers("")
    for change in ("memory: 6GiB", "vcpus: 3", "storage: 100GiB"):
        now = triggers(f"guests: {{k8s-worker-1: {{{change}}}}}")
        assert {unit for unit in now if now[unit] != before[unit]} == {"microvm@k8s-worker-1"}, change


def test_logs_of_pods_lie_on_the_volume_of_a_guest(example: Mapping[str, Any]) -> None:
    assert example["k8s-worker-1"]["kubelet"]["extraConfig"]["podLogsDir"] == "/var/lib/kubernetes/pod-logs"
    assert "podLogsDir" not in example["homelab"]["kubelet"]["extraConfig"]


def test_no_sshd_of_a_guest_listens_past_the_firewall(example: Mapping[str, Any]) -> None:
    assert example["k8s-worker-1"]["generators"] == {"systemd-ssh-generator": "/dev/null"}
