"""Claims for storage in the user's own manifests: whole, and with something in the cluster to fill them."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from itertools import combinations
from typing import Any

from attrs import frozen

from hybridlab.diagnostic import Related, Severity, SpecPath
from hybridlab.model.cluster import Cluster
from hybridlab.model.plain import items, mapping, texts
from hybridlab.model.quantity import parse_quantity
from hybridlab.model.workload import KubernetesObject
from hybridlab.rules.rule import OWN, OWN_DOCUMENT, Example, Finding, rule
from hybridlab.rules.wording import listed
from hybridlab.tables import choices

_SPEC = OWN_DOCUMENT / "spec"
_DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"
_NO_PROVISIONER = "kubernetes.io/no-provisioner"
_CLAIM = """
        apiVersion: v1
        kind: PersistentVolumeClaim
        metadata: {{name: data, namespace: default}}
        spec: {}
"""
_VOLUME = """
        ---
        apiVersion: v1
        kind: PersistentVolume
        metadata: {name: data}
        spec:
          storageClassName: ""
          capacity: {storage: 20Gi}
          accessModes: [ReadWriteOnce]
          nfs: {server: 10.0.10.200, path: /data}
"""
_GOOD = '{storageClassName: "", accessModes: [ReadWriteOnce], resources: {requests: {storage: 10Gi}}}'


@frozen
class _Claim:
    """A claim for a volume: of an object that is one, of a StatefulSet, or of a pod."""

    who: str
    spec: Mapping[str, Any]
    path: SpecPath
    key: tuple[str, str] | None = None

    @property
    def modes(self) -> list[str]:
        return [mode for mode in items(self.spec.get("accessModes")) if isinstance(mode, str)]

    @property
    def storage(self) -> Fraction | None:
        requests = mapping(mapping(self.spec.get("resources")).get("requests"))
        return parse_quantity(requests.get("storage"))


def _claims(cluster: Cluster) -> Iterator[_Claim]:
    for one in cluster.objects:
        if (one.group, one.kind) == ("", "PersistentVolumeClaim"):
            yield _Claim(str(one), one.spec, one.path / "spec", (one.namespace or "default", one.name))
        elif (one.group, one.kind) == ("apps", "StatefulSet"):
            for index, claim in enumerate(items(one.spec.get("volumeClaimTemplates"))):
                path = one.path / "spec" / "volumeClaimTemplates" / index / "spec"
                yield _Claim(str(one), mapping(mapping(claim).get("spec")), path)
    for template in cluster.templates:
        for index, volume in enumerate(items(template.spec.get("volumes"))):
            ephemeral = mapping(volume).get("ephemeral")
            if isinstance(ephemeral, dict):
                claim = mapping(mapping(ephemeral.get("volumeClaimTemplate")).get("spec"))
                at = template.path / "volumes" / index / "ephemeral" / "volumeClaimTemplate" / "spec"
                yield _Claim(str(template.pods), claim, at)


@rule(
    "MAN035",
    "claim-that-kubernetes-refuses",
    summary="A claim for storage, or a PersistentVolume, lacks what every one needs.",
    rationale="""A claim says how much storage it wants and how it will be used: accessModes. A volume says
        how much it has, how it can be used and where it lies; a local one also on which node. The API server
        refuses what lacks any of this.""",
    source="pkg/apis/core/validation: ValidatePersistentVolumeClaimSpec, ValidatePersistentVolumeSpec",
    bad=Example(
        OWN,
        at=_SPEC,
        manifest=_CLAIM.format('{storageClassName: "", resources: {requests: {storage: 10Gi}}}') + _VOLUME,
    ),
    good=OWN,
    good_manifest=_CLAIM.format(_GOOD) + _VOLUME,
)
def claim_that_kubernetes_refuses(cluster: Cluster) -> Iterable[Finding]:
    for claim in _claims(cluster):
        requests = mapping(mapping(claim.spec.get("resources")).get("requests"))
        missing = [] if items(claim.spec.get("accessModes")) else ["accessModes: [ReadWriteOnce]"]
        if requests.get("storage") is None or claim.storage == 0:
            missing.append("resources: {requests: {storage: 10Gi}}")
        if missing:
            yield Finding(
                f"{claim.who} claims a volume, and does not say {_what(missing)}",
                claim.path,
                f"write {' and '.join(missing)}, or as you need it",
                on_key=True,
            )
    for one in cluster.objects:
        if (one.group, one.kind) != ("", "PersistentVolume"):
            continue
        sources = [key for key in one.spec if key in VOLUME_SOURCES]
        affinity = mapping(mapping(one.spec.get("nodeAffinity")).get("required"))
        lacking = {
            "capacity.storage": mapping(one.spec.get("capacity")).get("storage") is None,
            "accessModes": not items(one.spec.get("accessModes")),
            "nodeAffinity, which a local one needs": "local" in sources and not affinity,
            "source, like nfs or local": not sources,
        }
        if lack := [what for what, is_lacking in lacking.items() if is_lacking]:
            hint = f"write its {lack[0].partition(',')[0]}"
            yield Finding(f"{one} has no {listed(lack)}", one.path / "spec", hint, on_key=True)


# What a PersistentVolume may lie in: the fields of PersistentVolumeSource, in k8s.io/api 0.36.
VOLUME_SOURCES = frozenset(
    (
        *("awsElasticBlockStore", "azureDisk", "azureFile", "cephfs", "cinder", "csi", "fc", "flexVolume"),
        *("flocker", "gcePersistentDisk", "glusterfs", "hostPath", "iscsi", "local", "nfs"),
        *("photonPersistentDisk", "portworxVolume", "quobyte", "rbd", "scaleIO", "storageos"),
        *("vsphereVolume",),
    )
)


def _what(missing: list[str]) -> str:
    words = {"accessModes": "how it is used", "resources": "how large it is"}
    return " and ".join(words[key.partition(":")[0]] for key in missing)


@rule(
    "MAN036",
    "claim-that-nothing-fills",
    severity=Severity.WARNING,
    summary="A claim for storage finds no volume, and no StorageClass that would make one.",
    rationale="""This cluster has no storage but what its manifests bring. A claim waits until there is a
        PersistentVolume of its class, large enough and to be used that way, or a provisioner that makes one;
        until then its pods stay Pending.""",
    source="Kubernetes docs, Persistent Volumes: binding; Dynamic Volume Provisioning",
    bad=Example(
        OWN,
        at=_SPEC / "storageClassName",
        manifest=_CLAIM.format(_GOOD.replace('""', "local-path")) + _VOLUME,
    ),
    good=OWN,
    good_manifest=_CLAIM.format(_GOOD) + _VOLUME,
)
def claim_that_nothing_fills(cluster: Cluster) -> Iterable[Finding]:
    inventory = cluster.inventory
    if inventory.may_appear("", "PersistentVolume", None):
        return
    classes = {one.name: one for one in inventory.of_kind("storage.k8s.io", "StorageClass")}
    provisioned = {name for name, one in classes.items() if one.data.get("provisioner") != _NO_PROVISIONER}
    default = next((name for name, one in classes.items() if _is_default(one.data)), "")
    volumes = _Volumes.of(cluster)
    for claim in _claims(cluster):
        written = claim.spec.get("storageClassName")
        wanted = written if isinstance(written, str) else default
        if wanted in provisioned or not claim.storage or not claim.modes:
            continue
        if not set(choices.ACCESS_MODES).issuperset(claim.modes):
            continue  # a mode that does not exist is another matter: MAN021
        if (own := volumes.of_claim(claim)) is not None:
            yield from _unlike(claim, own)
        elif not volumes.fill(claim, wanted):
            of_class = f"of class {wanted!r}" if wanted else "without a class"
            there = f"there is no PersistentVolume {of_class}, and no StorageClass that makes any"
            if volumes.has(wanted):
                there = f"none of the PersistentVolumes {of_class} would do"
            yield Finding(
                f"{claim.who} claims a volume, and {there}",
                claim.path / "storageClassName" if written else claim.path,
                f"name one of the classes {listed(sorted(provisioned))}"
                if provisioned
                else "add a PersistentVolume for it, or a StorageClass with its provisioner",
                on_key=not written,
            )


def _unlike(claim: _Claim, volume: KubernetesObject) -> Iterator[Finding]:
    """Yield in what a volume that is named, or reserved, is not what its claim asks for."""
    related = (Related(str(volume), volume.name_path),)
    size = parse_quantity(mapping(volume.spec.get("capacity")).get("storage"))
    requests = mapping(mapping(claim.spec.get("resources")).get("requests"))
    if size is not None and claim.storage is not None and size < claim.storage:
        yield Finding(
            f"{claim.who} claims {requests['storage']}, and {volume} has "
            f"{mapping(volume.spec.get('capacity'))['storage']}",
            claim.path / "resources" / "requests" / "storage",
            "claim less, or make the volume larger",
            related=related,
        )
    can = items(volume.spec.get("accessModes"))
    if lacking := [mode for mode in claim.modes if mode not in can]:
        yield Finding(
            f"{claim.who} claims {listed(lacking)}, and {volume} can be used as {listed(can or ['nothing'])}",
            claim.path / "accessModes",
            "claim no more than the volume has",
            on_key=True,
            related=related,
        )


def _is_default(data: Mapping[str, Any]) -> bool:
    return texts(mapping(data.get("metadata")).get("annotations")).get(_DEFAULT_CLASS) == "true"


@frozen
class _Volumes:
    """The PersistentVolumes: the largest of each class and set of ways to use it, and what is reserved."""

    largest: Mapping[tuple[str, frozenset[str]], Fraction]
    reserved: Mapping[tuple[str, str], KubernetesObject]
    names: Mapping[str, KubernetesObject]
    classes: frozenset[str]

    @classmethod
    def of(cls, cluster: Cluster) -> "_Volumes":
        largest: dict[tuple[str, frozenset[str]], Fraction] = defaultdict(Fraction)
        reserved: dict[tuple[str, str], KubernetesObject] = {}
        names: dict[str, KubernetesObject] = {}
        for one in cluster.inventory.of_kind("", "PersistentVolume"):
            names[one.name] = one
            if reference := mapping(one.spec.get("claimRef")):
                reserved[str(reference.get("namespace") or "default"), str(reference.get("name"))] = one
                continue
            size = parse_quantity(mapping(one.spec.get("capacity")).get("storage")) or Fraction(0)
            modes = {mode for mode in items(one.spec.get("accessModes")) if isinstance(mode, str)}
            for count in range(1, min(len(modes), 4) + 1):
                for some in combinations(sorted(modes), count):
                    key = str(one.spec.get("storageClassName") or ""), frozenset(some)
                    largest[key] = max(largest[key], size)
        classes = frozenset(name for name, _ in largest)
        return cls(largest, reserved, names, classes)

    def has(self, name: str) -> bool:
        return name in self.classes

    def of_claim(self, claim: _Claim) -> KubernetesObject | None:
        """Return the volume that the claim names, or that is reserved for it."""
        named = self.names.get(str(claim.spec.get("volumeName")))
        return named if named is not None or claim.key is None else self.reserved.get(claim.key)

    def fill(self, claim: _Claim, wanted: str) -> bool:
        """Whether one of them would do; labels that a claim selects are not looked at."""
        size = self.largest.get((wanted, frozenset(claim.modes)))
        return size is not None and claim.storage is not None and size >= claim.storage
