"""Where a real scheduler puts our pods, on hollow nodes of the model; `check` says the same beforehand."""

from pathlib import Path
from typing import Any

import pytest

from hybridlab import Cluster, parse_spec, resolve
from hybridlab.model.node import Host
from hybridlab.rules.check import check
from kubernetes.control_plane import Api, Programs, hollow_node, path_of, taints_of, until
from kubernetes.test_manifests import manifests

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "cluster.yaml").read_text(encoding="utf-8")
TAINTED = TEXT.replace(
    "labels: {gpu: amd, node-type: baremetal}",
    'labels: {gpu: amd, node-type: baremetal}\n      taints: ["amd.com/gpu=true:NoSchedule"]',
)


@pytest.fixture(scope="module")
def cluster(control_plane: tuple[Api, Programs]) -> Cluster:
    """The example, with a tainted GPU, on hollow nodes."""
    api, programs = control_plane
    resolved = resolve(parse_spec(TAINTED))
    assert check(resolved).ok
    for node in resolved.nodes:
        gpus = node.machine.gpus_for_pods if isinstance(node.machine, Host) else 0
        hollow_node(
            programs,
            api,
            node.name,
            labels=node.membership.own_labels,
            taints=taints_of(node),
            resources={"amd.com/gpu": gpus} if gpus else None,
        )
    until(lambda: ready(api) == {node.name for node in resolved.nodes}, "all nodes are Ready")
    for resource in manifests(resolved):
        api.apply(resource)
    return resolved


def ready(api: Api) -> set[str]:
    return {
        node["metadata"]["name"]
        for node in api.request("GET", "/api/v1/nodes")["items"]
        if any(c["type"] == "Ready" and c["status"] == "True" for c in node["status"]["conditions"])
    }


def running(api: Api, namespace: str, app: str) -> list[str]:
    """The nodes on which an app's pods run."""
    return [
        pod["spec"]["nodeName"]
        for pod in api.pods(namespace)
        if pod["metadata"]["labels"].get("app") == app and pod["status"]["phase"] == "Running"
    ]


def pending(api: Api) -> str | None:
    """Why Ollama's pod is not scheduled, in the scheduler's words; None while it has not looked."""
    for pod in api.pods("ollama"):
        for condition in pod["status"].get("conditions", ()):
            if condition["type"] == "PodScheduled" and condition["status"] == "False":
                return str(condition["message"])
    return None


def restart(api: Api, deployment: Any) -> None:
    """Apply a deployment from nothing."""
    path = path_of(deployment)
    api.request("DELETE", path + "?propagationPolicy=Background")
    until(lambda: not api.pods("ollama"), "Ollama's pods are gone")
    api.apply(deployment)


def test_nodes_register_with_the_model_s_labels_and_taints(
    control_plane: tuple[Api, Programs], cluster: Cluster
) -> None:
    api, _ = control_plane
    for node in cluster.nodes:
        found = api.request("GET", f"/api/v1/nodes/{node.name}")
        assert node.membership.own_labels.items() <= found["metadata"]["labels"].items()
        taints = {(t["key"], t.get("value", ""), t["effect"]) for t in found["spec"].get("taints", ())}
        assert {(t.key, t.value, t.effect) for t in node.membership.taints} <= taints


def test_ollama_and_the_device_plugin_run_on_the_gpu_s_host_and_nowhere_else(
    control_plane: tuple[Api, Programs], cluster: Cluster
) -> None:
    api, _ = control_plane
    until(lambda: running(api, "ollama", "ollama") == ["homelab"], "Ollama runs on homelab")
    until(
        lambda: running(api, "kube-system", "amd-gpu-device-plugin") == ["homelab"],
        "the device plugin runs on homelab",
    )
    workloads = {workload.name: workload.nodes for workload in cluster.workloads}
    assert workloads == {"ollama": ("homelab",), "amd-gpu-device-plugin": ("homelab",)}


# A change of the spec, the code with which `check` refuses it, and what the scheduler says of the pod.
STRANDED = {
    "a label that no node has": (
        ("nodeSelector: {gpu: amd, node-type: baremetal}", "nodeSelector: {gpu: amd, node-type: metal}"),
        "WKL001",
        "didn't match Pod's node affinity/selector",
    ),
    "more GPUs than the host has": (("    gpus: 1\n", "    gpus: 2\n"), "GPU002", "Insufficient amd.com/gpu"),
    "no GPU, and so no toleration": (
        ("    gpus: 1\n", "    gpus: 0\n"),
        "WKL002",
        "had untolerated taint",
    ),
}


@pytest.mark.parametrize("case", STRANDED)
def test_where_check_refuses_the_pod_stays_pending(
    control_plane: tuple[Api, Programs], cluster: Cluster, case: str
) -> None:
    api, _ = control_plane
    (written, instead), code, reason = STRANDED[case]
    assert TAINTED.count(written) == 1
    changed = resolve(parse_spec(TAINTED.replace(written, instead)))
    assert code in [diagnostic.code for diagnostic in check(changed).errors]
    [deployment] = [one for one in manifests(changed) if one["kind"] == "Deployment"]
    restart(api, deployment)
    try:
        assert reason in until(lambda: pending(api), "the scheduler has looked at the pod")
    finally:
        [right] = [one for one in manifests(cluster) if one["kind"] == "Deployment"]
        restart(api, right)


def test_a_second_replica_finds_no_gpu(control_plane: tuple[Api, Programs], cluster: Cluster) -> None:
    api, _ = control_plane
    [deployment] = [one for one in manifests(cluster) if one["kind"] == "Deployment"]
    deployment["spec"]["replicas"] = 2
    restart(api, deployment)
    try:
        assert "Insufficient amd.com/gpu" in until(
            lambda: pending(api), "the scheduler has looked at the pod"
        )
        until(lambda: running(api, "ollama", "ollama") == ["homelab"], "the first replica runs")
    finally:
        deployment["spec"]["replicas"] = 1
        restart(api, deployment)
