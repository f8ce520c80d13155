"""Environment variables with a value in plain text: of workloads, and of containers in the user's manifests.

Those of which a Secret or a ConfigMap has the value are not among them.
"""

from collections.abc import Iterator

from attrs import frozen

from hybridlab.diagnostic import SpecPath
from hybridlab.model.cluster import Cluster
from hybridlab.model.plain import items, mapping
from hybridlab.model.workload import App, PodTemplate


@frozen
class Variable:
    """A variable and its value; `owner` are the pods that have it, in `namespace`.

    Its name stands at `name_path`, as the key of its value or beside it.
    """

    owner: App | PodTemplate
    namespace: str
    name: str
    value: str
    path: SpecPath
    name_path: SpecPath

    @property
    def whose(self) -> str:
        return str(self.owner.pods if isinstance(self.owner, PodTemplate) else self.owner)


def find_variables(cluster: Cluster) -> Iterator[Variable]:
    """Yield the variables of all pods, also those that the GPU table gives to workloads."""
    for app in cluster.apps:
        for name, value in app.env.items():
            path = app.path / "env" / name
            yield Variable(app, app.namespace, name, value, path, path)
    for template in cluster.templates:
        for container, at in template.containers:
            for index, one in enumerate(map(mapping, items(container.get("env")))):
                called, written = one.get("name"), one.get("value")
                if isinstance(called, str) and isinstance(written, str):
                    path = at / "env" / index
                    namespace = template.namespace or "default"
                    yield Variable(template, namespace, called, written, path / "value", path / "name")
