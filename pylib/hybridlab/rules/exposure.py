"""NodePorts: in the range that Kubernetes gives out, each once, and for somebody."""

from collections.abc import Iterable, Iterator

from attrs import frozen

from hybridlab.diagnostic import Related, Severity, SpecPath
from hybridlab.model.cluster import Cluster
from hybridlab.model.workload import App, Deployment, Exposure, Manifests
from hybridlab.rules.rule import Example, Finding, rule
from hybridlab.rules.uses import Use, conflict, used_again
from hybridlab.tables.ports import NODE_PORTS, Protocol, Service


@frozen
class _NodePort:
    """A NodePort of somebody's, the port of the Service that it is for, and where it is written."""

    who: str
    number: int
    port: int | None
    protocol: Protocol
    path: SpecPath


def _exposed(cluster: Cluster) -> Iterator[tuple[App, Exposure, Service | None]]:
    """Yield what the spec exposes of apps, with what answers; also a NodePort without a port."""
    for app in cluster.apps:
        for endpoint in app.endpoints:
            if endpoint.exposure is not None:
                yield app, endpoint.exposure, endpoint.service
        if isinstance(app, Deployment) and app.stray_exposure is not None:
            yield app, app.stray_exposure, None


def _node_ports(cluster: Cluster) -> Iterator[_NodePort]:
    """Yield every NodePort; one without a port would be over TCP."""
    for app, exposure, service in _exposed(cluster):
        port, protocol = (None, Protocol.TCP) if service is None else (service.port, service.protocol)
        yield _NodePort(str(app), exposure.node_port, port, protocol, exposure.path / "nodePort")
    for workload in cluster.manifests:
        for own in workload.ports:
            if own.node_port is not None:
                yield _NodePort(str(own), own.node_port, own.port, own.protocol, own.path / "nodePort")


def _exposures(cluster: Cluster) -> Iterator[tuple[App | Manifests, Exposure]]:
    for app, exposure, _ in _exposed(cluster):
        yield app, exposure
    for workload in cluster.manifests:
        for exposure in workload.exposures:
            yield workload, exposure


@rule(
    "WKL003",
    "node-port-out-of-range",
    summary="A NodePort is outside the range that the API server gives out.",
    rationale="The API server refuses the Service, and nothing of the workload is reached from outside.",
    source="Kubernetes docs, Ports and Protocols: NodePort Services, 30000 to 32767 by default",
    bad=Example(
        """
        workloads:
          ollama: {expose: {nodePort: 11434}}
        """,
        at=SpecPath.of("workloads", "ollama", "expose", "nodePort"),
    ),
    good="""
        workloads:
          ollama: {expose: {nodePort: 32767}}
    """,
)
def node_port_out_of_range(cluster: Cluster) -> Iterable[Finding]:
    first, last = NODE_PORTS[0], NODE_PORTS[-1]
    for found in _node_ports(cluster):
        if found.number not in NODE_PORTS:
            yield Finding(
                f"{found.who} has NodePort {found.number}, the API server takes {first} to {last}",
                found.path,
                f"take a port from {first} to {last}",
            )


@rule(
    "WKL004",
    "duplicate-node-port",
    summary="Two workloads have the same NodePort.",
    rationale="""A NodePort answers on every node, for one Service, whatever the protocol: the API server
        refuses a second one. Within a Service, a port over both TCP and UDP may have one number.""",
    source="Kubernetes docs, Service, type NodePort: choosing your own port",
    bad=Example(
        """
        workloads:
          small:
            type: ollama
            namespace: small
            models: /var/lib/small
            expose: {nodePort: 31434, from: [services]}
        """,
        at=SpecPath.of("workloads", "small", "expose", "nodePort"),
    ),
    good="""
        workloads:
          small:
            type: ollama
            namespace: small
            models: /var/lib/small
            expose: {nodePort: 31435, from: [services]}
    """,
)
def duplicate_node_port(cluster: Cluster) -> Iterable[Finding]:
    first: dict[int, _NodePort] = {}
    for found in _node_ports(cluster):
        earlier = first.setdefault(found.number, found)
        same_port = found.who == earlier.who and found.port == earlier.port
        if found is earlier or (same_port and found.protocol is not earlier.protocol):
            continue
        if earlier.who == found.who:
            yield Finding(
                f"{found.who} has NodePort {found.number} twice",
                found.path,
                "give each port another one; only one port over both TCP and UDP may have the same",
                related=(Related("first here", earlier.path),),
            )
        else:
            before, again = (Use(one.number, one.who, one.path) for one in (earlier, found))
            yield conflict(before, again, f"have NodePort {found.number}", "give one of them another port")


