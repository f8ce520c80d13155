"""How the objects of a cluster drift from the manifests, as kubectl tells it; it knows no files of ours."""

import re
from collections.abc import Iterator
from pathlib import Path

from hybridlab.live.drift import Drift, Layer, State
from hybridlab.live.kubectl import Kubectl
from hybridlab.model.cluster import Cluster

# kubectl names its temporary files [GROUP.]VERSION.KIND.NAMESPACE.NAME (cmd/diff/diff.go, InfoObject.Name).
_OBJECT = re.compile(r"(?:[a-z0-9.-]+\.)?(?P<kind>[A-Z]\w*)\.(?P<namespace>[a-z0-9-]*)\.(?P<name>.+)")
# Of a file that is new, as `diff -N` has it.
_FROM_NOTHING = "@@ -0,0 "
_OF_DIFF = ("diff ", "+", "-", " ", "@", "\\")
_APPLY = "`hybridlab apply`, which shows first what it changes"


def manifest_drift(
    cluster: Cluster, kubectl: Kubectl, folder: Path, *, namespaces_there: bool
) -> Iterator[Drift]:
    """Yield how the cluster differs from the kustomization in `folder`. Raises: LiveError.

    While a namespace is not there, the server compares nothing.
    """
    if cluster.workloads and namespaces_there:
        yield from parse_difference(kubectl.difference(folder))
    for left in kubectl.left_over(cluster, folder):
        advice = f"`kubectl delete {left}`" if left.holds_others else "`hybridlab apply --prune`"
        detail = "was applied once, and is no longer generated"
        yield Drift(Layer.CLUSTER, str(left), State.EXTRA, detail, advice)


def parse_difference(text: str) -> Iterator[Drift]:
    """Yield the objects in what Kubectl.difference returns; `hybridlab apply` shows how they differ."""
    objects: dict[str, State] = {}
    name, understood = "", True
    for line in text.splitlines():
        if line.startswith("diff "):
            name = _named(line.rpartition("/")[2])
            objects[name] = State.CHANGED
        elif name and line.startswith(_FROM_NOTHING):
            objects[name] = State.MISSING
        # Else somebody's own program for diffs, or kinds that the server does not know yet.
        understood = understood and bool(name) and line.startswith(_OF_DIFF)
    for name, state in objects.items():
        detail = "is generated, and not applied" if state is State.MISSING else "is not as it is generated"
        yield Drift(Layer.CLUSTER, name, state, detail, _APPLY)
    if not understood:
        yield Drift(Layer.CLUSTER, "other manifests", State.CHANGED, "are not as they are generated", _APPLY)


def _named(file: str) -> str:
    match = _OBJECT.fullmatch(file)
    if match is None:
        return file
    place = f"{match['namespace']}/" if match["namespace"] else ""
    return f"{match['kind']} {place}{match['name']}"
