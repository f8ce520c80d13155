"""AMD's device plugin as a DaemonSet.

Shape and paths: ROCm/k8s-device-plugin, k8s-ds-amdgpu-dp.yaml and helm/amd-gpu; the kubelet's socket folder
is a constant in kubernetes/kubelet, deviceplugin/v1beta1, whatever the kubelet's root folder is.
"""

from hybridlab.emit.kubernetes.labels import app_labels, tolerations_of
from hybridlab.manifest import Resource
from hybridlab.manifest.data import Json, KeyPath
from hybridlab.model.workload import AmdGpuDevicePlugin

_SOCKETS = "/var/lib/kubelet/device-plugins"
_SPEC: KeyPath = ("spec", "template", "spec")


def resources(plugin: AmdGpuDevicePlugin) -> tuple[Resource, ...]:
    """Return the DaemonSet."""
    labels = app_labels(plugin.name)
    return (
        Resource(
            "apps/v1",
            "DaemonSet",
            plugin.name,
            namespace=plugin.namespace,
            labels=labels,
            body={
                "spec": {
                    "selector": {"matchLabels": labels},
                    "template": {"metadata": {"labels": labels}, "spec": _pod(plugin)},
                }
            },
            comments={
                (*_SPEC, "containers", 0, "securityContext"): (
                    "it reads /sys and talks over the socket: no privileges needed without -pulse"
                ),
                (*_SPEC, "volumes", 0): "where the kubelet listens for plugins, and they for the kubelet",
            },
        ),
    )


def _pod(plugin: AmdGpuDevicePlugin) -> dict[str, Json]:
    return {
        **_placement(plugin),
        "priorityClassName": "system-node-critical",
        "tolerations": [
            {"key": "CriticalAddonsOnly", "operator": "Exists"},
            *tolerations_of(plugin.tolerations),
        ],
        "automountServiceAccountToken": False,
        "containers": [
            {
                "name": "device-plugin",
                "image": plugin.image,
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "capabilities": {"drop": ["ALL"]},
                },
                "resources": {
                    "requests": {"cpu": "10m", "memory": "32Mi"},
                    "limits": {"memory": "128Mi"},
                },
                "volumeMounts": [
                    {"name": "device-plugins", "mountPath": _SOCKETS},
                    {"name": "sys", "mountPath": "/sys", "readOnly": True},
                ],
            }
        ],
        "volumes": [
            {"name": "device-plugins", "hostPath": {"path": _SOCKETS, "type": "DirectoryOrCreate"}},
            {"name": "sys", "hostPath": {"path": "/sys", "type": "Directory"}},
        ],
    }


def _placement(plugin: AmdGpuDevicePlugin) -> dict[str, Json]:
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
