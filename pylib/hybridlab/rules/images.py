"""Container images of workloads: of a version that says what runs, and for the machines' processors."""

import re
from collections.abc import Iterable, Iterator

from hybridlab.diagnostic import Related, Severity, SpecPath
from hybridlab.model.cluster import Cluster
from hybridlab.model.workload import Manifests
from hybridlab.rules.rule import Example, Finding, rule
from hybridlab.rules.wording import listed
from hybridlab.spec.scalars import System
from hybridlab.tables.images import X86_64_ONLY

# Tags that are moved to each newer image, also with a variant behind them; a digest pins whatever the tag is.
_MOVING = re.compile(r".*:(latest|stable|main|master|edge|nightly|dev|rocm)")
_UNTAGGED = re.compile(r"(?:.*/)?[^:/@]+")


@rule(
    "WKL012",
    "moving-image",
    severity=Severity.WARNING,
    summary="A workload's image has a tag that is moved to newer images, like `latest`.",
    rationale="""What runs is then decided by the day on which a node pulled the image, and differs from node
        to node. Kubernetes pulls `latest` again at every start of a pod. A version, or a digest, says what
        runs.""",
    source="""Kubernetes docs, Configuration Best Practices and Images (imagePullPolicy); Docker Hub,
        ollama/ollama""",
    bad=Example(
        """
        workloads:
          ollama: {image: "ollama/ollama:rocm"}
        """,
        at=SpecPath.of("workloads", "ollama", "image"),
    ),
    good="""
        workloads:
          ollama: {image: "ollama/ollama:0.30.0-rocm"}
    """,
)
def moving_image(cluster: Cluster) -> Iterable[Finding]:
    for who, image, path in _images(cluster):
        if match := _MOVING.fullmatch(image):
            tag = f"whose tag {match[1]!r} is moved to newer images"
        elif _UNTAGGED.fullmatch(image):
            tag = "without a tag, which is 'latest', moved to newer images"
        else:
            continue
        yield Finding(
            f"{who} has image {image!r}, {tag}", path, "name a version, or pin the image with @sha256:…"
        )


@rule(
    "WKL017",
    "image-of-another-architecture",
    summary="Machines are aarch64, and a workload's image is for x86_64 only.",
    rationale="""AMD publishes the device plugin and the labeller for x86_64 only, and ROCm, with it the
        images of Ollama that end with `-rocm`, is for x86_64 only. On another processor containerd finds no
        image to pull, or the program does not start (exec format error).""",
    source="""ROCm/k8s-device-plugin#151; ollama/ollama, Dockerfile (ROCm is built for linux/amd64), and
        ollama/ollama#7420""",
    bad=Example(
        """
        nixos: {system: aarch64-linux}
        """,
        at=SpecPath.of("nixos", "system"),
    ),
    good="""
        nixos: {system: aarch64-linux}
        hosts: {homelab: {gpu: null}}
        workloads: {amd-gpu-device-plugin: null, ollama: {gpus: 0}}
    """,
)
def image_of_another_architecture(cluster: Cluster) -> Iterable[Finding]:
    if cluster.nixos.system is System.X86_64:
        return
    found = [(who, image, path) for who, image, path in _images(cluster) if X86_64_ONLY.fullmatch(image)]
    if found:
        whose = listed([f"{image} of {who}" for who, image, _ in found])
        verb = "is" if len(found) == 1 else "are"
        yield Finding(
            f"machines are {cluster.nixos.system.value}, and {whose} {verb} for x86_64 only",
            SpecPath.of("nixos", "system"),
            "name an image that you have built for it, or run the workload without the GPU",
            related=tuple(Related(f"{who} runs it", path) for who, _, path in found[:3]),
        )


def _images(cluster: Cluster) -> Iterator[tuple[str, str, SpecPath]]:
    """Yield who runs which image, and where that is written."""
    for workload in cluster.workloads:
        if isinstance(workload, Manifests):
            for template in workload.templates:
                for image, path in template.images:
                    yield str(template.pods), image, path
        else:
            yield str(workload), workload.image, workload.path / "image"