@rule(
    "WKL005",
    "exposed-to-nobody",
    severity=Severity.WARNING,
    summary="A workload has a NodePort that no VLAN may use.",
    rationale="The firewall of every node refuses what is not listed, so the port is there for nobody.",
    source="docs/decisions/0003: NodePorts are guarded before DNAT",
    bad=Example(
        """
        workloads:
          ollama: {expose: {from: []}}
        """,
        at=SpecPath.of("workloads", "ollama", "expose", "from"),
    ),
    good="""
        workloads:
          ollama: {expose: {from: [management]}}
    """,
)
def exposed_to_nobody(cluster: Cluster) -> Iterable[Finding]:
    for workload, exposure in _exposures(cluster):
        if not exposure.vlans:
            yield Finding(
                f"{workload} has NodePort {exposure.node_port}, and no VLAN may use it",
                exposure.path / "from",
                "name the VLANs that may, or remove the key 'expose'",
            )


@rule(
    "WKL013",
    "exposed-without-port",
    summary="A workload has a NodePort, and no port on which it answers.",
    rationale="A NodePort is one of a Service, which leads to a port of the pod: none would be made.",
    source="Kubernetes docs, Service: targetPort",
    bad=Example(
        """
        workloads:
          page: {type: deployment, image: "nginx:1.29.1", expose: {nodePort: 30080, from: [services]}}
        """,
        at=SpecPath.of("workloads", "page", "expose"),
    ),
    good="""
        workloads:
          page:
            type: deployment
            image: nginx:1.29.1
            port: 80
            expose: {nodePort: 30080, from: [services]}
    """,
)
def exposed_without_port(cluster: Cluster) -> Iterable[Finding]:
    for workload in cluster.apps:
        if isinstance(workload, Deployment) and (stray := workload.stray_exposure) is not None:
            hint = "name the port on which its container answers, or remove 'expose'"
            if workload.endpoints:
                hint = f"write it below the port that it is for, like {workload.endpoints[0].path}"
            yield Finding(
                f"{workload} has NodePort {stray.node_port}, and no key 'port'",
                stray.path,
                hint,
                on_key=True,
            )


@rule(
    "WKL015",
    "duplicate-port",
    summary="A workload has a port twice.",
    rationale="""Its ports become those of one Service, of which each needs a name of its own, and a number of
        its own for each protocol. The API server refuses the Service.""",
    source="kubernetes/kubernetes, pkg/apis/core/validation: ValidateService (duplicate ports)",
    bad=Example(
        """
        workloads:
          page: {type: deployment, image: "nginx:1.29.1", port: 80, ports: {web: {port: 80}}}
        """,
        at=SpecPath.of("workloads", "page", "ports", "web"),
    ),
    good="""
        workloads:
          page: {type: deployment, image: "nginx:1.29.1", port: 80, ports: {web: {port: 80, protocol: udp}}}
    """,
)
def duplicate_port(cluster: Cluster) -> Iterable[Finding]:
    for app in cluster.apps:
        names = [Use(e.name, "", e.path) for e in app.endpoints]
        numbers = [Use((e.service.port, e.service.protocol.value), "", e.path) for e in app.endpoints]
        seen: set[SpecPath] = set()
        for earlier, use in (*used_again(names), *used_again(numbers)):
            if use.path in seen:
                continue
            seen.add(use.path)
            what = (
                f"a port called {use.value!r}"
                if isinstance(use.value, str)
                else "port {}/{}".format(*use.value)
            )
            yield Finding(
                f"{app} has {what} twice",
                use.path,
                "remove one of them; what is written as 'port' is called 'http'",
                related=(Related("first here", earlier.path),),
                on_key=True,
            )
