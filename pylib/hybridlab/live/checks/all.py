"""All checks of a cluster: what each phase makes of the model, in the order of the phases."""

from collections.abc import Iterator

from hybridlab.live.checks import cluster as kubernetes
from hybridlab.live.checks import firewall, gpu, machines, network, ollama, secrets, workloads
from hybridlab.live.checks.check import Check
from hybridlab.model.cluster import Cluster
from hybridlab.model.workload import Ollama


def all_checks(cluster: Cluster, *, prompt: str | None = None) -> tuple[Check, ...]:
    """Return every check of the cluster; their keys differ.

    `prompt`: a model that each Ollama has, which it is made to load and to answer with.
    """
    return (
        *machines.checks(cluster),
        *network.checks(cluster),
        *firewall.checks(cluster),
        *secrets.checks(cluster),
        *gpu.checks(cluster),
        *kubernetes.checks(cluster),
        *workloads.checks(cluster),
        *(ollama.prompt(cluster, one, prompt) for one in _ollamas(cluster) if prompt is not None),
    )


def _ollamas(cluster: Cluster) -> Iterator[Ollama]:
    return (workload for workload in cluster.workloads if isinstance(workload, Ollama))
