"""Ollama on a GPU: an image that can drive it, the variables that it takes, and a GPU that is there."""

import re
from collections.abc import Iterable, Mapping

from hybridlab.diagnostic import Related, Severity, SpecPath
from hybridlab.model.cluster import Cluster
from hybridlab.model.node import Gpu, Host
from hybridlab.rules.gpu_containers import OllamaImage, gpu_containers
from hybridlab.rules.rule import OWN, OWN_DOCUMENT, Example, Finding, rule
from hybridlab.rules.wording import counted, listed
from hybridlab.tables.gpu import GpuModel
from hybridlab.tables.images import OLLAMA

# The first with Vulkan in it (termux/termux-packages#26997), and the first that leaves an APU aside unasked.
_FIRST_WITH_VULKAN = (0, 12, 6)
_FIRST_WITHOUT_APU = (0, 30, 0)
_OVERRIDE = "HSA_OVERRIDE_GFX_VERSION"
# The APUs that its ROCm takes unasked.
_TAKEN_BY_ROCM = ("gfx1151",)


def _of(host: Host) -> Gpu:
    assert host.gpu is not None  # it offers some
    return host.gpu


def _where(host: Host) -> Related:
    return Related(f"{host} has a {_of(host).model.name}", host.path / "gpu" / "model")


@rule(
    "GPU013",
    "image-that-can-not-drive-the-gpu",
    severity=Severity.WARNING,
    summary="An image of Ollama has nothing in it that drives the GPU.",
    rationale="""Images that end with `-rocm` have ROCm and no Vulkan, the others Vulkan and no ROCm, and
        those before 0.12.6 neither. Ollama then works on the processor, many times slower, while nobody
        else gets the GPU.""",
    source="ollama/ollama, docs/docker.mdx and llama/server/CMakePresets.json; facts - ollama-image-backend",
    bad=Example(
        """
        workloads:
          ollama: {image: "ollama/ollama:0.6.8"}
        """,
        at=SpecPath.of("workloads", "ollama", "image"),
    ),
    good="""
        workloads:
          ollama: {image: "ollama/ollama:0.6.8-rocm"}
    """,
)
def image_that_can_not_drive_the_gpu(cluster: Cluster) -> Iterable[Finding]:
    for container in gpu_containers(cluster):
        image = container.ollama
        if image is None or container.more_env:
            continue
        # Whoever has ROCm take the chip for another one knows what he does.
        overridden = _OVERRIDE in container.env
        for host in container.hosts:
            model = _of(host).model
            if (problem := _lack(image, model, overridden=overridden)) is not None:
                lack, hint = problem
                yield Finding(
                    f"{container.who} may get a {model.name}, and {container.image} {lack}",
                    container.image_path,
                    hint.format(container.image),
                    related=(_where(host),),
                )
                break


def _lack(image: OllamaImage, model: GpuModel, *, overridden: bool) -> tuple[str, str] | None:
    """Return what an image lacks for a GPU, and what to do about it."""
    if image.rocm and not model.rocm and not overridden:
        return "has ROCm only, which does not drive it", f"take an image with Vulkan, like {OLLAMA}"
    if not image.rocm and image.version is not None and image.version < _FIRST_WITH_VULKAN:
        lack = "has neither ROCm nor Vulkan"
        return lack, "take {0}-rocm, or a newer one" if model.rocm else f"take a newer one, like {OLLAMA}"
    return None


_POD = """
        apiVersion: v1
        kind: Pod
        metadata: {{name: ollama, namespace: default}}
        spec:
          nodeSelector: {{gpu: amd}}
          containers:
          - name: ollama
            image: ollama/ollama:0.30.0-rocm
            env: [{}]
            resources: {{limits: {{amd.com/gpu: 1}}}}
"""


