"""Ports of machines: each with one program behind it, over all that listens there."""

from collections.abc import Iterable

from hybridlab.diagnostic import Related, Severity, SpecPath
from hybridlab.model.cluster import Cluster
from hybridlab.model.listeners import Listeners
from hybridlab.rules.rule import Example, Finding, rule
from hybridlab.rules.uses import Use, conflict, used_again
from hybridlab.tables.ports import NODE_PORTS


@rule(
    "NET016",
    "port-taken",
    summary="Two programs have the same port of a machine.",
    rationale="""The one that starts second fails with "address already in use". If that is sshd or the
        kubelet, the machine is out of reach, or no node any more. A NodePort is taken on every node: packets
        for it go to a pod before any program of the node sees them.""",
    source="bind(2), EADDRINUSE; tables/ports.py (what listens where); docs/decisions/0003 (NodePorts)",
    bad=Example(
        """
        guests:
          k8s-worker-1: {services: {forge: {port: 22, from: [services]}}}
        """,
        at=SpecPath.of("guests", "k8s-worker-1", "services", "forge", "port"),
    ),
    good="""
        guests:
          k8s-worker-1: {services: {forge: {port: 2222, from: [services]}}}
    """,
)
def port_taken(cluster: Cluster) -> Iterable[Finding]:
    every = Listeners.of(cluster)
    for machine in cluster.machines:
        if not machine.services:
            continue
        own = {service.path / "port" for service in machine.services}
        uses = (
            Use((one.port, one.protocol), one.who, one.path) for one in every.on(machine) if not one.local
        )
        for earlier, use in used_again(uses):
            if use.path in own:
                port, protocol = use.value
                what = f"have port {port}/{protocol.value} of {machine}"
                yield conflict(earlier, use, what, "give one of them another port")


@rule(
    "NET017",
    "port-taken-on-loopback",
    severity=Severity.WARNING,
    summary="A service has a port that a part of Kubernetes has on the machine's loopback.",
    rationale="""A program that listens on all addresses, as most do, fails with "address already in use", or
        keeps the kubelet, etcd or the scheduler from starting. One that listens on the machine's address
        in a VLAN alone does not.""",
    source="bind(2), EADDRINUSE; nixpkgs, nixos/modules/services/cluster/kubernetes (bindAddress, address)",
    bad=Example(
        """
        guests:
          k8s-master: {services: {own-etcd: {port: 2379, from: [services]}}}
        """,
        at=SpecPath.of("guests", "k8s-master", "services", "own-etcd", "port"),
    ),
    good="""
        guests:
          k8s-worker-1: {services: {own-etcd: {port: 2379, from: [services]}}}
    """,
)
def port_taken_on_loopback(cluster: Cluster) -> Iterable[Finding]:
    every = Listeners.of(cluster)
    for machine in cluster.machines:
        if not machine.services:
            continue
        local = {(one.port, one.protocol): one for one in every.on(machine) if one.local}
        for own in machine.services:
            if (other := local.get((own.port, own.protocol))) is not None:
                yield Finding(
                    f"service {own.name!r} has port {other.place} of {machine}, which {other.who} has on the "
                    "loopback",
                    own.path / "port",
                    "give it another port, or let it listen on the machine's address alone",
                    related=(Related(f"{machine} is a node", other.path),),
                )


@rule(
    "NET018",
    "service-in-node-port-range",
    summary="A service on a node has a port of the range that NodePorts are in.",
    rationale="""Where kube-proxy runs, a port of the range that is no NodePort of the spec is shut, whatever
        else opens it, and the API server may give it to a Service at any time. The machine's NixOS is
        refused: modules/firewall.nix asserts it.""",
    source="Kubernetes docs, Ports and Protocols: NodePort Services, 30000 to 32767 by default",
    bad=Example(
        """
        hosts:
          homelab: {services: {media: {port: 32400, from: [management]}}}
        """,
        at=SpecPath.of("hosts", "homelab", "services", "media", "port"),
    ),
    good="""
        hosts:
          homelab: {services: {media: {port: 32800, from: [management]}}}
    """,
)
def service_in_node_port_range(cluster: Cluster) -> Iterable[Finding]:
    # NET016 tells of these.
    taken = {(one.port, one.protocol) for one in Listeners.of(cluster).node_ports}
    first, last = NODE_PORTS[0], NODE_PORTS[-1]
    for machine in cluster.machines:
        if machine.membership is None:
            continue
        for own in machine.services:
            shut = bool(own.vlans) and own.port in NODE_PORTS and (own.port, own.protocol) not in taken
            if shut:
                yield Finding(
                    f"service {own.name!r} has port {own.port} of {machine}, a node, where {first} to {last} "
                    "are for NodePorts",
                    own.path / "port",
                    f"take a port outside of {first} to {last}, or a machine that is no node",
                    related=(Related(f"{machine} is a node", machine.path / "kubernetes"),),
                )
