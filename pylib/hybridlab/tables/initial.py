"""What every cluster has from its start, before anything is applied; it knows no manifest.

Read on 2026-11-29. Sources: k8s.io/kubernetes 1.36.3 (plugin/pkg/auth/authorizer/rbac/bootstrappolicy;
pkg/apis/scheduling; pkg/controller/certificates/rootcacertpublisher); nixpkgs,
nixos/modules/services/cluster/kubernetes (flannel.nix, addons/dns.nix).
"""

# Only Kubernetes itself, and NixOS's addons, put things there, of which no list is kept here.
_SYSTEM_NAMESPACES = frozenset({"kube-system", "kube-public", "kube-node-lease"})

_NAMES = {
    # Every one that begins with `system:` is Kubernetes' own, too.
    "ClusterRole": frozenset({"admin", "cluster-admin", "edit", "flannel", "view"}),
    "ConfigMap": frozenset({"kube-root-ca.crt"}),
    "Namespace": _SYSTEM_NAMESPACES | {"default"},
    "PriorityClass": frozenset({"system-cluster-critical", "system-node-critical"}),
    "ServiceAccount": frozenset({"default"}),
}
# In the namespaces of the system, only NixOS has one: that of its DNS.
_SERVICES = frozenset({("default", "kubernetes"), ("kube-system", "kube-dns")})


def is_there(kind: str, namespace: str | None, name: str) -> bool:
    """Say whether an object is there, or may be: in the namespaces of the system, anything but a Service."""
    if kind == "Service":
        return (namespace, name) in _SERVICES
    return namespace in _SYSTEM_NAMESPACES or name.startswith("system:") or name in _NAMES.get(kind, ())