@rule(
    "GPU014",
    "gpu-without-its-variables",
    severity=Severity.WARNING,
    summary="An Ollama of your own lacks the variables without which it leaves the GPU aside.",
    rationale="""A workload of the type `ollama` gets them from the GPU table; a `deployment` or a manifest
        has what is written there. Since 0.30.0 Ollama takes no GPU without memory of its own unless told
        to, and ROCm has no kernels for some chips, which work as a near relative: it computes on the
        processor.""",
    source="ollama/ollama#16690, #15482; facts - hsa-override-in-pod, igpu-enable",
    bad=Example(
        OWN.replace("{own", "{ollama: {gpus: 0}, own"),
        at=OWN_DOCUMENT / "spec" / "containers" / 0 / "image",
        manifest=_POD.format('{name: HSA_OVERRIDE_GFX_VERSION, value: "11.0.0"}'),
    ),
    good=OWN.replace("{own", "{ollama: {gpus: 0}, own"),
    good_manifest=_POD.format(
        '{name: HSA_OVERRIDE_GFX_VERSION, value: "11.0.0"}, {name: OLLAMA_IGPU_ENABLE, value: "1"}'
    ),
)
def gpu_without_its_variables(cluster: Cluster) -> Iterable[Finding]:
    for container in gpu_containers(cluster):
        image = container.ollama
        if image is None or container.more_env:
            continue
        for host in container.hosts:
            needed = _needed(image, _of(host).model)
            # One for a single GPU has its number behind the name.
            missing = [
                f"{name}={value}"
                for name, value in needed.items()
                if not any(known.startswith(name) for known in container.env)
            ]
            if missing:
                yield Finding(
                    f"{container.who} runs Ollama on a {_of(host).model.name} without {listed(missing)}",
                    container.image_path,
                    f"set {'it' if len(missing) == 1 else 'both'} in its env",
                    related=(_where(host),),
                )
                break


def _needed(image: OllamaImage, model: GpuModel) -> Mapping[str, str]:
    needed = dict(model.environment) if image.rocm and model.rocm else {}
    asks = image.version is None or image.version >= _FIRST_WITHOUT_APU
    if asks and not (image.rocm and model.chip in _TAKEN_BY_ROCM):
        needed |= model.ollama_environment
    return needed


_NUMBER = re.compile("[0-9]{1,9}")
_CHOOSING = ("GPU_DEVICE_ORDINAL", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES")


@rule(
    "GPU015",
    "gpu-that-is-not-there",
    severity=Severity.WARNING,
    summary="A variable chooses a GPU by a number that no node has.",
    rationale="""The numbers begin with 0, and count what the container is given. A program that may see
        only a GPU that is not there sees none, and computes on the processor.""",
    source="ROCm documentation, GPU isolation techniques",
    bad=Example(
        """
        workloads:
          ollama: {env: {HIP_VISIBLE_DEVICES: "1"}}
        """,
        at=SpecPath.of("workloads", "ollama", "env", "HIP_VISIBLE_DEVICES"),
    ),
    good="""
        workloads:
          ollama: {env: {HIP_VISIBLE_DEVICES: "0"}}
    """,
)
def gpu_that_is_not_there(cluster: Cluster) -> Iterable[Finding]:
    for container in gpu_containers(cluster):
        if container.privileged:
            continue  # it sees every GPU of the node, also those of which the spec says nothing
        most = max(container.hosts, key=lambda host: host.gpus_for_pods)
        for variable in _CHOOSING:
            value, path = container.env.get(variable, (None, container.image_path))
            numbers = [part.strip() for part in (value or "").split(",")]
            missing = [n for n in numbers if _NUMBER.fullmatch(n) and int(n) >= most.gpus_for_pods]
            if missing:
                yield Finding(
                    f"{container.who} has {variable}={value}, and {most} has "
                    f"{counted(most.gpus_for_pods, 'GPU')}, with the number "
                    f"{'0' if most.gpus_for_pods == 1 else f'0 to {most.gpus_for_pods - 1}'}",
                    path,
                    "remove it: a pod is given the GPUs that it asks for",
                    related=(Related(f"the GPU of {most}", most.path / "gpu"),),
                )
