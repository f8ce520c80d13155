"""Amounts in the user's own manifests: that are none, that contradict each other, of what no node has."""

from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from typing import Any

from hybridlab.diagnostic import Related, Severity, SpecPath
from hybridlab.model.cluster import Cluster
from hybridlab.model.plain import EACH, mapping, matching, written
from hybridlab.model.quantity import is_extended, parse_quantity
from hybridlab.model.workload import PodTemplate
from hybridlab.rules.rule import OWN, OWN_DOCUMENT, Example, Finding, rule
from hybridlab.rules.wording import listed, nearest
from hybridlab.tables.gpu import DEFAULT_RESOURCE

_RESOURCES = OWN_DOCUMENT / "spec" / "containers" / 0 / "resources"
_POD = """
        apiVersion: v1
        kind: Pod
        metadata: {{name: app, namespace: default}}
        spec:
          containers:
          - {{name: app, image: "nginx:1.29.1", resources: {}}}
"""
# Amounts outside of containers, by group and kind; the last key is what is measured.
_AMOUNTS: Mapping[tuple[str, str], tuple[tuple[str, ...], ...]] = {
    ("", "PersistentVolume"): (("spec", "capacity", "storage"),),
    ("", "PersistentVolumeClaim"): (("spec", "resources", "requests", "storage"),),
    ("apps", "StatefulSet"): (
        ("spec", "volumeClaimTemplates", EACH, "spec", "resources", "requests", "storage"),
    ),
}
_OF_PODS = (
    ("volumes", EACH, "emptyDir", "sizeLimit"),
    ("volumes", EACH, "ephemeral", "volumeClaimTemplate", "spec", "resources", "requests", "storage"),
)
# Mappings of what is measured to amounts.
_MEASURED: Mapping[tuple[str, str], tuple[tuple[str, ...], ...]] = {
    ("", "LimitRange"): tuple(
        ("spec", "limits", EACH, key) for key in ("min", "max", "default", "defaultRequest")
    ),
    ("", "ResourceQuota"): (("spec", "hard"),),
}
Amount = tuple[str, str, Any, SpecPath]


def _resources(template: PodTemplate, key: str) -> Iterator[Amount]:
    """Yield what each container has under `requests` or `limits`, with its name and place."""
    for container, at in template.containers:
        for name, value in mapping(mapping(container.get("resources")).get(key)).items():
            yield str(template.pods), name, value, at / "resources" / key / name


def _amounts(cluster: Cluster) -> Iterator[Amount]:
    for template in cluster.templates:
        for key in ("requests", "limits"):
            yield from _resources(template, key)
        for below in _OF_PODS:
            for value, path in matching(template.spec, template.path, below):
                yield str(template.pods), below[-1], value, path
    for one in cluster.objects:
        for way in _AMOUNTS.get((one.group, one.kind), ()):
            for value, path in matching(one.data, one.path, way):
                yield str(one), way[-1], value, path
        for way in _MEASURED.get((one.group, one.kind), ()):
            for found, path in matching(one.data, one.path, way):
                for name, value in mapping(found).items():
                    yield str(one), name, value, path / name


@rule(
    "MAN023",
    "amount-that-is-none",
    summary="An amount in a manifest is not written as Kubernetes reads it, or is below zero.",
    rationale="""An amount is a number and, right behind it, one of `m`, `k`, `M`, `G`, `T`, `Ki`, `Mi`, `Gi`,
        `Ti`: no B for bytes, no comma, no blank. The API server refuses everything else.""",
    source="Kubernetes docs, Quantity; kubernetes/apimachinery, pkg/api/resource/quantity.go",
    bad=Example(
        OWN,
        at=_RESOURCES / "limits" / "memory",
        manifest=_POD.format("{limits: {memory: 500MB}}"),
    ),
    good=OWN,
    good_manifest=_POD.format("{limits: {memory: 500M}}"),
)
def amount_that_is_none(cluster: Cluster) -> Iterable[Finding]:
    for who, name, value, path in _amounts(cluster):
        amount = parse_quantity(value)
        if value is None or (amount is not None and amount >= 0):
            continue
        text = written(value)
        problem = "which is no amount" if amount is None else "which is below zero"
        meant = _meant(text, name)
        hint = f"did you mean {meant}?" if meant else "write a number and a unit, like 500m, 1.5 or 512Mi"
        yield Finding(f"{who} has {text!r} of {name}, {problem}", path, hint)


