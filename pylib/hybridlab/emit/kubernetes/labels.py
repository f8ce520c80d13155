"""What types of workloads have in common: labels that tell one's objects from another's, where pods run."""

from collections.abc import Iterable

from hybridlab.manifest.data import Json
from hybridlab.model.workload import AmdGpuDevicePlugin, labels_of
from hybridlab.spec.scalars import Taint


def app_labels(workload: str) -> dict[str, str]:
    """Return the labels of everything that belongs to a workload; its selector is the same set."""
    return labels_of(workload)


def tolerations_of(taints: Iterable[Taint]) -> list[Json]:
    """Return a toleration of each taint, of it alone."""
    return [
        {"key": taint.key, "operator": "Equal", "value": taint.value, "effect": taint.effect}
        for taint in taints
    ]


def on_each_node(plugin: AmdGpuDevicePlugin) -> dict[str, Json]:
    """Return what brings a pod onto each node of a device plugin, whatever else is there."""
    return {
        **_selection(plugin),
        "priorityClassName": "system-node-critical",
        "tolerations": [
            {"key": "CriticalAddonsOnly", "operator": "Exists"},
            *tolerations_of(plugin.tolerations),
        ],
    }


def _selection(plugin: AmdGpuDevicePlugin) -> dict[str, Json]:
    if plugin.node_selector:
        return {"nodeSelector": dict(plugin.node_selector)}
    # Not asked for by label: the nodes of which the spec says that they have such a GPU.
    term: dict[str, Json] = {
        "matchExpressions": [
            {"key": "kubernetes.io/hostname", "operator": "In", "values": list(plugin.nodes)}
        ]
    }
    return {
        "affinity": {
            "nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}
        }
    }
