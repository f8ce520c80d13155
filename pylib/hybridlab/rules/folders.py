"""Folders on nodes in which workloads keep their data: kept, apart from each other, and not the system's."""

from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from hybridlab.diagnostic import Related, Severity, SpecPath
from hybridlab.model.cluster import Cluster
from hybridlab.model.node import Guest
from hybridlab.model.workload import App, Deployment
from hybridlab.rules.rule import Example, Finding, rule
from hybridlab.rules.wording import listed

_STATE = PurePosixPath("/var/lib")  # where a guest's volume is mounted
_VOLATILE = tuple(map(PurePosixPath, ("/run", "/tmp")))
# What a pod must not write to, all below it included; and folders of which everything else is a part.
_SYSTEM_STATE = ("cfssl", "cni", "containerd", "etcd", "kubelet", "kubernetes", "microvms", "nixos")
_SYSTEM_TREES = (
    *map(PurePosixPath, ("/bin", "/boot", "/dev", "/etc", "/nix", "/proc", "/sys", "/usr")),
    *(_STATE / name for name in _SYSTEM_STATE),
)
_SYSTEM_PARENTS = frozenset(map(PurePosixPath, ("/home", "/root", "/run", "/tmp", "/var", "/var/lib")))


def _folders(cluster: Cluster) -> Iterator[tuple[App, PurePosixPath, SpecPath]]:
    for app in cluster.apps:
        for folder, path in app.folders:
            yield app, PurePosixPath(folder), path


def _is_system(folder: PurePosixPath) -> bool:
    return folder in _SYSTEM_PARENTS or any(folder.is_relative_to(tree) for tree in _SYSTEM_TREES)


@rule(
    "WKL009",
    "system-folder",
    summary="A workload keeps its data in a folder of the system.",
    rationale="""The folder is mounted into the pod, writable, as it is: certificates and keys of the node,
        its store or the disks of its guests are in the pod's hands, and what it writes may stop the
        node.""",
    source="Kubernetes docs, Volumes, hostPath: warnings",
    bad=Example(
        """
        workloads:
          ollama: {models: /var/lib}
        """,
        at=SpecPath.of("workloads", "ollama", "models"),
    ),
    good="""
        workloads:
          ollama: {models: /var/lib/models}
    """,
)
def system_folder(cluster: Cluster) -> Iterable[Finding]:
    for workload, folder, path in _folders(cluster):
        if _is_system(folder):
            message = f"{workload} keeps data in {folder}, which belongs to the node's system"
            yield Finding(message, path, f"take a folder of its own, like {_STATE / workload.name}")


@rule(
    "WKL010",
    "folder-not-kept",
    severity=Severity.WARNING,
    summary="A workload may run where its folder does not outlive a restart.",
    rationale="""A guest's root is a tmpfs: what is not under /var/lib, its volume, is gone after a restart,
        and fills the guest's memory until then. So do /run and /tmp on a host. Models are gigabytes, and
        would be fetched again each time.""",
    source="microvm.nix, nixos-modules/microvm/mounts.nix (the root is a tmpfs)",
    bad=Example(
        """
        workloads:
          small: {type: ollama, namespace: small, models: /srv/models}
        """,
        at=SpecPath.of("workloads", "small", "models"),
    ),
    good="""
        workloads:
          small: {type: ollama, namespace: small, models: /var/lib/small}
    """,
)
def folder_not_kept(cluster: Cluster) -> Iterable[Finding]:
    for workload, folder, path in _folders(cluster):
        if _is_system(folder):
            continue
        machines = [cluster.machine(name) for name in workload.nodes]
        if not any(folder.is_relative_to(volatile) for volatile in _VOLATILE):
            on_volume = folder.is_relative_to(_STATE)
            machines = [] if on_volume else [machine for machine in machines if isinstance(machine, Guest)]
        if machines:
            yield Finding(
                f"{workload} keeps data in {folder}, and {listed(machines)}, where it may run, "
                f"{'loses' if len(machines) == 1 else 'lose'} it on a restart",
                path,
                f"take a folder like {_STATE / workload.name}, or select other nodes",
                related=tuple(
                    Related(f"{machine} is one of its nodes", machine.path) for machine in machines[:3]
                ),
            )


@rule(
    "WKL011",
    "shared-folder",
    severity=Severity.WARNING,
    summary="Two workloads keep their data in the same folder, and may run on the same node.",
    rationale="""Neither knows of the other, and each takes what it finds for its own. When Ollama starts, it
        even removes files that no model of its list uses: what the other is fetching.""",
    source="ollama/ollama, envconfig (OLLAMA_NOPRUNE: do not prune model blobs on startup)",
    bad=Example(
        """
        workloads:
          small: {type: ollama, namespace: small}
        """,
        at=SpecPath.of("workloads", "small", "models"),
    ),
    good="""
        workloads:
          small: {type: ollama, namespace: small, models: /var/lib/small}
    """,
)
def shared_folder(cluster: Cluster) -> Iterable[Finding]:
    first: dict[tuple[PurePosixPath, str], App] = {}
    places: dict[tuple[str, PurePosixPath], SpecPath] = {}
    for workload, folder, path in _folders(cluster):
        places.setdefault((workload.name, folder), path)
        others = {name: first.setdefault((folder, name), workload) for name in workload.nodes}
        shared = [name for name, other in others.items() if other is not workload]
        if shared:
            other = others[shared[0]]
            where = listed([cluster.machine(name) for name in shared])
            yield Finding(
                f"{workload} and {other} both keep data in {folder}, and may both run on {where}",
                path,
                f"give one of them another folder, like {_STATE / workload.name}",
                related=(Related(f"{other} keeps data there", places[other.name, folder]),),
            )


@rule(
    "WKL014",
    "replicas-share-folder",
    severity=Severity.WARNING,
    summary="Several replicas of a workload keep data in folders of their node.",
    rationale="""Replicas on one node write to the same folder, which few programs bear; replicas on different
        nodes each have a folder of their own, so what one has written the others do not see.""",
    source="Kubernetes docs, Volumes, hostPath: it is the folder of the node on which the pod runs",
    bad=Example(
        """
        workloads:
          page: {type: deployment, image: "nginx:1.29.1", replicas: 2, volumes: {/data: /var/lib/page}}
        """,
        at=SpecPath.of("workloads", "page", "replicas"),
    ),
    good="""
        workloads:
          page: {type: deployment, image: "nginx:1.29.1", replicas: 2}
    """,
)
def replicas_share_folder(cluster: Cluster) -> Iterable[Finding]:
    for workload in cluster.workloads:
        if isinstance(workload, Deployment) and workload.replicas > 1 and workload.volumes:
            folders = listed([*workload.volumes.values()])
            yield Finding(
                f"{workload} has {workload.replicas} replicas, and keeps data in {folders}",
                workload.path / "replicas",
                "run one replica, or keep the data elsewhere",
            )
