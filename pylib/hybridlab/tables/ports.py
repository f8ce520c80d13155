"""Which port the parts of a cluster use; it does not know who opens them to whom.

Read on 2026-11-24. Sources: the "Ports and Protocols" page of the Kubernetes reference; flannel's
Documentation/backends.md; nixpkgs, nixos/modules/services/cluster/kubernetes; of 2026-11-29 what listens only
on the loopback: there apiserver.nix (etcd), controller-manager.nix, scheduler.nix, kubelet.nix, and
services/security/certmgr.nix; kube-proxy's reference (--healthz-bind-address, --metrics-bind-address).
"""

import enum

from attrs import frozen


class Protocol(enum.Enum):
    """A transport protocol, as NixOS and nftables write it."""

    TCP = "tcp"
    UDP = "udp"


@frozen
class Service:
    """A port that a part of the cluster listens on, and what answers there."""

    name: str
    port: int
    protocol: Protocol = Protocol.TCP

    def __str__(self) -> str:
        return f"{self.name} ({self.port}/{self.protocol.value})"


SSH = Service("ssh", 22)
API_SERVER = Service("Kubernetes API server", 6443)
KUBELET = Service("kubelet API", 10250)
# NixOS's easyCerts (pki.nix): nodes ask for certificates here, and again every 720 hours.
CFSSL = Service("cfssl", 8888)
# The VXLAN port of flannel on Linux; 4789, the IANA number, is what it uses on Windows.
FLANNEL_VXLAN = Service("flannel VXLAN", 8472, Protocol.UDP)
OLLAMA = Service("Ollama", 11434)
DNS_PORT = 53

# What listens on a machine on all its addresses, by what the machine is.
ON_MACHINES = (SSH,)
ON_NODES = (KUBELET, Service("kube-proxy (health check)", 10256), FLANNEL_VXLAN)
ON_CONTROL_PLANES = (API_SERVER, CFSSL)
# What listens on its loopback only. Controller manager and scheduler have other ports than Kubernetes' own
# defaults (10257, 10259).
LOCAL_ON_NODES = (
    Service("kubelet (health check)", 10248),
    Service("kube-proxy (metrics)", 10249),
    Service("certmgr (metrics)", 9488),
)
LOCAL_ON_CONTROL_PLANES = (
    Service("etcd", 2379),
    Service("etcd (peers)", 2380),
    Service("scheduler", 10251),
    Service("controller manager", 10252),
)

# The API server's default for --service-node-port-range.
NODE_PORTS = range(30000, 32768)
