"""Volumes and folders of nodes in manifests: on one node, on one that there is, and kept."""

import pytest

from own_manifests import cluster_wide, found, in_default, several


def deployment(replicas: int = 1, kind: str = "Deployment", spec: str = "", volumes: str = "[]") -> str:
    pod = f'{{{spec}containers: [{{name: app, image: "nginx:1.29.1"}}], volumes: {volumes}}}'
    template = f"template: {{metadata: {{labels: {{app: app}}}}, spec: {pod}}}"
    count = "" if kind == "DaemonSet" else f"replicas: {replicas}, "
    return in_default(
        "apps/v1", kind, "app", f"spec: {{{count}selector: {{matchLabels: {{app: app}}}}, {template}}}"
    )


def volume(source: str, more: str = "") -> str:
    rest = "storageClassName: '', capacity: {storage: 20Gi}, accessModes: [ReadWriteOnce]"
    claim = "claimRef: {name: data, namespace: default}"
    return cluster_wide("v1", "PersistentVolume", "data", f"spec: {{{rest}, {claim}, {source}{more}}}")


CLAIM = in_default(
    "v1",
    "PersistentVolumeClaim",
    "data",
    "spec: {storageClassName: '', accessModes: [ReadWriteOnce], resources: {requests: {storage: 20Gi}}}",
)
USES = "[{name: data, persistentVolumeClaim: {claimName: data}}]"
AFFINITY = (
    ", nodeAffinity: {{required: {{nodeSelectorTerms: [{{matchExpressions: "
    "[{{key: kubernetes.io/hostname, operator: In, values: [{}]}}]}}]}}}}"
)


@pytest.mark.parametrize(
    ("source", "more", "spec", "wide"),
    [
        ("hostPath: {path: /var/lib/data}", "", "", True),
        ("hostPath: {path: /srv/data}", "", "", False),
        ("nfs: {server: 10.0.10.200, path: /var/lib/data}", "", "", False),
        ("hostPath: {path: /var/lib/data}", "", "nodeSelector: {gpu: amd}, ", False),
        ("hostPath: {path: /var/lib/data}", AFFINITY.format("k8s-worker-1"), "", False),
    ],
)
def test_a_volume_is_on_one_node(source: str, more: str, spec: str, wide: bool) -> None:
    manifest = several(volume(source, more), CLAIM, deployment(spec=spec, volumes=USES))
    assert found(manifest) == ([("MAN055", "0.spec.hostPath.path")] if wide else [])


@pytest.mark.parametrize(
    ("node", "gone"), [("k8s-worker-1", False), ("k8s-worker-9", True), ("k8s-worker-9, homelab", False)]
)
def test_a_volume_is_on_a_node_that_there_is(node: str, gone: bool) -> None:
    manifest = several(volume("local: {path: /data}", AFFINITY.format(node)), CLAIM)
    assert found(manifest) == ([("WKL016", "0.spec.nodeAffinity")] if gone else [])


def test_a_driver_may_label_the_nodes_of_its_volumes() -> None:
    source = "csi: {driver: topolvm.io, volumeHandle: data}"
    assert found(several(volume(source, AFFINITY.format("k8s-worker-9")), CLAIM)) == []


def folder(path: str, kind: str = "DirectoryOrCreate", node: str = "k8s-worker-1", mount: str = "") -> str:
    source = f"[{{name: data, hostPath: {{path: {path}, type: {kind}}}}}]"
    one = f'{{name: app, image: "nginx:1.29.1", volumeMounts: [{{name: data, mountPath: /data{mount}}}]}}'
    where = f"nodeSelector: {{kubernetes.io/hostname: {node}}}"
    return in_default("v1", "Pod", "app", f"spec: {{{where}, containers: [{one}], volumes: {source}}}")


@pytest.mark.parametrize(
    ("manifest", "lost"),
    [
        (folder("/srv/data"), True),
        (folder("/var/lib/data"), False),
        (folder("/srv/data", "Directory"), False),
        (folder("/srv/data", node="homelab"), False),
        (folder("/srv/data", mount=", readOnly: true"), False),
        (folder("/var/log/data"), False),
        (folder("/tmp/data"), False),
    ],
)
def test_a_folder_on_a_guest_is_kept(manifest: str, lost: bool) -> None:
    assert found(manifest) == ([("WKL010", "0.spec.volumes.0.hostPath.path")] if lost else [])
