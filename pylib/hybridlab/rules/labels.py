"""Labels and taints that nodes register with: what a kubelet may set itself, and says the truth with."""

from collections.abc import Iterable

from hybridlab.diagnostic import Related, SpecPath
from hybridlab.model.cluster import Cluster
from hybridlab.rules.rule import Example, Finding, rule
from hybridlab.rules.uses import Use, used_again

# Keys and namespaces under kubernetes.io and k8s.io that a kubelet may set on its own node.
# kubernetes/kubelet, pkg/apis/well_known_labels.go, read on 2026-11-23.
_OWN_NAMESPACES = ("kubelet.kubernetes.io", "node.kubernetes.io")
_ALLOWED = frozenset(
    (
        "kubernetes.io/hostname",
        "kubernetes.io/arch",
        "kubernetes.io/os",
        "node.kubernetes.io/instance-type",
        "beta.kubernetes.io/instance-type",
        "beta.kubernetes.io/os",
        "beta.kubernetes.io/arch",
        "topology.kubernetes.io/zone",
        "topology.kubernetes.io/region",
        "failure-domain.beta.kubernetes.io/zone",
        "failure-domain.beta.kubernetes.io/region",
    )
)
_ADMIN_NAMESPACES = ("node-role.kubernetes.io", "node-restriction.kubernetes.io")


def _within(namespace: str, domain: str) -> bool:
    return namespace == domain or namespace.endswith("." + domain)


def _kubelet_refuses(key: str) -> bool:
    namespace = key.rpartition("/")[0]
    reserved = _within(namespace, "kubernetes.io") or _within(namespace, "k8s.io")
    own = any(_within(namespace, domain) for domain in _OWN_NAMESPACES)
    return reserved and not own and key not in _ALLOWED


@rule(
    "K8S007",
    "refused-label",
    summary="A node has a label of kubernetes.io or k8s.io that a kubelet must not set.",
    rationale="""The kubelet exits when it is started with such a label: these domains belong to Kubernetes,
        which lets a node say only a few things about itself, so that a node can not claim a role.""",
    source="kubernetes/kubelet, pkg/apis/well_known_labels.go; Kubernetes docs, NodeRestriction",
    bad=Example(
        """
        guests:
          k8s-worker-1: {kubernetes: {labels: {node-role.kubernetes.io/worker: ""}}}
        """,
        at=SpecPath.of("guests", "k8s-worker-1", "kubernetes", "labels", "node-role.kubernetes.io/worker"),
    ),
    good="""
        guests:
          k8s-worker-1: {kubernetes: {labels: {example.org/worker: "", node.kubernetes.io/size: small}}}
    """,
)
def refused_label(cluster: Cluster) -> Iterable[Finding]:
    for node in cluster.nodes:
        for key, value in node.membership.own_labels.items():
            if not _kubelet_refuses(key):
                continue
            hint = "take a prefix of your own, or none"
            if key.startswith(_ADMIN_NAMESPACES):
                hint = f"remove it here, and set it with kubectl label node {node.name} {key}={value}"
            yield Finding(
                f"{node.machine} has label {key!r}, with which its kubelet refuses to start",
                node.machine.path / "kubernetes" / "labels" / key,
                hint,
                on_key=True,
            )


@rule(
    "K8S008",
    "untrue-label",
    summary="A node's label contradicts what the kubelet says itself: its name, architecture or system.",
    rationale="""The kubelet sets these three labels on its node, and pods are placed by them: with another
        value in the spec, what runs where depends on which of the two comes last.""",
    source="Kubernetes docs, Well-Known Labels: kubernetes.io/hostname, kubernetes.io/arch, kubernetes.io/os",
    bad=Example(
        """
        guests:
          k8s-worker-1: {kubernetes: {labels: {kubernetes.io/hostname: worker-1}}}
        """,
        at=SpecPath.of("guests", "k8s-worker-1", "kubernetes", "labels", "kubernetes.io/hostname"),
    ),
    good="""
        guests:
          k8s-worker-1: {kubernetes: {labels: {kubernetes.io/hostname: k8s-worker-1}}}
    """,
)
def untrue_label(cluster: Cluster) -> Iterable[Finding]:
    for node in cluster.nodes:
        for key, value in node.membership.own_labels.items():
            true = node.membership.labels[key]
            if value != true:
                yield Finding(
                    f"{node.machine} is labelled {key}={value}, and its kubelet says {key}={true}",
                    node.machine.path / "kubernetes" / "labels" / key,
                    "remove the label: the kubelet sets it",
                    related=(Related(f"{node.machine}", node.machine.path),),
                )


@rule(
    "K8S009",
    "duplicate-taint",
    summary="A node has two taints of the same key and effect.",
    rationale="The API server takes one value for a key and effect, and refuses the node: it never joins.",
    source="kubernetes/kubernetes, pkg/apis/core/validation (taints unique by key and effect)",
    bad=Example(
        """
        guests:
          k8s-worker-1: {kubernetes: {taints: ["disk=slow:NoSchedule", "disk=small:NoSchedule"]}}
        """,
        at=SpecPath.of("guests", "k8s-worker-1", "kubernetes", "taints"),
    ),
    good="""
        guests:
          k8s-worker-1: {kubernetes: {taints: ["disk=slow:NoSchedule", "disk=slow:NoExecute"]}}
    """,
)
def duplicate_taint(cluster: Cluster) -> Iterable[Finding]:
    for node in cluster.nodes:
        path = node.machine.path / "kubernetes" / "taints"
        uses = (Use((taint.key, taint.effect), str(taint), path) for taint in node.membership.taints)
        for earlier, use in used_again(uses):
            yield Finding(
                f"{node.machine} has taints {earlier.who} and {use.who}, of one key and effect",
                path,
                "keep one of them",
            )
