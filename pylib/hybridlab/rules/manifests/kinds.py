"""Kinds and versions of the objects in the user's own manifests: that the cluster's API server knows."""

import difflib
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping

from hybridlab.diagnostic import Related, Severity
from hybridlab.model.cluster import Cluster
from hybridlab.model.plain import items, mapping
from hybridlab.model.workload import KubernetesObject
from hybridlab.rules.rule import OWN, OWN_DOCUMENT, Example, Finding, rule
from hybridlab.rules.wording import nearest
from hybridlab.tables import apis

_NEARLY_THE_SAME = 0.85  # of two texts, as difflib compares them
CRD_GROUP = "apiextensions.k8s.io"
_CRD = """
        apiVersion: apiextensions.k8s.io/v1
        kind: CustomResourceDefinition
        metadata: {name: ipaddresspools.metallb.io}
        spec:
          group: metallb.io
          scope: Namespaced
          names: {kind: IPAddressPool, plural: ipaddresspools}
          versions:
          - name: v1beta1
            served: true
            storage: true
            schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
        ---"""
_POOL = """
        apiVersion: metallb.io/v1beta1
        kind: IPAddressPool
        metadata: {name: lan, namespace: default}
        spec: {addresses: [10.0.20.200-10.0.20.220]}
"""


@rule(
    "MAN001",
    "api-not-served",
    summary="A manifest is of a kind or version that the cluster's Kubernetes does not serve.",
    rationale="""The NixOS release decides which Kubernetes runs. Its API server refuses what it does not
        know: a version that was removed, one that is not on by default, or a kind that is misspelt.""",
    source="Kubernetes docs, Deprecated API Migration Guide; the table of APIs (tables/apis.py)",
    bad=Example(
        OWN,
        at=OWN_DOCUMENT / "apiVersion",
        manifest="""
        apiVersion: policy/v1beta1
        kind: PodDisruptionBudget
        metadata: {name: ollama, namespace: ollama}
        spec: {maxUnavailable: 1, selector: {matchLabels: {app: ollama}}}
        """,
    ),
    good=OWN,
    good_manifest="""
        apiVersion: policy/v1
        kind: PodDisruptionBudget
        metadata: {name: ollama, namespace: ollama}
        spec: {maxUnavailable: 1, selector: {matchLabels: {app: ollama}}}
    """,
)
def api_not_served(cluster: Cluster) -> Iterable[Finding]:
    if cluster.kubernetes is None:
        return
    minor = cluster.kubernetes.minor
    defined = _defined(cluster)
    yield from _not_defined(cluster)
    for one in cluster.objects:
        if (meant := _meant_version(one, defined)) is not None:
            yield Finding(
                f"{one} can not be applied: nobody has an API {one.api_version}",
                one.path / "apiVersion",
                f"did you mean {meant}?",
            )
        if apis.serves(one.api_version, one.kind, minor) is not False:
            continue
        path, retired = one.path / "apiVersion", apis.RETIRED.get((one.api_version, one.kind))
        why = f"Kubernetes {minor} (NixOS {cluster.nixos.release}) serves no {one.kind} of {one.api_version}"
        hint: str | None = None
        if retired is not None:
            hint = _instead(retired, minor)
            if retired.is_removed(minor):
                why += f": it was removed in {retired.removed}"
        elif known := sorted(version for version, kinds in apis.SERVED.items() if one.kind in kinds):
            hint = f"write {known[0]}"
        else:
            path = one.path / "kind"
            kinds = apis.SERVED.get(one.api_version)
            close = None if kinds is None else nearest(one.kind, sorted(kinds))
            hint = f"did you mean {close}?" if close else None
        yield Finding(f"{one} can not be applied: {why}", path, hint or "see Kubernetes' API reference")


def _meant_version(one: KubernetesObject, defined: Container[str]) -> str | None:
    """Return the version of Kubernetes' own that was meant by one that is nearly the same, like `app/v1`."""
    if one.group in apis.BUILT_IN_GROUPS or one.group in defined:
        return None
    versions = [version for version, kinds in apis.SERVED.items() if one.kind in kinds]
    alike = difflib.get_close_matches(one.api_version, versions, n=1, cutoff=_NEARLY_THE_SAME)
    return alike[0] if alike else None


def _defined(cluster: Cluster) -> Mapping[str, set[str]]:
    """Return the kinds that manifests define, by their group."""
    defined: dict[str, set[str]] = defaultdict(set)
    for one in cluster.inventory.of_kind(CRD_GROUP, "CustomResourceDefinition"):
        defined[str(one.spec.get("group"))].add(str(mapping(one.spec.get("names")).get("kind")))
    return defined