def _meant(text: str, name: str) -> str | None:
    """Return what this may be: without blanks, B and `i` of its own, with a point for the comma."""
    number = text.replace(" ", "").replace(",", ".").lstrip("-")
    digits = number.rstrip("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
    unit = number[len(digits) :].removesuffix("B").removesuffix("b")
    # Of processors, `100mi` are thousandths: nobody has a hundred millions of them.
    units: tuple[str, ...] = ("m",) if name.endswith("cpu") and unit.lower() in ("m", "mi") else ()
    for candidate in (*units, unit, unit.capitalize(), unit.lower()):
        if digits and parse_quantity(digits + candidate) is not None:
            return digits + candidate
    return None


@rule(
    "MAN024",
    "request-above-limit",
    summary="A container in a manifest asks for more than it is allowed to use.",
    rationale="""What a container asks for is set apart for it, and what it is limited to is the most that it
        gets. The API server refuses more of the first than of the second.""",
    source="kubernetes/kubernetes, pkg/apis/core/validation: ValidateContainerResourceRequirements",
    bad=Example(
        OWN,
        at=_RESOURCES / "requests" / "memory",
        manifest=_POD.format("{requests: {memory: 2Gi}, limits: {memory: 1Gi}}"),
    ),
    good=OWN,
    good_manifest=_POD.format("{requests: {memory: 1Gi}, limits: {memory: 2Gi}}"),
)
def request_above_limit(cluster: Cluster) -> Iterable[Finding]:
    for template in cluster.templates:
        for container, at in template.containers:
            resources = mapping(container.get("resources"))
            limits = mapping(resources.get("limits"))
            for name, value in mapping(resources.get("requests")).items():
                asked, most = parse_quantity(value), parse_quantity(limits.get(name))
                # Of a device, the two must be the same: MAN018.
                if asked is None or most is None or asked <= most or is_extended(name):
                    continue
                yield Finding(
                    f"{template.pods} asks for {value} of {name}, and is limited to {limits[name]}",
                    at / "resources" / "requests" / name,
                    "ask for less, or raise the limit",
                    related=(Related("its limit", at / "resources" / "limits" / name),),
                )


@rule(
    "MAN025",
    "memory-in-thousandths",
    severity=Severity.WARNING,
    summary="A manifest has a part of a byte as an amount of memory or storage.",
    rationale="""`m` is a thousandth, as in `500m` of a processor: `512m` of memory is half a byte, rounded up
        to one. With such a limit no container starts, with such a request it is promised nothing.""",
    source="the API server: 'fractional byte value … is invalid, must be an integer'",
    bad=Example(
        OWN,
        at=_RESOURCES / "limits" / "memory",
        manifest=_POD.format("{limits: {memory: 512m}}"),
    ),
    good=OWN,
    good_manifest=_POD.format("{limits: {memory: 512Mi}}"),
)
def memory_in_thousandths(cluster: Cluster) -> Iterable[Finding]:
    for who, name, value, path in _amounts(cluster):
        amount = parse_quantity(value)
        if name in ("memory", "storage", "ephemeral-storage", "sizeLimit") and _is_fractional(amount):
            text = written(value)
            hint = f"did you mean {text[:-1]}Mi?" if text.endswith("m") else "write it in Mi or Gi"
            yield Finding(f"{who} has {text} of {name}: that is a part of a byte", path, hint)


def _is_fractional(amount: Fraction | None) -> bool:
    return amount is not None and amount > 0 and amount.denominator != 1


@rule(
    "MAN026",
    "device-that-no-node-has",
    summary="Pods in a manifest ask for a device of which no node has any.",
    rationale="""A kubelet offers a device like `nvidia.com/gpu` when the device plugin for it tells of one.
        Without it, the pods stay Pending for ever. One without a domain, like `gpu`, does not exist: the API
        server refuses it.""",
    source="Kubernetes docs, Device Plugins; Resource Management: extended resources",
    bad=Example(
        OWN,
        at=_RESOURCES / "limits" / "nvidia.com/gpu",
        manifest=_POD.format("{limits: {nvidia.com/gpu: 1}}"),
    ),
    good="""
        workloads:
          own: {type: manifests, folder: own}
          ollama: {gpus: 0}
    """,
    good_manifest=_POD.format("{limits: {amd.com/gpu: 1}}"),
)
def device_that_no_node_has(cluster: Cluster) -> Iterable[Finding]:
    # Of GPUs that a host may have, GPU001 to GPU004 tell.
    offered = sorted({host.gpu.model.resource for host in cluster.hosts if host.gpu is not None})
    may_be_there = cluster.kubernetes is None or _may_offer_more(cluster)
    hint = f"the nodes have {listed(offered)}" if offered else "add its device plugin"
    for template in cluster.templates:
        for name, value, path in _devices(template):
            if "/" not in name:
                devices = [device for device in offered if device.endswith(f"/{name.lower()}")]
                close = devices[0] if devices else nearest(name.lower(), _STANDARD)
                message = f"{template.pods} asks for {name}, and Kubernetes knows of no such thing"
                yield Finding(message, path, f"did you mean {close}?" if close else hint, on_key=True)
            elif name not in (DEFAULT_RESOURCE, *offered) and not may_be_there:
                message = f"{template.pods} asks for {value} of {name}, of which no node has any"
                yield Finding(message, path, hint)


def _devices(template: PodTemplate) -> Iterator[tuple[str, Any, SpecPath]]:
    """Yield what each container asks for beside what every node has; what is refused anyway is left out."""
    for container, at in template.containers:
        resources = mapping(container.get("resources"))
        limits, requests = (mapping(resources.get(key)) for key in ("limits", "requests"))
        for name in dict.fromkeys((*limits, *requests)):
            if name in _STANDARD or name.startswith("hugepages-"):
                continue
            key, value = ("limits", limits[name]) if name in limits else ("requests", requests[name])
            amount = parse_quantity(value)
            # Of devices, MAN018 tells of a part of one, and of a request that is no limit.
            right = key == "limits" and requests.get(name, value) == value and not _is_fractional(amount)
            if "/" not in name or (right and amount and is_extended(name)):
                yield name, value, at / "resources" / key / name


# What every node has, without a domain before it.
_STANDARD = ("cpu", "memory", "ephemeral-storage")


def _may_offer_more(cluster: Cluster) -> bool:
    """Whether the manifests bring a device plugin, or an operator that may start one."""
    plugins = any(template.is_device_plugin for template in cluster.templates)
    return plugins or cluster.inventory.may_appear("apps", "DaemonSet", None)
