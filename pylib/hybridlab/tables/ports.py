"""Which port the parts of a cluster use; it does not know who opens them to whom.

Read on 2026-11-24. Sources: the "Ports and Protocols" page of the Kubernetes reference; flannel's
Documentation/backends.md; nixpkgs, nixos/modules/services/cluster/kubernetes.
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

# The API server's default for --service-node-port-range.
NODE_PORTS = range(30000, 32768)
