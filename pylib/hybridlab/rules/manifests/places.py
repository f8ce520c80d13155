"""Where the user's own manifests hold labels, whatever their kind; it knows no rule."""

from collections.abc import Iterator, Mapping
from typing import Any

from attrs import frozen

from hybridlab.diagnostic import SpecPath
from hybridlab.model.plain import mapping
from hybridlab.model.workload import KubernetesObject
from hybridlab.tables import apis

_KEYS = ("labels", "matchLabels", "nodeSelector")
# These hold the form of other objects, or no form that Kubernetes knows.
_OPAQUE = frozenset({"ConfigMap", "ControllerRevision", "CustomResourceDefinition", "Event", "Secret"})


@frozen
class LabelMap:
    """A mapping of labels, or of annotations, and its place."""

    entries: Mapping[str, Any]
    path: SpecPath
    annotations: bool = False


def label_maps(one: KubernetesObject) -> Iterator[LabelMap]:
    """Yield every mapping of labels in an object: its own, those of what it makes, and what it selects."""
    whole = one.group in apis.BUILT_IN_GROUPS and one.kind not in _OPAQUE
    yield from _below(one.data if whole else {"metadata": one.data.get("metadata")}, one.path)
    # The two kinds whose selector is nothing but labels.
    if one.group == "" and one.kind in ("Service", "ReplicationController"):
        yield LabelMap(mapping(one.spec.get("selector")), one.path / "spec" / "selector")


def _below(value: object, path: SpecPath) -> Iterator[LabelMap]:
    """Yield the mappings below a value; recursion is bounded by the reader of the file."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in _KEYS and isinstance(inner, dict):
                yield LabelMap(inner, path / key)
            elif key == "annotations" and isinstance(inner, dict):
                yield LabelMap(inner, path / key, annotations=True)
            else:
                yield from _below(inner, path / key)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _below(inner, path / index)
