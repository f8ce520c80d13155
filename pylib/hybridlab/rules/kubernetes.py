"""Kubernetes as a whole: who is in it, and networks that NixOS, kubelet and flannel can work with."""

from collections.abc import Iterable

from hybridlab.diagnostic import Related, Severity, SpecPath
from hybridlab.model.cluster import Cluster
from hybridlab.rules.rule import Example, Finding, rule
from hybridlab.rules.wording import counted, listed

_KUBERNETES = SpecPath.of("kubernetes")
_NODE_PREFIX = 24  # of the network that the controller manager gives each node for its pods


@rule(
    "K8S001",
    "no-control-plane",
    summary="There is a Kubernetes cluster, but no machine is its control plane.",
    rationale="Nothing runs the API server that the other nodes would join.",
    source="nixpkgs, nixos/modules/services/cluster/kubernetes: masterAddress has no default",
    bad=Example(
        """
        guests:
          k8s-master: {kubernetes: {role: worker}}
        """,
        at=_KUBERNETES,
    ),
    good="""
        guests:
          k8s-master: {kubernetes: {role: worker}}
          k8s-worker-1: {kubernetes: {role: control-plane}}
    """,
    waivable=False,  # everybody else is told who it is
)
def no_control_plane(cluster: Cluster) -> Iterable[Finding]:
    if cluster.kubernetes is not None and not cluster.control_plane:
        nodes = counted(len(cluster.nodes), "node")
        yield Finding(
            f"the Kubernetes cluster has {nodes}, and none of them is its control plane",
            _KUBERNETES,
            "give one machine `kubernetes: {role: control-plane}`",
            on_key=True,
        )


@rule(
    "K8S002",
    "several-control-planes",
    summary="More than one machine is control plane, and easyCerts issues the certificates.",
    rationale="""With easyCerts each control plane makes a certificate authority of its own, and etcd listens
        on its loopback only: the result is two clusters whose nodes do not trust each other.""",
    source="nixpkgs, nixos/modules/services/cluster/kubernetes/pki.nix (caSpec, etcd.local)",
    bad=Example(
        """
        guests:
          k8s-worker-1: {kubernetes: {role: control-plane}}
        """,
        at=SpecPath.of("guests", "k8s-worker-1", "kubernetes", "role"),
    ),
    good="""
        guests:
          k8s-worker-1: {kubernetes: {role: worker, schedulable: false}}
    """,
)
def several_control_planes(cluster: Cluster) -> Iterable[Finding]:
    for node in cluster.control_plane[1:]:
        first = cluster.control_plane[0].machine
        yield Finding(
            f"{node.machine} and {first} both are control plane, easyCerts works with one",
            node.machine.path / "kubernetes" / "role",
            "make one of them a worker",
            related=(Related(f"{first} is control plane", first.path / "kubernetes" / "role"),),
        )


@rule(
    "K8S003",
    "no-schedulable-node",
    summary="No node takes pods.",
    rationale="""A control plane takes none unless it is told to, and a tainted node only those that tolerate
        the taint. Without any other node not even the cluster's DNS runs: it tolerates no taint of the spec,
        and waits for a node for ever.""",
    source="""nixpkgs, nixos/modules/services/cluster/kubernetes/default.nix (a node that is master only is
        unschedulable) and addons/dns.nix (what CoreDNS tolerates)""",
    bad=Example(
        """
        hosts:
          homelab: {kubernetes: {schedulable: false}}
        guests:
          k8s-worker-1: {kubernetes: {schedulable: false}}
        """,
        at=_KUBERNETES,
    ),
    good="""
        hosts:
          homelab: {kubernetes: {schedulable: true}}
        guests:
          k8s-worker-1: {kubernetes: {schedulable: false}}
    """,
)
def no_schedulable_node(cluster: Cluster) -> Iterable[Finding]:
    if cluster.control_plane and not any(node.membership.takes_any_pod for node in cluster.nodes):
        machines = [node.machine for node in cluster.nodes]
        yield Finding(
            f"{listed(machines)} take{'s' if len(machines) == 1 else ''} no pods, and there is no other node",
            _KUBERNETES,
            "add a worker without taints, or give a node `schedulable: true`",
            on_key=True,
        )


