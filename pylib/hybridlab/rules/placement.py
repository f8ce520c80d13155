"""Where workloads run: each must find a node with the labels that it asks for, and one that takes pods."""

from collections.abc import Iterable, Iterator

from attrs import frozen

from hybridlab.diagnostic import Related, SpecPath
from hybridlab.model.cluster import Cluster, Node
from hybridlab.model.conditions import satisfies
from hybridlab.model.plain import items, mapping
from hybridlab.model.workload import Pods
from hybridlab.rules.rule import OWN, OWN_DOCUMENT, Example, Finding, rule
from hybridlab.rules.wording import labels, listed, nearest

# What kubeadm labels its nodes with.
_ROLE = "node-role.kubernetes.io/"


@frozen
class _Stranded:
    """Pods whose selector no node satisfies that takes pods, and the node that comes closest."""

    pods: Pods
    closest: Node

    @property
    def missing(self) -> dict[str, str]:
        """The labels that the closest node lacks."""
        member = self.closest.membership
        return {k: v for k, v in self.pods.node_selector.items() if not member.has([(k, v)])}


def _stranded(cluster: Cluster) -> Iterator[_Stranded]:
    # Without any node that takes pods, K8S003 has said what there is to say.
    if not any(node.membership.takes_any_pod for node in cluster.nodes):
        return
    for pods in cluster.pods:
        selector = pods.node_selector
        if selector and not pods.nodes and pods.affinity_path is None:
            closest = max(
                cluster.nodes,
                key=lambda node: (
                    sum(node.membership.has([label]) for label in selector.items()),
                    node.membership.takes(pods.tolerations),
                    node.membership.schedulable,
                ),
            )
            yield _Stranded(pods, closest)


def _labels_of(node: Node) -> Related:
    text = labels(node.membership.own_labels) or "no labels of its own"
    return Related(f"{node.machine} has {text}", node.machine.path / "kubernetes" / "labels")


@rule(
    "WKL001",
    "selector-matches-no-node",
    summary="A workload selects labels that no node has together.",
    rationale="Its pod stays Pending for ever: the scheduler waits for a node that never comes.",
    source="Kubernetes docs, Assigning Pods to Nodes: a node must have each label of nodeSelector",
    bad=Example(
        """
        workloads:
          ollama: {nodeSelector: {gpu: amd, node-type: baremetal}}
        """,
        at=SpecPath.of("workloads", "ollama", "nodeSelector", "node-type"),
    ),
    good="""
        hosts:
          homelab: {kubernetes: {labels: {node-type: baremetal}}}
        workloads:
          ollama: {nodeSelector: {gpu: amd, node-type: baremetal}}
    """,
)
def selector_matches_no_node(cluster: Cluster) -> Iterable[Finding]:
    for found in _stranded(cluster):
        if not (missing := found.missing):
            continue
        pods, closest = found.pods, found.closest
        path = pods.selector_path
        if len(missing) == 1:
            path = path / next(iter(missing))
        yield Finding(
            f"no node has the labels {labels(pods.node_selector)} that {pods} selects: "
            f"the closest, {closest.machine}, {_lacks(closest, missing)}",
            path,
            _hint(cluster, closest, missing),
            related=(_labels_of(closest),),
        )


def _lacks(node: Node, missing: dict[str, str]) -> str:
    has = node.membership.labels
    return listed([f"has {key}={has[key]}" if key in has else f"lacks {key}" for key in missing])


def _hint(cluster: Cluster, closest: Node, missing: dict[str, str]) -> str:
    values: dict[str, set[str]] = {}
    for node in cluster.nodes:
        for key, value in node.membership.labels.items():
            values.setdefault(key, set()).add(value)
    for key, value in missing.items():
        if key.startswith(_ROLE):
            return f"NixOS sets no such label: select kubernetes.io/hostname: {closest.name}"
        if key not in values and (meant := nearest(key, sorted(values))):
            return f"did you mean the label {meant!r}?"
        if key in values and (meant := nearest(value, sorted(values[key]))):
            return f"did you mean {key}: {meant}?"
    path = closest.machine.path / "kubernetes" / "labels"
    wanted = ", ".join(f"{key}: " + (value or "''") for key, value in missing.items())
    return f"add {{{wanted}}} to {path}, or select other labels"


