"""Images, variables and devices with which pods come to a GPU, or do not."""

import pytest

from own_manifests import in_default
from patched import report

OWN = "workloads: {ollama: {gpus: 0}, own: {type: manifests, folder: own}}"
IMAGE = "workloads.ollama.image"


def said(patch: str, manifest: str | None = None) -> list[tuple[str, str]]:
    return [
        (one.code, str(one.path).partition(".app.yaml.")[2] or str(one.path))
        for one in report(patch, manifest=manifest)
    ]


def on(model: str, fields: str) -> str:
    """Return a patch by which Ollama with these fields is on a GPU of this model."""
    return f"hosts: {{homelab: {{gpu: {{model: {model}}}}}}}\nworkloads: {{ollama: {{{fields}}}}}"


def pod(image: str, env: str = "", container: str = "", spec: str = "") -> str:
    """Return a pod of one container that asks for a GPU."""
    limits = "resources: {limits: {amd.com/gpu: 1}}"
    one = f'{{name: app, image: "{image}", {limits}, env: [{env}]{container}}}'
    return in_default("v1", "Pod", "app", f"spec: {{nodeSelector: {{gpu: amd}}, containers: [{one}]{spec}}}")


@pytest.mark.parametrize(
    ("model", "image", "lacking"),
    [
        ("radeon-rx-7900-xtx", "ollama/ollama:0.6.8", True),
        ("radeon-rx-7900-xtx", "docker.io/ollama/ollama:v0.12.5", True),
        ("radeon-rx-7900-xtx", "ollama/ollama:0.6.8-rocm", False),
        ("radeon-rx-7900-xtx", "ollama/ollama:0.12.6", False),
        ("radeon-rx-7900-xtx", "ollama/ollama:0.30.0", False),
        ("radeon-rx-580", "ollama/ollama:0.30.0-rocm", True),
        ("radeon-rx-580", "ollama/ollama:0.30.0", False),
        ("radeon-rx-580", "ollama/ollama:0.6.8", True),
        ("radeon-rx-580", "example.org/ollama:0.6.8-rocm", False),
        ("radeon-rx-580", f"ollama/ollama@sha256:{'a' * 64}", False),
    ],
)
def test_an_image_drives_the_gpu(model: str, image: str, lacking: bool) -> None:
    assert said(on(model, f'image: "{image}"')) == ([("GPU013", IMAGE)] if lacking else [])


def test_a_chip_that_is_overridden_is_let_be() -> None:
    image = "image: ollama/ollama:0.30.0-rocm"
    overridden = f"{image}, env: {{HSA_OVERRIDE_GFX_VERSION: 10.3.0}}"
    assert said(on("radeon-rx-6700-xt", image)) == [("GPU013", IMAGE)]
    assert said(on("radeon-rx-6700-xt", overridden)) == []


def test_without_a_gpu_any_image_will_do() -> None:
    assert said(on("radeon-rx-580", "gpus: 0, image: ollama/ollama:0.30.0-rocm")) == []


OVERRIDE = '{name: HSA_OVERRIDE_GFX_VERSION, value: "11.0.0"}'
ENABLE = '{name: OLLAMA_IGPU_ENABLE, value: "1"}'


@pytest.mark.parametrize(
    ("image", "env", "missing"),
    [
        ("ollama/ollama:0.30.0-rocm", "", "HSA_OVERRIDE_GFX_VERSION=11.0.0 and OLLAMA_IGPU_ENABLE=1"),
        ("ollama/ollama:0.30.0-rocm", ENABLE, "HSA_OVERRIDE_GFX_VERSION=11.0.0"),
        ("ollama/ollama:0.30.0-rocm", f"{ENABLE}, {OVERRIDE}", None),
        ("ollama/ollama:0.29.9-rocm", "", "HSA_OVERRIDE_GFX_VERSION=11.0.0"),
        ("ollama/ollama:0.30.0", "", "OLLAMA_IGPU_ENABLE=1"),
        ("ollama/ollama:0.29.9", "", None),
        (
            "ollama/ollama:0.30.0",
            "{name: OLLAMA_IGPU_ENABLE, valueFrom: {fieldRef: {fieldPath: metadata.name}}}",
            None,
        ),
        ("jellyfin/jellyfin:10.11.3", "", None),
    ],
)
def test_an_ollama_of_ones_own_has_what_the_gpu_needs(image: str, env: str, missing: str | None) -> None:
    found = [one.message for one in report(OWN, manifest=pod(image, env))]
    assert len(found) == (missing is not None)
    assert all(one.endswith(f"on a radeon-780m without {missing}") for one in found)


@pytest.mark.parametrize(("image", "said_so"), [("0.30.0-rocm", False), ("0.30.0", True)])
def test_rocm_takes_the_largest_apu_unasked(image: str, said_so: bool) -> None:
    patch = f"hosts: {{homelab: {{gpu: {{model: radeon-8060s}}}}}}\n{OWN}"
    place = "0.spec.containers.0.image"
    assert said(patch, pod(f"ollama/ollama:{image}")) == ([("GPU014", place)] if said_so else [])


def test_an_override_for_one_gpu_is_one() -> None:
    one = OVERRIDE.replace("VERSION", "VERSION_0")
    assert said(OWN, pod("ollama/ollama:0.30.0-rocm", f"{ENABLE}, {one}")) == []


