"""Volumes of pods in the user's own manifests: each once, from one source, each at a place of its own."""

from collections.abc import Iterable, Iterator
from typing import Any

from hybridlab.diagnostic import Related, Severity, SpecPath
from hybridlab.model.cluster import Cluster
from hybridlab.model.plain import items, mapping
from hybridlab.rules.rule import OWN, OWN_DOCUMENT, Example, Finding, rule
from hybridlab.rules.uses import Use, used_again
from hybridlab.rules.wording import listed
from hybridlab.spec.scalars import Name

_SPEC = OWN_DOCUMENT / "spec"
_POD = """
        apiVersion: v1
        kind: Pod
        metadata: {{name: app, namespace: default}}
        spec:
          containers:
          - {{name: app, image: "nginx:1.29.1", volumeMounts: [{{name: data, mountPath: /data}}]}}
          volumes: [{}]
"""


@rule(
    "MAN033",
    "volume-that-kubernetes-refuses",
    summary="Pods in a manifest have a volume twice, from two sources, or two at one place.",
    rationale="""Each volume of a pod has a name of its own and one source, and each place in a container
        holds one. The API server refuses the object.""",
    source="kubernetes/kubernetes, pkg/apis/core/validation: ValidateVolumes, ValidateVolumeMounts",
    bad=Example(
        OWN,
        at=_SPEC / "volumes" / 1 / "name",
        manifest=_POD.format("{name: data, emptyDir: {}}, {name: data, hostPath: {path: /var/lib/app}}"),
    ),
    good=OWN,
    good_manifest=_POD.format("{name: data, emptyDir: {}}, {name: old, hostPath: {path: /var/lib/app}}"),
)
def volume_that_kubernetes_refuses(cluster: Cluster) -> Iterable[Finding]:
    for template in cluster.templates:
        who = str(template.pods)
        names: list[Use] = []
        for index, volume in enumerate(map(mapping, items(template.spec.get("volumes")))):
            at = template.path / "volumes" / index
            name = volume.get("name")
            if isinstance(name, str) and name:
                names.append(Use(name, who, at / "name"))
            yield from _volume(who, volume, at)
        yield from _again(names, "volume {!r}", "give one of them another name")
        for container, at in template.containers:
            mounts = items(container.get("volumeMounts"))
            places: list[Use] = []
            for index, mount in enumerate(map(mapping, mounts)):
                path = at / "volumeMounts" / index
                place = mount.get("mountPath")
                if not place:
                    yield Finding(f"{who} mounts a volume nowhere", path, "write its mountPath")
                elif isinstance(place, str):
                    places.append(Use(place, who, path / "mountPath"))
                part = mount.get("subPath")
                if isinstance(part, str) and (part.startswith("/") or ".." in part.split("/")):
                    message = f"{who} mounts {part!r} of a volume, which is no place in it"
                    yield Finding(
                        message, path / "subPath", "write it without '/' before it, and without '..'"
                    )
            yield from _again(places, "a volume at {}", "mount one of them elsewhere")


def _again(uses: list[Use], what: str, hint: str) -> Iterator[Finding]:
    for earlier, use in used_again(uses):
        yield Finding(
            f"{use.who} has {what.format(use.value)} twice",
            use.path,
            hint,
            related=(Related("the other one", earlier.path),),
        )


def _sources(volume: dict[str, Any]) -> list[str]:
    return [key for key, value in volume.items() if key != "name" and value is not None]


def _volume(who: str, volume: dict[str, Any], at: SpecPath) -> Iterator[Finding]:
    name = volume.get("name")
    if not name:
        yield Finding(f"{who} has a volume without a name", at, "write its name")
    elif isinstance(name, str) and not Name.pattern.fullmatch(name):
        hint = Name.suggest(name) or "take lower-case letters, digits and '-'"
        yield Finding(f"{who} calls a volume {name!r}, which Kubernetes does not take", at / "name", hint)
    first, *others = _sources(volume) or [""]
    if others:
        yield Finding(
            f"{who} has volume {name!r} from {listed([first, *others])} at once",
            at / others[0],
            "keep one of them",
            on_key=True,
            related=(Related("the other one", at / first),),
        )
    folder = mapping(volume.get("hostPath")).get("path")
    if isinstance(folder, str) and ".." in folder.split("/"):
        yield Finding(f"{who} has {folder} as a hostPath", at / "hostPath" / "path", "write it without '..'")
    for source, key in (("persistentVolumeClaim", "claimName"), ("configMap", "name"), ("hostPath", "path")):
        found = volume.get(source)
        if isinstance(found, dict) and not found.get(key):
            yield Finding(
                f"{who} has a {source} that is none in particular",
                at / source,
                f"write its {key}",
                on_key=True,
            )


@rule(
    "MAN034",
    "volume-without-source",
    severity=Severity.WARNING,
    summary="Pods in a manifest have a volume that says nothing of where its data lie.",
    rationale="""Kubernetes then takes an empty folder, which is gone with the pod. What was meant, a claim or
        a ConfigMap, is most often forgotten, or stands a few blanks too far to the left.""",
    source="kubernetes/kubernetes, pkg/apis/core/v1/defaults.go: SetDefaults_Volume",
    bad=Example(
        OWN,
        at=_SPEC / "volumes" / 0 / "name",
        manifest=_POD.format("{name: data}"),
    ),
    good=OWN,
    good_manifest=_POD.format("{name: data, emptyDir: {}}"),
)
def volume_without_source(cluster: Cluster) -> Iterable[Finding]:
    for template in cluster.templates:
        claims = [
            mapping(mapping(claim).get("metadata")).get("name") for claim in items(template.volume_claims)
        ]
        for index, volume in enumerate(map(mapping, items(template.spec.get("volumes")))):
            name = volume.get("name")
            if name and not _sources(volume) and name not in claims:
                yield Finding(
                    f"{template.pods} has volume {name!r} from nowhere: it is an empty folder",
                    template.path / "volumes" / index / "name",
                    "write where it comes from; if an empty folder is meant, emptyDir: {}",
                )
