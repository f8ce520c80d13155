"""`firewall.nix`: what flows ask for, and nothing else."""

from hybridlab.model.cluster import Cluster
from hybridlab.model.exposure import Firewall, NodePort, Opening
from hybridlab.model.links import forwards_from
from hybridlab.model.node import Machine
from hybridlab.nixlang import Commented, groups
from hybridlab.nixlang.build import Options


def options(cluster: Cluster, machine: Machine) -> tuple[Options, ...]:
    """Return the openings of the input chain, the NodePorts with those who may use them, and whose packets
    a node sends on.
    """
    firewall = cluster.firewalls.get(machine.name, Firewall())
    settings: dict[str, object] = {
        "enable": True,
        "openings": [_opening(opening) for opening in firewall.openings],
    }
    if firewall.node_ports:
        settings["nodePorts"] = [_node_port(node_port) for node_port in firewall.node_ports]
    if (pods := forwards_from(machine)) is not None:
        settings["forwardFrom"] = Commented([*pods], "pods: for nobody else is this machine a router")
    return ({"hybridlab": {"firewall": groups(settings)}},)


def _opening(opening: Opening) -> dict[str, object]:
    return {"interface": opening.interface, **_answer(opening)}


def _node_port(node_port: NodePort) -> dict[str, object]:
    return _answer(node_port)


def _answer(answer: Opening | NodePort) -> dict[str, object]:
    return {
        "protocol": answer.protocol.value,
        "port": answer.port,
        "sources": [str(network) for network in answer.sources],
        "reason": answer.reason,
    }