def test_a_privileged_container_sees_all_gpus_of_its_node() -> None:
    env = 'env: {HIP_VISIBLE_DEVICES: "1"}'
    assert said(f"workloads: {{ollama: {{{env}}}}}") != []
    assert said(f"workloads: {{ollama: {{{env}, privileged: true}}}}") == []


def test_a_deployment_lacks_what_only_ollama_needs() -> None:
    workloads = 'ollama: null, llm: {type: deployment, image: "ollama/ollama:0.30.0-rocm", gpus: 1'
    assert said(f"workloads: {{{workloads}}}}}") == [("GPU014", "workloads.llm.image")]
    assert said(f'workloads: {{{workloads}, env: {{OLLAMA_IGPU_ENABLE: "1"}}}}}}') == []


def test_variables_that_come_from_elsewhere_may_be_the_right_ones() -> None:
    settings = in_default("v1", "ConfigMap", "gpu", "data: {A: b}")
    own = pod("ollama/ollama:0.30.0-rocm", container=", envFrom: [{configMapRef: {name: gpu}}]")
    assert said(OWN, f"{settings}---{own}") == []


@pytest.mark.parametrize(
    ("count", "value", "missing"),
    [
        (1, "0", False),
        (1, "1", True),
        (1, "0,1", True),
        (2, "0,1", False),
        (2, "2", True),
        (1, "-1", False),
        (1, "GPU-3f9c1b7e5d2a4886", False),
        (1, "", False),
    ],
)
@pytest.mark.parametrize("variable", ["HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "GPU_DEVICE_ORDINAL"])
def test_a_gpu_by_its_number(count: int, value: str, missing: bool, variable: str) -> None:
    gpu = f"hosts: {{homelab: {{gpu: {{model: radeon-rx-7600, count: {count}}}}}}}\n"
    env = f'{gpu}workloads: {{ollama: {{env: {{{variable}: "{value}"}}}}}}'
    assert said(env) == ([("GPU015", f"workloads.ollama.env.{variable}")] if missing else [])
    own = pod("blender:4.5.3", f'{{name: {variable}, value: "{value}"}}')
    place = "0.spec.containers.0.env.0.value"
    assert said(gpu + OWN, own) == ([("GPU015", place)] if missing else [])


@pytest.mark.parametrize(
    ("model", "count", "wrong"),
    [
        ("radeon-780m", 2, True),
        ("radeon-vega-8", 3, True),
        ("radeon-780m", 1, False),
        ("radeon-rx-7600", 2, False),
    ],
)
def test_an_apu_is_one(model: str, count: int, wrong: bool) -> None:
    patch = f"hosts: {{homelab: {{gpu: {{model: {model}, count: {count}}}}}}}"
    assert said(patch) == ([("GPU016", "hosts.homelab.gpu.count")] if wrong else [])


PLUGIN = """
apiVersion: apps/v1
kind: DaemonSet
metadata: {{name: plugin, namespace: kube-system}}
spec:
  selector: {{matchLabels: {{app: plugin}}}}
  template:
    metadata: {{labels: {{app: plugin}}}}
    spec:
      nodeSelector: {}
      volumes: [{{name: dp, hostPath: {{path: /var/lib/kubelet/device-plugins}}}}]
      containers: [{{name: plugin, image: "{}", volumeMounts: [{{name: dp, mountPath: /plugins}}]}}]
"""


@pytest.mark.parametrize(
    ("selector", "image", "second"),
    [
        ("{gpu: amd}", "rocm/k8s-device-plugin:1.31.0.9", True),
        ("{gpu: amd}", "docker.io/rocm/k8s-device-plugin", True),
        ("{gpu: amd}", "intel/intel-gpu-plugin:0.34.0", False),
        ("{kubernetes.io/hostname: k8s-worker-1}", "rocm/k8s-device-plugin:1.31.0.9", False),
    ],
)
def test_a_device_plugin_in_a_manifest_may_be_the_second(selector: str, image: str, second: bool) -> None:
    found = [one for one in said(OWN, PLUGIN.format(selector, image)) if one[0] != "WKL012"]
    assert found == ([("GPU006", "0.metadata.name")] if second else [])


def devices(path: str, container: str = "", mounts: str = "[{name: dev, mountPath: /dev/x}]") -> str:
    volume = f"{{name: dev, hostPath: {{path: {path}}}}}"
    one = f'{{name: app, image: "nginx:1.29.1", volumeMounts: {mounts}{container}}}'
    return in_default("v1", "Pod", "app", f"spec: {{volumes: [{volume}], containers: [{one}]}}")


@pytest.mark.parametrize(
    ("manifest", "closed"),
    [
        (devices("/dev/dri"), True),
        (devices("/dev/dri/renderD128"), True),
        (devices("/dev/kfd"), True),
        (devices("/dev/driver"), False),
        (devices("/dev/dri", ", securityContext: {privileged: true}"), False),
        (devices("/dev/dri", ", resources: {limits: {amd.com/gpu: 1}}"), False),
        (devices("/dev/dri", ", resources: {limits: {memory: 1Gi}}"), True),
        (devices("/dev/dri", mounts="[]"), False),
        (devices("/dev/dri", ", resources: {claims: [{name: gpu}]}"), False),
    ],
)
def test_devices_that_a_container_may_not_open(manifest: str, closed: bool) -> None:
    place = "0.spec.volumes.0.hostPath.path"
    assert said(OWN, manifest) == ([("GPU017", place)] if closed else [])
