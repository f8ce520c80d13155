"""Network interfaces that parts of Kubernetes make on a node; it does not know which machine is one.

Read on 2026-11-24 in nixpkgs, nixos/modules/services/cluster/kubernetes/flannel.nix (the bridge of its CNI
configuration), and flannel's pkg/backend/vxlan/vxlan.go (flannel.<VNI>, with 1 as VNI by default).
"""

# The bridge on which the pods of a node hang.
POD_BRIDGE = "mynet"
# Where packets from pods of other nodes come out of the tunnel.
FLANNEL = "flannel.1"
