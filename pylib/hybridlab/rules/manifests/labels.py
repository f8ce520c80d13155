"""Labels in the user's own manifests: keys and values that Kubernetes takes, and selectors that select."""

import re
from collections.abc import Iterable, Iterator

from hybridlab.diagnostic import Severity, SpecPath
from hybridlab.model.cluster import Cluster
from hybridlab.model.plain import items, mapping, texts
from hybridlab.rules.manifests.places import LabelMap, label_maps
from hybridlab.rules.rule import OWN, OWN_DOCUMENT, Example, Finding, rule
from hybridlab.rules.uses import Use, conflict, used_again
from hybridlab.rules.wording import labels
from hybridlab.spec.scalars import LabelKey, LabelValue

_DEPLOYMENT = """
        apiVersion: apps/v1
        kind: Deployment
        metadata: {{name: page, namespace: default}}
        spec:
          selector: {}
          template:
            metadata: {{labels: {{app: page}}}}
            spec: {{containers: [{{name: page, image: "nginx:1.29.1"}}]}}
"""
_FILE_NAME = re.compile(r"(?!\.\.?$|\.\.)[-._a-zA-Z0-9]{1,253}")
_CONFIG = """
        apiVersion: v1
        kind: ConfigMap
        metadata: {{name: settings, namespace: default, {}}}
"""


@rule(
    "MAN029",
    "key-that-kubernetes-refuses",
    summary="A manifest has a label, an annotation or a key of a ConfigMap that Kubernetes does not take.",
    rationale="""A label's value has at most 63 letters, digits, '-', '_' and '.', and begins and ends with a
        letter or digit: no blanks, no '/', no '@'. A key is as much, perhaps behind a DNS name and '/'; so is
        an annotation's, whose value may be anything. A key of a ConfigMap is the name of a file, without a
        folder. The API server refuses the object.""",
    source="Kubernetes docs, Labels and Selectors: syntax and character set; ConfigMaps",
    bad=Example(
        OWN,
        at=OWN_DOCUMENT / "metadata" / "labels" / "owner",
        manifest=_CONFIG.format("labels: {owner: alex@example.org}"),
    ),
    good=OWN,
    good_manifest=_CONFIG.format("annotations: {owner: alex@example.org}"),
)
def key_that_kubernetes_refuses(cluster: Cluster) -> Iterable[Finding]:
    for one in cluster.objects:
        for found in label_maps(one):
            yield from _refused(str(one), found)
        if (one.group, one.kind) == ("", "ConfigMap"):
            for field in ("data", "binaryData"):
                for key in mapping(one.data.get(field)):
                    if not _FILE_NAME.fullmatch(key):
                        yield Finding(
                            f"{one} has the key {key!r}, which is no name of a file",
                            one.path / field / key,
                            "take letters, digits, '-', '_' and '.'",
                            on_key=True,
                        )


def _refused(who: str, found: LabelMap) -> Iterator[Finding]:
    what = "annotation" if found.annotations else "label"
    for key, value in found.entries.items():
        # Of an annotation's key, the DNS name may be in capitals.
        if not LabelKey.pattern.fullmatch(key.lower() if found.annotations else key):
            meant = re.sub(r"[^A-Za-z0-9/._-]+", "-", key)
            close = meant if meant != key and LabelKey.pattern.fullmatch(meant) else None
            yield Finding(
                f"{who} has the {what} {key!r}, whose key Kubernetes does not take",
                found.path / key,
                f"did you mean {close!r}?" if close else f"take {LabelKey.expected}",
                on_key=True,
            )
        elif not found.annotations and isinstance(value, str) and not LabelValue.pattern.fullmatch(value):
            yield Finding(
                f"{who} has {value!r} as {key}, which is no value of a label",
                found.path / key,
                _instead(value),
            )


def _instead(value: str) -> str:
    meant = re.sub(r"[^A-Za-z0-9._-]+", "-", value).strip("-_.")
    if len(value) > 63 or not LabelValue.pattern.fullmatch(meant) or not meant:
        return f"take {LabelValue.expected}, or make it an annotation"
    return f"write {meant!r}, or make it an annotation"


@rule(
    "MAN030",
    "selector-of-nothing",
    summary="A workload in a manifest does not say which pods are its own.",
    rationale="""A Deployment, StatefulSet, DaemonSet or ReplicaSet finds its pods by their labels. The API
        server refuses one whose selector is empty or missing: it would be all pods of the namespace.""",
    source="Kubernetes docs, Deployments: Selector; pkg/apis/apps/validation: empty selector is invalid",
    bad=Example(
        OWN,
        at=OWN_DOCUMENT / "spec" / "selector",
        manifest=_DEPLOYMENT.format("{matchLabels: {}}"),
    ),
    good=OWN,
    good_manifest=_DEPLOYMENT.format("{matchLabels: {app: page}}"),
)
def selector_of_nothing(cluster: Cluster) -> Iterable[Finding]:
    for one in cluster.objects:
        if one.group != "apps" or not mapping(one.spec.get("template")):
            continue
        selector = mapping(one.spec.get("selector"))
        if not mapping(selector.get("matchLabels")) and not items(selector.get("matchExpressions")):
            missing = "selector" not in one.spec
            yield Finding(
                f"{one} has no selector" if missing else f"{one} has an empty selector",
                one.path / "spec" if missing else one.path / "spec" / "selector",
                "write the labels of its template under selector.matchLabels",
                on_key=True,
            )


@rule(
    "MAN052",
    "selector-of-two",
    severity=Severity.WARNING,
    summary="Two workloads in manifests select the same pods.",
    rationale="""The pods of both have the labels that each takes for its own: a Service in front of one sends
        every second request to the other, and StatefulSets or ReplicaSets end each other's pods.""",
    source="Kubernetes docs, Deployments: do not overlap labels or selectors with other controllers",
    bad=Example(
        OWN,
        at=SpecPath((*OWN_DOCUMENT[:-1], 1, "spec", "selector")),
        manifest=_DEPLOYMENT.format("{matchLabels: {app: page}}")
        + "        ---"
        + _DEPLOYMENT.format("{matchLabels: {app: page}}").replace(
            "name: page, namespace", "name: other, namespace"
        ),
    ),
    good=OWN,
    good_manifest=_DEPLOYMENT.format("{matchLabels: {app: page}}"),
)
def selector_of_two(cluster: Cluster) -> Iterable[Finding]:
    uses = []
    for one in cluster.objects:
        selector = mapping(one.spec.get("selector"))
        wanted = texts(selector.get("matchLabels"))
        if one.group == "apps" and wanted and not items(selector.get("matchExpressions")):
            value = one.namespace or "default", tuple(sorted(wanted.items()))
            uses.append(Use(value, str(one), one.path / "spec" / "selector"))
    for earlier, use in used_again(uses):
        if earlier.who != use.who:
            _, wanted_labels = use.value
            yield conflict(
                earlier,
                use,
                f"select {labels(dict(wanted_labels))}",
                "give the pods of each a label of their own, and select that",
                on_key=True,
            )
