"""AMD's device plugin as a DaemonSet.

Shape and paths: ROCm/k8s-device-plugin, k8s-ds-amdgpu-dp.yaml and helm/amd-gpu; the kubelet's socket folder
is a constant in kubernetes/kubelet, deviceplugin/v1beta1, whatever the kubelet's root folder is.
"""

from hybridlab.emit.kubernetes import amd_gpu_labeller
from hybridlab.emit.kubernetes.labels import app_labels, on_each_node
from hybridlab.manifest import Resource
from hybridlab.manifest.data import Json, KeyPath
from hybridlab.model.workload import AmdGpuDevicePlugin

_SOCKETS = "/var/lib/kubelet/device-plugins"
_SPEC: KeyPath = ("spec", "template", "spec")


def resources(plugin: AmdGpuDevicePlugin) -> tuple[Resource, ...]:
    """Return the DaemonSet, and those of the node labeller."""
    labeller = () if plugin.labeller is None else amd_gpu_labeller.resources(plugin, plugin.labeller)
    return (_daemon_set(plugin), *labeller)


def _daemon_set(plugin: AmdGpuDevicePlugin) -> Resource:
    labels = app_labels(plugin.name)
    return Resource(
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
    )


def _pod(plugin: AmdGpuDevicePlugin) -> dict[str, Json]:
    return {
        **on_each_node(plugin),
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
