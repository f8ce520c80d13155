"""Checks of the cluster itself: what runs on its nodes, what it says of them, and its DNS."""

from collections.abc import Callable, Iterator

from hybridlab.live.checks import answers, certificates, node_object, node_programs, parts
from hybridlab.live.checks.answers import Object, find, listed, name_of, text, understanding
from hybridlab.live.checks.certificates import hours_left
from hybridlab.live.checks.check import Check, CouldNotLook, Failed, Key, Look, Ok, Phase, Skipped, Verdict
from hybridlab.live.checks.pods import Wanted, explain
from hybridlab.live.probe import Output
from hybridlab.model.cluster import Cluster, Kubernetes, Node

# The Service and the Deployment of NixOS's DNS addon (addons/dns.nix).
_DNS = ("kube-system", "kube-dns")
_CORE_DNS = ("kube-system", "coredns")


def checks(cluster: Cluster) -> Iterator[Check]:
    """Yield every check of the phase; nothing without a Kubernetes cluster."""
    if cluster.kubernetes is None or not cluster.control_plane:
        return
    yield from node_programs.checks(cluster)
    yield from certificates.checks(cluster)
    yield _no_others(cluster)
    for node in cluster.nodes:
        yield _exists(cluster, node)
        yield from _of_object(cluster, cluster.kubernetes, node)
        yield _ready(cluster, node)
    yield _dns_service(cluster, cluster.kubernetes)
    yield _dns_pods(cluster)


def exists(node: str) -> Key:
    """Return what identifies the check that a node has joined."""
    return Key("node.exists", node)


def _no_others(cluster: Cluster) -> Check:
    known = {node.name for node in cluster.nodes}

    @understanding
    def judge(output: Output) -> Verdict:
        others = sorted({name_of(one) for one in listed(output)} - known)
        if not others:
            return Ok(f"{len(known)} in the spec")
        return Failed(
            f"only {', '.join(sorted(known))}",
            f"also {', '.join(others)}",
            f"write it into the spec, or remove it: `kubectl delete node {' '.join(others)}`",
        )

    return Check(
        Key("nodes.known"),
        Phase.CLUSTER,
        "all nodes of the cluster are in the spec",
        (answers.nodes(cluster),),
        judge,
        (node_programs.api_ready(cluster),),
    )


def _exists(cluster: Cluster, node: Node) -> Check:
    @understanding
    def judge(output: Output) -> Verdict:
        if any(name_of(one) == node.name for one in listed(output)):
            return Ok()
        return Failed("a node of this name", "none", f"`hybridlab diagnose {node.name}`")

    return Check(
        exists(node.name),
        Phase.CLUSTER,
        "it has joined the cluster",
        (answers.nodes(cluster),),
        judge,
        (
            node_programs.api_ready(cluster),
            node_programs.kubelet_healthy(node.name),
            node_programs.api_reachable(node.name),
            certificates.same_ca(node.name),
        ),
    )


def _of_object(cluster: Cluster, kubernetes: Kubernetes, node: Node) -> Iterator[Check]:
    """Yield what only the node's object says."""

    def version(one: Object, everything: tuple[Object, ...]) -> Verdict:
        known = {node.name for node in cluster.nodes}
        others = [other for other in everything if name_of(other) in known]
        return node_object.version(node, one, others, kubernetes)

    taints = ", ".join(node.membership.registered_taints) or "no taints"
    labels = ", ".join(f"{key}={value}" for key, value in node.membership.labels.items())
    judges: tuple[tuple[str, str, Callable[[Object, tuple[Object, ...]], Verdict]], ...] = (
        (
            "node.address",
            f"its internal address is {node.address}",
            lambda one, _: node_object.address(node, one),
        ),
        ("node.labels", f"it has the labels {labels}", lambda one, _: node_object.labels(node, one)),
        ("node.taints", f"it has {taints}", lambda one, _: node_object.taints(node, one)),
        ("node.schedulable", "it is not cordoned", lambda one, _: node_object.schedulable(node, one)),
        ("node.version", f"its kubelet is of Kubernetes {kubernetes.minor}, as most", version),
        (
            "node.pod-network",
            f"its pods have addresses of {kubernetes.pod_network}",
            lambda one, _: node_object.pod_network(node, one, kubernetes),
        ),
    )
    for code, title, judge in judges:
        yield Check(
            Key(code, node.name),
            Phase.CLUSTER,
            title,
            (answers.nodes(cluster),),
            _of(node, judge),
            (exists(node.name),),
        )


