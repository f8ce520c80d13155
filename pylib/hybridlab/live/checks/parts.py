"""What `services.kubernetes` of NixOS runs on a node, and where its certificates lie; nobody is asked here.

Read in nixpkgs 26.05, nixos/modules/services/cluster/kubernetes/*.nix and services/security/certmgr.nix.
"""

from collections.abc import Mapping
from types import MappingProxyType

from hybridlab.model.node import Membership

# Units, each with those of the same machine that it does not run without.
_EVERYWHERE = MappingProxyType(
    {"containerd": (), "certmgr": (), "kubelet": ("containerd",), "kube-proxy": (), "flannel": ()}
)
_CONTROL_PLANE = MappingProxyType(
    {
        "cfssl": (),
        "etcd": (),
        "kube-apiserver": ("etcd",),
        "kube-controller-manager": ("kube-apiserver",),
        "kube-scheduler": ("kube-apiserver",),
        "kube-addon-manager": ("kube-apiserver",),
    }
)
# These run, and may even be asked, without a certificate of the cluster.
NEED_NO_CERTIFICATE = frozenset({"cfssl", "containerd"})

SECRETS = "/var/lib/kubernetes/secrets"
CA = f"{SECRETS}/ca.pem"
ISSUED_CA = "/var/lib/cfssl/ca.pem"
# cfssl's own, for TLS: certmgr verifies it before it asks for anything.
SERVER = "/var/lib/cfssl/cfssl.pem"
_CERTIFICATES = ("kubelet", "kubelet-client", "kube-proxy-client", "flannel-client")
_CERTIFICATES_OF_CONTROL_PLANE = (
    "cluster-admin",
    "etcd",
    "kube-addon-manager",
    "kube-apiserver",
    "kube-apiserver-etcd-client",
    "kube-apiserver-kubelet-client",
    "kube-apiserver-proxy-client",
    "kube-controller-manager",
    "kube-controller-manager-client",
    "kube-scheduler-client",
    "service-account",
)

# certmgr gets a new one 72 h before the old one ends (validMin), and looks each 30 min (renewInterval):
# with less than this left it has tried for two hours in vain. They are issued for 720 h.
RENEWED_WITH_HOURS_LEFT = 70
# As long as what the CA issues lives: whoever looks once a month sees it before the first node is without.
AUTHORITY_WITH_DAYS_LEFT = 30


def units(member: Membership) -> Mapping[str, tuple[str, ...]]:
    """Return the units that run on a node, without their `.service`, each with those that it needs."""
    return {**_EVERYWHERE, **_CONTROL_PLANE} if member.is_control_plane else _EVERYWHERE


def logs(machine: str, *units: str) -> str:
    """Return what shows the journal of units."""
    return f"`hybridlab logs --boot {machine} {' '.join(units)}`"


def certificates(member: Membership) -> tuple[str, ...]:
    """Return the paths of the certificates that certmgr gets for a node."""
    of_control_plane = _CERTIFICATES_OF_CONTROL_PLANE if member.is_control_plane else ()
    return tuple(f"{SECRETS}/{name}.pem" for name in (*_CERTIFICATES, *of_control_plane))
