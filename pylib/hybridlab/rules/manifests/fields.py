"""Values in the user's own manifests that the API server refuses and no schema sees: names, references."""

import re
from collections.abc import Iterable, Mapping

from hybridlab.diagnostic import Related, SpecPath
from hybridlab.model.cluster import Cluster
from hybridlab.model.inventory import RBAC
from hybridlab.model.plain import items, mapping
from hybridlab.model.quantity import is_extended, parse_quantity
from hybridlab.model.workload import PodTemplate
from hybridlab.rules.rule import OWN, OWN_DOCUMENT, Example, Finding, rule
from hybridlab.rules.wording import listed, nearest
from hybridlab.spec.scalars import Name
from hybridlab.tables import apis

LABEL = "[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
SUBDOMAIN = re.compile(rf"(?=.{{1,253}}$){LABEL}(?:\.{LABEL})*")
_DNS_1035 = re.compile(r"[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?")
# The jobs that it makes are called like it, with 11 characters more.
_SHORT_SUBDOMAIN = re.compile(rf"(?=.{{1,52}}$){SUBDOMAIN.pattern}")
# Kinds of RBAC take nearly any name; these are called by an address, and by a signer and more after a colon.
_OTHER_NAMES = frozenset({"ClusterTrustBundle", "IPAddress"})


@rule(
    "MAN016",
    "name-that-kubernetes-refuses",
    summary="An object in a manifest has a name that Kubernetes does not take.",
    rationale="""Names become parts of DNS names and of paths: lower-case letters, digits, '-' and, for most
        kinds, '.'. A Namespace's and a Service's have no dot; before Kubernetes 1.36, a Service's begins with
        a letter. A CronJob's has at most 52 characters. The API server refuses others.""",
    source="Kubernetes docs, Object Names and IDs; kubernetes/kubernetes, pkg/apis/core/validation",
    bad=Example(
        OWN,
        at=OWN_DOCUMENT / "metadata" / "name",
        manifest="""
        apiVersion: v1
        kind: Namespace
        metadata: {name: Own}
        """,
    ),
    good=OWN,
    good_manifest="""
        apiVersion: v1
        kind: Namespace
        metadata: {name: own}
    """,
)
def name_that_kubernetes_refuses(cluster: Cluster) -> Iterable[Finding]:
    relaxed = cluster.kubernetes is None or apis.takes_service_names_with_digits(cluster.kubernetes.minor)
    names = {
        ("", "Namespace"): Name.pattern,
        ("", "Service"): Name.pattern if relaxed else _DNS_1035,
        ("batch", "CronJob"): _SHORT_SUBDOMAIN,
    }
    for one in cluster.objects:
        pattern = names.get((one.group, one.kind), SUBDOMAIN)
        other = one.group == RBAC or one.kind in _OTHER_NAMES
        if not other and not pattern.fullmatch(one.name):
            meant = re.sub(r"[^a-z0-9.-]+", "-", one.name.lower()).strip("-.")
            yield Finding(
                f"{one} has a name that Kubernetes does not take",
                one.name_path,
                f"did you mean {meant!r}?"
                if pattern.fullmatch(meant)
                else _short(one.kind) or "take lower-case letters, digits and '-', beginning with a letter",
            )


def _short(kind: str) -> str | None:
    return "take a name of at most 52 characters" if kind == "CronJob" else None


@rule(
    "MAN017",
    "mount-without-volume",
    summary="A container in a manifest mounts a volume that its pod does not have.",
    rationale="The API server refuses the object. Most often a volume was renamed in one of the two places.",
    source="Kubernetes docs, Volumes; kubernetes/kubernetes, pkg/apis/core/validation: ValidateVolumeMounts",
    bad=Example(
        OWN,
        at=OWN_DOCUMENT / "spec" / "containers" / 0 / "volumeMounts" / 0 / "name",
        manifest="""
        apiVersion: v1
        kind: Pod
        metadata: {name: app, namespace: default}
        spec:
          containers:
          - {name: app, image: "nginx:1.29.1", volumeMounts: [{name: date, mountPath: /data}]}
          volumes: [{name: data, emptyDir: {}}]
        """,
    ),
    good=OWN,
    good_manifest="""
        apiVersion: v1
        kind: Pod
        metadata: {name: app, namespace: default}
        spec:
          containers:
          - {name: app, image: "nginx:1.29.1", volumeMounts: [{name: data, mountPath: /data}]}
          volumes: [{name: data, emptyDir: {}}]
    """,
)
def mount_without_volume(cluster: Cluster) -> Iterable[Finding]:
    for template in cluster.templates:
        spec = template.spec
        has = {str(mapping(volume).get("name")) for volume in items(spec.get("volumes"))}
        claimed = items(template.volume_claims)
        has |= {str(mapping(mapping(claim).get("metadata")).get("name")) for claim in claimed}
        for container, at in template.containers:
            for index, mount in enumerate(items(container.get("volumeMounts"))):
                name = mapping(mount).get("name")
                if isinstance(name, str) and name not in has:
                    close = nearest(name, sorted(has))
                    yield Finding(
                        f"{template.pods} mounts volume {name!r}, which it does not have",
                        at / "volumeMounts" / index / "name",
                        f"did you mean {close!r}?" if close else f"it has {listed(sorted(has) or ['none'])}",
                    )


