"""What objects in the user's own manifests lead to, or want to be served by: it is there."""

from collections.abc import Iterable, Iterator
from ipaddress import ip_address
from typing import Any

from attrs import frozen

from hybridlab.diagnostic import Severity, SpecPath
from hybridlab.model.cluster import Cluster
from hybridlab.model.inventory import RBAC, Inventory, Key
from hybridlab.model.plain import EACH, items, mapping, matching, whole
from hybridlab.model.workload import KubernetesObject
from hybridlab.rules.manifests.hints import Meant
from hybridlab.rules.rule import OWN, OWN_DOCUMENT, Example, Finding, rule
from hybridlab.rules.wording import listed

_HPA = """
        apiVersion: rbac.authorization.k8s.io/v1
        kind: RoleBinding
        metadata: {{name: read, namespace: default}}
        roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: {}}}
        subjects: [{{kind: User, name: alex}}]
"""


# Group, kind and namespace.
Kind = tuple[str, str, str | None]


@frozen
class _Target:
    """An object that another one leads to, and where its name stands."""

    key: Key
    path: SpecPath


def _of(data: Any, path: SpecPath, way: tuple[str, ...], kind: Kind) -> Iterator[_Target]:
    for name, at in matching(data, path, way):
        if isinstance(name, str) and name:
            yield _Target(Key(*kind, name), at)


def _targets(one: KubernetesObject) -> Iterator[_Target]:
    """Yield what an object leads to: a role, an account, a Service, what it scales."""
    namespace = one.namespace or "default"
    match one.group, one.kind:
        case _, "RoleBinding" | "ClusterRoleBinding" if one.group == RBAC:
            yield from _bound(one, namespace)
        case "autoscaling", "HorizontalPodAutoscaler":
            target = mapping(one.spec.get("scaleTargetRef"))
            group, kind = str(target.get("apiVersion")).rpartition("/")[0], str(target.get("kind"))
            if (group, kind) in _SCALED:
                scaled = ("spec", "scaleTargetRef", "name")
                yield from _of(one.data, one.path, scaled, (group, kind, namespace))
        case "apps", "StatefulSet":
            yield from _of(one.data, one.path, ("spec", "serviceName"), ("", "Service", namespace))
        case "networking.k8s.io", "Ingress":
            yield from _routed(one, namespace)
        case _:
            for way in _CLIENTS.get((one.group, one.kind), ()):
                for service, at in matching(one.data, one.path, way):
                    there = str(mapping(service).get("namespace") or "default")
                    yield from _of(service, at, ("name",), ("", "Service", there))


def _bound(one: KubernetesObject, namespace: str) -> Iterator[_Target]:
    """Yield the role of a binding, and the accounts that it is for."""
    kind = str(mapping(one.data.get("roleRef")).get("kind"))
    where = namespace if kind == "Role" else None
    if kind in ("Role", "ClusterRole"):
        yield from _of(one.data, one.path, ("roleRef", "name"), (RBAC, kind, where))
    for index, subject in enumerate(map(mapping, items(one.data.get("subjects")))):
        if subject.get("kind") == "ServiceAccount":
            owner = subject.get("namespace")
            there = owner if isinstance(owner, str) and owner else namespace
            yield from _of(subject, one.path / "subjects" / index, ("name",), ("", "ServiceAccount", there))


def _routed(one: KubernetesObject, namespace: str) -> Iterator[_Target]:
    """Yield the Services that an Ingress leads to, and its certificates, unless somebody makes them."""
    for _, at, backend in _backends(one):
        yield from _of(backend, at, ("name",), ("", "Service", namespace))
    annotations = mapping(mapping(one.data.get("metadata")).get("annotations"))
    if not any(key.startswith(_MAKES_CERTIFICATES) for key in annotations):
        yield from _of(one.data, one.path, _CERTIFICATES, ("", "Secret", namespace))


