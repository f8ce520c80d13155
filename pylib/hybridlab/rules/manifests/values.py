"""Values of single fields in the user's own manifests: one of a few words, or text that is in quotes."""

from collections.abc import Iterable, Iterator
from typing import Any

from hybridlab.diagnostic import SpecPath
from hybridlab.model.cluster import Cluster
from hybridlab.model.plain import EACH, is_text, mapping, matching, texts, written
from hybridlab.model.workload import PodTemplate
from hybridlab.rules.manifests.field_tables import written_fields
from hybridlab.rules.manifests.places import label_maps
from hybridlab.rules.rule import OWN, OWN_DOCUMENT, Example, Finding, rule
from hybridlab.rules.wording import listed, nearest
from hybridlab.tables import choices

_JOB = """
        apiVersion: batch/v1
        kind: Job
        metadata: {{name: import, namespace: default}}
        spec:
          template:
            spec: {{restartPolicy: {}, containers: [{{name: app, image: "nginx:1.29.1"}}]}}
"""


@rule(
    "MAN021",
    "choice-that-does-not-exist",
    summary="A field in a manifest has a word that is none of those it takes.",
    rationale="""Fields like `protocol` or `imagePullPolicy` take one of a few words, written just so. The API
        server refuses every other one. Pods that a Job makes must come to an end, so they are not restarted
        always, which is what they are when nothing is said; all other controllers take nothing else.""",
    source="k8s.io/api; kubernetes/kubernetes, pkg/apis/batch/validation and pkg/apis/apps/validation",
    bad=Example(
        OWN,
        at=OWN_DOCUMENT / "spec" / "template" / "spec" / "restartPolicy",
        manifest=_JOB.format("Always"),
    ),
    good=OWN,
    good_manifest=_JOB.format("OnFailure"),
)
def choice_that_does_not_exist(cluster: Cluster) -> Iterable[Finding]:
    for one in written_fields(cluster, choices.OBJECTS, choices.POD, choices.CONTAINER):
        if isinstance(one.value, str) and one.value and one.value not in one.wanted:
            yield _no_choice(f"{one.who} has {one.name} {one.value!r}", one.value, one.wanted, one.path)
    for template in cluster.templates:
        yield from _restarted(template)


def _restarted(template: PodTemplate) -> Iterator[Finding]:
    kind = template.one.kind
    words = choices.RESTART_POLICIES.get(kind, choices.ONLY_ALWAYS)
    policy = template.spec.get("restartPolicy")
    if policy in (None, "") and "Always" not in words:
        yield Finding(
            f"{template.pods} has no restartPolicy, which is then Always, and a {kind} takes {listed(words)}",
            template.path,
            f"write restartPolicy: {words[0]}",
            on_key=True,
        )
    elif isinstance(policy, str) and policy and policy not in words:
        path = template.path / "restartPolicy"
        yield _no_choice(f"{template.pods} has restartPolicy {policy!r}", policy, words, path)


def _no_choice(what: str, value: str, words: tuple[str, ...], path: SpecPath) -> Finding:
    # `tcp` and `TCP` have nothing in common for those who compare letters, nor have `RWO` and ReadWriteOnce.
    alike = (word for word in words if value.lower() in (word.lower(), _initials(word).lower()))
    close = next(alike, None) or nearest(value, words)
    *most, last = words
    can = f"{', '.join(most)} or {last}" if most else last
    return Finding(f"{what}, and can have {can}", path, f"did you mean {close}?" if close else f"write {can}")


def _initials(word: str) -> str:
    """Return a word as `kubectl get pvc` shortens it: ReadWriteMany is RWX."""
    return "".join(letter for letter in word.replace("Many", "X") if letter.isupper())


@rule(
    "MAN022",
    "text-without-quotes",
    summary="A value in a manifest must be text, and YAML reads it as something else.",
    rationale="""A label, an annotation, the value of a variable, a word of a command and what a ConfigMap
        holds are text. `80` is a number for YAML, `true`, `yes` and `on` are truth values; the API server
        refuses them there.""",
    source="the API server: 'expected string, got …'; YAML 1.1, which Kubernetes' readers follow",
    bad=Example(
        OWN,
        at=OWN_DOCUMENT / "spec" / "containers" / 0 / "env" / 0 / "value",
        manifest="""
        apiVersion: v1
        kind: Pod
        metadata: {name: app, namespace: default}
        spec: {containers: [{name: app, image: "nginx:1.29.1", env: [{name: WORKERS, value: 4}]}]}
        """,
    ),
    good=OWN,
    good_manifest="""
        apiVersion: v1
        kind: Pod
        metadata: {name: app, namespace: default}
        spec: {containers: [{name: app, image: "nginx:1.29.1", env: [{name: WORKERS, value: "4"}]}]}
    """,
)
def text_without_quotes(cluster: Cluster) -> Iterable[Finding]:
    for who, value, path in _texts(cluster):
        if is_text(value):
            continue
        if isinstance(value, dict | list):
            what = "a mapping" if isinstance(value, dict) else "a list"
            hint = f"write {path[-1]}: |, and indent what follows" if isinstance(path[-1], str) else None
            if path[-2:] == ("selector", "matchLabels"):
                hint = f"a Service takes labels alone: write selector: {_shown(value)}"
            yield Finding(f"{who} has {what} where text is meant", path, hint or "write it in quotes")
        else:
            text = written(value)
            yield Finding(f"{who} has {text} where text is meant", path, f'write it in quotes: "{text}"')


def _shown(value: dict[str, Any] | list[Any]) -> str:
    labels = ", ".join(f"{key}: {text}" for key, text in texts(value).items())
    return f"{{{labels or 'app: NAME'}}}"


def _texts(cluster: Cluster) -> Iterator[tuple[str, Any, SpecPath]]:
    for one in cluster.objects:
        for found in label_maps(one):
            for key, value in found.entries.items():
                yield str(one), value, found.path / key
        if one.group == "" and one.kind == "ConfigMap":
            for field in ("data", "binaryData"):
                for key, value in mapping(one.data.get(field)).items():
                    yield str(one), value, one.path / field / key
    ways = (("env", EACH, "value"), ("command", EACH), ("args", EACH))
    for template in cluster.templates:
        for container, at in template.containers:
            for way in ways:
                for value, path in matching(container, at, way):
                    yield str(template.pods), value, path
