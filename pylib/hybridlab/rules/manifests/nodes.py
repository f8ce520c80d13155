"""Ports of nodes that pods of the user's own manifests want: each once, and free."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from hybridlab.diagnostic import Related, Severity, SpecPath
from hybridlab.model.cluster import Cluster
from hybridlab.model.conditions import holds
from hybridlab.model.host_ports import HostPort, host_ports
from hybridlab.model.listeners import Listener, Listeners
from hybridlab.model.plain import items, mapping, texts, whole
from hybridlab.model.workload import Pods, PodTemplate
from hybridlab.rules.demand import Demand, overbooked
from hybridlab.rules.rule import OWN, OWN_DOCUMENT, Example, Finding, rule
from hybridlab.rules.wording import counted, listed
from hybridlab.tables.ports import Protocol

_SPEC = OWN_DOCUMENT / "spec"
_PORT = _SPEC / "template" / "spec" / "containers" / 0 / "ports" / 0
_APP = """
        apiVersion: apps/v1
        kind: Deployment
        metadata: {{name: app, namespace: default}}
        spec:
          {}
          selector: {{matchLabels: {{app: app}}}}
          template:
            metadata: {{labels: {{app: app}}}}
            spec:
              {}
              containers: [{{name: app, image: "nginx:1.29.1", ports: [{{{}}}]}}]