_SCALED = (("apps", "Deployment"), ("apps", "StatefulSet"), ("apps", "ReplicaSet"))
_CERTIFICATES = ("spec", "tls", EACH, "secretName")
# Annotations by which somebody is asked to make the certificate of an Ingress.
_MAKES_CERTIFICATES = ("cert-manager.io/", "kubernetes.io/tls-acme", "acme.cert-manager.io/")
_WEBHOOK = (("webhooks", EACH, "clientConfig", "service"),)
# Where the API server itself asks a Service.
_CLIENTS = {
    ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"): _WEBHOOK,
    ("admissionregistration.k8s.io", "MutatingWebhookConfiguration"): _WEBHOOK,
    ("apiregistration.k8s.io", "APIService"): (("spec", "service"),),
}


def _backends(one: KubernetesObject) -> Iterator[tuple[KubernetesObject, SpecPath, dict[str, Any]]]:
    """Yield the Services that an Ingress leads to, each with its place."""
    ways = (
        ("spec", "defaultBackend", "service"),
        ("spec", "rules", EACH, "http", "paths", EACH, "backend", "service"),
    )
    for way in ways:
        for service, at in matching(one.data, one.path, way):
            yield one, at, mapping(service)


@rule(
    "MAN040",
    "leads-to-nobody",
    severity=Severity.WARNING,
    summary="An object in a manifest leads to another one that no workload brings.",
    rationale="""A binding to a role that is not there gives no rights, an Ingress to a missing Service
        answers 503, and without its certificate shows one that nobody trusts, an autoscaler scales nothing, a
        StatefulSet's pods have no names in the DNS; a webhook whose Service is gone keeps the API server from
        what it is asked about. The API server takes each.""",
    source="Kubernetes docs, RBAC; Ingress; Horizontal Pod Autoscaling; StatefulSets: stable network ID",
    bad=Example(OWN, at=OWN_DOCUMENT / "roleRef" / "name", manifest=_HPA.format("reader")),
    good=OWN,
    good_manifest=_HPA.format("view"),
)
def leads_to_nobody(cluster: Cluster) -> Iterable[Finding]:
    inventory, meant = cluster.inventory, Meant(cluster.inventory)
    for one in cluster.objects:
        for target in _targets(one):
            key = target.key
            if inventory.lacks(key):
                close = meant.instead_of(key)
                where = f" in namespace {key.namespace}" if key.namespace else ""
                yield Finding(
                    f"{one} leads to the {key.kind} {key.name!r}{where}, which no workload brings",
                    target.path,
                    f"did you mean {close!r}?" if close else f"add the {key.kind}, or remove this",
                )
        if (one.group, one.kind) == ("networking.k8s.io", "Ingress"):
            yield from _ports(inventory, one)
        if one.is_service and one.spec.get("type") == "ExternalName":
            yield from _address_as_name(one)


def missing_targets(cluster: Cluster) -> frozenset[Key]:
    """Return what objects lead to and nobody brings."""
    targets = (target.key for one in cluster.objects for target in _targets(one))
    return frozenset(key for key in targets if cluster.inventory.lacks(key))


def _ports(inventory: Inventory, ingress: KubernetesObject) -> Iterator[Finding]:
    """Yield the ports of Services that an Ingress names and they do not have."""
    for one, at, backend in _backends(ingress):
        service = backend.get("name")
        known = _known_ports(inventory, Key("", "Service", one.namespace or "default", str(service)))
        for field, port in mapping(backend.get("port")).items():
            if known is not None and field in ("name", "number") and port not in known:
                yield Finding(
                    f"{one} leads to port {port!r} of Service {service!r}, which it does not have",
                    at / "port" / field,
                    f"it has {listed(known)}",
                )


def _known_ports(inventory: Inventory, key: Key) -> list[str | int] | None:
    """Return the ports of a Service, by name and number, or None where nobody knows."""
    if (app := inventory.apps.get(key)) is not None:
        endpoints = getattr(app, "endpoints", ())
        return [*(e.service.port for e in endpoints), *(e.name for e in endpoints)]
    if (service := inventory.own.get(key)) is None or service.spec.get("type") == "ExternalName":
        return None
    ports = [mapping(port) for port in items(service.spec.get("ports"))]
    numbers = [number for port in ports if (number := whole(port.get("port"))) is not None]
    return [*numbers, *(name for port in ports if isinstance(name := port.get("name"), str))]


