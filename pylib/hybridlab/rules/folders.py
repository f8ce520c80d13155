"""Folders on nodes in which workloads keep their data: kept, apart from each other, and not the system's."""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath

from attrs import frozen

from hybridlab.diagnostic import Related, Severity, SpecPath
from hybridlab.model.cluster import Cluster
from hybridlab.model.node import Guest
from hybridlab.model.plain import is_true, items, mapping
from hybridlab.model.workload import App, Deployment, PodTemplate
from hybridlab.rules.rule import Example, Finding, rule
from hybridlab.rules.wording import listed

_STATE = PurePosixPath("/var/lib")  # where a guest's volume is mounted
_VOLATILE = tuple(map(PurePosixPath, ("/run", "/tmp")))
# Where nobody looks for something after a restart.
_PASSING = tuple(map(PurePosixPath, ("/opt/cni", "/var/cache", "/var/log", "/var/run", "/var/tmp")))
# What a pod must not write to, all below it included; and folders of which everything else is a part.
_SYSTEM_STATE = ("cfssl", "cni", "containerd", "etcd", "kubelet", "kubernetes", "microvms", "nixos")
_SYSTEM_TREES = (
    *map(PurePosixPath, ("/bin", "/boot", "/dev", "/etc", "/nix", "/proc", "/sys", "/usr")),
    *(_STATE / name for name in _SYSTEM_STATE),
)
# What is no data: devices, which a privileged pod may use, and sockets of the node's own programs.
_DEVICES = tuple(PurePosixPath("/dev", name) for name in ("bus/usb", "dri", "dvb", "input", "serial", "snd"))
_SOCKETS = tuple(PurePosixPath("/run", name) for name in ("avahi-daemon", "dbus", "pcscd", "udev"))
_SYSTEM_PARENTS = frozenset(map(PurePosixPath, ("/home", "/root", "/run", "/tmp", "/var", "/var/lib")))


def _folders(cluster: Cluster) -> Iterator[tuple[App, PurePosixPath, SpecPath]]:
    for app in cluster.apps:
        for folder, path in app.folders:
            if not folder.endswith(".sock"):  # WKL023 tells of sockets
                yield app, PurePosixPath(folder), path


def _is_below(folder: PurePosixPath, trees: Iterable[PurePosixPath]) -> bool:
    return any(folder.is_relative_to(tree) for tree in trees)


def _is_system(folder: PurePosixPath) -> bool:
    return folder in _SYSTEM_PARENTS or _is_below(folder, _SYSTEM_TREES)


def _is_passed_on(workload: App, folder: PurePosixPath) -> bool:
    """Whether the workload keeps nothing in the folder: it is given what the node has there."""
    return _is_below(folder, _SOCKETS) or (workload.privileged and _is_below(folder, _DEVICES))


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
        if _is_system(folder) and not _is_passed_on(workload, folder):
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
        if _is_system(folder) or _is_passed_on(workload, folder):
            continue
        machines = [cluster.machine(name) for name in workload.nodes]
        if not _is_below(folder, _VOLATILE):
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
    for template in cluster.templates:
        yield from _not_kept(cluster, template)


def _not_kept(cluster: Cluster, template: PodTemplate) -> Iterator[Finding]:
    """Yield the folders that pods in a manifest make on guests, and only there, and that these forget."""
    machines = [cluster.machine(name) for name in template.pods.nodes]
    guests = [machine for machine in machines if isinstance(machine, Guest)]
    if not guests or len(guests) < len(machines):
        return
    mounts = (mapping(m) for c, _ in template.containers for m in items(c.get("volumeMounts")))
    written = {str(mount.get("name")) for mount in mounts if not is_true(mount.get("readOnly"))}
    for index, volume in enumerate(map(mapping, items(template.spec.get("volumes")))):
        source = mapping(volume.get("hostPath"))
        # What is there already may be a share, or another volume of the guest.
        if source.get("type") != "DirectoryOrCreate" or str(volume.get("name")) not in written:
            continue
        folder = PurePosixPath(str(source.get("path")))
        passing = _is_system(folder) or _is_below(folder, (*_VOLATILE, *_PASSING))
        if not passing and not folder.is_relative_to(_STATE):
            yield Finding(
                f"{template.pods} keeps data in {folder}, and {listed(guests)}, where it runs, "
                f"{'loses' if len(guests) == 1 else 'lose'} it on a restart",
                template.path / "volumes" / index / "hostPath" / "path",
                f"take a folder below {_STATE}, or select other nodes",
                related=tuple(Related(f"{guest} is one of its nodes", guest.path) for guest in guests[:3]),
            )


@rule(
    "WKL011",
    "shared-folder",
    severity=Severity.WARNING,
    summary="Two workloads keep their data in one folder, or one inside that of the other, on the same node.",
    rationale="""Neither knows of the other, and each takes what it finds for its own. When Ollama starts, it
        even removes files that no model of its list uses: what the other is fetching. Different programs may
        share a library, as one that collects films and one that plays them: a folder that is neither below
        /var/lib nor called like a workload.""",
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
    names = frozenset(app.name for app in cluster.apps)
    kept = [_Kept(*kept) for kept in _folders(cluster) if not _is_passed_on(*kept[:2])]
    first: dict[tuple[PurePosixPath, str, str], _Kept] = {}
    for one in kept:
        program = _program(one.workload) if _may_be_library(one.folder, names) else ""
        others = {name: first.setdefault((one.folder, name, program), one) for name in one.workload.nodes}
        yield from _sharing(cluster, one, others)
    trees = {one.folder for one in kept if not _is_system(one.folder)}
    for one in kept:
        for tree in trees.intersection(one.folder.parents):
            program = _program(one.workload) if _may_be_library(tree, names) else ""
            found = {name: first.get((tree, name, program)) for name in one.workload.nodes}
            yield from _sharing(cluster, one, {name: other for name, other in found.items() if other})


@frozen
class _Kept:
    """A folder in which a workload keeps data, and where the spec says so."""

    workload: App
    folder: PurePosixPath
    path: SpecPath


def _sharing(cluster: Cluster, one: _Kept, others: Mapping[str, _Kept]) -> Iterator[Finding]:
    """Yield that on some nodes the folder is another workload's as well, or lies in that."""
    shared = [name for name, other in others.items() if other.workload is not one.workload]
    if not shared:
        return
    other = others[shared[0]]
    where = listed([cluster.machine(name) for name in shared])
    if one.folder == other.folder:
        message = f"{one.workload} and {other.workload} both keep data in {one.folder}"
    else:
        message = f"{one.workload} keeps data in {one.folder}, inside a folder of {other.workload}"
    # Not the folder that both have.
    moving = next(each.workload for each in (one, other) if _STATE / each.workload.name != other.folder)
    yield Finding(
        f"{message}, and may both run on {where}",
        one.path,
        f"give {moving} a folder of its own, like {_STATE / moving.name}",
        related=(Related(f"{other.workload} keeps data in {other.folder}", other.path),),
    )


def _may_be_library(folder: PurePosixPath, names: frozenset[str]) -> bool:
    return not folder.is_relative_to(_STATE) and names.isdisjoint(folder.parts)


def _program(workload: App) -> str:
    """Return what a workload runs, in whatever version: its image without tag and digest."""
    name = workload.image.partition("@")[0]
    return re.sub(r":[^:/]*$", "", name)


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
