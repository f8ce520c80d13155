"""What the cluster says of one node, held against the spec; each judge sees the node's object alone.

Checks of nodes use them, and checks of pods, to tell a fault of the node from one of the pod.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from ipaddress import ip_network

from hybridlab.live.checks.answers import Object, at, name_of, shorten, text
from hybridlab.live.checks.check import Failed, Ok, Verdict
from hybridlab.model.cluster import Cluster, Kubernetes, Node
from hybridlab.model.node import Host
from hybridlab.model.plain import items, texts
from hybridlab.model.quantity import parse_quantity
from hybridlab.spec.scalars import Network

# The taints that controllers set as conditions and cordons come and go (well_known_taints.go).
_OF_CONDITIONS = "node.kubernetes.io/"

Judge = Callable[[Node, Object], Verdict]


def address(node: Node, one: Object) -> Verdict:
    """Judge the address at which the other nodes reach it."""
    addresses = [entry for entry in items(at(one, "status", "addresses")) if isinstance(entry, dict)]
    found = [text(entry, "address") for entry in addresses if entry.get("type") == "InternalIP"]
    if found == [str(node.address)]:
        return Ok(found[0])
    return Failed(
        f"internal address {node.address}",
        ", ".join(found) or "none",
        f"its kubelet has another --node-ip than the spec says, or its interface lacks the address: "
        f"`hybridlab deploy {node.name}`, and then `systemctl restart kubelet` there",
    )


def labels(node: Node, one: Object) -> Verdict:
    """Judge its labels; more than the spec's are nobody's business."""
    has = texts(at(one, "metadata", "labels"))
    wrong = {key: value for key, value in node.membership.labels.items() if has.get(key) != value}
    if not wrong:
        return Ok(f"{len(node.membership.labels)} labels")
    wanted = " ".join(f"{key}={value}" for key, value in wrong.items())
    return Failed(
        ", ".join(f"{key}={value}" for key, value in wrong.items()),
        ", ".join(f"{key}={has[key]}" if key in has else f"no {key}" for key in wrong),
        f"a kubelet labels only a new node: `kubectl label --overwrite node {node.name} {wanted}`",
    )


def taints(node: Node, one: Object) -> Verdict:
    """Judge its taints: exactly the spec's, beside those that come and go with conditions."""
    entries = [entry for entry in items(at(one, "spec", "taints")) if isinstance(entry, dict)]
    triples = [tuple(text(entry, key) for key in ("key", "value", "effect")) for entry in entries]
    wanted = {f"{t.key}={t.value}:{t.effect}" for t in node.membership.registered_taints}
    has = {f"{key}={value}:{effect}" for key, value, effect in triples if not key.startswith(_OF_CONDITIONS)}
    if has == wanted:
        return Ok(_listed(has))
    changes = [*sorted(wanted - has), *(f"{taint}-" for taint in sorted(has - wanted))]
    return Failed(
        _listed(wanted),
        _listed(has),
        f"a kubelet taints only a new node: `kubectl taint node {node.name} {' '.join(changes)}`",
    )


def schedulable(node: Node, one: Object) -> Verdict:
    """Judge whether somebody has cordoned it."""
    if at(one, "spec", "unschedulable") is not True:
        return Ok()
    return Failed(
        "takes new pods", "it is cordoned", f"if nobody works on it: `kubectl uncordon {node.name}`"
    )


def ready(node: Node, one: Object) -> Verdict:
    """Judge whether its kubelet says that it can run pods."""
    conditions = [c for c in items(at(one, "status", "conditions")) if text(c, "type") == "Ready"]
    if not conditions:
        return Failed("Ready", "its kubelet has never said so", _diagnose(node))
    [condition, *_] = conditions
    if condition.get("status") == "True":
        return Ok()
    why = ": ".join(filter(None, (text(condition, "reason"), text(condition, "message"))))
    state = "not Ready" if condition.get("status") == "False" else "nobody knows, its kubelet is silent"
    return Failed("Ready", f"{state} ({shorten(why)})" if why else state, _diagnose(node))


