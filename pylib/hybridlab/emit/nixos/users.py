"""`users.nix`: the admin, by key alone, and the groups that open the GPU's devices."""

from hybridlab.model.cluster import Cluster
from hybridlab.model.node import Host, Machine
from hybridlab.nixlang import Commented
from hybridlab.nixlang.build import Options
from hybridlab.spec.gpu import GpuMode


def options(cluster: Cluster, machine: Machine) -> tuple[Options, ...]:
    """Return the admin's account, root's keys and sudo."""
    keys = {"openssh": {"authorizedKeys": {"keys": list(cluster.admin.ssh_keys)}}}
    groups: list[object] = ["wheel"]
    if isinstance(machine, Host) and machine.gpu is not None and machine.gpu.mode is GpuMode.HOST:
        groups += [
            Commented("video", "the GPU: /dev/dri/card*"),
            Commented("render", "and /dev/kfd, renderD*"),
        ]
    return (
        {
            "users": {
                "users": {
                    cluster.admin.user: {"isNormalUser": True, "extraGroups": groups, **keys},
                    "root": Commented(keys, "`hybridlab deploy` and its like log in as root"),
                }
            }
        },
        {
            "security": {
                "sudo": {
                    "wheelNeedsPassword": Commented(False, "nobody has a password: the same keys open root")
                }
            }
        },
    )