def _of(node: Node, judge: Callable[[Object, tuple[Object, ...]], Verdict]) -> Callable[[Output], Verdict]:
    """Return a judge of all nodes' objects from one of this node's, beside the others'."""

    @understanding
    def judged(output: Output) -> Verdict:
        everything = listed(output)
        one = next((one for one in everything if name_of(one) == node.name), None)
        return CouldNotLook("it is not there any more") if one is None else judge(one, everything)

    return judged


def _ready(cluster: Cluster, node: Node) -> Check:
    client = f"{parts.SECRETS}/kubelet-client.pem"
    looks: tuple[Look, ...] = (
        answers.nodes(cluster),
        certificates.now(node),
        certificates.ends(node, client),
    )

    def judge(output: Output, clock: Output, end: Output) -> Verdict:
        verdict = _of(node, lambda one, _: node_object.ready(node, one))(output)
        hours = hours_left(end, clock)
        if isinstance(verdict, Failed) and hours is not None and hours <= 0:
            return Skipped(f"{client} has ended: see certificates.renewed")
        return verdict

    return Check(
        Key("node.ready", node.name), Phase.CLUSTER, "it is Ready", looks, judge, (exists(node.name),)
    )


def _dns_service(cluster: Cluster, kubernetes: Kubernetes) -> Check:
    control_plane = cluster.control_plane[0].name
    advice = parts.logs(control_plane, "kube-addon-manager")

    @understanding
    def judge(output: Output) -> Verdict:
        service = find(output, "Service", *_DNS)
        if service is None:
            return Failed(f"Service {'/'.join(_DNS)}", "none", advice)
        found = text(service, "spec", "clusterIP")
        if found == str(kubernetes.dns_address):
            return Ok(found)
        return Failed(
            str(kubernetes.dns_address),
            found or "no address",
            f"it keeps its address: `kubectl delete service --namespace={_DNS[0]} {_DNS[1]}`, "
            f"and the addon manager makes it anew",
        )

    return Check(
        Key("dns.service"),
        Phase.CLUSTER,
        f"the cluster's DNS has the address {kubernetes.dns_address}",
        (answers.objects(cluster),),
        judge,
        (node_programs.api_ready(cluster), node_programs.active(control_plane, "kube-addon-manager")),
    )


def _dns_pods(cluster: Cluster) -> Check:
    control_plane = cluster.control_plane[0].name
    places = tuple(node.name for node in cluster.nodes if node.membership.takes_any_pod)

    @understanding
    def judge(output: Output, pods: Output, nodes: Output) -> Verdict:
        deployment = find(output, "Deployment", *_CORE_DNS)
        if deployment is None:
            advice = parts.logs(control_plane, "kube-addon-manager")
            return Failed(f"Deployment {'/'.join(_CORE_DNS)}", "none", advice)
        wanted = answers.count(deployment, "spec", "replicas") or 1
        return explain(cluster, deployment, Wanted(wanted, places), listed(pods), listed(nodes))

    return Check(
        Key("dns.pods"),
        Phase.CLUSTER,
        "the cluster's DNS runs",
        (answers.objects(cluster), answers.pods(cluster), answers.nodes(cluster)),
        judge,
        (
            Key("dns.service"),
            node_programs.active(control_plane, "kube-controller-manager"),
            node_programs.active(control_plane, "kube-scheduler"),
        ),
    )
