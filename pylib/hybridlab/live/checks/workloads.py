"""Checks of what runs on the cluster: our own workloads, their Services, Ollama, and the user's manifests."""

from collections.abc import Iterator

from hybridlab.live.checks import offered_gpus, ollama, own_manifests, placed, programs, services
from hybridlab.live.checks.check import Check
from hybridlab.model.cluster import Cluster


def checks(cluster: Cluster) -> Iterator[Check]:
    """Yield every check of the phase; nothing without a Kubernetes cluster."""
    if cluster.kubernetes is None or not cluster.control_plane:
        return
    yield from programs.checks(cluster)
    yield from placed.checks(cluster)
    yield from offered_gpus.checks(cluster)
    yield from services.checks(cluster)
    yield from ollama.checks(cluster)
    yield from own_manifests.checks(cluster)
