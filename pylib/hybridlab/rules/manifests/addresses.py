"""Addresses in the texts of manifests and the variables of workloads: of machines, of Services, of pods."""

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address

from hybridlab.diagnostic import Related, Severity, SpecPath
from hybridlab.model.cluster import Cluster
from hybridlab.model.inventory import Inventory, Key
from hybridlab.model.network import Vlan
from hybridlab.model.plain import items, mapping, whole
from hybridlab.rules.rule import OWN, OWN_DOCUMENT, Example, Finding, rule
from hybridlab.rules.wording import listed, nearest
from hybridlab.tables.ports import API_SERVER, DNS_PORT, NODE_PORTS


@rule(
    "MAN014",
    "address-that-does-not-last",
    severity=Severity.WARNING,
    summary="A manifest or a variable has the address of a pod, or of a Service that has not asked for it.",
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
    ports: set[int | None] = {DNS_PORT, *(e.service.port for app in cluster.apps for e in app.endpoints)}
    for one in cluster.objects:
        if one.is_service:
            fixed |= {str(one.spec.get("clusterIP")), *map(str, items(one.spec.get("clusterIPs")))}
            ports |= {whole(mapping(port).get("port")) for port in items(one.spec.get("ports"))}
        elif one.kind == "IPAddress":
            fixed.add(one.name)
    networks = (
        (kubernetes.pod_network, "a pod", "podCidr"),
        (kubernetes.service_network, "a Service", "serviceCidr"),
    )
    for found in cluster.mentions:
        for network, what, key in networks:
            # The network itself is nobody's address.
            edges = (network.network_address, network.broadcast_address)
            if found.address not in network or found.address in edges or str(found.address) in fixed:
                continue
            # A pod's resolvers, in dnsConfig.
            is_resolver = "nameservers" in found.path
            port = DNS_PORT if is_resolver else found.port
            # The network of services is so large that others, further away, have a part of it, too.
            if key == "podCidr" or (port is not None and port in ports):
                yield Finding(
                    f"{found.one} has {found.address}, an address of {what}, which does not last",
                    found.path,
                    f"the cluster's DNS is {kubernetes.dns_address}"
                    if is_resolver
                    else "write the name of a Service",
                    related=(Related(f"the network {network}", SpecPath.of("kubernetes", key)),),
                )


@rule(
    "MAN015",
    "port-that-nothing-answers",
    severity=Severity.WARNING,
    summary="A manifest or a variable has a machine or a Service with a port on which nothing answers there.",
    rationale="""The name or the address is right, and nothing answers: the port was changed in one place, a
        NodePort is asked for at a Service, or the control plane is another machine. Or the machine has moved:
        nobody has its address any more.""",
    source="the flows of the cluster (docs/architecture.md); Kubernetes docs, Service: NodePort",
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
    node_ports = _node_ports(cluster)
    vlans = {node.membership.leg.vlan for node in cluster.nodes}
    for found in cluster.mentions:
        if found.port is None:
            continue
        if (machine := machines.get(found.address)) is None:
            vlan = next((vlan for vlan in vlans if found.address in vlan.network), None)
            if vlan is not None and found.port in node_ports and not _is_of_others(vlan, found.address):
                who, path = node_ports[found.port]
                yield Finding(
                    f"{found.one} has {found.address}:{found.port}, the NodePort of {who}, and no machine "
                    "has that address",
                    found.path,
                    f"take a node's, like {cluster.nodes[0].address}, or name it in the devices of {vlan}",
                    related=(Related("the NodePort", path),),
                )
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
    yield from _at_services(cluster)


def _node_ports(cluster: Cluster) -> dict[int, tuple[str, SpecPath]]:
    """Return the NodePorts, each with whose it is and where that is written."""
    found = {
        e.exposure.node_port: (str(app), e.exposure.path)
        for app in cluster.apps
        for e in app.endpoints
        if e.exposure
    }
    own = (port for workload in cluster.manifests for port in workload.ports)
    return found | {port.node_port: (str(port), port.path) for port in own if port.node_port is not None}


def _is_of_others(vlan: Vlan, address: IPv4Address) -> bool:
    """Whether something else than a machine may have an address: the router, a device, who asks for one."""
    fixed = {vlan.gateway, *(device.address for device in vlan.devices)}
    return address in fixed or (vlan.dhcp is not None and address in vlan.dhcp)


def _at_services(cluster: Cluster) -> Iterator[Finding]:
    """Yield that a Service is asked on a port that it does not have."""
    for found in cluster.named_services:
        ports = _ports_of(cluster.inventory, Key("", "Service", found.namespace, found.name))
        if found.port is None or not ports or found.port in ports:
            continue
        own = listed(sorted(ports))
        yield Finding(
            f"{found.one} has {found}:{found.port}, and that Service has port {own}",
            found.path,
            f"did you mean {found}:{min(ports)}?" if len(ports) == 1 else f"take one of {own}",
        )


def _ports_of(inventory: Inventory, key: Key) -> frozenset[int]:
    """Return the ports on which a Service answers; none where nobody knows.

    One without an address of its own leads to the pods themselves, and to every port of theirs.
    """
    if (app := inventory.apps.get(key)) is not None:
        return frozenset(endpoint.service.port for endpoint in getattr(app, "endpoints", ()))
    service = inventory.own.get(key)
    spec = service.spec if service is not None else {}
    if spec.get("type") == "ExternalName" or spec.get("clusterIP") == "None":
        return frozenset()
    ports = (whole(mapping(port).get("port")) for port in items(spec.get("ports")))
    return frozenset(port for port in ports if port is not None)
