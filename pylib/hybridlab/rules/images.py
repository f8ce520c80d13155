"""Container images that the spec names: of a version that says what runs."""

import re
from collections.abc import Iterable, Iterator

from hybridlab.diagnostic import Severity, SpecPath
from hybridlab.model.cluster import Cluster
from hybridlab.model.workload import Manifests
from hybridlab.rules.rule import Example, Finding, rule

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


def _images(cluster: Cluster) -> Iterator[tuple[str, str, SpecPath]]:
    """Yield who runs which image, and where that is written."""
    for workload in cluster.workloads:
        if isinstance(workload, Manifests):
            for template in workload.templates:
                for image, path in template.images:
                    yield str(template.pods), image, path
        else:
            yield str(workload), workload.image, workload.path / "image"
