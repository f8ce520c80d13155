"""Objects that pods of the user's own manifests need, by their names: there is somebody who brings each."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from attrs import frozen

from hybridlab.diagnostic import Related, Severity, SpecPath
from hybridlab.model.cluster import Cluster
from hybridlab.model.inventory import Inventory, Key
from hybridlab.model.plain import EACH, is_true, items, mapping, matching
from hybridlab.model.workload import PodTemplate
from hybridlab.rules.manifests.hints import Meant
from hybridlab.rules.rule import OWN, OWN_DOCUMENT, Example, Finding, rule
from hybridlab.rules.wording import listed, nearest

_SPEC = OWN_DOCUMENT / "spec"
_CONFIG = """
        ---
        apiVersion: v1
        kind: ConfigMap
        metadata: {{name: {}, namespace: default}}
        data: {{level: info}}
"""


@frozen
class _Need:
    """That pods need an object, and perhaps something in it by a key; with the places where they say so."""

    who: str
    object: Key
    path: SpecPath
    key: str | None = None
    key_path: SpecPath | None = None


# Ways to a mapping that names a ConfigMap or Secret, with its kind and the field that has the name.
_Ways = tuple[tuple[tuple[str, ...], str, str], ...]
_OF_CONTAINERS: _Ways = (
    (("env", EACH, "valueFrom", "configMapKeyRef"), "ConfigMap", "name"),
    (("env", EACH, "valueFrom", "secretKeyRef"), "Secret", "name"),
    (("envFrom", EACH, "configMapRef"), "ConfigMap", "name"),
    (("envFrom", EACH, "secretRef"), "Secret", "name"),
)
_OF_PODS: _Ways = (
    (("volumes", EACH, "configMap"), "ConfigMap", "name"),
    (("volumes", EACH, "secret"), "Secret", "secretName"),
    (("volumes", EACH, "projected", "sources", EACH, "configMap"), "ConfigMap", "name"),
    (("volumes", EACH, "projected", "sources", EACH, "secret"), "Secret", "name"),
    (("imagePullSecrets", EACH), "Secret", "name"),
)


def _configuration(template: PodTemplate) -> Iterator[_Need]:
    """Yield the ConfigMaps and Secrets that pods can not do without."""
    namespace = template.namespace or "default"
    places: list[tuple[Mapping[str, Any], SpecPath, _Ways]] = [(template.spec, template.path, _OF_PODS)]
    places += [(container, at, _OF_CONTAINERS) for container, at in template.containers]
    for data, at, ways in places:
        for way, kind, field in ways:
            for value, path in matching(data, at, way):
                found = mapping(value)
                name = found.get(field)
                if not isinstance(name, str) or not name or is_true(found.get("optional")):
                    continue
                need = _Need(str(template.pods), Key("", kind, namespace, name), path / field)
                yield need
                for key, key_path in _keys(template, found, path):
                    yield _Need(need.who, need.object, need.path, key, key_path)


def _keys(template: PodTemplate, found: dict[str, Any], path: SpecPath) -> Iterator[tuple[str, SpecPath]]:
    """Yield the keys of a ConfigMap or Secret that are asked for."""
    if isinstance(key := found.get("key"), str):
        yield key, path / "key"
    written = [
        (mapping(item).get("key"), path / "items" / i / "key")
        for i, item in enumerate(items(found.get("items")))
    ]
    yield from ((key, at) for key, at in written if isinstance(key, str))
    match path[len(template.path) :]:
        case ("volumes", int(index), "configMap" | "secret") if not written:
            volume = mapping(items(template.spec.get("volumes"))[index]).get("name")
            for container, at in template.containers:
                for number, mount in enumerate(map(mapping, items(container.get("volumeMounts")))):
                    part = mount.get("subPath")
                    # A path into it is one of its keys.
                    if mount.get("name") == volume and isinstance(part, str) and part:
                        yield part, at / "volumeMounts" / number / "subPath"


@rule(
    "MAN038",
    "settings-that-nobody-brings",
    severity=Severity.WARNING,
    summary="Pods in a manifest need a ConfigMap or Secret, or a key of it, that no workload brings.",
    rationale="""Without it their containers are not started: CreateContainerConfigError, or a volume that is
        waited for. It may be there already, made by hand; then this cluster can not be made anew from its
        files.""",
    source="Kubernetes docs, ConfigMaps: optional ConfigMaps; Secrets",
    bad=Example(
        OWN,
        at=_SPEC / "containers" / 0 / "envFrom" / 0 / "configMapRef" / "name",
        manifest="""
        apiVersion: v1
        kind: Pod
        metadata: {name: app, namespace: default}
        spec:
          containers:
          - {name: app, image: "nginx:1.29.1", envFrom: [{configMapRef: {name: setings}}]}"""
        + _CONFIG.format("settings"),
    ),
    good=OWN,
    good_manifest="""
        apiVersion: v1
        kind: Pod
        metadata: {name: app, namespace: default}
        spec:
          containers:
          - {name: app, image: "nginx:1.29.1", envFrom: [{configMapRef: {name: settings}}]}"""
    + _CONFIG.format("settings"),
)
def settings_that_nobody_brings(cluster: Cluster) -> Iterable[Finding]:
    inventory, meant = cluster.inventory, Meant(cluster.inventory)
    missing: dict[tuple[Key, str | None], list[_Need]] = defaultdict(list)
    for template in cluster.templates:
        if inventory.lacks(Key("", "Namespace", None, template.namespace or "default")):
            continue  # MAN004 tells of that
        for need in _configuration(template):
            if need.key is None and inventory.lacks(need.object):
                missing[need.object, None].append(need)
            elif need.key is not None:
                keys = _known_keys(inventory, need.object)
                if keys is not None and need.key.partition("/")[0] not in keys:
                    missing[need.object, need.key].append(need)
    for (key, part), (first, *others) in missing.items():
        what = f"the {key.kind} {key.name!r}"
        if part is None:
            close = meant.instead_of(key)
            message = f"{first.who} needs {what} in namespace {key.namespace}, which no workload brings"
            hint = f"did you mean {close!r}?" if close else _how_to_bring(key)
        else:
            has = sorted(_known_keys(inventory, key) or ())
            close = nearest(part, has)
            message = f"{first.who} needs {part!r} of {what}, which has {listed(has) if has else 'nothing'}"
            hint = f"did you mean {close!r}?" if close else f"add it to {what}"
        yield Finding(
            message,
            first.key_path or first.path,
            hint,
            related=tuple(Related(f"{need.who} does, too", need.path) for need in others[:3]),
        )


def _how_to_bring(key: Key) -> str:
    if key.kind == "Secret":
        return "if you make it by hand, waive this; if the pods can do without it, write optional: true"
    return "add a manifest of it, or write optional: true"


def _known_keys(inventory: Inventory, key: Key) -> set[str] | None:
    """Return what is in a ConfigMap or Secret for certain, or None where nobody knows."""
    if (app := inventory.apps.get(key)) is not None:
        return {use.data_key for use in getattr(app, "secrets", ())}
    one = inventory.own.get(key)
    if one is None or key.kind == "Secret" or inventory.grants("update", "", "configmaps", key.namespace):
        return None
    return {*mapping(one.data.get("data")), *mapping(one.data.get("binaryData"))}


@rule(
    "MAN039",
    "pods-without-what-they-need",
    summary="Pods in a manifest need an account, a claim, a priority or a runtime that no workload brings.",
    rationale="""The API server refuses a pod whose ServiceAccount, PriorityClass or RuntimeClass does not
        exist, so a Deployment has none; one whose claim for storage does not exist stays Pending.""",
    source="Kubernetes docs, Configure Service Accounts for Pods; Pod Priority; Persistent Volumes",
    bad=Example(
        OWN,
        at=_SPEC / "serviceAccountName",
        manifest="""
        apiVersion: v1
        kind: Pod
        metadata: {name: app, namespace: default}
        spec: {serviceAccountName: reader, containers: [{name: app, image: "nginx:1.29.1"}]}
        """,
    ),
    good=OWN,
    good_manifest="""
        apiVersion: v1
        kind: ServiceAccount
        metadata: {name: reader, namespace: default}
        ---
        apiVersion: v1
        kind: Pod
        metadata: {name: app, namespace: default}
        spec: {serviceAccountName: reader, containers: [{name: app, image: "nginx:1.29.1"}]}
    """,
)
def pods_without_what_they_need(cluster: Cluster) -> Iterable[Finding]:
    inventory, meant = cluster.inventory, Meant(cluster.inventory)
    missing: dict[Key, list[_Need]] = defaultdict(list)
    claims = set(_claims_of_sets(inventory))
    for template in cluster.templates:
        if inventory.lacks(Key("", "Namespace", None, template.namespace or "default")):
            continue  # MAN004 tells of that
        for need in _needs(template):
            one = need.object
            of_a_set = (one.kind, one.namespace, one.name.rpartition("-")[0]) in claims
            if inventory.lacks(one) and not of_a_set:
                missing[one].append(need)
    for key, (first, *others) in missing.items():
        where = f" in namespace {key.namespace}" if key.namespace else ""
        close = meant.instead_of(key)
        yield Finding(
            f"{first.who} needs the {key.kind} {key.name!r}{where}, which no workload brings",
            first.path,
            f"did you mean {close!r}?" if close else f"add a manifest of the {key.kind}",
            related=tuple(Related(f"{need.who} does, too", need.path) for need in others[:3]),
        )


_KINDS = (
    (("serviceAccountName",), "", "ServiceAccount", True),
    (("priorityClassName",), "scheduling.k8s.io", "PriorityClass", False),
    (("runtimeClassName",), "node.k8s.io", "RuntimeClass", False),
    (("volumes", EACH, "persistentVolumeClaim", "claimName"), "", "PersistentVolumeClaim", True),
)


def _needs(template: PodTemplate) -> Iterator[_Need]:
    # A claim that a StatefulSet makes takes the place of the volume of its name.
    made = [mapping(mapping(claim).get("metadata")).get("name") for claim in items(template.volume_claims)]
    volumes = [mapping(volume).get("name") for volume in items(template.spec.get("volumes"))]
    for way, group, kind, namespaced in _KINDS:
        for name, path in matching(template.spec, template.path, way):
            below = path[len(template.path) :]
            if below[0] == "volumes" and volumes[int(below[1])] in made:
                continue
            if isinstance(name, str) and name:
                namespace = (template.namespace or "default") if namespaced else None
                yield _Need(str(template.pods), Key(group, kind, namespace, name), path)


def _claims_of_sets(inventory: Inventory) -> Iterator[tuple[str, str, str]]:
    """Yield how the claims that StatefulSets make are called, but for the number behind."""
    for one in inventory.of_kind("apps", "StatefulSet"):
        for claim in items(one.spec.get("volumeClaimTemplates")):
            name = mapping(mapping(claim).get("metadata")).get("name")
            yield "PersistentVolumeClaim", one.namespace or "default", f"{name}-{one.name}"
