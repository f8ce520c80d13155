"""What Kubernetes serves and what it has retired, as a manifest meets it."""

import pytest

from hybridlab.tables.apis import BUILT_IN_GROUPS, RETIRED, SERVED, SINCE, Retired, is_namespaced, serves

NEWEST = "1.37"


def order(minor: str) -> tuple[int, ...]:
    return tuple(map(int, minor.split(".")))


@pytest.mark.parametrize(
    ("api_version", "kind", "minor", "served"),
    [
        ("v1", "Pod", "1.34", True),
        ("v1", "Endpoints", "1.36", True),
        ("apps/v1", "Deployment", "1.36", True),
        ("autoscaling/v1", "HorizontalPodAutoscaler", "1.36", True),
        ("autoscaling/v2", "HorizontalPodAutoscaler", "1.36", True),
        ("apiextensions.k8s.io/v1", "CustomResourceDefinition", "1.34", True),
        ("resource.k8s.io/v1", "ResourceClaim", "1.34", True),
        ("admissionregistration.k8s.io/v1", "MutatingAdmissionPolicy", "1.34", False),
        ("admissionregistration.k8s.io/v1", "MutatingAdmissionPolicy", "1.36", True),
        ("resource.k8s.io/v1beta1", "ResourceClaim", "1.34", False),
        ("apps/v1", "Deploymnt", "1.36", False),
        ("apps/v2", "Deployment", "1.36", False),
        ("v2", "Pod", "1.36", False),
        ("extensions/v1beta1", "Ingress", "1.36", False),
        ("storagemigration.k8s.io/v1", "StorageVersionMigration", "1.36", False),
        ("internal.apiserver.k8s.io/v1alpha1", "StorageVersion", "1.36", False),
        ("snapshot.storage.k8s.io/v1", "VolumeSnapshot", "1.36", None),
        ("gateway.networking.k8s.io/v1", "Gateway", "1.36", None),
        ("metrics.k8s.io/v1beta1", "PodMetrics", "1.36", None),
        ("cilium.io/v2", "CiliumNetworkPolicy", "1.36", None),
    ],
)
def test_served(api_version: str, kind: str, minor: str, served: bool | None) -> None:
    assert serves(api_version, kind, minor) is served


@pytest.mark.parametrize(
    ("api_version", "kind", "namespaced"),
    [
        ("v1", "Pod", True),
        ("v1", "Namespace", False),
        ("rbac.authorization.k8s.io/v1", "Role", True),
        ("rbac.authorization.k8s.io/v1", "ClusterRole", False),
        ("rbac.authorization.k8s.io/v1beta1", "Role", True),
        ("extensions/v1beta1", "Deployment", True),
        ("policy/v1beta1", "PodSecurityPolicy", False),
        ("resource.k8s.io/v1alpha2", "ResourceClass", False),
        ("apps/v1", "Pod", None),
        ("snapshot.storage.k8s.io/v1", "VolumeSnapshot", None),
    ],
)
def test_namespaced(api_version: str, kind: str, namespaced: bool | None) -> None:
    assert is_namespaced(api_version, kind) is namespaced


@pytest.mark.parametrize(
    ("api_version", "kind", "deprecated", "removed", "replacement"),
    [
        ("extensions/v1beta1", "Ingress", "1.14", "1.22", "networking.k8s.io/v1 Ingress"),
        ("apps/v1beta2", "DaemonSet", "1.9", "1.16", "apps/v1 DaemonSet"),
        (
            "autoscaling/v2beta2",
            "HorizontalPodAutoscaler",
            "1.23",
            "1.26",
            "autoscaling/v2 HorizontalPodAutoscaler",
        ),
        ("policy/v1beta1", "PodSecurityPolicy", "1.21", "1.25", None),
        ("v1", "Endpoints", "1.33", None, "discovery.k8s.io/v1 EndpointSlice"),
    ],
)
def test_retired(
    api_version: str, kind: str, deprecated: str, removed: str | None, replacement: str | None
) -> None:
    assert RETIRED[api_version, kind] == Retired(api_version, kind, deprecated, removed, replacement)


def test_minors_are_compared_as_numbers() -> None:
    old = RETIRED["apps/v1beta2", "Deployment"]
    assert not old.is_deprecated("1.8")
    assert old.is_deprecated("1.9")
    assert old.is_deprecated("1.10")
    assert not old.is_removed("1.9")
    assert old.is_removed("1.16")
    assert old.is_removed("1.100")


def test_what_is_only_deprecated_is_not_removed() -> None:
    endpoints = RETIRED["v1", "Endpoints"]
    assert not endpoints.is_deprecated("1.32")
    assert endpoints.is_deprecated(NEWEST)
    assert not endpoints.is_removed(NEWEST)


@pytest.mark.parametrize("retired", RETIRED.values(), ids=lambda one: f"{one.api_version} {one.kind}")
def test_each_retired_version(retired: Retired) -> None:
    assert order(retired.deprecated) <= order(NEWEST)
    assert retired.removed is None or order(retired.deprecated) <= order(retired.removed)
    assert is_namespaced(retired.api_version, retired.kind) is not None
    # A version that is stable stays; all others are gone, or were never on.
    assert serves(retired.api_version, retired.kind, NEWEST) is (retired.removed is None)
    if retired.replacement is not None:
        api_version, kind = retired.replacement.split(" ")
        assert serves(api_version, kind, NEWEST)
        assert (api_version, kind) not in RETIRED
        assert is_namespaced(api_version, kind) is is_namespaced(retired.api_version, retired.kind)


def test_a_kind_is_in_a_namespace_or_is_not_whatever_its_version() -> None:
    for api_version, kinds in SERVED.items():
        assert len({*kinds}) == len([*kinds])
        for kind in kinds:
            assert is_namespaced(api_version, kind) is (kind in kinds.namespaced)


def test_what_came_later_is_served_at_last() -> None:
    for (api_version, kind), minor in SINCE.items():
        assert serves(api_version, kind, "1.34") is False
        assert serves(api_version, kind, minor) is True


def test_groups() -> None:
    assert {"", "apps", "batch", "extensions", "policy", "storage.k8s.io"} < BUILT_IN_GROUPS