@rule(
    "MAN018",
    "gpus-not-whole",
    summary="Pods in a manifest ask for a part of a GPU or device, or for more than they are limited to.",
    rationale="""A device is given to one pod as a whole. The API server refuses a fraction, a request without
        a limit, and one that differs from it.""",
    source="Kubernetes docs, Schedule GPUs: limits and requests must be equal",
    bad=Example(
        OWN,
        at=OWN_DOCUMENT / "spec" / "containers" / 0 / "resources" / "limits" / "amd.com/gpu",
        manifest="""
        apiVersion: v1
        kind: Pod
        metadata: {name: app, namespace: default}
        spec: {containers: [{name: app, image: "nginx:1.29.1", resources: {limits: {amd.com/gpu: 500m}}}]}
        """,
    ),
    good="""
        workloads:
          own: {type: manifests, folder: own}
          ollama: {gpus: 0}
    """,
    good_manifest="""
        apiVersion: v1
        kind: Pod
        metadata: {name: app, namespace: default}
        spec: {containers: [{name: app, image: "nginx:1.29.1", resources: {limits: {amd.com/gpu: 1}}}]}
    """,
)
def gpus_not_whole(cluster: Cluster) -> Iterable[Finding]:
    for template in cluster.templates:
        for container, at in template.containers:
            resources = mapping(container.get("resources"))
            limits, requests = (mapping(resources.get(key)) for key in ("limits", "requests"))
            for device in filter(is_extended, dict.fromkeys((*limits, *requests))):
                yield from _whole(template, device, at / "resources", limits, requests)


def _whole(
    template: PodTemplate,
    device: str,
    at: SpecPath,
    limits: Mapping[str, object],
    requests: Mapping[str, object],
) -> Iterable[Finding]:
    for key, value in (("limits", limits.get(device)), ("requests", requests.get(device))):
        amount = parse_quantity(value)
        if amount is not None and amount.denominator != 1:
            yield Finding(
                f"{template.pods} has {value} of {device}, which is given as a whole",
                at / key / device,
                "write a whole number",
            )
    limit, request = parse_quantity(limits.get(device)), parse_quantity(requests.get(device))
    if request is not None and request != limit and (limit is not None or device not in limits):
        yield Finding(
            f"{template.pods} requests {request} of {device}, limited to {limit or 'none'}",
            at / "requests" / device,
            "leave out the request: it is as much as the limit"
            if limit
            else "write it as a limit: what is requested of a device is what it is limited to",
            related=(Related("its limits", at / "limits"),) if limit else (),
        )


# By field: what the API server takes. Of what a pod's template holds.
_CHOICES: Mapping[str, tuple[str, ...]] = {
    "effect": ("NoSchedule", "PreferNoSchedule", "NoExecute"),
    "operator": ("Exists", "Equal"),
}


@rule(
    "MAN019",
    "toleration-that-kubernetes-refuses",
    summary="A toleration in a manifest has an effect or operator that does not exist.",
    rationale="""The API server refuses the object, and its pods would not run where they were meant to.""",
    source="Kubernetes docs, Taints and Tolerations",
    bad=Example(
        OWN,
        at=OWN_DOCUMENT / "spec" / "tolerations" / 0 / "effect",
        manifest="""
        apiVersion: v1
        kind: Pod
        metadata: {name: app, namespace: default}
        spec:
          tolerations: [{key: gpu, operator: Exists, effect: NoShedule}]
          containers: [{name: app, image: "nginx:1.29.1"}]
        """,
    ),
    good=OWN,
    good_manifest="""
        apiVersion: v1
        kind: Pod
        metadata: {name: app, namespace: default}
        spec:
          tolerations: [{key: gpu, operator: Exists, effect: NoSchedule}]
          containers: [{name: app, image: "nginx:1.29.1"}]
    """,
)
def toleration_that_kubernetes_refuses(cluster: Cluster) -> Iterable[Finding]:
    for template in cluster.templates:
        for index, item in enumerate(items(template.spec.get("tolerations"))):
            for key, choices in _CHOICES.items():
                value = mapping(item).get(key)
                if isinstance(value, str) and value and value not in choices:
                    close = nearest(value, choices)
                    yield Finding(
                        f"{template.pods} has a toleration of {key} {value!r}, which does not exist",
                        template.path / "tolerations" / index / key,
                        f"did you mean {close}?" if close else f"there are {listed(choices)}",
                    )