"""
_RECREATE = "strategy: {type: Recreate}"


@rule(
    "MAN042",
    "port-of-the-node-taken",
    summary="Pods in a manifest want a port of their node that something else has there.",
    rationale="""On the network of a node, a program shares its ports with ssh, the kubelet and all else that
        listens there: the second one does not start. For a NodePort, packets go to a pod before anybody on
        the node sees them. Of two pods that want one port of every node, one stays Pending.""",
    source="bind(2), EADDRINUSE; tables/ports.py; Kubernetes docs, Scheduler: NodePorts filter",
    bad=Example(
        OWN,
        at=_PORT / "containerPort",
        manifest=_APP.format(_RECREATE, "hostNetwork: true", "containerPort: 10250"),
    ),
    good=OWN,
    good_manifest=_APP.format(_RECREATE, "hostNetwork: true", "containerPort: 8250"),
)
def port_of_the_node_taken(cluster: Cluster) -> Iterable[Finding]:
    wanted = [(template, tuple(host_ports(template))) for template in cluster.templates]
    wanted = [(template, ports) for template, ports in wanted if ports]
    if not wanted:
        return
    listening = _listening(cluster)
    for template, ports in wanted:
        for port in ports:
            if (found := _listener(template, port, listening)) is not None:
                who, machine = found
                yield Finding(
                    f"{template.pods} wants port {who.place} of its node, which {who.who} has on {machine}",
                    port.path,
                    "take another port",
                    related=(Related(f"{machine} is one of its nodes", who.path),),
                )
    yield from _of_each_other(wanted)


_Listening = Mapping[tuple[int, Protocol], Mapping[str | None, tuple[Listener, str]]]


def _listening(cluster: Cluster) -> _Listening:
    """Return what listens on each port, by the name of the machine; None stands for all nodes."""
    found: dict[tuple[int, Protocol], dict[str | None, tuple[Listener, str]]] = defaultdict(dict)
    for one in Listeners.of(cluster).node_ports:
        found[one.port, one.protocol].setdefault(None, (one, "every node"))
    of_machines = Listeners(())
    for node in cluster.nodes:
        for one in of_machines.on(node.machine):
            found[one.port, one.protocol].setdefault(node.name, (one, str(node.machine)))
    return found


def _listener(template: PodTemplate, port: HostPort, listening: _Listening) -> tuple[Listener, str] | None:
    """Return what has this port on one of the nodes that the pods may come to."""
    there = listening.get((port.port, port.protocol), {})
    # A port that is forwarded, or one of another address, is no port of the loopback.
    elsewhere = port.forwarded or port.address is not None
    on_its_nodes = (there[name] for name in (*template.pods.nodes, None) if name in there)
    return next((found for found in on_its_nodes if not (found[0].local and elsewhere)), None)


def _of_each_other(wanted: Iterable[tuple[PodTemplate, tuple[HostPort, ...]]]) -> Iterator[Finding]:
    """Yield that different pods want one port of more nodes than there are."""
    rivals: dict[tuple[int, Protocol, str | None], dict[object, tuple[PodTemplate, HostPort]]] = defaultdict(
        dict
    )
    for template, ports in wanted:
        for port in ports:
            key = port.port, port.protocol, port.address
            rivals[key].setdefault(template.pods.path, (template, port))
    for (number, protocol, _), several in rivals.items():
        if len(several) == 1:
            continue
        demands = [
            Demand(template.pods, 1, frozenset(template.pods.nodes))
            for template, _ in several.values()
            if template.pods.nodes and template.pods.replicas
        ]
        nodes = {name: 1 for demand in demands for name in demand.machines}
        for found in overbooked(demands, nodes):
            *others, last = found.bound
            if others:
                yield Finding(
                    f"{listed(found.bound)} want port {number}/{protocol.value} of {found.asked} nodes, and "
                    f"there {'is' if found.there == 1 else 'are'} {listed(found.machines)}",
                    several[last.path][1].path,
                    "give one of them another port",
                    related=tuple(
                        Related(f"{one} wants it here", several[one.path][1].path) for one in others
                    ),
                )


@rule(
    "MAN043",
    "more-pods-than-nodes",
    summary="A workload in a manifest wants more pods than there are nodes, and each on a node of its own.",
    rationale="""Pods that take a port of their node, or that keep apart by podAntiAffinity, share no node.
        Those for which there is none left stay Pending.""",
    source="Kubernetes docs, Assigning Pods to Nodes: inter-pod anti-affinity; Scheduler: NodePorts filter",
    bad=Example(
        OWN,
        at=_SPEC / "replicas",
        manifest=_APP.format(
            "replicas: 3\n          strategy: {type: Recreate}", "hostNetwork: true", "containerPort: 8250"
        ),
    ),
    good=OWN,
    good_manifest=_APP.format(
        "replicas: 2\n          strategy: {type: Recreate}", "hostNetwork: true", "containerPort: 8250"
    ),
)
def more_pods_than_nodes(cluster: Cluster) -> Iterable[Finding]:
    for template in cluster.templates:
        pods = template.pods
        if template.one.kind == "DaemonSet" or pods.ends or not 0 < len(pods.nodes) < pods.replicas:
            continue
        port = next(host_ports(template), None)
        if port is None and not _keeps_apart(template):
            continue
        why = "keep apart" if port is None else f"each take port {port.port} of theirs"
        verb = "is" if len(pods.nodes) == 1 else "are"
        yield Finding(
            f"{pods} wants {counted(pods.replicas, 'pod')}, which {why}, and there {verb} "
            f"{counted(len(pods.nodes), 'node')} for them",
            template.one.path / "spec" / "replicas",
            f"write at most {len(pods.nodes)}, or select more nodes",
        )


def _keeps_apart(template: PodTemplate) -> bool:
    """Whether no two of these pods may be on one node."""
    affinity = mapping(mapping(template.spec.get("affinity")).get("podAntiAffinity"))
    for term in map(mapping, items(affinity.get("requiredDuringSchedulingIgnoredDuringExecution"))):
        selector = term.get("labelSelector")
        if term.get("topologyKey") == "kubernetes.io/hostname" and isinstance(selector, dict):
            conditions = map(mapping, items(selector.get("matchExpressions")))
            if texts(selector.get("matchLabels")).items() <= template.labels.items() and all(
                holds(condition, template.labels) for condition in conditions
            ):
                return not (term.get("namespaces") or term.get("namespaceSelector"))
    return False


@rule(
    "MAN044",
    "port-kept-while-rolling",
    severity=Severity.WARNING,
    summary="A Deployment in a manifest can not be updated: its new pods wait for the port of the old ones.",
    rationale="""By default a Deployment starts the new pod first, and then ends the old one. Where every node
        that it may run on has one, and each takes a port of its node, the new one has no place: it stays
        Pending, and the old version runs on.""",
    source="Kubernetes docs, Deployments: Strategy; apache/yunikorn-release#125; kubernetes/kubernetes#90669",
    bad=Example(
        OWN,
        at=_SPEC,
        manifest=_APP.format(
            "replicas: 1", "hostNetwork: true\n              nodeSelector: {gpu: amd}", "containerPort: 8250"
        ),
    ),
    good=OWN,
    good_manifest=_APP.format(
        _RECREATE, "hostNetwork: true\n              nodeSelector: {gpu: amd}", "containerPort: 8250"
    ),
)
def port_kept_while_rolling(cluster: Cluster) -> Iterable[Finding]:
    for template in cluster.templates:
        one, pods = template.one, template.pods
        strategy = mapping(one.spec.get("strategy"))
        # With more of them than nodes, that is what is to be told.
        full = 0 < len(pods.nodes) == pods.replicas
        rolls = one.kind == "Deployment" and strategy.get("type") in (None, "", "RollingUpdate")
        if rolls and full and _ends_none_first(strategy, pods.replicas):
            port = next(host_ports(template), None)
            if port is not None:
                written = "strategy" in one.spec
                yield Finding(
                    f"{pods} has port {port.port} of {_all_of(pods)}, and starts its new pods before it ends "
                    "the old ones",
                    one.path / "spec" / "strategy" if written else one.path / "spec",
                    "write strategy: {type: Recreate}",
                    on_key=True,
                )


def _all_of(pods: Pods) -> str:
    return "its only node" if len(pods.nodes) == 1 else f"each of its {len(pods.nodes)} nodes"


def _ends_none_first(strategy: Mapping[str, Any], replicas: int) -> bool:
    """Whether a Deployment may not end a pod before it has started another one."""
    most = mapping(strategy.get("rollingUpdate")).get("maxUnavailable", "25%")
    if isinstance(most, str) and most.endswith("%") and most[:-1].isdecimal():
        return replicas * int(most[:-1]) < 100
    return whole(most) == 0


@rule(
    "MAN045",
    "host-port-that-nothing-forwards",
    severity=Severity.WARNING,
    summary="A container in a manifest has a hostPort, and the pod network of NixOS forwards none.",
    rationale="""A hostPort is forwarded by a plugin of the pod network, portmap, which NixOS's settings of
        flannel leave out: the pod runs, and the port of its node refuses every connection.""",
    source="nixpkgs, cluster/kubernetes/flannel.nix (cni.config is flannel alone); flannel-io/flannel#887",
    bad=Example(
        OWN,
        at=_PORT / "hostPort",
        manifest=_APP.format(_RECREATE, "restartPolicy: Always", "containerPort: 80, hostPort: 8080"),
    ),
    good=OWN,
    good_manifest=_APP.format(_RECREATE, "hostNetwork: true", "containerPort: 8080"),
)
def host_port_that_nothing_forwards(cluster: Cluster) -> Iterable[Finding]:
    # One for each pod, and none where a port is taken: MAN042 tells of that.
    told = {path for found in port_of_the_node_taken.look(cluster) for path in (found.path, *_others(found))}
    for template in cluster.templates:
        forwarded = [port for port in host_ports(template) if port.forwarded]
        if forwarded and not told.intersection(port.path for port in forwarded):
            port = forwarded[0]
            yield Finding(
                f"{template.pods} wants port {port.port} of its node, which the pod network does not forward",
                port.path,
                "expose it with a NodePort, or write hostNetwork: true",
            )


def _others(found: Finding) -> Iterator[SpecPath]:
    return (related.path for related in found.related)
