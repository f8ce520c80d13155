"""Which kinds Kubernetes itself serves, in which versions; it does not know of custom resources.

Read on 2026-11-25. Sources: k8s.io/kubernetes 1.34.2, 1.35.0, 1.36.3 and 1.37.2 (api/discovery; the versions
that pkg/controlplane/instance.go enables; pkg/features/kube_features.go); the APILifecycle functions of
k8s.io/api 0.19 to 0.37, apiextensions-apiserver and kube-aggregator; the "Deprecated API Migration Guide";
kubernetes/kubernetes#84758 and #104248 (alphas of RBAC and PriorityClass). What is served is exact from 1.34
to 1.37, without --runtime-config: that is stable versions only. An older or newer minor is judged by the
nearest.

Subresources and what is only sent to webhooks are no kinds here, and neither is `v1 List`, which kubectl
takes apart itself.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from attrs import frozen


@frozen
class Kinds:
    """Kinds whose objects are in a namespace, and kinds whose objects belong to the cluster."""

    namespaced: tuple[str, ...] = ()
    cluster: tuple[str, ...] = ()

    def __contains__(self, kind: str) -> bool:
        return kind in self.namespaced or kind in self.cluster

    def __iter__(self) -> Iterator[str]:
        yield from self.namespaced
        yield from self.cluster


@frozen
class Retired:
    """A version of a kind that is deprecated, or gone; in minor versions of Kubernetes.

    `removed` is None where no removal is announced; `replacement` is an apiVersion and a kind, or None where
    nothing stable has taken its place. Not all was once served by default: no alpha was, and since 1.24 no
    beta of a new API.
    """

    api_version: str
    kind: str
    deprecated: str
    removed: str | None
    replacement: str | None

    def is_deprecated(self, minor: str) -> bool:
        """Say whether a cluster of this minor warns of it, or has removed it."""
        return _order(self.deprecated) <= _order(minor)

    def is_removed(self, minor: str) -> bool:
        """Say whether a cluster of this minor can not serve it at all."""
        return self.removed is not None and _order(self.removed) <= _order(minor)


def is_namespaced(api_version: str, kind: str) -> bool | None:
    """Say whether objects of a built-in kind have a namespace, whatever its version; None of another kind."""
    kinds = _SCOPES.get((_group(api_version), kind))
    return None if kinds is None else kind in kinds.namespaced


def serves(api_version: str, kind: str, minor: str) -> bool | None:
    """Say whether a cluster of this minor serves a kind by default; None where the group is not built in."""
    if _group(api_version) not in BUILT_IN_GROUPS:
        return None
    key = (api_version, kind)
    if kind not in SERVED.get(api_version, Kinds()):
        return False
    if key in RETIRED and RETIRED[key].is_removed(minor):
        return False
    return key not in SINCE or _order(SINCE[key]) <= _order(minor)


def takes_service_names_with_digits(minor: str) -> bool:
    """Say whether a Service's name may begin with a digit: RelaxedServiceNameValidation, on since 1.36."""
    return _order(minor) >= (1, 36)


def _order(minor: str) -> tuple[int, ...]:
    return tuple(int(number) for number in minor.split("."))


def _group(api_version: str) -> str:
    return api_version.rpartition("/")[0]


