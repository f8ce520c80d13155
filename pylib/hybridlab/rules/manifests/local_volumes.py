"""PersistentVolumes in the user's own manifests that are folders of a node: of one that pods come to."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from hybridlab.diagnostic import Related, Severity
from hybridlab.model.cluster import Cluster
from hybridlab.model.plain import items, mapping
from hybridlab.model.workload import KubernetesObject, Pods
from hybridlab.rules.rule import OWN, OWN_DOCUMENT, Example, Finding, rule
from hybridlab.rules.wording import listed

# Elsewhere may be a file system that all nodes share.
_OF_THE_NODE = PurePosixPath("/var/lib")
_FOLDER = """
        apiVersion: v1
        kind: PersistentVolume
        metadata: {{name: photos}}
        spec:
          storageClassName: ""
          capacity: {{storage: 20Gi}}
          accessModes: [ReadWriteOnce]
          claimRef: {{name: photos, namespace: default}}
          hostPath: {{path: /var/lib/photos}}
        ---
        apiVersion: v1
        kind: PersistentVolumeClaim
        metadata: {{name: photos, namespace: default}}
        spec:
          storageClassName: ""
          volumeName: photos
          accessModes: [ReadWriteOnce]
          resources: {{requests: {{storage: 20Gi}}}}
        ---
        apiVersion: v1
        kind: Pod
        metadata: {{name: photos, namespace: default}}
        spec:
          nodeSelector: {{{}}}
          containers:
          - {{name: app, image: "nginx:1.29.1", volumeMounts: [{{name: data, mountPath: /data}}]}}
          volumes: [{{name: data, persistentVolumeClaim: {{claimName: photos}}}}]
"""


@rule(
    "MAN055",
    "volume-of-any-node",
    severity=Severity.WARNING,
    summary="A PersistentVolume is a folder of whatever node its pods start on.",
    rationale="""A hostPath says nothing of a node. When the pod starts elsewhere, after an update of its
        node, it finds an empty folder there, and what it had written is on the other node.""",
    source="Kubernetes docs, Persistent Volumes: hostPath is for single node testing; kubernetes#123743",
    bad=Example(
        OWN,
        at=OWN_DOCUMENT / "spec" / "hostPath" / "path",
        manifest=_FOLDER.format("kubernetes.io/os: linux"),
    ),
    good=OWN,
    good_manifest=_FOLDER.format("kubernetes.io/hostname: k8s-worker-1"),
)
def volume_of_any_node(cluster: Cluster) -> Iterable[Finding]:
    volumes = [one for one in cluster.inventory.of_kind("", "PersistentVolume") if _is_of_no_node(one)]
    if not volumes:
        return
    claims = dict(_claims(cluster))
    users = _users(cluster)
    for one in volumes:
        reference = mapping(one.spec.get("claimRef"))
        key = claims.get(one.name)
        if reference:
            key = str(reference.get("namespace") or "default"), str(reference.get("name"))
        wide = next((pods for pods in users.get(key, ()) if len(pods.nodes) > 1), None) if key else None
        if wide is not None:
            machines = [cluster.machine(name) for name in wide.nodes]
            yield Finding(
                f"{one} is a folder of any node, and {wide} may run on {listed(machines)}",
                one.path / "spec" / "hostPath" / "path",
                "add nodeAffinity with the node that has it, or select that node for the pods",
                related=(Related(f"{wide}", wide.path),),
            )


def _is_of_no_node(one: KubernetesObject) -> bool:
    path = mapping(one.spec.get("hostPath")).get("path")
    below = isinstance(path, str) and PurePosixPath(path).is_relative_to(_OF_THE_NODE)
    return below and not mapping(one.spec.get("nodeAffinity"))


def _claims(cluster: Cluster) -> Iterator[tuple[str, tuple[str, str]]]:
    """Yield the claims that name their volume, by its name."""
    for one in cluster.inventory.of_kind("", "PersistentVolumeClaim"):
        if isinstance(volume := one.spec.get("volumeName"), str):
            yield volume, (one.namespace or "default", one.name)


def _users(cluster: Cluster) -> dict[tuple[str, str], list[Pods]]:
    """Return the pods that use each claim, which are in its namespace."""
    found: dict[tuple[str, str], list[Pods]] = defaultdict(list)
    for template in cluster.templates:
        for volume in map(mapping, items(template.spec.get("volumes"))):
            name = mapping(volume.get("persistentVolumeClaim")).get("claimName")
            if isinstance(name, str):
                found[template.namespace or "default", name].append(template.pods)
    return found
