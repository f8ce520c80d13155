"""Addresses that the user's own manifests have in their texts: of machines, of Services, of pods."""

from collections.abc import Iterable

from hybridlab.diagnostic import Related, Severity, SpecPath
from hybridlab.model.cluster import Cluster
from hybridlab.rules.rule import OWN, OWN_DOCUMENT, Example, Finding, rule
from hybridlab.rules.wording import nearest
from hybridlab.tables.ports import API_SERVER, NODE_PORTS


@rule(
    "MAN014",
    "address-that-does-not-last",
    severity=Severity.WARNING,
    summary="A manifest has the address of a pod, or of a Service that has not asked for it.",
    rationale="""Kubernetes gives these addresses as it likes: the next pod has another one, and so has a
        Service that is made anew. A name, like `ollama.ollama.svc`, stays.""",
    source="Kubernetes docs, Service; DNS for Services and Pods",
    bad=Example(
        OWN,
        at=OWN_DOCUMENT / "data" / "url",
        manifest="""
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: settings, namespace: default}
        data: {url: "http://10.244.1.17:11434"}
        """,
    ),
    good=OWN,
    good_manifest="""
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: settings, namespace: default}
        data: {url: "http://ollama.ollama.svc:11434", dns: 10.96.0.10, pods: 10.244.0.0/16}
    """,
)
def address_that_does_not_last(cluster: Cluster) -> Iterable[Finding]:
    kubernetes = cluster.kubernetes
    if kubernetes is None:
        return
    fixed = {str(kubernetes.api_address), str(kubernetes.dns_address)}
    for one in cluster.objects:
        if one.is_service:
            fixed.add(str(one.spec.get("clusterIP")))
    networks = (
        (kubernetes.pod_network, "a pod", "podCidr"),
        (kubernetes.service_network, "a Service", "serviceCidr"),
    )
    for found in cluster.mentions:
        for network, what, key in networks:
            # The network itself is nobody's address.
            edges = (network.network_address, network.broadcast_address)
            if found.address in network and found.address not in edges and str(found.address) not in fixed:
                yield Finding(
                    f"{found.one} has {found.address}, an address of {what}, which does not last",
                    found.path,
                    "write the name of a Service",
                    related=(Related(f"the network {network}", SpecPath.of("kubernetes", key)),),
                )


@rule(
    "MAN015",
    "port-that-nothing-answers",
    severity=Severity.WARNING,
    summary="A manifest has a machine's address with a port on which nothing answers there.",
    rationale="""The address is right, the machine is there, and nothing answers: the port was changed in one
        place, or the control plane is another machine.""",
    source="the flows of the cluster (docs/architecture.md)",
    bad=Example(
        OWN,
        at=OWN_DOCUMENT / "data" / "url",
        manifest="""
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: settings, namespace: default}
        data: {url: "http://10.0.20.5:31435/api"}
        """,
    ),
    good=OWN,
    good_manifest="""
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: settings, namespace: default}
        data: {url: "http://10.0.20.5:31434/api"}
    """,
)
def port_that_nothing_answers(cluster: Cluster) -> Iterable[Finding]:
    machines = {leg.address: machine for machine in cluster.machines for leg in machine.legs}
    node_ports = {e.exposure.node_port for app in cluster.apps for e in app.endpoints if e.exposure}
    node_ports |= {p.node_port for w in cluster.manifests for p in w.ports if p.node_port is not None}
    for found in cluster.mentions:
        machine = machines.get(found.address)
        if machine is None or found.port is None:
            continue
        where = (Related(f"{machine} has {found.address}", machine.path),)
        if found.port in NODE_PORTS and found.port not in node_ports:
            close = nearest(str(found.port), sorted(map(str, node_ports)))
            yield Finding(
                f"{found.one} has {found.address}:{found.port}, and no Service has that NodePort",
                found.path,
                f"did you mean {close}?" if close else "take one that a workload exposes",
                related=where,
            )
        member = machine.membership
        if found.port == API_SERVER.port and (member is None or not member.is_control_plane):
            planes = ", ".join(str(node.address) for node in cluster.control_plane)
            yield Finding(
                f"{found.one} has {found.address}:{found.port}, and {machine} is no control plane",
                found.path,
                f"the API server answers at {planes or 'no machine of the spec'}",
                related=where,
            )