SERVED: Mapping[str, Kinds] = MappingProxyType(
    {
        "v1": Kinds(
            namespaced=(
                "Binding",
                "ConfigMap",
                "Endpoints",
                "Event",
                "LimitRange",
                "PersistentVolumeClaim",
                "Pod",
                "PodTemplate",
                "ReplicationController",
                "ResourceQuota",
                "Secret",
                "Service",
                "ServiceAccount",
            ),
            cluster=("ComponentStatus", "Namespace", "Node", "PersistentVolume"),
        ),
        "admissionregistration.k8s.io/v1": Kinds(
            cluster=(
                "MutatingAdmissionPolicy",
                "MutatingAdmissionPolicyBinding",
                "MutatingWebhookConfiguration",
                "ValidatingAdmissionPolicy",
                "ValidatingAdmissionPolicyBinding",
                "ValidatingWebhookConfiguration",
            ),
        ),
        "apiextensions.k8s.io/v1": Kinds(cluster=("CustomResourceDefinition",)),
        "apiregistration.k8s.io/v1": Kinds(cluster=("APIService",)),
        "apps/v1": Kinds(
            namespaced=("ControllerRevision", "DaemonSet", "Deployment", "ReplicaSet", "StatefulSet"),
        ),
        "authentication.k8s.io/v1": Kinds(cluster=("SelfSubjectReview", "TokenReview")),
        "authorization.k8s.io/v1": Kinds(
            namespaced=("LocalSubjectAccessReview",),
            cluster=("SelfSubjectAccessReview", "SelfSubjectRulesReview", "SubjectAccessReview"),
        ),
        "autoscaling/v1": Kinds(namespaced=("HorizontalPodAutoscaler",)),
        "autoscaling/v2": Kinds(namespaced=("HorizontalPodAutoscaler",)),
        "batch/v1": Kinds(namespaced=("CronJob", "Job")),
        "certificates.k8s.io/v1": Kinds(
            namespaced=("PodCertificateRequest",),
            cluster=("CertificateSigningRequest", "ClusterTrustBundle"),
        ),
        "coordination.k8s.io/v1": Kinds(namespaced=("Lease",)),
        "discovery.k8s.io/v1": Kinds(namespaced=("EndpointSlice",)),
        "events.k8s.io/v1": Kinds(namespaced=("Event",)),
        "flowcontrol.apiserver.k8s.io/v1": Kinds(cluster=("FlowSchema", "PriorityLevelConfiguration")),
        "networking.k8s.io/v1": Kinds(
            namespaced=("Ingress", "NetworkPolicy"),
            cluster=("IPAddress", "IngressClass", "ServiceCIDR"),
        ),
        "node.k8s.io/v1": Kinds(cluster=("RuntimeClass",)),
        "policy/v1": Kinds(namespaced=("PodDisruptionBudget",)),
        "rbac.authorization.k8s.io/v1": Kinds(
            namespaced=("Role", "RoleBinding"), cluster=("ClusterRole", "ClusterRoleBinding")
        ),
        "resource.k8s.io/v1": Kinds(
            namespaced=("ResourceClaim", "ResourceClaimTemplate"),
            cluster=("DeviceClass", "DeviceTaintRule", "ResourceSlice"),
        ),
        "scheduling.k8s.io/v1": Kinds(cluster=("PriorityClass",)),
        "storage.k8s.io/v1": Kinds(
            namespaced=("CSIStorageCapacity",),
            cluster=(
                "CSIDriver",
                "CSINode",
                "StorageClass",
                "VolumeAttachment",
                "VolumeAttributesClass",
            ),
        ),
        "storagemigration.k8s.io/v1": Kinds(cluster=("StorageVersionMigration",)),
    }
)

# The first minor that serves what 1.34 did not.
SINCE: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        ("admissionregistration.k8s.io/v1", "MutatingAdmissionPolicy"): "1.36",
        ("admissionregistration.k8s.io/v1", "MutatingAdmissionPolicyBinding"): "1.36",
        ("certificates.k8s.io/v1", "ClusterTrustBundle"): "1.37",
        ("certificates.k8s.io/v1", "PodCertificateRequest"): "1.37",
        ("resource.k8s.io/v1", "DeviceTaintRule"): "1.37",
        ("storagemigration.k8s.io/v1", "StorageVersionMigration"): "1.37",
    }
)

# Kinds of built-in groups that have no stable version: none any more, or none yet.
_UNSERVED: Mapping[str, Kinds] = MappingProxyType(
    {
        "coordination.k8s.io": Kinds(namespaced=("LeaseCandidate",)),
        "extensions": Kinds(
            namespaced=("DaemonSet", "Deployment", "Ingress", "NetworkPolicy", "ReplicaSet"),
            cluster=("PodSecurityPolicy",),
        ),
        "internal.apiserver.k8s.io": Kinds(cluster=("StorageVersion",)),
        "lifecycle.k8s.io": Kinds(namespaced=("Eviction", "EvictionRequest")),
        "networking.k8s.io": Kinds(cluster=("ClusterCIDR",)),
        "policy": Kinds(cluster=("PodSecurityPolicy",)),
        "resource.k8s.io": Kinds(
            namespaced=(
                "PodScheduling",
                "PodSchedulingContext",
                "ResourceClaimParameters",
                "ResourceClassParameters",
            ),
            cluster=("ResourceClass", "ResourcePoolStatusRequest"),
        ),
        "scheduling.k8s.io": Kinds(namespaced=("CompositePodGroup", "PodGroup", "Workload")),
    }
)

_SCOPES: Mapping[tuple[str, str], Kinds] = MappingProxyType(
    {
        (_group(name) if table is SERVED else name, kind): kinds
        for table in (SERVED, _UNSERVED)
        for name, kinds in table.items()
        for kind in kinds
    }
)

BUILT_IN_GROUPS = frozenset(group for group, _ in _SCOPES)


