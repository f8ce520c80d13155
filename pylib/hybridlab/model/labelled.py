"""Pods by their namespace and labels, so that many selectors find theirs among many pods."""

from collections import defaultdict
from collections.abc import Mapping

from attrs import define, field, frozen

from hybridlab.diagnostic import SpecPath
from hybridlab.model.cluster import Cluster
from hybridlab.model.workload import PodTemplate, labels_of

# Labels that a controller gives to pods when it makes them: no template has them.
ADDED = frozenset(
    {
        "apps.kubernetes.io/pod-index",
        "batch.kubernetes.io/controller-uid",
        "batch.kubernetes.io/job-completion-index",
        "batch.kubernetes.io/job-name",
        "controller-revision-hash",
        "controller-uid",
        "job-name",
        "pod-template-generation",
        "pod-template-hash",
        "statefulset.kubernetes.io/pod-name",
    }
)

# More are not compared, where one is looked for that is alike.
_MOST = 100


@frozen
class LabelledPods:
    """Alike pods; `template` is None for those of a workload of the spec."""

    namespace: str
    labels: Mapping[str, str]
    title: str
    path: SpecPath
    template: PodTemplate | None = None


@define
class PodsByLabel:
    """All pods of a cluster."""

    _namespaces: dict[str, list[LabelledPods]] = field(factory=lambda: defaultdict(list))
    _labels: dict[tuple[str, str, str], list[LabelledPods]] = field(factory=lambda: defaultdict(list))

    @classmethod
    def of(cls, cluster: Cluster) -> "PodsByLabel":
        index = cls()
        for app in cluster.apps:
            index._add(LabelledPods(app.namespace, labels_of(app.name), str(app), app.path))
        for template in cluster.templates:
            namespace, pods = template.namespace or "default", template.pods
            index._add(LabelledPods(namespace, template.labels, str(pods), pods.path, template))
        return index

    def _add(self, pods: LabelledPods) -> None:
        self._namespaces[pods.namespace].append(pods)
        for key, value in pods.labels.items():
            self._labels[pods.namespace, key, value].append(pods)

    def within(self, namespace: str | None) -> list[LabelledPods]:
        """Return all pods of a namespace."""
        return self._namespaces.get(namespace or "default", [])

    def most_alike(self, namespace: str | None, selector: Mapping[str, str]) -> LabelledPods | None:
        """Return those of the first hundred pods of a namespace that share most of these labels."""
        return max(
            self.within(namespace)[:_MOST],
            key=lambda pods: len(selector.items() & pods.labels.items()),
            default=None,
        )

    def selected(self, namespace: str | None, selector: Mapping[str, str]) -> list[LabelledPods]:
        """Return the pods that have these labels, but for those that controllers add."""
        wanted = {key: value for key, value in selector.items() if key not in ADDED}
        if not wanted:
            return self.within(namespace)
        place = namespace or "default"
        sharing = [self._labels.get((place, *label), []) for label in wanted.items()]
        return [pods for pods in min(sharing, key=len) if wanted.items() <= pods.labels.items()]
