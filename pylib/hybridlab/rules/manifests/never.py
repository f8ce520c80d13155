"""What the API server takes of the user's own manifests, and what can never work all the same."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from hybridlab.diagnostic import Severity, SpecPath
from hybridlab.model.cluster import Cluster
from hybridlab.model.inventory import RBAC
from hybridlab.model.labelled import PodsByLabel
from hybridlab.model.plain import EACH, is_true, items, mapping, matching, whole
from hybridlab.model.workload import KubernetesObject, PodTemplate
from hybridlab.rules.manifests.budgets import selected
from hybridlab.rules.rule import OWN, OWN_DOCUMENT, Example, Finding, rule
from hybridlab.tables import apis

# As compose writes how a volume is mounted, behind its place.
_COMPOSE_MODE = re.compile(r"(.+):(ro|rw|z|Z)")
_SCHEME = re.compile(r"[a-z]+://")
_POD = """
        apiVersion: v1
        kind: Pod
        metadata: {{name: app, namespace: default}}
        spec:
          containers:
          - {{name: app, image: "nginx:1.29.1", volumeMounts: [{{name: data, {}}}]}}
          volumes: [{{name: data, emptyDir: {{}}}}]
"""


@rule(
    "MAN061",
    "taken-and-never-works",
    severity=Severity.WARNING,
    summary="A manifest has a value that the API server takes, and with which nothing can work.",
    rationale="""No node has the label over which pods are to be spread, no group of an API is called
        `apps/v1`, no image has `https://` before it; and `/config:ro`, as compose writes it, is a folder of
        that name. The API server tells of none of it: pods wait or do not start, rights are not given.""",
    source="Kubernetes docs, RBAC; Images; Topology Spread Constraints; the kubelet's messages",
    bad=Example(
        OWN,
        at=OWN_DOCUMENT / "spec" / "containers" / 0 / "volumeMounts" / 0 / "mountPath",
        manifest=_POD.format('mountPath: "/config:ro"'),
    ),
    good=OWN,
    good_manifest=_POD.format("mountPath: /config, readOnly: true"),
)
def taken_and_never_works(cluster: Cluster) -> Iterable[Finding]:
    pods = PodsByLabel.of(cluster)
    # What an object of a kind that we do not know makes, we do not know either.
    unknown = {one.workload for one in cluster.objects if one.group not in apis.BUILT_IN_GROUPS}
    for one in cluster.objects:
        match one.group, one.kind:
            case group, "Role" | "ClusterRole" if group == RBAC:
                yield from _rights(one)
            case "policy", "PodDisruptionBudget" if one.workload not in unknown:
                found = selected(pods, one)
                if one.spec.get("selector") and found is not None and not found:
                    yield Finding(
                        f"{one} is for pods that no workload makes",
                        one.path / "spec" / "selector",
                        "select labels that pods have",
                        on_key=True,
                    )
    for template in cluster.templates:
        yield from _spread(cluster, template)
        for container, at in template.containers:
            yield from _container(template, container, at)


def _rights(one: KubernetesObject) -> Iterator[Finding]:
    for group, path in matching(one.data, one.path, ("rules", EACH, "apiGroups", EACH)):
        if isinstance(group, str) and "/" in group:
            meant = group.partition("/")[0]
            message = f"{one} is about the group {group!r}, and a group is called without a version"
            yield Finding(message, path, f"write {meant}")
        elif group == "v1":
            yield Finding(f"{one} is about the group 'v1', which is a version", path, 'write ""')
    for resource, path in matching(one.data, one.path, ("rules", EACH, "resources", EACH)):
        if isinstance(resource, str) and resource != resource.lower() and "/" not in resource:
            yield Finding(
                f"{one} is about {resource!r}, and resources are called in lower case, as many",
                path,
                f"write {resource.lower().removesuffix('s')}s, or as `kubectl api-resources` has it",
            )


def _spread(cluster: Cluster, template: PodTemplate) -> Iterator[Finding]:
    constraints = items(template.spec.get("topologySpreadConstraints"))
    for index, constraint in enumerate(map(mapping, constraints)):
        key = constraint.get("topologyKey")
        if not isinstance(key, str) or constraint.get("whenUnsatisfiable") != "DoNotSchedule":
            continue
        members = [node.membership for node in cluster.nodes]
        if members and not any(one.may_say(key) or one.value_of(key) is not None for one in members):
            yield Finding(
                f"{template.pods} are spread over {key}, and no node has that label",
                template.path / "topologySpreadConstraints" / index / "topologyKey",
                "take a label that nodes have, like kubernetes.io/hostname",
            )


def _container(template: PodTemplate, container: Any, at: SpecPath) -> Iterator[Finding]:
    who = str(template.pods)
    for place, path in matching(container, at, ("volumeMounts", EACH, "mountPath")):
        if isinstance(place, str) and (found := _COMPOSE_MODE.fullmatch(place)):
            read_only = ", readOnly: true" if found[2] == "ro" else ""
            yield Finding(
                f"{who} mounts a volume at {place!r}, a folder of just that name",
                path,
                f"write mountPath: {found[1]}{read_only}",
            )
    image = container.get("image")
    if isinstance(image, str) and (scheme := _SCHEME.match(image)):
        yield Finding(
            f"{who} runs {image!r}, which is a URL and no image",
            at / "image",
            f"write {image[scheme.end() :]}",
        )
    elif isinstance(image, str) and _has_capitals(image):
        message = f"{who} runs {image!r}, and images are called in lower case"
        yield Finding(message, at / "image", "write it in lower case, but for the tag")
    pod, own = mapping(template.spec.get("securityContext")), mapping(container.get("securityContext"))
    user = whole(own.get("runAsUser", pod.get("runAsUser")))
    if user == 0 and is_true(own.get("runAsNonRoot", pod.get("runAsNonRoot"))):
        yield Finding(
            f"{who} must not run as root, and runs as user 0",
            at / "securityContext" / "runAsUser"
            if "runAsUser" in own
            else template.path / "securityContext" / "runAsUser",
            "take another user, or remove runAsNonRoot",
        )


def _has_capitals(image: str) -> bool:
    """Whether the path of an image has capitals; its registry and its tag may have them."""
    first, slash, rest = image.partition("@")[0].partition("/")
    is_registry = slash and ("." in first or ":" in first or first == "localhost")
    path = rest if is_registry else image.partition("@")[0]
    name, _, tag = path.rpartition(":")
    path = name if name and "/" not in tag else path
    return path != path.lower()
