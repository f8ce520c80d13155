"""Claims for storage in manifests: whole, and filled by a volume or a provisioner, or nobody knows."""

import pytest

from own_manifests import cluster_wide, found, in_default, several

_CLASS = "storage.k8s.io/v1"
NFS = "nfs: {server: nas, path: /}"
MODES = "[ReadWriteOnce, ReadOnlyMany]"


def claim(spec: str = "", size: str = "10Gi") -> str:
    wanted = f"accessModes: [ReadWriteOnce], resources: {{requests: {{storage: {size}}}}}"
    return in_default("v1", "PersistentVolumeClaim", "data", f"spec: {{{spec}{wanted}}}")


def volume(spec: str = "", size: str = "10Gi", modes: str = MODES, source: str = NFS) -> str:
    has = f"capacity: {{storage: {size}}}, accessModes: {modes}, {source}"
    return cluster_wide("v1", "PersistentVolume", "data", f"spec: {{{spec}{has}}}")


def storage_class(name: str, provisioner: str = "rancher.io/local-path", metadata: str = "labels: {}") -> str:
    return cluster_wide(_CLASS, "StorageClass", name, f"provisioner: {provisioner}", metadata)


def role(resources: str) -> str:
    rule = f"{{apiGroups: [''], resources: {resources}, verbs: [create]}}"
    return cluster_wide("rbac.authorization.k8s.io/v1", "ClusterRole", "acts", f"rules: [{rule}]")


DEFAULT = 'annotations: {storageclass.kubernetes.io/is-default-class: "true"}'
CLASS_OF = "storageClassName: {}, "
CLAIMS = {
    "no volume": (claim(), [("MAN036", "0.spec")]),
    "one without a class": (several(claim(), volume()), []),
    "one of a class": (several(claim(), volume(CLASS_OF.format("fast"))), [("MAN036", "0.spec")]),
    "a class of nobody": (
        several(claim(CLASS_OF.format("fast")), volume()),
        [("MAN036", "0.spec.storageClassName")],
    ),
    "one of the class": (several(claim(CLASS_OF.format("fast")), volume(CLASS_OF.format("fast"))), []),
    "one that is too small": (several(claim(), volume(size="9Gi")), [("MAN036", "0.spec")]),
    "one for other uses": (several(claim(), volume(modes="[ReadWriteMany]")), [("MAN036", "0.spec")]),
    "one that is reserved for somebody else": (
        several(claim(), volume("claimRef: {name: other, namespace: default}, ")),
        [("MAN036", "0.spec")],
    ),
    "one that is reserved": (several(claim(), volume("claimRef: {name: data, namespace: default}, ")), []),
    "one that is reserved, and too small": (
        several(claim(), volume("claimRef: {name: data, namespace: default}, ", size="9Gi")),
        [("MAN036", "0.spec.resources.requests.storage")],
    ),
    "one that is named, and not for this": (
        several(claim("volumeName: data, "), volume(modes="[ReadOnlyMany]")),
        [("MAN036", "0.spec.accessModes")],
    ),
    "a class with a provisioner": (
        several(
            claim(CLASS_OF.format("fast")),
            storage_class("fast"),
        ),
        [],
    ),
    "the class of those who name none": (
        several(
            claim(),
            storage_class("fast", metadata=DEFAULT),
        ),
        [],
    ),
    "a class without a provisioner": (
        several(
            claim(CLASS_OF.format("hand")),
            storage_class("hand", "kubernetes.io/no-provisioner"),
        ),
        [("MAN036", "0.spec.storageClassName")],
    ),
    "somebody who makes volumes": (several(claim(), role("[persistentvolumes]")), []),
    "no use": (claim().replace("accessModes: [ReadWriteOnce], ", ""), [("MAN035", "0.spec")]),
    "no size": (claim().replace("storage: 10Gi", ""), [("MAN035", "0.spec")]),
    "no size at all": (claim().replace("storage: 10Gi", "storage: 0"), [("MAN035", "0.spec")]),
    "a size that is none: once": (
        claim().replace("storage: 10Gi", "storage: 10GB"),
        [("MAN023", "0.spec.resources.requests.storage")],
    ),
    "a volume without a source": (
        volume(source=""),
        [("MAN035", "0.spec")],
    ),
    "a local volume anywhere": (
        volume(source="local: {path: /srv}"),
        [("MAN035", "0.spec")],
    ),
}


@pytest.mark.parametrize("case", CLAIMS)
def test_claims(case: str) -> None:
    manifest, expected = CLAIMS[case]
    assert found(manifest) == expected
