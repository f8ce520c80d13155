"""`kubernetes.nix`: what all nodes must agree on, once, and what each node is."""

from collections import Counter
from collections.abc import Sequence

from hybridlab.model.cluster import Cluster
from hybridlab.model.node import HOST_RESERVE_MIB, Host, Machine, Membership
from hybridlab.nixlang import Commented
from hybridlab.nixlang.build import Options
from hybridlab.spec.scalars import Taint
from hybridlab.tables import ports


def shared_options(cluster: Cluster) -> tuple[Options, ...]:
    """Return `modules/generated/kubernetes.nix`: NixOS reads all of it on every node, workers too."""
    kubernetes = cluster.kubernetes
    assert kubernetes is not None
    api = cluster.control_plane[0].name
    return (
        {
            "services": {
                "kubernetes": {
                    "masterAddress": Commented(api, "the name in the certificates of API server and cfssl"),
                    "apiserverAddress": cluster.api_url,
                    "easyCerts": True,
                    "clusterCidr": str(kubernetes.pod_network),
                    "apiserver": {
                        "serviceClusterIpRange": Commented(
                            str(kubernetes.service_network), "workers derive addresses from it, too"
                        )
                    },
                    "addons": {
                        "dns": {
                            "enable": True,
                            "clusterIp": str(kubernetes.dns_address),
                            "clusterDomain": kubernetes.cluster_domain,
                        }
                    },
                    "flannel": {
                        "enable": True,
                        "openFirewallPorts": Commented(False, "firewall.nix opens the one that is used"),
                    },
                    "kubelet": {
                        "clusterDns": [str(kubernetes.dns_address)],
                        "clusterDomain": kubernetes.cluster_domain,
                    },
                }
            },
            "hybridlab": {"kubernetesNode": {"enable": True}},
        },
    )


def options(cluster: Cluster, machine: Machine) -> tuple[Options, ...]:
    """Return what this node is: roles, name, address, labels, and the control plane if it is one."""
    kubernetes, member = cluster.kubernetes, machine.membership
    if kubernetes is None or member is None:
        return ()
    settings: dict[str, object] = {"roles": _roles(member)}
    if member.is_control_plane:
        settings["apiserver"] = _api_server(cluster, member)
    settings["kubelet"] = _kubelet(machine, member)
    settings["proxy"] = {"hostname": Commented(machine.name, "as the kubelet's, or kube-proxy finds no node")}
    flannel = {"iface": Commented(member.leg.interface, "not the one of the default route")}
    return ({"services": {"kubernetes": settings, "flannel": flannel}},)


def _roles(member: Membership) -> list[str]:
    if not member.is_control_plane:
        return ["node"]
    # NixOS taints a node that is master only.
    return ["master", "node"] if member.schedulable else ["master"]


def _api_server(cluster: Cluster, member: Membership) -> dict[str, object]:
    settings: dict[str, object] = {
        "advertiseAddress": str(member.leg.address),
        "securePort": ports.API_SERVER.port,
    }
    if privileged := [workload.name for workload in cluster.workloads if workload.privileged]:
        settings["allowPrivileged"] = Commented(True, f"asked for by {', '.join(privileged)}")
    return settings


def _taints(taints: Sequence[Taint]) -> dict[str, object]:
    """Return taints by key, as which NixOS takes the name; where two share a key, the name has the effect."""
    keys = Counter(taint.key for taint in taints)
    return {
        (taint.key if keys[taint.key] == 1 else f"{taint.key}:{taint.effect}"): (
            {} if keys[taint.key] == 1 else {"key": taint.key}
        )
        | {"value": taint.value, "effect": taint.effect}
        for taint in taints
    }


def _kubelet(machine: Machine, member: Membership) -> dict[str, object]:
    settings: dict[str, object] = {
        "hostname": machine.name,
        "nodeIp": str(member.leg.address),
    }
    if member.own_labels:
        labels = ",".join(f"{key}={value}" for key, value in member.own_labels.items())
        settings["extraOpts"] = f"--node-labels={labels}"
    if member.taints:
        settings["taints"] = _taints(member.taints)
    if not member.schedulable and not member.is_control_plane:
        settings["unschedulable"] = True
    if isinstance(machine, Host):
        reserved = f"{machine.guests_memory_mib + HOST_RESERVE_MIB}Mi"
        settings["extraConfig"] = {
            "systemReserved": {
                "memory": Commented(reserved, "the guests' memory and the host's own: not for pods")
            }
        }
    return settings
