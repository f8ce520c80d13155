"""Folders of their node that pods of the user's own manifests mount: what NixOS has there for itself."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath

from hybridlab.diagnostic import Severity, SpecPath
from hybridlab.model.cluster import Cluster
from hybridlab.model.plain import is_true, items, mapping
from hybridlab.model.workload import PodTemplate
from hybridlab.rules.rule import OWN, OWN_DOCUMENT, Example, Finding, rule

_PATH = OWN_DOCUMENT / "spec" / "template" / "spec" / "volumes" / 0 / "hostPath" / "path"
_AGENT = """
        apiVersion: apps/v1
        kind: DaemonSet
        metadata: {{name: agent, namespace: default}}
        spec:
          selector: {{matchLabels: {{app: agent}}}}
          template:
            metadata: {{labels: {{app: agent}}}}
            spec:
              containers:
              - {{name: agent, image: "busybox:1.37", volumeMounts: [{{name: host, mountPath: /host{}}}]}}
              volumes: [{{name: host, hostPath: {{path: {}}}}}]
"""
_POD_NETWORK = ("/etc/cni", "/opt/cni")
_SOCKETS = PurePosixPath("/var/lib/kubelet/device-plugins")


def _host_paths(template: PodTemplate) -> Iterator[tuple[str, PurePosixPath, SpecPath]]:
    """Yield the folders of the node that pods mount, each with the volume's name and its place."""
    for index, volume in enumerate(map(mapping, items(template.spec.get("volumes")))):
        path = mapping(volume.get("hostPath")).get("path")
        if isinstance(path, str) and path.startswith("/"):
            at = template.path / "volumes" / index / "hostPath" / "path"
            yield str(volume.get("name")), PurePosixPath(path), at


def _is_below(path: PurePosixPath, trees: Iterable[str]) -> bool:
    return any(path.is_relative_to(tree) for tree in trees)


def _installs_pod_network(template: PodTemplate) -> tuple[PurePosixPath, SpecPath] | None:
    found = ((path, at) for _, path, at in _host_paths(template) if _is_below(path, _POD_NETWORK))
    return next(found, None)


@rule(
    "MAN046",
    "second-pod-network",
    summary="A manifest brings a pod network, and NixOS has one that can not be replaced this way.",
    rationale="""NixOS runs flannel as a service of each node. /etc/cni/net.d is a link into the Nix store,
        which nobody can write to, and the kubelet empties /opt/cni/bin whenever it starts: kube-flannel,
        Calico and Cilium can not install themselves, and would be a second network if they could.""",
    source="nixpkgs, cluster/kubernetes/kubelet.nix; NixOS/nixpkgs#53601; facts - no-daemonset-cni",
    bad=Example(OWN, at=_PATH, manifest=_AGENT.format("", "/etc/cni/net.d")),
    good=OWN,
    good_manifest=_AGENT.format("", "/var/lib/agent"),
)
def second_pod_network(cluster: Cluster) -> Iterable[Finding]:
    for template in cluster.templates:
        if (found := _installs_pod_network(template)) is not None:
            path, at = found
            yield Finding(
                f"{template.pods} installs a pod network into {path}, where NixOS has flannel",
                at,
                "remove it: the pod network is flannel",
            )


# What manifests for other systems look for, and where NixOS's Kubernetes has it.
_ELSEWHERE: Mapping[str, str] = {
    "/var/lib/kubelet": "/var/lib/kubernetes",
    "/var/run/docker.sock": "/run/containerd/containerd.sock",
    "/run/docker.sock": "/run/containerd/containerd.sock",
    "/etc/kubernetes/pki": "/var/lib/kubernetes/secrets",
}


@rule(
    "MAN047",
    "folder-of-another-system",
    severity=Severity.WARNING,
    summary="Pods in a manifest look for something on their node that NixOS has elsewhere.",
    rationale="""The kubelet of NixOS has its files in /var/lib/kubernetes, but for the sockets of device
        plugins, and containers are run by containerd, not by Docker. A CSI driver that registers in
        /var/lib/kubelet is never found, a volume that it mounts there is seen by no pod.""",
    source="nixpkgs, cluster/kubernetes/kubelet.nix (--root-dir); btrfs-nfs-csi#130; facts - csi-kubelet-dir",
    bad=Example(OWN, at=_PATH, manifest=_AGENT.format("", "/var/lib/kubelet/plugins_registry")),
    good=OWN,
    good_manifest=_AGENT.format(", readOnly: true", "/var/lib/kubernetes/plugins_registry"),
)
def folder_of_another_system(cluster: Cluster) -> Iterable[Finding]:
    for template in cluster.templates:
        if _installs_pod_network(template) is not None:
            continue  # it goes as a whole
        for _, path, at in _host_paths(template):
            tree = next((tree for tree in _ELSEWHERE if path.is_relative_to(tree)), None)
            if tree is not None and not path.is_relative_to(_SOCKETS):
                instead = PurePosixPath(_ELSEWHERE[tree]) / path.relative_to(tree)
                yield Finding(
                    f"{template.pods} looks for {path} on its node, which NixOS does not have there",
                    at,
                    f"it is {instead}: also what tells the program so",
                )
                break  # one cause for all of them


# What a pod must not write to, all below it included; and folders of which everything else is a part.
_TREES = (
    *("/bin", "/boot", "/etc", "/nix", "/usr"),
    *(f"/var/lib/{name}" for name in ("cfssl", "containerd", "etcd", "kubernetes", "microvms", "nixos")),
)
_PARENTS = frozenset(map(PurePosixPath, ("/", "/home", "/root", "/run", "/var", "/var/lib")))
# Not folders, but single things that a program is given on purpose.
_SINGLE = ("BlockDevice", "CharDevice", "File", "Socket")


@rule(
    "MAN048",
    "system-folder-in-a-manifest",
    severity=Severity.WARNING,
    summary="Pods in a manifest can write to a folder of their node's system.",
    rationale="""The certificates and keys of the node, its boot files or the disks of its guests are then in
        the hands of whoever gets into the pod. Most programs that look at a node only read.""",
    source="Kubernetes docs, Volumes, hostPath: warnings; Pod Security Standards",
    bad=Example(OWN, at=_PATH, manifest=_AGENT.format("", "/etc")),
    good=OWN,
    good_manifest=_AGENT.format(", readOnly: true", "/etc"),
)
def system_folder_in_a_manifest(cluster: Cluster) -> Iterable[Finding]:
    for template in cluster.templates:
        if _installs_pod_network(template) is not None:
            continue
        writable = set(_written(template))
        for name, path, at in _host_paths(template):
            kind = _kind(template, at)
            if kind not in _SINGLE and name in writable and (path in _PARENTS or _is_below(path, _TREES)):
                yield Finding(
                    f"{template.pods} can write to {path} of its node, which belongs to the node's system",
                    at,
                    "write readOnly: true where it is mounted, or take a folder of its own",
                )


def _kind(template: PodTemplate, at: SpecPath) -> object:
    volume = mapping(items(template.spec.get("volumes"))[int(at[-3])])
    return mapping(volume.get("hostPath")).get("type")


def _written(template: PodTemplate) -> Iterator[str]:
    """Yield the names of the volumes that a container may write to."""
    for container, _ in template.containers:
        for mount in map(mapping, items(container.get("volumeMounts"))):
            if not is_true(mount.get("readOnly")):
                yield str(mount.get("name"))