def _not_defined(cluster: Cluster) -> Iterator[Finding]:
    """Yield the custom resources of a version that the definition of their kind does not have."""
    definitions = {
        (str(one.spec.get("group")), str(mapping(one.spec.get("names")).get("kind"))): one
        for one in cluster.inventory.of_kind(CRD_GROUP, "CustomResourceDefinition")
    }
    for one in cluster.objects:
        if (definition := definitions.get((one.group, one.kind))) is None:
            continue
        versions = map(mapping, items(definition.spec.get("versions")))
        served = [f"{one.group}/{v.get('name')}" for v in versions if v.get("served") is not False]
        if served and one.api_version not in served:
            yield Finding(
                f"{one} can not be applied: {definition} has no {one.api_version}",
                one.path / "apiVersion",
                f"write {served[0]}",
                related=(Related("what is defined", definition.name_path),),
            )


def _instead(retired: apis.Retired, minor: str) -> str | None:
    """Say what to write in the place of a retired version, if this minor has it."""
    if retired.replacement is None:
        return "nothing stable has taken its place"
    version, kind = retired.replacement.split(" ")
    if not apis.serves(version, kind, minor):
        return None
    return f"write {version}" if kind == retired.kind else f"use {kind} of {version}"


@rule(
    "MAN002",
    "api-deprecated",
    severity=Severity.WARNING,
    summary="A manifest is of a version that is deprecated in the cluster's Kubernetes.",
    rationale="""It still works, and the API server warns of it. With an upgrade of NixOS comes a Kubernetes
        that serves it no longer.""",
    source="Kubernetes docs, Kubernetes Deprecation Policy; the table of APIs (tables/apis.py)",
    bad=Example(
        OWN,
        at=OWN_DOCUMENT / "apiVersion",
        manifest="""
        apiVersion: v1
        kind: Endpoints
        metadata: {name: nas, namespace: default}
        subsets: [{addresses: [{ip: 10.0.10.200}], ports: [{port: 445}]}]
        """,
    ),
    good=OWN,
    good_manifest="""
        apiVersion: discovery.k8s.io/v1
        kind: EndpointSlice
        metadata: {name: nas, namespace: default, labels: {kubernetes.io/service-name: nas}}
        addressType: IPv4
        endpoints: [{addresses: [10.0.10.200]}]
        ports: [{port: 445}]
    """,
)
def api_deprecated(cluster: Cluster) -> Iterable[Finding]:
    if cluster.kubernetes is None:
        return
    minor = cluster.kubernetes.minor
    for one in cluster.objects:
        retired = apis.RETIRED.get((one.api_version, one.kind))
        if retired is None or not apis.serves(one.api_version, one.kind, minor):
            continue
        if retired.is_deprecated(minor):
            gone = f", and gone in {retired.removed}" if retired.removed is not None else ""
            yield Finding(
                f"{one} is of {one.api_version}, deprecated since Kubernetes {retired.deprecated}{gone}",
                one.path / "apiVersion",
                _instead(retired, minor),
            )


@rule(
    "MAN037",
    "kind-that-nobody-defines",
    severity=Severity.WARNING,
    summary="A manifest is of a kind that is not Kubernetes' own, and no manifest defines it.",
    rationale="""The API server knows a custom resource by its CustomResourceDefinition, which charts bring
        along or want to be applied before. Without it, it refuses the object: `ensure CRDs are installed
        first`.""",
    source="Kubernetes docs, Custom Resources; the message of kubectl",
    bad=Example(OWN, at=OWN_DOCUMENT / "apiVersion", manifest=_POOL),
    good=OWN,
    good_manifest=_CRD + _POOL,
)
def kind_that_nobody_defines(cluster: Cluster) -> Iterable[Finding]:
    inventory = cluster.inventory
    # An operator may bring along its own.
    if inventory.grants("create", CRD_GROUP, "customresourcedefinitions"):
        return
    defined = _defined(cluster)
    # What another API server answers for, nobody defines here.
    services = inventory.of_kind("apiregistration.k8s.io", "APIService")
    known = apis.BUILT_IN_GROUPS | {str(one.spec.get("group")) for one in services}
    unknown: dict[tuple[str, str], list[KubernetesObject]] = defaultdict(list)
    for one in cluster.objects:
        if one.group in known or one.kind in defined.get(one.group, ()):
            continue
        if _meant_version(one, defined) is None:  # else MAN001 tells of it
            unknown[one.group, one.kind].append(one)
    for (group, kind), (first, *others) in unknown.items():
        close = nearest(kind, sorted(defined.get(group, ())))
        same = next((name for name in sorted(defined) if kind in defined[name]), None)
        hint = f"add its CustomResourceDefinition, as {group} brings it along"
        if close is not None:
            hint = f"did you mean kind {close}?"
        elif same is not None:
            hint = f"there is a {kind} of {same}"
        yield Finding(
            f"{first} can not be applied: no manifest defines {kind} of {group}",
            first.path / "apiVersion",
            hint,
            related=tuple(Related(f"so is {one}", one.name_path) for one in others[:3]),
        )
