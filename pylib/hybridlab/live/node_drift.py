"""How the nodes of Kubernetes drift from the spec: which there are, their labels, taints, addresses, version.

Whether a node is Ready is a matter of health, not of drift.
"""

from collections.abc import Iterable, Iterator, Mapping

from hybridlab.live.checks.answers import (
    NotUnderstoodError,
    Object,
    at,
    kubectl,
    listed,
    name_of,
    text,
)
from hybridlab.live.checks.check import Remote
from hybridlab.live.drain import MARK
from hybridlab.live.drift import Answers, Drift, Layer, NotSeenError, State
from hybridlab.live.probe import Output
from hybridlab.model.cluster import Cluster, Kubernetes, Node
from hybridlab.model.plain import items, mapping, texts

# The taints that controllers set as conditions and cordons come and go (well_known_taints.go).
_OF_CONDITIONS = "node.kubernetes.io/"
# Kubernetes' own labels are kept by who set them: kubelet, node lifecycle, cloud (well_known_labels.go).
_OF_KUBERNETES = ("kubernetes.io", "k8s.io")
# Its failure is an answer, too, and says why.
_FINE = (0, 1)
# A kubelet's name in the books of who owns which field: that of its program.
_KUBELET = "kubelet"


def nodes_look(cluster: Cluster) -> Remote:
    """Return the look at all nodes, with who has set which field."""
    return kubectl(cluster, "get", "nodes", "--show-managed-fields", "--output=json", fine=_FINE)


def namespaces_look(cluster: Cluster) -> Remote:
    """Return the look at all namespaces."""
    return kubectl(cluster, "get", "namespaces", "--output=json", fine=_FINE)


def cluster_drift(cluster: Cluster, answers: Answers) -> Iterator[Drift]:
    """Yield how nodes and namespaces drift; nothing without a Kubernetes."""
    if cluster.kubernetes is None or not cluster.control_plane:
        return
    for item, look in (("nodes", nodes_look(cluster)), ("namespaces", namespaces_look(cluster))):
        try:
            objects = listed(_answered(answers.output(look.machine, look.probe)))
        except (NotSeenError, NotUnderstoodError) as error:
            advice = f"the control plane has to answer: `hybridlab logs {look.machine} kube-apiserver`"
            yield Drift(Layer.CLUSTER, item, State.UNREACHABLE, str(error), advice)
            continue
        if item == "nodes":
            yield from _nodes(cluster, cluster.kubernetes, objects)
        else:
            yield from _namespaces(cluster, objects)


def _answered(output: Output) -> Output:
    """Raises: NotSeenError with what kubectl says."""
    if output.status:
        raise NotSeenError(output.complaint("kubectl") or "kubectl failed")
    return output


def _namespaces(cluster: Cluster, objects: Iterable[Object]) -> Iterator[Drift]:
    wanted = cluster.namespaces if cluster.workloads else frozenset()
    for name in sorted(wanted - {name_of(one) for one in objects}):
        detail = "the manifests have it, with all that is in it"
        yield Drift(Layer.CLUSTER, f"namespace {name}", State.MISSING, detail, "`hybridlab apply`")


def _nodes(cluster: Cluster, kubernetes: Kubernetes, objects: Iterable[Object]) -> Iterator[Drift]:
    there = {name_of(one): one for one in objects}
    for node in cluster.nodes:
        if node.name in there:
            yield from _node(node, kubernetes, there[node.name])
        else:
            advice = f"`hybridlab diagnose {node.name}` says why"
            yield Drift(Layer.CLUSTER, f"node {node.name}", State.MISSING, "has not joined", advice)
    for name in sorted({*there} - {node.name for node in cluster.nodes}):
        advice = f"once it is gone for good: `kubectl delete node {name}`"
        yield Drift(Layer.CLUSTER, f"node {name}", State.EXTRA, "the spec has no such node", advice)


