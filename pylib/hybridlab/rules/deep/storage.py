"""State of machines: on a file system that keeps it, is fit for it, and has no other owner."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePosixPath

from hybridlab.diagnostic import Related, SpecPath
from hybridlab.model.cluster import Cluster
from hybridlab.model.evaluated import at, holding
from hybridlab.model.node import Guest, Host, Machine
from hybridlab.rules.deep.rule import Difference, Example, Seen, deep_rule

_HOMELAB = SpecPath.of("hosts", "homelab")
_WORKER = SpecPath.of("guests", "k8s-worker-1")
_TYPES = "fileSystems.*.fsType"
_GONE = ("tmpfs", "ramfs")
_SHARED = ("virtiofs", "9p", "nfs", "nfs4", "cifs", "smb3", "fuse.sshfs")
_KUBELET = "/var/lib/kubernetes"
_CONTAINERD = "/var/lib/containerd"


def _mount(seen: Seen, path: str) -> tuple[str, str] | None:
    """Return where the file system is mounted that a path is on, and its type."""
    types = dict(seen.nixos.items(_TYPES))
    for folder in (PurePosixPath(path), *PurePosixPath(path).parents):
        kind = types.get(str(folder))
        if isinstance(kind, str):
            return str(folder), kind
    return None


def _state(cluster: Cluster, machine: Machine) -> Iterator[tuple[str, str]]:
    """Yield what a machine keeps, with the folder."""
    match machine:
        case Guest():
            yield "/var/lib", "its state"
        case Host():
            if machine.guests:
                yield "/var/lib/microvms", "the volumes of its guests"
    if (member := machine.membership) is not None:
        yield _KUBELET, "the node's certificates and pods"
        if member.is_control_plane:
            yield "/var/lib/etcd", "the cluster's data"
            yield "/var/lib/cfssl", "the cluster's CA"


@deep_rule(
    "NIX133",
    "state-not-kept",
    summary="A machine keeps its state on a file system that is empty after each boot.",
    rationale="""On a tmpfs a control plane loses etcd and the CA with the power, and comes back as
        another cluster whose nodes nobody trusts; a host loses its guests' volumes.""",
    source="tmpfs(5); microvm.nix, nixos-modules/microvm/mounts.nix (the root is a tmpfs); modules/guest.nix",
    reads=(_TYPES,),
    bad=Example(
        "homelab",
        'fileSystems."/var/lib/microvms" = { device = "none"; fsType = "tmpfs"; };',
        at=_HOMELAB,
    ),
    good=Example(
        "homelab",
        """
        fileSystems."/" = lib.mkForce { device = "none"; fsType = "tmpfs"; };
        fileSystems."/var/lib" = { device = "/dev/disk/by-label/state"; fsType = "ext4"; };
        """,
        at=_HOMELAB,
    ),
)
def state_not_kept(cluster: Cluster, machines: Sequence[Seen]) -> Iterable[Difference]:
    for seen in machines:
        told: set[str] = set()
        for folder, what in _state(cluster, seen.machine):
            mount = _mount(seen, folder)
            if mount is None or mount[1] not in _GONE or mount[0] in told:
                continue
            told.add(mount[0])
            yield _on(seen, f"{folder} with {what} is on the {mount[1]} at {mount[0]}", mount[0], "a disk")


def _on(seen: Seen, message: str, place: str, wanted: str) -> Difference:
    return Difference(
        seen.machine,
        message,
        seen.machine.path,
        f"mount {wanted} there with fileSystems, or take that mount out",
        seen.nixos.defined(_TYPES, at(place)),
        on_key=True,
    )


@deep_rule(
    "NIX134",
    "state-on-shared-folder",
    summary="A node has its kubelet's, containerd's or etcd's folder on a file system that can not carry it.",
    rationale="""containerd's overlay takes no upper folder on virtiofs, 9p or a network's file system,
        the kubelet's cAdvisor finds no capacity there, and etcd's locks and fsync are not what it
        counts on.""",
    source="google/cadvisor, lib/fs; microvm.nix, doc/src/shares.md; etcd docs, hardware: disks",
    reads=(_TYPES,),
    bad=Example(
        "k8s-worker-1",
        'fileSystems."/var/lib/containerd" = { device = "images"; fsType = "virtiofs"; };',
        at=_WORKER,
    ),
    good=Example(
        "k8s-worker-1",
        'fileSystems."/var/lib/media" = { device = "media"; fsType = "virtiofs"; };',
        at=_WORKER,
    ),
)
def state_on_shared_folder(cluster: Cluster, machines: Sequence[Seen]) -> Iterable[Difference]:
    for seen in machines:
        member = seen.machine.membership
        if member is None:
            continue
        told: set[str] = set()
        for folder in (_KUBELET, _CONTAINERD, *(("/var/lib/etcd",) if member.is_control_plane else ())):
            mount = _mount(seen, folder)
            if mount is None or mount[1] not in _SHARED or mount[0] in told:
                continue
            told.add(mount[0])
            yield _on(
                seen, f"{folder} is on {mount[0]}, which is {mount[1]}", mount[0], "a volume of its own"
            )


_IMAGES = ("microvm.volumes.*.image", "microvm.volumes.*.readOnly")


@deep_rule(
    "NIX135",
    "image-for-two",
    summary="Two guests of a host write to the same image.",
    rationale="""An image is a disk: two kernels that write its file system destroy it. A path that
        starts with a slash is the same for every guest of the host; another one is below the guest's
        own folder.""",
    source="microvm.nix, lib/volumes.nix, doc/src/options.md (volumes.*.image)",
    reads=_IMAGES,
    bad=Example(
        "k8s-worker-1",
        """
        microvm.volumes = [
          { image = "/srv/data.img"; label = "data"; mountPoint = "/srv"; size = 64; }
        ];
        """,
        at=_WORKER,
        also=("k8s-master",),
    ),
    good=Example(
        "k8s-worker-1",
        """
        microvm.volumes = [
          { image = "data.img"; label = "data"; mountPoint = "/srv"; size = 64; }
        ];
        """,
        at=_WORKER,
        also=("k8s-master",),
    ),
)
def image_for_two(cluster: Cluster, machines: Sequence[Seen]) -> Iterable[Difference]:
    first: dict[tuple[str, str], Machine] = {}
    for seen in machines:
        guest = seen.machine
        if not isinstance(guest, Guest):
            continue
        images = seen.nixos.texts(_IMAGES[0])
        read_only = seen.nixos.value(_IMAGES[1])
        flags = read_only if isinstance(read_only, list) else []
        for number, image in enumerate(images):
            if not image.startswith("/") or (number < len(flags) and flags[number] is True):
                continue
            other = first.setdefault((guest.host, image), guest)
            if other == guest:
                continue
            yield Difference(
                guest,
                f"microvm.volumes has {image}, which {other} has as well",
                guest.path,
                "give each its own: a path without a slash at its start is below the guest's own folder",
                seen.nixos.defined(_IMAGES[0], holding(image)),
                related=(Related("the other guest", other.path),),
                on_key=True,
            )
