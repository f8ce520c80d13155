"""What a GPU's chip decides: image and variables of Ollama, and the labeller beside the device plugin."""

from typing import Any

import pytest
import yaml

from hybridlab import emit_all
from hybridlab.tables import images
from hybridlab.tables.gpu import GPU_MODELS
from patched import cluster, report


def ollama(model: str) -> Any:
    text = emit_all(cluster(f"hosts: {{homelab: {{gpu: {{model: {model}}}}}}}"))["k8s/ollama/deployment.yaml"]
    [container] = yaml.safe_load(text.text)["spec"]["template"]["spec"]["containers"]
    return container


@pytest.mark.parametrize("model", GPU_MODELS)
def test_ollama_gets_the_image_that_drives_its_chip_and_what_that_needs(model: str) -> None:
    gpu = GPU_MODELS[model]
    container = ollama(model)
    assert container["image"] == (images.OLLAMA_ROCM if gpu.rocm else images.OLLAMA)
    env = {one["name"]: one["value"] for one in container.get("env", ())}
    assert env == {**gpu.environment, **gpu.ollama_environment}
    assert report(f"hosts: {{homelab: {{gpu: {{model: {model}}}}}}}").diagnostics == ()


def test_vulkan_has_no_use_for_an_override_of_rocm() -> None:
    for gpu in GPU_MODELS.values():
        assert gpu.rocm or not gpu.environment


LABELLER = "workloads: {amd-gpu-device-plugin: {labeller: true}}"


def test_the_labeller_runs_where_the_device_plugin_does_and_may_label_nodes() -> None:
    files = emit_all(cluster(LABELLER))
    kinds = {
        name.rpartition("/")[2]: yaml.safe_load(file.text)
        for file in files
        if (name := str(file.path)).startswith("k8s/amd-gpu-device-plugin/")
    }
    assert sorted(kinds) == [
        "daemonset.yaml",
        "labeller-clusterrole.yaml",
        "labeller-clusterrolebinding.yaml",
        "labeller-daemonset.yaml",
        "labeller-serviceaccount.yaml",
    ]
    plugin, labeller = (
        kinds[name]["spec"]["template"]["spec"] for name in ("daemonset.yaml", "labeller-daemonset.yaml")
    )
    for key in ("affinity", "tolerations", "priorityClassName"):
        assert plugin[key] == labeller[key]
    account = kinds["labeller-serviceaccount.yaml"]["metadata"]["name"]
    assert labeller["serviceAccountName"] == account
    [subject] = kinds["labeller-clusterrolebinding.yaml"]["subjects"]
    assert (subject["name"], subject["namespace"]) == (account, "kube-system")
    # Only the labeller is privileged, and the API server has to be told that it may be.
    assert labeller["containers"][0]["securityContext"] == {"privileged": True}
    assert "privileged" not in str(plugin)
    assert "asked for by amd-gpu-device-plugin" in files["modules/generated/k8s-master/kubernetes.nix"].text


def test_without_being_asked_for_nothing_is_labelled() -> None:
    files = emit_all(cluster(""))
    assert not [file for file in files if "labeller" in str(file.path)]
    assert "allowPrivileged" not in files["modules/generated/k8s-master/kubernetes.nix"].text