def version(node: Node, one: Object, others: Iterable[Object], kubernetes: Kubernetes) -> Verdict:
    """Judge its kubelet's version: of the NixOS release's minor, and the same as most nodes'."""
    found = _version(one)
    if found != f"v{kubernetes.minor}" and not found.startswith(f"v{kubernetes.minor}."):
        return Failed(f"v{kubernetes.minor}", found or "none", _deploy(node))
    alike = Counter(filter(None, map(_version, others)))
    usual = max(alike, key=lambda one: (alike[one], one), default=found)
    if found == usual:
        return Ok(found)
    return Failed(f"{usual}, as most nodes have", found, _deploy(node))


def pod_network(node: Node, one: Object, kubernetes: Kubernetes) -> Verdict:
    """Judge the part of the pod network that the node was given."""
    found = text(one, "spec", "podCIDR")
    if not found:
        return Failed(
            f"a part of {kubernetes.pod_network}",
            "none",
            "the controller manager gives it one: see kube-controller-manager with `hybridlab logs`",
        )
    try:
        part = ip_network(found)
    except ValueError:
        return Failed(f"a part of {kubernetes.pod_network}", found, "`kubectl get nodes --output=wide`")
    if _within(part, kubernetes.pod_network):
        return Ok(found)
    return Failed(
        f"a part of {kubernetes.pod_network}",
        found,
        f"it keeps what it was given: drain it, `kubectl delete node {node.name}`, and restart its kubelet",
    )


def gpus(node: Node, one: Object, wanted: int, resource: str) -> Verdict:
    """Judge how many GPUs its kubelet offers."""
    capacity = parse_quantity(at(one, "status", "capacity", resource) or "0")
    offered = parse_quantity(at(one, "status", "allocatable", resource) or "0")
    if capacity == offered == wanted:
        return Ok(f"{wanted} of {resource}" if wanted else "none, as expected")
    found = f"{_amount(offered)} allocatable of {_amount(capacity)}"
    if not wanted:
        return Failed(f"no {resource}", found, f"some device plugin runs there: {_pods_on(node)}")
    plugin = f"its device plugin does not find it, or calls it unhealthy: {_pods_on(node)}"
    return Failed(f"{wanted} of {resource}", found, f"{plugin}, `hybridlab verify --phase gpu {node.name}`")


def offered_gpus(cluster: Cluster, node: Node) -> int:
    """Return how many GPUs a node offers: those of its machine, if a device plugin runs there."""
    machine = node.machine
    covered = isinstance(machine, Host) and node.name in cluster.device_plugin_nodes
    return machine.gpus_for_pods if covered and isinstance(machine, Host) else 0


def fault(node: Node, nodes: Iterable[Object], judges: Iterable[Judge]) -> str | None:
    """Return the first thing that is wrong with a node, in a few words, None if nothing is."""
    one = next((one for one in nodes if name_of(one) == node.name), None)
    if one is None:
        return f"node {node.name} is not there"
    for judge in judges:
        verdict = judge(node, one)
        if isinstance(verdict, Failed):
            return f"node {node.name}: expected {verdict.expected}, found {verdict.found}"
    return None


# What keeps a pod from running on a node, and what keeps one from getting there.
OF_RUNNING: tuple[Judge, ...] = (ready,)
OF_COMING: tuple[Judge, ...] = (ready, schedulable, labels, taints)


def _version(one: Object) -> str:
    return text(one, "status", "nodeInfo", "kubeletVersion")


def _within(part: Network, whole: Network) -> bool:
    return part.version == whole.version and part.network_address in whole and part.broadcast_address in whole


def _listed(taints: Iterable[str]) -> str:
    return ", ".join(sorted(taints)) or "no taints"


def _amount(value: object) -> str:
    return "something else" if value is None else str(value)


def _diagnose(node: Node) -> str:
    return f"`hybridlab diagnose {node.name}`"


def _deploy(node: Node) -> str:
    return f"it runs another system than was generated: `hybridlab deploy {node.name}`"


def _pods_on(node: Node) -> str:
    return f"`kubectl get pods --all-namespaces --field-selector=spec.nodeName={node.name}`"
