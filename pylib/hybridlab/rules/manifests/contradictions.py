"""Fields in the user's own manifests that can not stand together, or not without another one."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from hybridlab.diagnostic import Related, SpecPath
from hybridlab.model.cluster import Cluster
from hybridlab.model.inventory import RBAC
from hybridlab.model.plain import EACH, is_true, items, mapping, matching, whole, written
from hybridlab.model.quantity import parse_quantity
from hybridlab.model.workload import KubernetesObject, PodTemplate
from hybridlab.rules.manifests.claims import VOLUME_SOURCES
from hybridlab.rules.rule import OWN, OWN_DOCUMENT, Example, Finding, rule
from hybridlab.rules.wording import listed

_BUDGET = """
        apiVersion: policy/v1
        kind: PodDisruptionBudget
        metadata: {{name: ollama, namespace: ollama}}
        spec: {{{}, selector: {{matchLabels: {{app: ollama}}}}}}
"""
_END = ("Pod", "Job", "CronJob")


@rule(
    "MAN060",
    "fields-that-exclude-each-other",
    summary="A manifest has two fields that can not stand together, or one without another that it needs.",
    rationale="""A budget says how many pods must run, or how many may be missing, and not both; all pods at
        once are replaced, or some after the others; a least is not above a most. The API server refuses the
        object.""",
    source="kubernetes/kubernetes, pkg/apis/*/validation; refusals of an API server of Kubernetes 1.36",
    bad=Example(
        OWN,
        at=OWN_DOCUMENT / "spec" / "maxUnavailable",
        manifest=_BUDGET.format("minAvailable: 1, maxUnavailable: 1"),
    ),
    good=OWN,
    good_manifest=_BUDGET.format("maxUnavailable: 1"),
)
def fields_that_exclude_each_other(cluster: Cluster) -> Iterable[Finding]:
    for one in cluster.objects:
        yield from _object(one)
        yield from _conditions(str(one), one.spec.get("selector"), one.path / "spec" / "selector")
    for template in cluster.templates:
        yield from _pods(template)


def _object(one: KubernetesObject) -> Iterator[Finding]:
    at, spec = one.path / "spec", one.spec
    match one.group, one.kind:
        case "policy", "PodDisruptionBudget":
            yield from _both(one, "minAvailable", "maxUnavailable", at, spec)
        case "apps", "Deployment":
            yield from _rollout(one, at / "strategy", mapping(spec.get("strategy")))
        case "", "Service":
            yield from _service(one)
        case "batch", "Job" if spec.get("selector") and not is_true(spec.get("manualSelector")):
            yield Finding(
                f"{one} says which pods are its own, which Kubernetes does for a Job",
                at / "selector",
                "remove it",
                on_key=True,
            )
        case "autoscaling", "HorizontalPodAutoscaler":
            yield from _least_and_most(one, ("minReplicas", "maxReplicas"), at, spec)
        case "", "LimitRange":
            yield from _limits(one)
        case "", "PersistentVolume":
            first, *others = [key for key in spec if key in VOLUME_SOURCES] or [""]
            if others:
                yield _exclude(str(one), first, others[0], at)
        case "networking.k8s.io", "Ingress":
            yield from _ingress(one)
        case group, "Role" if group == RBAC:
            for urls, path in matching(one.data, one.path, ("rules", EACH, "nonResourceURLs")):
                if urls:
                    message = f"{one} is of a namespace, and has URLs of the whole API server"
                    yield Finding(message, path, "write them in a ClusterRole", on_key=True)


def _exclude(who: str, first: str, second: str, at: SpecPath) -> Finding:
    return Finding(
        f"{who} has {first} and {second}, which exclude each other",
        at / second,
        "keep one of them",
        on_key=True,
        related=(Related("the other one", at / first),),
    )


def _both(
    one: KubernetesObject, first: str, second: str, at: SpecPath, data: Mapping[str, Any]
) -> Iterator[Finding]:
    if data.get(first) is not None and data.get(second) is not None:
        yield _exclude(str(one), first, second, at)


def _rollout(one: KubernetesObject, at: SpecPath, strategy: Mapping[str, Any]) -> Iterator[Finding]:
    rolling = mapping(strategy.get("rollingUpdate"))
    surge, missing = rolling.get("maxSurge"), rolling.get("maxUnavailable")
    if strategy.get("type") == "Recreate" and rolling:
        message = f"{one} ends all its pods at once, and has settings for one after the other"
        yield Finding(message, at / "rollingUpdate", "remove it, or write type: RollingUpdate", on_key=True)
    elif _part(surge) == _part(missing) == 0:
        yield Finding(
            f"{one} lets no pod be missing and none be too many, so that none can be replaced",
            at / "rollingUpdate" / "maxUnavailable",
            "write 1 for one of the two",
            related=(Related("the other one", at / "rollingUpdate" / "maxSurge"),),
        )
    if isinstance(missing, str) and (part := _part(missing)) is not None and part > 100:
        message = f"{one} lets {missing} of its pods be missing"
        yield Finding(message, at / "rollingUpdate" / "maxUnavailable", "write 100% or less")


def _part(value: object) -> int | None:
    """Return a number, or that before a `%`."""
    if isinstance(value, str) and value.endswith("%") and value[:-1].isdecimal() and len(value) < 10:
        return int(value[:-1])
    return whole(value)


def _service(one: KubernetesObject) -> Iterator[Finding]:
    at, spec = one.path / "spec", one.spec
    kind = spec.get("type") or "ClusterIP"
    if kind == "ClusterIP" and spec.get("externalTrafficPolicy") and not spec.get("externalIPs"):
        yield Finding(
            f"{one} says how traffic from outside is led, and none comes to one of type ClusterIP",
            at / "externalTrafficPolicy",
            "remove it, or write type: NodePort",
            on_key=True,
        )
    if spec.get("clusterIP") == "None" and kind in ("NodePort", "LoadBalancer"):
        yield Finding(
            f"{one} is of type {kind} and has no address of its own, which that needs",
            at / "clusterIP",
            "remove it, or the type",
        )


def _least_and_most(
    one: KubernetesObject, keys: tuple[str, str], at: SpecPath, data: Mapping[str, Any]
) -> Iterator[Finding]:
    least, most = (whole(data.get(key)) for key in keys)
    if least is not None and most is not None and 0 < most < least:
        yield Finding(
            f"{one} has {keys[0]} {least}, and {keys[1]} {most}",
            at / keys[1],
            f"write {least} or more",
            related=(Related("the least", at / keys[0]),),
        )


def _limits(one: KubernetesObject) -> Iterator[Finding]:
    for index, limit in enumerate(map(mapping, items(one.spec.get("limits")))):
        at = one.path / "spec" / "limits" / index
        least, most = mapping(limit.get("min")), mapping(limit.get("max"))
        for name in least:
            low, high = parse_quantity(least[name]), parse_quantity(most.get(name))
            if low is not None and high is not None and low > high:
                yield Finding(
                    f"{one} has {written(least[name])} of {name} as the least, and "
                    f"{written(most[name])} as the most",
                    at / "min" / name,
                    "write less than the most",
                    related=(Related("the most", at / "max" / name),),
                )


def _ingress(one: KubernetesObject) -> Iterator[Finding]:
    if one.spec and not items(one.spec.get("rules")) and not one.spec.get("defaultBackend"):
        yield Finding(
            f"{one} leads nowhere: it has no rules, and no defaultBackend",
            one.path / "spec",
            "write one of them",
            on_key=True,
        )
    ways = (("defaultBackend",), ("rules", EACH, "http", "paths", EACH, "backend"))
    for way in ways:
        for port, path in matching(one.spec, one.path / "spec", (*way, "service", "port")):
            yield from _both(one, "name", "number", path, mapping(port))


def _pods(template: PodTemplate) -> Iterator[Finding]:
    who, at, spec = str(template.pods), template.path, template.spec
    if spec.get("activeDeadlineSeconds") is not None and template.one.kind not in _END:
        yield Finding(
            f"{who} have a time after which they end, and a {template.one.kind} runs for ever",
            at / "activeDeadlineSeconds",
            "remove it, or make it a Job",
            on_key=True,
        )
    if spec.get("dnsPolicy") == "None" and not items(mapping(spec.get("dnsConfig")).get("nameservers")):
        yield Finding(
            f"{who} has dnsPolicy None, and no DNS server in its place",
            at / "dnsPolicy",
            "write dnsConfig: {nameservers: [ADDRESS]}, or remove it",
        )
    affinity, path = mapping(spec.get("affinity")), at / "affinity"
    for kind in ("podAffinity", "podAntiAffinity"):
        for way in (
            (kind, "requiredDuringSchedulingIgnoredDuringExecution", EACH, "labelSelector"),
            (
                kind,
                "preferredDuringSchedulingIgnoredDuringExecution",
                EACH,
                "podAffinityTerm",
                "labelSelector",
            ),
        ):
            for selector, place in matching(affinity, path, way):
                yield from _conditions(who, selector, place)
    terms = ("requiredDuringSchedulingIgnoredDuringExecution", "nodeSelectorTerms", EACH)
    for term, place in matching(affinity, path, ("nodeAffinity", *terms)):
        yield from _conditions(who, term, place)


def _conditions(who: str, selector: object, at: SpecPath) -> Iterator[Finding]:
    for index, condition in enumerate(map(mapping, items(mapping(selector).get("matchExpressions")))):
        operator, values = condition.get("operator"), items(condition.get("values"))
        path = at / "matchExpressions" / index
        if operator in ("Exists", "DoesNotExist") and values:
            yield Finding(
                f"{who} asks that {condition.get('key')} {operator}, and for the values {listed(values)}",
                path / "values",
                "remove them, or write operator: In",
                on_key=True,
            )
        elif operator in ("In", "NotIn") and not values:
            yield Finding(
                f"{who} has a condition on {condition.get('key')} with {operator}, and no values",
                path / "operator",
                "write its values",
            )