def _node(node: Node, kubernetes: Kubernetes, one: Object) -> Iterator[Drift]:
    yield from _labels(node, one)
    yield from _taints(node, one)
    item = f"node {node.name}"
    restart = f"`hybridlab deploy {node.name}`, then `hybridlab ssh {node.name} -- systemctl restart kubelet`"
    addresses = [mapping(entry) for entry in items(at(one, "status", "addresses"))]
    inside = [text(entry, "address") for entry in addresses if entry.get("type") == "InternalIP"]
    if inside != [str(node.address)]:
        detail = f"has the internal address {', '.join(inside) or 'none'}, not {node.address}"
        yield Drift(Layer.CLUSTER, item, State.CHANGED, detail, restart)
    version = text(one, "status", "nodeInfo", "kubeletVersion")
    if version and not version.removeprefix("v").startswith(f"{kubernetes.minor}."):
        detail = f"its kubelet is of version {version}, and the release brings {kubernetes.minor}"
        yield Drift(Layer.CLUSTER, item, State.CHANGED, detail, f"`hybridlab deploy {node.name}`")
    if at(one, "spec", "unschedulable") is True:
        ours = MARK in texts(at(one, "metadata", "annotations"))
        who = "by a deployment that did not come to its end" if ours else "by somebody"
        advice = f"if nobody works on it: `kubectl uncordon {node.name}`"
        yield Drift(Layer.CLUSTER, item, State.CHANGED, f"was cordoned {who}", advice)


def _labels(node: Node, one: Object) -> Iterator[Drift]:
    """A kubelet labels its node only when that is new (kubelet_node_status.go): later changes are by hand."""
    has = texts(at(one, "metadata", "labels"))
    for key, value in node.membership.labels.items():
        item = f"label {key} of node {node.name}"
        advice = f"`kubectl label --overwrite node {node.name} {key}={value}`"
        if key not in has:
            yield Drift(Layer.CLUSTER, item, State.MISSING, f"should be {value!r}", advice)
        elif has[key] != value:
            yield Drift(Layer.CLUSTER, item, State.CHANGED, f"is {has[key]!r}, not {value!r}", advice)
    for key in sorted(_set_by_kubelet(one) & {*has} - {*node.membership.labels}):
        if not _is_of_kubernetes(key):
            advice = f"`kubectl label node {node.name} {key}-`"
            detail = f"is {has[key]!r}, from when the spec had it"
            yield Drift(Layer.CLUSTER, f"label {key} of node {node.name}", State.EXTRA, detail, advice)


def _set_by_kubelet(one: Object) -> frozenset[str]:
    """Return the labels that a kubelet has set, and nobody since."""
    found: set[str] = set()
    for entry in map(mapping, items(at(one, "metadata", "managedFields"))):
        if entry.get("manager") == _KUBELET:
            fields: Mapping[str, object] = mapping(at(entry, "fieldsV1", "f:metadata", "f:labels"))
            found |= {key.removeprefix("f:") for key in fields}
    return frozenset(found)


def _is_of_kubernetes(key: str) -> bool:
    prefix, slash, _ = key.partition("/")
    return bool(slash) and any(prefix == own or prefix.endswith(f".{own}") for own in _OF_KUBERNETES)


def _taints(node: Node, one: Object) -> Iterator[Drift]:
    """As labels: a kubelet taints its node only when that is new."""
    entries = [mapping(entry) for entry in items(at(one, "spec", "taints"))]
    triples = [tuple(text(entry, key) for key in ("key", "value", "effect")) for entry in entries]
    has = {f"{key}={value}:{effect}" for key, value, effect in triples if not key.startswith(_OF_CONDITIONS)}
    wanted = {f"{t.key}={t.value}:{t.effect}" for t in node.membership.registered_taints}
    for state, taints in ((State.MISSING, wanted - has), (State.EXTRA, has - wanted)):
        for taint in sorted(taints):
            missing = state is State.MISSING
            detail = "the spec has it, the node does not" if missing else "the node has it, the spec does not"
            advice = f"`kubectl taint node {node.name} {taint}{'' if missing else '-'}`"
            yield Drift(Layer.CLUSTER, f"taint {taint} of node {node.name}", state, detail, advice)
