"""Taints: what the kubelet registers with, and who tolerates them."""

from typing import Any

import yaml

from emitted import emitted
from hybridlab import emit_all
from patched import cluster

GPU = "hosts: {homelab: {kubernetes: {taints: ['amd.com/gpu=true:NoSchedule']}}}"
TOLERATION = {"key": "amd.com/gpu", "operator": "Equal", "value": "true", "effect": "NoSchedule"}


def kubelet_taints(patch: str, machine: str) -> Any:
    files = {path: values for path, values, _ in emitted(cluster(patch))}
    values: Any = files[f"modules/generated/{machine}/kubernetes.nix"]
    return values["services"]["kubernetes"]["kubelet"].get("taints")


def tolerations(patch: str, file: str) -> Any:
    document = yaml.safe_load(emit_all(cluster(patch))[f"k8s/{file}"].text)
    return document["spec"]["template"]["spec"].get("tolerations")


def test_a_key_names_its_taint() -> None:
    assert kubelet_taints(GPU, "homelab") == {"amd.com/gpu": {"value": "true", "effect": "NoSchedule"}}
    assert kubelet_taints(GPU, "k8s-worker-1") is None


def test_two_taints_of_a_key_both_arrive_and_an_empty_value_is_written() -> None:
    patch = """
      guests: {k8s-worker-1: {kubernetes: {taints: ["disk=slow:NoSchedule", "disk:NoExecute"]}}}
    """
    assert kubelet_taints(patch, "k8s-worker-1") == {
        "disk:NoExecute": {"key": "disk", "value": "", "effect": "NoExecute"},
        "disk:NoSchedule": {"key": "disk", "value": "slow", "effect": "NoSchedule"},
    }


def test_who_asks_for_the_gpu_tolerates_the_taint_of_its_node() -> None:
    assert TOLERATION in tolerations(GPU, "amd-gpu-device-plugin/daemonset.yaml")
    assert tolerations(GPU, "ollama/deployment.yaml") == [TOLERATION]
    assert tolerations("", "ollama/deployment.yaml") is None


def test_taints_of_nodes_without_the_gpu_are_not_tolerated() -> None:
    patch = "guests: {k8s-worker-1: {kubernetes: {taints: ['disk=slow:NoSchedule']}}}"
    assert tolerations(patch, "ollama/deployment.yaml") is None


def test_a_workload_without_gpu_is_on_no_tainted_node() -> None:
    [ollama] = [
        w
        for w in cluster(GPU + "\nworkloads: {ollama: {gpus: 0, nodeSelector: null}}").workloads
        if w.name == "ollama"
    ]
    assert ollama.nodes == ("k8s-worker-1",)
    assert not ollama.tolerations