@rule(
    "WKL002",
    "selector-matches-unschedulable",
    summary="A workload selects only nodes that take no pods.",
    rationale="""The labels are there, but on a node that is tainted: a control plane, unless it is told to
        take pods, a worker that is told not to, or one with taints of its own. The pod stays Pending.""",
    source="""nixpkgs, nixos/modules/services/cluster/kubernetes/default.nix (taints of masters); Kubernetes
        docs, Taints and Tolerations""",
    bad=Example(
        """
        guests:
          k8s-master: {kubernetes: {labels: {disk: fast}}}
        workloads:
          ollama: {gpus: 0, nodeSelector: {gpu: null, disk: fast}}
        """,
        at=SpecPath.of("workloads", "ollama", "nodeSelector"),
    ),
    good="""
        guests:
          k8s-master: {kubernetes: {labels: {disk: fast}, schedulable: true}}
        workloads:
          ollama: {gpus: 0, nodeSelector: {gpu: null, disk: fast}}
    """,
)
def selector_matches_unschedulable(cluster: Cluster) -> Iterable[Finding]:
    for found in _stranded(cluster):
        if found.missing:
            continue
        pods, machine, membership = found.pods, found.closest.machine, found.closest.membership
        member = machine.path / "kubernetes"
        if membership.schedulable:
            why = f"{machine} has {listed(membership.taints)}"
            hint = f"remove the taint in {member}, or select other labels"
            related = Related("only workloads that ask for its GPU tolerate it", member / "taints")
        else:
            why = f"{machine} is a {membership.role.value.replace('-', ' ')}"
            hint = f"write `schedulable: true` in {member}, or select other labels"
            related = Related(f"{machine} takes no pods", member)
        yield Finding(
            f"{pods} selects {labels(pods.node_selector)}, and no node that has it takes pods: {why}",
            pods.selector_path,
            hint,
            related=(related,),
        )


@rule(
    "WKL016",
    "affinity-matches-no-node",
    summary="Pods or volumes in a manifest name nodes, or conditions on nodes, that leave none.",
    rationale="""Node affinity and `nodeName` narrow what the labels allow. With no node left the pod stays
        Pending, and so does every pod whose volume is on no node; with the name of a node that does not
        exist, it is not even scheduled.""",
    source="Kubernetes docs, Assigning Pods to Nodes: node affinity, nodeName; Persistent Volumes",
    bad=Example(
        OWN,
        at=OWN_DOCUMENT / "spec" / "nodeName",
        manifest="""
        apiVersion: v1
        kind: Pod
        metadata: {name: app, namespace: default}
        spec: {nodeName: k8s-worker-9, containers: [{name: app, image: "nginx:1.29.1"}]}
        """,
    ),
    good=OWN,
    good_manifest="""
        apiVersion: v1
        kind: Pod
        metadata: {name: app, namespace: default}
        spec: {nodeName: k8s-worker-1, containers: [{name: app, image: "nginx:1.29.1"}]}
    """,
)
def affinity_matches_no_node(cluster: Cluster) -> Iterable[Finding]:
    for pods in cluster.pods:
        # Without any node, other rules have said what there is to say.
        if pods.affinity_path is not None and not pods.nodes and cluster.nodes:
            yield Finding(
                f"no node that takes {pods} is left by its {pods.affinity_path[-1]}",
                pods.affinity_path,
                f"the nodes are {listed([node.name for node in cluster.nodes])}",
            )
    for one in cluster.inventory.of_kind("", "PersistentVolume"):
        if "csi" in one.spec:
            continue  # its driver labels the nodes
        required = mapping(mapping(one.spec.get("nodeAffinity")).get("required"))
        terms = [mapping(term) for term in items(required.get("nodeSelectorTerms"))]
        nodes = [
            node.name
            for node in cluster.nodes
            if any(satisfies(term, node.name, node.membership) for term in terms)
        ]
        if terms and cluster.nodes and not nodes:
            yield Finding(
                f"{one} is on no node: none is left by its nodeAffinity",
                one.path / "spec" / "nodeAffinity",
                f"the nodes are {listed([node.name for node in cluster.nodes])}",
            )