def _retired(
    api_version: str, kinds: str, deprecated: str, removed: str | None, replacement: str | None = None
) -> Iterator[Retired]:
    """Retire kinds at once; what a replacement leaves out, its group or its kind, is as it was."""
    if replacement is not None and "/" not in replacement:
        replacement = f"{_group(api_version)}/{replacement}"
    for kind in kinds.split():
        whole = replacement if replacement is None or " " in replacement else f"{replacement} {kind}"
        yield Retired(api_version, kind, deprecated, removed, whole)


_FLOW_KINDS = "FlowSchema PriorityLevelConfiguration"
_MUTATING_POLICY = "MutatingAdmissionPolicy MutatingAdmissionPolicyBinding"
_VALIDATING_POLICY = "ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding"
_WEBHOOKS = "MutatingWebhookConfiguration ValidatingWebhookConfiguration"
_RBAC_KINDS = "ClusterRole ClusterRoleBinding Role RoleBinding"
_REVIEWS = "LocalSubjectAccessReview SelfSubjectAccessReview SelfSubjectRulesReview SubjectAccessReview"
_CLAIMS = "ResourceClaim ResourceClaimTemplate"
_DEVICES = "DeviceClass ResourceClaim ResourceClaimTemplate ResourceSlice"

# An alpha that went without being deprecated before is deprecated in the minor that removed it.
RETIRED: Mapping[tuple[str, str], Retired] = MappingProxyType(
    {
        (one.api_version, one.kind): one
        for several in (
            _retired("v1", "ComponentStatus", "1.19", None),
            _retired("v1", "Endpoints", "1.33", None, "discovery.k8s.io/v1 EndpointSlice"),
            _retired("extensions/v1beta1", "DaemonSet Deployment ReplicaSet", "1.8", "1.16", "apps/v1"),
            _retired("extensions/v1beta1", "NetworkPolicy", "1.9", "1.16", "networking.k8s.io/v1"),
            _retired("extensions/v1beta1", "PodSecurityPolicy", "1.11", "1.16"),
            _retired("extensions/v1beta1", "Ingress", "1.14", "1.22", "networking.k8s.io/v1"),
            _retired("admissionregistration.k8s.io/v1alpha1", _VALIDATING_POLICY, "1.29", "1.32", "v1"),
            _retired("admissionregistration.k8s.io/v1alpha1", _MUTATING_POLICY, "1.35", "1.38", "v1"),
            _retired("admissionregistration.k8s.io/v1beta1", _WEBHOOKS, "1.16", "1.22", "v1"),
            _retired("admissionregistration.k8s.io/v1beta1", _VALIDATING_POLICY, "1.31", "1.34", "v1"),
            _retired("admissionregistration.k8s.io/v1beta1", _MUTATING_POLICY, "1.37", "1.40", "v1"),
            _retired("apiextensions.k8s.io/v1beta1", "CustomResourceDefinition", "1.16", "1.22", "v1"),
            _retired("apiregistration.k8s.io/v1beta1", "APIService", "1.19", "1.22", "v1"),
            _retired("apps/v1beta1", "ControllerRevision Deployment StatefulSet", "1.8", "1.16", "v1"),
            _retired(
                "apps/v1beta2",
                "ControllerRevision DaemonSet Deployment ReplicaSet StatefulSet",
                "1.9",
                "1.16",
                "v1",
            ),
            _retired("authentication.k8s.io/v1alpha1", "SelfSubjectReview", "1.29", "1.32", "v1"),
            _retired("authentication.k8s.io/v1beta1", "TokenReview", "1.19", "1.22", "v1"),
            _retired("authentication.k8s.io/v1beta1", "SelfSubjectReview", "1.30", "1.33", "v1"),
            _retired("authorization.k8s.io/v1beta1", _REVIEWS, "1.19", "1.22", "v1"),
            _retired("autoscaling/v2beta1", "HorizontalPodAutoscaler", "1.22", "1.25", "v2"),
            _retired("autoscaling/v2beta2", "HorizontalPodAutoscaler", "1.23", "1.26", "v2"),
            _retired("batch/v1beta1", "CronJob", "1.21", "1.25", "v1"),
            _retired("certificates.k8s.io/v1alpha1", "ClusterTrustBundle", "1.34", "1.37", "v1"),
            _retired("certificates.k8s.io/v1alpha1", "PodCertificateRequest", "1.35", "1.35", "v1"),
            _retired("certificates.k8s.io/v1beta1", "CertificateSigningRequest", "1.19", "1.22", "v1"),
            _retired(
                "certificates.k8s.io/v1beta1",
                "ClusterTrustBundle PodCertificateRequest",
                "1.37",
                "1.40",
                "v1",
            ),
            _retired("coordination.k8s.io/v1alpha1", "LeaseCandidate", "1.32", "1.32"),
            _retired("coordination.k8s.io/v1alpha2", "LeaseCandidate", "1.35", "1.38"),
            _retired("coordination.k8s.io/v1beta1", "Lease", "1.19", "1.22", "v1"),
            _retired("coordination.k8s.io/v1beta1", "LeaseCandidate", "1.36", "1.39"),
            _retired("discovery.k8s.io/v1beta1", "EndpointSlice", "1.21", "1.25", "v1"),
            _retired("events.k8s.io/v1beta1", "Event", "1.22", "1.25", "v1"),
            _retired("flowcontrol.apiserver.k8s.io/v1alpha1", _FLOW_KINDS, "1.20", "1.21", "v1"),
            _retired("flowcontrol.apiserver.k8s.io/v1beta1", _FLOW_KINDS, "1.23", "1.26", "v1"),
            _retired("flowcontrol.apiserver.k8s.io/v1beta2", _FLOW_KINDS, "1.26", "1.29", "v1"),
            _retired("flowcontrol.apiserver.k8s.io/v1beta3", _FLOW_KINDS, "1.29", "1.32", "v1"),
            _retired("networking.k8s.io/v1alpha1", "ClusterCIDR", "1.28", "1.29"),
            _retired("networking.k8s.io/v1alpha1", "IPAddress ServiceCIDR", "1.30", "1.33", "v1"),
            _retired("networking.k8s.io/v1beta1", "Ingress IngressClass", "1.19", "1.22", "v1"),
            _retired("networking.k8s.io/v1beta1", "IPAddress ServiceCIDR", "1.34", "1.37", "v1"),
            _retired("node.k8s.io/v1beta1", "RuntimeClass", "1.22", "1.25", "v1"),
            _retired("policy/v1beta1", "PodDisruptionBudget", "1.21", "1.25", "v1"),
            _retired("policy/v1beta1", "PodSecurityPolicy", "1.21", "1.25"),
            _retired("rbac.authorization.k8s.io/v1alpha1", _RBAC_KINDS, "1.17", "1.23", "v1"),
            _retired("rbac.authorization.k8s.io/v1beta1", _RBAC_KINDS, "1.17", "1.22", "v1"),
            _retired("resource.k8s.io/v1alpha1", _CLAIMS, "1.27", "1.27", "v1"),
            _retired("resource.k8s.io/v1alpha1", "PodScheduling", "1.27", "1.27"),
            _retired("resource.k8s.io/v1alpha1", "ResourceClass", "1.27", "1.27"),
            _retired("resource.k8s.io/v1alpha2", f"{_CLAIMS} ResourceSlice", "1.31", "1.31", "v1"),
            _retired(
                "resource.k8s.io/v1alpha2",
                "PodSchedulingContext ResourceClaimParameters ResourceClass ResourceClassParameters",
                "1.31",
                "1.31",
            ),
            _retired("resource.k8s.io/v1alpha3", "PodSchedulingContext", "1.32", "1.32"),
            _retired("resource.k8s.io/v1alpha3", _DEVICES, "1.34", "1.34", "v1"),
            _retired("resource.k8s.io/v1alpha3", "DeviceTaintRule", "1.36", "1.39", "v1"),
            _retired("resource.k8s.io/v1beta1", _DEVICES, "1.35", "1.38", "v1"),
            _retired("resource.k8s.io/v1beta2", _DEVICES, "1.36", "1.39", "v1"),
            _retired("scheduling.k8s.io/v1alpha1", "PriorityClass", "1.14", "1.23", "v1"),
            _retired("scheduling.k8s.io/v1beta1", "PriorityClass", "1.14", "1.22", "v1"),
            _retired("storage.k8s.io/v1alpha1", "CSIStorageCapacity VolumeAttachment", "1.21", "1.24", "v1"),
            _retired("storage.k8s.io/v1alpha1", "VolumeAttributesClass", "1.32", "1.35", "v1"),
            _retired("storage.k8s.io/v1beta1", "CSINode", "1.17", "1.22", "v1"),
            _retired(
                "storage.k8s.io/v1beta1", "CSIDriver StorageClass VolumeAttachment", "1.19", "1.22", "v1"
            ),
            _retired("storage.k8s.io/v1beta1", "CSIStorageCapacity", "1.24", "1.27", "v1"),
            _retired("storage.k8s.io/v1beta1", "VolumeAttributesClass", "1.34", "1.37", "v1"),
            _retired("storagemigration.k8s.io/v1alpha1", "StorageVersionMigration", "1.33", "1.35", "v1"),
            _retired("storagemigration.k8s.io/v1beta1", "StorageVersionMigration", "1.37", "1.40", "v1"),
        )
        for one in several
    }
)
