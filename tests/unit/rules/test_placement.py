"""Where pods find a node: past the scheduler, by labels of old names, by labels that only the node knows."""

import pytest

from patched import cluster, report

OWN = "workloads: {own: {type: manifests, folder: own}}"
LABELLER = "workloads: {amd-gpu-device-plugin: {labeller: true}}"
POD = """
apiVersion: v1
kind: Pod
metadata: {{name: app, namespace: default}}
spec: {{containers: [{{name: app, image: "nginx:1.29.1"}}], {}}}
"""
AFFINITY = """
  affinity: {{nodeAffinity: {{requiredDuringSchedulingIgnoredDuringExecution: {{nodeSelectorTerms: [
    {{matchExpressions: [{}]}}]}}}}}}
"""


def found(spec: str, patch: str = OWN) -> list[str]:
    return [one.code for one in report(patch, manifest=POD.format(spec))]


def tainted(taint: str) -> str:
    return f'guests: {{k8s-worker-1: {{kubernetes: {{taints: ["{taint}"]}}}}}}\n{OWN}'


@pytest.mark.parametrize("taint", ["disk=slow:NoSchedule", "disk=slow:PreferNoSchedule"])
def test_a_pod_that_names_its_node_is_past_the_scheduler(taint: str) -> None:
    assert found("nodeName: k8s-worker-1", tainted(taint)) == []
    assert found("nodeName: k8s-master") == []


def test_the_kubelet_refuses_a_bound_pod_for_no_execute() -> None:
    patch = tainted("disk=slow:NoExecute")
    assert found("nodeName: k8s-worker-1", patch) == ["WKL016"]
    assert found("nodeName: k8s-worker-1, tolerations: [{key: disk, operator: Exists}]", patch) == []


def test_the_kubelet_refuses_a_bound_pod_that_selects_other_labels() -> None:
    assert found("nodeName: k8s-worker-1, nodeSelector: {gpu: amd}") == ["WKL016"]


@pytest.mark.parametrize(
    ("selector", "codes"),
    [
        ("{beta.kubernetes.io/os: linux, beta.kubernetes.io/arch: amd64}", []),
        ("{beta.kubernetes.io/os: windows}", ["WKL001"]),
        ("{beta.kubernetes.io/arch: arm64}", ["WKL001"]),
        ("{beta.kubernetes.io/instance-type: nuc}", ["WKL001"]),
    ],
)
def test_nodes_have_the_labels_of_the_kubelet_under_their_old_names(selector: str, codes: list[str]) -> None:
    assert found(f"nodeSelector: {selector}") == codes


@pytest.mark.parametrize(
    ("selector", "codes"),
    [
        ("{amd.com/gpu.vram: 4G}", []),
        ("{beta.amd.com/gpu.family.GC_11_0_1: '1', gpu: amd}", []),
        ("{amd.com/gpu.vram: 4G, gpu: nvidia}", ["WKL001"]),
        ("{amd.com/gpus: '1'}", ["WKL001"]),
        ("{amd.com/gpu.vram: 4G, kubernetes.io/hostname: k8s-worker-1}", ["WKL001"]),
    ],
)
def test_what_the_node_labeller_says_is_known_on_the_node(selector: str, codes: list[str]) -> None:
    with_labeller = OWN.replace("{own", "{amd-gpu-device-plugin: {labeller: true}, own")
    assert found(f"nodeSelector: {selector}", with_labeller) == codes
    assert found(f"nodeSelector: {selector}") == ["WKL001"]


@pytest.mark.parametrize(
    "condition", ["operator: Exists", "operator: In, values: [x]", "operator: DoesNotExist"]
)
def test_conditions_on_its_labels_may_hold(condition: str) -> None:
    with_labeller = OWN.replace("{own", "{amd-gpu-device-plugin: {labeller: true}, own")
    term = AFFINITY.format(f"{{key: amd.com/gpu.family, {condition}}}")
    other = AFFINITY.format("{key: gpu, operator: In, values: [none]}")
    assert found(term, with_labeller) == []
    assert found(other, with_labeller) == ["WKL016"]


def test_there_is_no_such_label_where_the_labeller_sees_no_gpu() -> None:
    off = (
        'hosts: {homelab: {gpu: {mode: "off"}}}\nworkloads: {amd-gpu-device-plugin: null, ollama: {gpus: 0}, '
    )
    plugin = "plugin: {type: amd-gpu-device-plugin, labeller: true, nodeSelector: {gpu: amd}}, own: "
    codes = found("nodeSelector: {amd.com/gpu.vram: 4G}", off + plugin + "{type: manifests, folder: own}}")
    assert codes == ["GPU005", "WKL001"]


def test_a_labelled_gpu_is_given_its_environment() -> None:
    ollama = "ollama: {nodeSelector: {amd.com/gpu.family: GC_11_0_1}}"
    [app] = cluster(LABELLER.replace("}}", "}, " + ollama + "}")).apps
    assert app.nodes == ("homelab",)
    assert app.env["HSA_OVERRIDE_GFX_VERSION"] == "11.0.0"
