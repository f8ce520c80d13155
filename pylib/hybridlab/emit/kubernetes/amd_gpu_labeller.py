"""AMD's node labeller as a DaemonSet, with the right to label nodes.

Shape: ROCm/k8s-device-plugin, k8s-ds-amdgpu-labeller.yaml and helm/amd-gpu. It labels a node when it starts,
with `amd.com/gpu.vram` and the like, and exits where there is no amdgpu driver,
so it runs where the plugin does.
"""

from hybridlab.emit.kubernetes.labels import app_labels, on_each_node
from hybridlab.manifest import Resource
from hybridlab.manifest.data import Json, KeyPath
from hybridlab.model.workload import AmdGpuDevicePlugin

_CONTAINER: KeyPath = ("spec", "template", "spec", "containers", 0)
_RBAC = "rbac.authorization.k8s.io"
_LABELS = ("vram", "cu-count", "simd-count", "device-id", "family", "product-name")


def resources(plugin: AmdGpuDevicePlugin, image: str) -> tuple[Resource, ...]:
    """Return its account, what that may do, and the DaemonSet."""
    name = plugin.labeller_name
    labels = app_labels(name)
    return (
        Resource("v1", "ServiceAccount", name, namespace=plugin.namespace, labels=labels),
        Resource(
            f"{_RBAC}/v1",
            "ClusterRole",
            name,
            labels=labels,
            body={
                "rules": [
                    {"apiGroups": [""], "resources": ["nodes"], "verbs": ["watch", "get", "list", "update"]}
                ]
            },
        ),
        Resource(
            f"{_RBAC}/v1",
            "ClusterRoleBinding",
            name,
            labels=labels,
            body={
                "roleRef": {"apiGroup": _RBAC, "kind": "ClusterRole", "name": name},
                "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": plugin.namespace}],
            },
        ),
        Resource(
            "apps/v1",
            "DaemonSet",
            name,
            namespace=plugin.namespace,
            labels=labels,
            body={
                "spec": {
                    "selector": {"matchLabels": labels},
                    "template": {"metadata": {"labels": labels}, "spec": _pod(plugin, name, image)},
                }
            },
            comments={
                (*_CONTAINER, "securityContext"): (
                    "it opens the GPU's devices, which no device plugin can give it"
                )
            },
        ),
    )


def _pod(plugin: AmdGpuDevicePlugin, name: str, image: str) -> dict[str, Json]:
    return {
        **on_each_node(plugin),
        "serviceAccountName": name,
        "containers": [
            {
                "name": "labeller",
                "image": image,
                "workingDir": "/root",
                "command": ["./k8s-node-labeller"],
                "args": [f"-{label}" for label in _LABELS],
                "env": [{"name": "DS_NODE_NAME", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}],
                "securityContext": {"privileged": True},
                "resources": {
                    "requests": {"cpu": "10m", "memory": "32Mi"},
                    "limits": {"memory": "128Mi"},
                },
                "volumeMounts": [
                    {"name": "sys", "mountPath": "/sys", "readOnly": True},
                    {"name": "dev", "mountPath": "/dev"},
                ],
            }
        ],
        "volumes": [
            {"name": "sys", "hostPath": {"path": "/sys", "type": "Directory"}},
            {"name": "dev", "hostPath": {"path": "/dev", "type": "Directory"}},
        ],
    }