def _address_as_name(one: KubernetesObject) -> Iterator[Finding]:
    try:
        address = ip_address(str(one.spec.get("externalName")))
    except ValueError:
        return
    yield Finding(
        f"{one} is another name for {address}, which is an address: the DNS looks for a name like that",
        one.path / "spec" / "externalName",
        "write a Service without a selector, and an EndpointSlice with the address",
    )


_SERVICE = """
        apiVersion: v1
        kind: Service
        metadata: {{name: ollama, namespace: default}}
        spec: {{type: {}, externalName: ollama.ollama.svc.cluster.local}}
"""
_INGRESS = """
        apiVersion: networking.k8s.io/v1
        kind: Ingress
        metadata: {{name: ollama, namespace: ollama}}
        spec:{} {{defaultBackend: {{service: {{name: ollama, port: {{name: http}}}}}}}}
"""


@rule(
    "MAN041",
    "served-by-nobody",
    severity=Severity.WARNING,
    summary="An object in a manifest waits for a controller that this cluster does not have.",
    rationale="""A Service of type LoadBalancer waits for its address, an Ingress for a program that answers
        for it, an autoscaler for somebody who measures. Kubernetes on NixOS brings along none of them; the
        API server takes the object, and nothing happens.""",
    source="Kubernetes docs, Service: type LoadBalancer; Ingress controllers; Resource metrics pipeline",
    bad=Example(OWN, at=OWN_DOCUMENT / "spec", manifest=_INGRESS.format("")),
    good=OWN,
    good_manifest=_SERVICE.format("ExternalName"),
)
def served_by_nobody(cluster: Cluster) -> Iterable[Finding]:
    inventory = cluster.inventory
    if inventory.may_appear("apps", "DaemonSet", None):
        return  # what is run by a controller of somebody else's may be one of these
    balanced = _serves(inventory, "", "services/status")
    classes = inventory.named("networking.k8s.io", "IngressClass", None)
    routed = bool(classes) or _serves(inventory, "networking.k8s.io", "ingresses/status")
    measured = any(
        one.spec.get("group") == "metrics.k8s.io"
        for one in inventory.of_kind("apiregistration.k8s.io", "APIService")
    )
    for one in cluster.objects:
        match one.group, one.kind:
            case "", "Service" if one.spec.get("type") == "LoadBalancer" and not balanced:
                yield Finding(
                    f"{one} waits for an address of a load balancer, and no workload brings one",
                    one.path / "spec" / "type",
                    "write type: NodePort, or add one like MetalLB",
                )
            case "networking.k8s.io", "Ingress" if not routed:
                written = one.spec.get("ingressClassName")
                yield Finding(
                    f"{one} waits for an ingress controller, and no workload brings one",
                    one.path / "spec" / "ingressClassName" if written else one.path / "spec",
                    "expose the Service with a NodePort, or add a controller and its IngressClass",
                    on_key=not written,
                )
            case "networking.k8s.io", "Ingress" if classes:
                name = one.spec.get("ingressClassName")
                if isinstance(name, str) and name and name not in classes:
                    yield Finding(
                        f"{one} is for IngressClass {name!r}, and there is {listed(classes)}",
                        one.path / "spec" / "ingressClassName",
                        f"write {classes[0]}",
                    )
            case "autoscaling", "HorizontalPodAutoscaler" if not measured:
                yield from _unmeasured(one)


def _serves(inventory: Inventory, group: str, resource: str) -> bool:
    return any(inventory.grants(verb, group, resource) for verb in ("update", "patch"))


def _unmeasured(one: KubernetesObject) -> Iterator[Finding]:
    written = "metrics" in one.spec
    metrics = [mapping(metric).get("type") for metric in items(one.spec.get("metrics"))] or ["Resource"]
    if "Resource" in metrics or "ContainerResource" in metrics:
        yield Finding(
            f"{one} scales by what pods use, which no workload measures",
            one.path / "spec" / "metrics" if written else one.path / "spec",
            "add metrics-server, with its APIService for metrics.k8s.io",
            on_key=True,
        )
