"""Values in the user's own manifests that the API server refuses and no schema sees: names, references."""

import re
from collections.abc import Iterable, Mapping

from hybridlab.diagnostic import Related, SpecPath
from hybridlab.model.cluster import Cluster
from hybridlab.model.plain import items, mapping
from hybridlab.model.quantity import parse_quantity
from hybridlab.rules.rule import OWN, OWN_DOCUMENT, Example, Finding, rule
from hybridlab.rules.wording import listed, nearest
from hybridlab.spec.scalars import Name, PortName
from hybridlab.tables import apis
from hybridlab.tables.gpu import DEFAULT_RESOURCE

_SUBDOMAIN = re.compile(r"(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*")
_DNS_1035 = re.compile(r"[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?")
# Kinds of RBAC take nearly any name.
_ANY_NAME = "rbac.authorization.k8s.io"


@rule(
    "MAN016",
    "name-that-kubernetes-refuses",
    summary="An object in a manifest has a name that Kubernetes does not take.",
    rationale="""Names become parts of DNS names and of paths: lower-case letters, digits, '-' and, for most
        kinds, '.'. A Namespace's and a Service's have no dot; before Kubernetes 1.36, a Service's begins with
        a letter. The API server refuses others.""",
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
    names = {("", "Namespace"): Name.pattern, ("", "Service"): Name.pattern if relaxed else _DNS_1035}
    for one in cluster.objects:
        pattern = names.get((one.group, one.kind), _SUBDOMAIN)
        if one.group != _ANY_NAME and not pattern.fullmatch(one.name):
            meant = re.sub(r"[^a-z0-9.-]+", "-", one.name.lower()).strip("-.")
            yield Finding(
                f"{one} has a name that Kubernetes does not take",
                one.name_path,
                f"did you mean {meant!r}?"
                if pattern.fullmatch(meant)
                else "take lower-case letters, digits and '-', beginning with a letter",
            )


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
    summary="Pods in a manifest ask for a part of a GPU, or for other GPUs than they are limited to.",
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
            written = {
                key: mapping(resources.get(key)).get(DEFAULT_RESOURCE) for key in ("limits", "requests")
            }
            for key, value in written.items():
                amount = parse_quantity(value)
                if value is not None and (amount is None or amount.denominator != 1):
                    yield Finding(
                        f"{template.pods} has {value} of {DEFAULT_RESOURCE}, which is given as a whole",
                        at / "resources" / key / DEFAULT_RESOURCE,
                        "write a whole number",
                    )
            limit, request = (parse_quantity(written[key]) for key in ("limits", "requests"))
            if request is not None and request != limit:
                place = at / "resources" / "requests" / DEFAULT_RESOURCE
                yield Finding(
                    f"{template.pods} requests {request} of {DEFAULT_RESOURCE}, limited to {limit or 'none'}",
                    place,
                    "leave out the request: it is as much as the limit",
                    related=(Related("its limits", at / "resources" / "limits"),) if limit else (),
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


@rule(
    "MAN020",
    "port-that-kubernetes-refuses",
    summary="A port in a manifest has a name that Kubernetes does not take, or that its pods do not have.",
    rationale="""The name of a container's port has at most 15 letters, digits and single dashes. A Service
        that leads to a name which no container of its pods has leads nowhere.""",
    source="RFC 6335, 5.1; Kubernetes docs, Service: port definitions",
    bad=Example(
        OWN,
        at=OWN_DOCUMENT / "spec" / "ports" / 0 / "targetPort",
        manifest="""
        apiVersion: v1
        kind: Service
        metadata: {name: app, namespace: default}
        spec: {selector: {app: app}, ports: [{port: 80, targetPort: web}]}
        ---
        apiVersion: v1
        kind: Pod
        metadata: {name: app, namespace: default, labels: {app: app}}
        spec: {containers: [{name: app, image: "nginx:1.29.1", ports: [{name: http, containerPort: 80}]}]}
        """,
    ),
    good=OWN,
    good_manifest="""
        apiVersion: v1
        kind: Service
        metadata: {name: app, namespace: default}
        spec: {selector: {app: app}, ports: [{port: 80, targetPort: http}]}
        ---
        apiVersion: v1
        kind: Pod
        metadata: {name: app, namespace: default, labels: {app: app}}
        spec: {containers: [{name: app, image: "nginx:1.29.1", ports: [{name: http, containerPort: 80}]}]}
    """,
)
def port_that_kubernetes_refuses(cluster: Cluster) -> Iterable[Finding]:
    for template in cluster.templates:
        for container, at in template.containers:
            for index, port in enumerate(items(container.get("ports"))):
                name = mapping(port).get("name")
                if isinstance(name, str) and not PortName.pattern.fullmatch(name):
                    yield _refused_name(str(template.pods), name, at / "ports" / index / "name")
    for workload in cluster.manifests:
        for service in workload.ports:
            if service.target is None:
                continue
            if not PortName.pattern.fullmatch(service.target):
                yield _refused_name(str(service), service.target, service.path / "targetPort")
                continue
            pods = [
                template
                for template in workload.templates
                if template.namespace == service.namespace
                and service.selector
                and service.selector.items() <= template.labels.items()
            ]
            names = {
                str(mapping(port).get("name"))
                for template in pods
                for container, _ in template.containers
                for port in items(container.get("ports"))
            }
            if pods and service.target not in names:
                close = nearest(service.target, sorted(names))
                yield Finding(
                    f"{service} leads to port {service.target!r}, which no container of its pods has",
                    service.path / "targetPort",
                    f"did you mean {close!r}?" if close else "name that port in the container",
                    related=(Related(f"{pods[0].pods}", pods[0].pods.path),),
                )


def _refused_name(who: str, name: str, path: SpecPath) -> Finding:
    return Finding(
        f"{who} calls a port {name!r}, which Kubernetes does not take",
        path,
        "at most 15 lower-case letters, digits and single dashes, with a letter among them",
    )