@rule(
    "K8S004",
    "service-network-too-small",
    summary="The network of services is smaller than a /24.",
    rationale="""NixOS makes the API server's service address from the first three numbers of the network and
        `.1`, as text. In a network smaller than a /24 that address may lie outside of it, and the
        certificate names an address that is not the API server's.""",
    source="nixpkgs, nixos/modules/services/cluster/kubernetes/apiserver.nix and addons/dns.nix",
    bad=Example(
        """
        kubernetes: {serviceCidr: 10.96.0.128/25}
        """,
        at=_KUBERNETES / "serviceCidr",
    ),
    good="""
        kubernetes: {serviceCidr: 10.96.0.0/24}
    """,
)
def service_network_too_small(cluster: Cluster) -> Iterable[Finding]:
    if cluster.kubernetes is None:
        return
    network = cluster.kubernetes.service_network
    if network.version == 4 and network.prefixlen > 24:
        yield Finding(
            f"the network of services is {network}, NixOS needs a /24 or larger",
            _KUBERNETES / "serviceCidr",
            f"did you mean {network.supernet(new_prefix=24)}?",
        )


@rule(
    "K8S005",
    "pod-network-too-small",
    summary="The network of pods has no /24 for each node.",
    rationale="""The controller manager gives each node a /24 of it, and a node without one never becomes
        ready. It does not start at all when the whole network is smaller.""",
    source="kubernetes/kubernetes#68952; the default of --node-cidr-mask-size is 24",
    bad=Example(
        """
        kubernetes: {podCidr: 10.244.0.0/23}
        """,
        at=_KUBERNETES / "podCidr",
    ),
    good="""
        kubernetes: {podCidr: 10.244.0.0/22}
    """,
)
def pod_network_too_small(cluster: Cluster) -> Iterable[Finding]:
    if cluster.kubernetes is None or cluster.kubernetes.pod_network.version != 4:
        return
    network, nodes = cluster.kubernetes.pod_network, len(cluster.nodes)
    room = 1 << (_NODE_PREFIX - network.prefixlen) if network.prefixlen <= _NODE_PREFIX else 0
    if room < max(nodes, 1):
        enough = _NODE_PREFIX - max(nodes - 1, 0).bit_length()
        yield Finding(
            f"the network of pods is {network}, a /24 each for {counted(room, 'node')}, "
            f"and there {'is' if nodes == 1 else 'are'} {nodes}",
            _KUBERNETES / "podCidr",
            f"take a /{enough} or larger",
        )


@rule(
    "K8S006",
    "kubernetes-needs-ipv4",
    summary="The nodes', pods' or services' network of Kubernetes is IPv6.",
    rationale="""flannel gives out IPv4 networks and makes its tunnels between IPv4 addresses unless it is
        told otherwise, which hybridlab does not do; and NixOS makes service addresses from the first three
        of four numbers. VLANs on which no nodes talk may be IPv6.""",
    source="""flannel-io/flannel, Documentation/configuration.md (EnableIPv6); nixpkgs,
        nixos/modules/services/cluster/kubernetes/apiserver.nix""",
    bad=Example(
        """
        kubernetes: {podCidr: "fd00:244::/56"}
        """,
        at=_KUBERNETES / "podCidr",
    ),
    good="""
        kubernetes: {podCidr: 10.42.0.0/16}
    """,
)
def kubernetes_needs_ipv4(cluster: Cluster) -> Iterable[Finding]:
    if (kubernetes := cluster.kubernetes) is None:
        return
    networks = (
        (str(kubernetes.vlan), kubernetes.vlan.network, "vlan"),
        ("the network of pods", kubernetes.pod_network, "podCidr"),
        ("the network of services", kubernetes.service_network, "serviceCidr"),
    )
    for title, network, key in networks:
        if network.version == 6:
            yield Finding(
                f"{title} is {network}, and Kubernetes with flannel on NixOS works on IPv4 only",
                _KUBERNETES / key,
                "take an IPv4 network",
            )


# Domains that are somebody else's on every network, and where that is written.
_NOT_FOR_DNS = {"local": "mDNS (RFC 6762)", "localhost": "the loopback (RFC 6761)"}


@rule(
    "K8S010",
    "domain-of-somebody-else",
    severity=Severity.WARNING,
    summary="The domain of the cluster is one in which something other than its DNS answers.",
    rationale="""The cluster's DNS answers for its whole domain, also that a name is not there. With `local`,
        pods find no printer and no other device that calls itself NAME.local; and programs that ask mDNS for
        such names find no Service.""",
    source="RFC 6762, section 3; RFC 6761, section 6.3",
    bad=Example(
        """
        kubernetes: {clusterDomain: local}
        """,
        at=_KUBERNETES / "clusterDomain",
    ),
    good="""
        kubernetes: {clusterDomain: k8s.local}
    """,
)
def domain_of_somebody_else(cluster: Cluster) -> Iterable[Finding]:
    if cluster.kubernetes is not None and (whose := _NOT_FOR_DNS.get(cluster.kubernetes.cluster_domain)):
        yield Finding(
            f"the domain of the cluster is {cluster.kubernetes.cluster_domain}, which belongs to {whose}",
            _KUBERNETES / "clusterDomain",
            "take a domain below it, like cluster.local",
        )
