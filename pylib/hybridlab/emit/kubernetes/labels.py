"""What all types of workloads have in common: labels that tell one's objects from another's, tolerations."""

from collections.abc import Iterable

from hybridlab.manifest.data import Json
from hybridlab.spec.scalars import Taint


def app_labels(workload: str) -> dict[str, str]:
    """Return the labels of everything that belongs to a workload; its selector is the same set.

    `app` is what people type after `-l`.
    """
    return {"app": workload}


def tolerations_of(taints: Iterable[Taint]) -> list[Json]:
    """Return a toleration of each taint, of it alone."""
    return [
        {"key": taint.key, "operator": "Equal", "value": taint.value, "effect": taint.effect}
        for taint in taints
    ]
