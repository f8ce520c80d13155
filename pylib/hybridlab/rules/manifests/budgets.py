"""PodDisruptionBudgets in the user's own manifests: a deployment drains nodes, and they must let it."""

from collections.abc import Iterable

from hybridlab.diagnostic import Related, Severity
from hybridlab.model.cluster import Cluster
from hybridlab.model.conditions import holds
from hybridlab.model.labelled import LabelledPods, PodsByLabel
from hybridlab.model.plain import items, mapping, texts, whole
from hybridlab.model.workload import KubernetesObject
from hybridlab.rules.rule import OWN, OWN_DOCUMENT, Example, Finding, rule
from hybridlab.tables.choices import SELECTOR_OPERATORS

_SCALED = ("Deployment", "ReplicaSet", "ReplicationController", "StatefulSet")
_BUDGET = """
        apiVersion: policy/v1
        kind: PodDisruptionBudget
        metadata: {{name: ollama, namespace: ollama}}
        spec:
          {}
          selector: {{matchLabels: {{app: ollama}}}}
"""


@rule(
    "MAN053",
    "budget-that-blocks-a-drain",
    severity=Severity.WARNING,
    summary="A PodDisruptionBudget wants all the pods to run that there are.",
    rationale="""Before a node is updated, `hybridlab deploy` takes its pods off it. An eviction that a budget
        forbids is refused until there are more pods, which nobody starts: the deployment ends there.""",
    source="Kubernetes docs, Disruptions; Safely Drain a Node; kubernetes/kubernetes#66811",
    bad=Example(OWN, at=OWN_DOCUMENT / "spec" / "minAvailable", manifest=_BUDGET.format("minAvailable: 1")),
    good=OWN,
    good_manifest=_BUDGET.format("maxUnavailable: 1"),
)
def budget_that_blocks_a_drain(cluster: Cluster) -> Iterable[Finding]:
    budgets = [one for one in cluster.objects if (one.group, one.kind) == ("policy", "PodDisruptionBudget")]
    if not budgets:
        return
    pods = PodsByLabel.of(cluster)
    scaled = {
        one.namespace
        for one in cluster.objects
        if one.kind in ("HorizontalPodAutoscaler", "ScaledObject")  # more of them may run
    }
    for one in budgets:
        # Whoever lets 0 pods go, or wants 100% of them, says that nobody is to drain these nodes.
        asked = whole(one.spec.get("minAvailable"))
        both = one.spec.get("maxUnavailable") is not None  # which is refused: MAN060
        if asked is None or both or one.namespace in scaled:
            continue
        found_pods = selected(pods, one) or []
        replicas = [_replicas(cluster, found) for found in found_pods]
        expected = sum(count for count in replicas if count is not None)
        if None not in replicas and 0 < expected <= asked:
            pods_of_it = "its pod" if expected == 1 else f"any of its {expected} pods"
            yield Finding(
                f"{one} does not let {pods_of_it} go, and no node that has one can be drained",
                one.path / "spec" / "minAvailable",
                "write maxUnavailable: 1 in its place, or run more pods",
                related=tuple(Related(found.title, found.path) for found in found_pods[:3]),
            )


def selected(pods: PodsByLabel, one: KubernetesObject) -> list[LabelledPods] | None:
    """Return the pods that a budget is for, None where its selector is none."""
    selector = one.spec.get("selector")
    if not isinstance(selector, dict):
        return None
    conditions = [mapping(condition) for condition in items(selector.get("matchExpressions"))]
    if any(condition.get("operator") not in SELECTOR_OPERATORS for condition in conditions):
        return None
    return [
        found
        for found in pods.selected(one.namespace, texts(selector.get("matchLabels")))
        if all(holds(condition, found.labels) for condition in conditions)
    ]


def _replicas(cluster: Cluster, found: LabelledPods) -> int | None:
    """Return how many of these pods run, None where an eviction is another matter."""
    if found.template is not None:
        return found.template.pods.replicas if found.template.one.kind in _SCALED else None
    return sum(app.pods[0].replicas for app in cluster.apps if app.path == found.path)
