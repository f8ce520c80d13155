"""Memory and processors: guests within their host, with enough for what they do."""

from collections.abc import Iterable, Iterator

from hybridlab.diagnostic import Related, Severity, SpecPath
from hybridlab.model.cluster import Cluster
from hybridlab.model.node import HOST_RESERVE_MIB, Guest, Host
from hybridlab.rules.rule import Example, Finding, rule
from hybridlab.rules.wording import counted
from hybridlab.spec.machine import Hypervisor
from hybridlab.spec.scalars import Size

LEAST_FOR_PODS_MIB = 1024
LEAST_CONTROL_PLANE_MIB = 2048
LEAST_WORKER_MIB = 1024
LEAST_STORAGE_MIB = 5 * 1024
LEAST_STORAGE_OF_ETCD_MIB = 1024

# With less, nothing starts at all: any guest, a worker, a control plane; and the volume of a control plane.
NEVER_BOOTS_MIB = 64
NEVER_A_WORKER_MIB = 256
NEVER_A_CONTROL_PLANE_MIB = 512
NEVER_ETCD_MIB = 192


def _size(mib: int) -> str:
    return str(Size.of_mib(mib)) if mib > 0 else "0MiB"


def _left_mib(host: Host) -> int:
    return host.memory_mib - host.guests_memory_mib - HOST_RESERVE_MIB


def _largest(host: Host) -> tuple[Related, ...]:
    guests = sorted(host.guests, key=lambda guest: (-guest.memory_mib, guest.name))[:3]
    return tuple(Related(f"{guest} has {_size(guest.memory_mib)}", guest.path / "memory") for guest in guests)


def _shares(host: Host) -> str:
    guests = counted(len(host.guests), "guest")
    takes = f"{'takes' if len(host.guests) == 1 else 'take'} {_size(host.guests_memory_mib)}"
    return (
        f"{host} has {_size(host.memory_mib)} of memory, its {guests} {takes}, "
        f"and it keeps {_size(HOST_RESERVE_MIB)} for itself"
    )


@rule(
    "CAP001",
    "memory-overcommitted",
    summary="A host's guests have more memory together than the host has for them.",
    rationale=f"""QEMU gets the memory that it is given once the guest uses it, and the host needs some for
        itself ({_size(HOST_RESERVE_MIB)} are kept back). Where it does not suffice, the kernel kills a
        guest: often the largest, which on a small cluster is the control plane. The kubelet of a host that
        reserves more than there is does not start.""",
    source="Linux, Documentation/admin-guide/mm (OOM killer); Kubernetes docs, Reserve Compute Resources",
    bad=Example(
        """
        hosts:
          homelab: {memory: 8GiB}
        """,
        at=SpecPath.of("hosts", "homelab", "memory"),
    ),
    good="""
        hosts:
          homelab: {memory: 16GiB}
    """,
)
def memory_overcommitted(cluster: Cluster) -> Iterable[Finding]:
    for host in cluster.hosts:
        if (host.guests or host.membership) and (left := _left_mib(host)) < 0:
            yield Finding(
                f"{_shares(host)}: {_size(-left)} too little",
                host.path / "memory",
                "give guests less, or move one to another host",
                related=_largest(host),
            )


@rule(
    "CAP002",
    "little-memory-for-pods",
    severity=Severity.WARNING,
    summary="A host that takes pods has little memory left for them.",
    rationale="""What the guests have and what the host keeps for itself is reserved in its kubelet: only the
        rest is there for pods, and with less than 1 GiB hardly any starts, or it is evicted soon.""",
    source="Kubernetes docs, Reserve Compute Resources for System Daemons",
    bad=Example(
        """
        hosts:
          homelab: {memory: 10GiB}
        """,
        at=SpecPath.of("hosts", "homelab", "memory"),
    ),
    good="""
        hosts:
          homelab: {memory: 11GiB}
    """,
)
def little_memory_for_pods(cluster: Cluster) -> Iterable[Finding]:
    for host in cluster.hosts:
        takes_pods = host.membership is not None and host.membership.schedulable
        if takes_pods and 0 <= (left := _left_mib(host)) < LEAST_FOR_PODS_MIB:
            yield Finding(
                f"{_shares(host)}: {_size(left)} left for pods",
                host.path / "memory",
                "give guests less, or set `schedulable: false` on the host",
                related=_largest(host),
            )


@rule(
    "CAP003",
    "more-vcpus-than-cpus",
    severity=Severity.WARNING,
    summary="A guest has more processors than its host.",
    rationale="""Several guests may share processors, but the threads of one that has more than there are
        wait for each other: it is slower than with fewer.""",
    source="Linux KVM: a virtual processor is a thread of the host",
    bad=Example(
        """
        guests:
          k8s-worker-1: {vcpus: 20}
        """,
        at=SpecPath.of("guests", "k8s-worker-1", "vcpus"),
    ),
    good="""
        guests:
          k8s-worker-1: {vcpus: 16}
    """,
)
def more_vcpus_than_cpus(cluster: Cluster) -> Iterable[Finding]:
    for host in cluster.hosts:
        for guest in host.guests:
            if guest.vcpus > host.cpus:
                yield Finding(
                    f"{guest} has {counted(guest.vcpus, 'virtual processor')}, and {host} has {host.cpus}",
                    guest.path / "vcpus",
                    f"give it at most {host.cpus}",
                    related=(Related(f"{host} has {counted(host.cpus, 'processor')}", host.path / "cpus"),),
                )


@rule(
    "CAP004",
    "memory-of-exactly-2gib",
    summary="A guest of QEMU has exactly 2 GiB of memory.",
    rationale="""Such a MicroVM hangs while it boots. microvm.nix only warns of it, so it builds and
        deploys.""",
    source="microvm-nix/microvm.nix#171",
    bad=Example(
        """
        guests:
          k8s-worker-1: {memory: 2GiB}
        """,
        at=SpecPath.of("guests", "k8s-worker-1", "memory"),
    ),
    good="""
        guests:
          k8s-worker-1: {memory: 2GiB, hypervisor: cloud-hypervisor, kubernetes: null}
        secrets:
          recipients: {k8s-worker-1: null}
    """,
)
def memory_of_exactly_2gib(cluster: Cluster) -> Iterable[Finding]:
    for guest in cluster.guests:
        if guest.memory_mib == 2048 and guest.hypervisor is Hypervisor.QEMU:
            yield Finding(
                f"{guest} has exactly 2GiB, with which QEMU's microvm machine hangs at boot",
                guest.path / "memory",
                "take 2049MiB or 3GiB",
            )


@rule(
    "CAP005",
    "little-memory-for-a-node",
    severity=Severity.WARNING,
    summary="A guest has less memory than its part in the Kubernetes cluster takes.",
    rationale="""The API server and etcd alone take more than 1 GiB once there are workloads; a worker needs
        some hundred MiB before the first pod. A guest's root is a tmpfs in the same memory.""",
    source="Kubernetes docs, Installing kubeadm: 2 GiB for a control plane; a worker: experience",
    bad=Example(
        """
        guests:
          k8s-master: {memory: 1GiB}
        """,
        at=SpecPath.of("guests", "k8s-master", "memory"),
    ),
    good="""
        guests:
          k8s-master: {memory: 3GiB}
    """,
)
def little_memory_for_a_node(cluster: Cluster) -> Iterable[Finding]:
    for node in cluster.nodes:
        if not isinstance(guest := node.machine, Guest):
            continue
        is_control_plane = node.membership.is_control_plane
        least = LEAST_CONTROL_PLANE_MIB if is_control_plane else LEAST_WORKER_MIB
        # CAP010 tells of what is hopeless.
        if guest.memory_mib < least and not any(_hopeless_memory(guest)):
            role = node.membership.role.value.replace("-", " ")
            yield Finding(
                f"{guest} has {_size(guest.memory_mib)}, and a {role} takes {_size(least)} or more",
                guest.path / "memory",
                f"give it {'3GiB' if least == LEAST_CONTROL_PLANE_MIB else '1GiB'} or more",
                related=(Related(f"{guest} is a {role}", guest.path / "kubernetes" / "role"),),
            )


@rule(
    "CAP009",
    "little-storage-for-a-node",
    severity=Severity.WARNING,
    summary="The volume of a guest that takes pods, or of a control plane, is too small for what lies there.",
    rationale=f"""All images, logs and folders of pods lie on the volume at /var/lib. The kubelet wants 15 %
        of it free for images, 10 % for all else: below, it evicts every pod, and takes none until there is
        room. Of less than {_size(LEAST_STORAGE_MIB)}, the images of a few programs leave nothing. On a
        control plane, etcd's database lies there, and its log of six files of 64 MB and more: when the volume
        is full, etcd stops, and with it the cluster.""",
    source="""Kubernetes docs, Node-pressure Eviction: imagefs.available<15%, nodefs.available<10%;
        rancher/k3os#765; how much images take: experience; etcd docs, Configuration
        options (--max-wals is 5); etcd-io/etcd#14832""",
    bad=Example(
        """
        guests:
          k8s-worker-1: {storage: 2GiB}
        """,
        at=SpecPath.of("guests", "k8s-worker-1", "storage"),
    ),
    good="""
        guests:
          k8s-worker-1: {storage: 5GiB}
    """,
)
def little_storage_for_a_node(cluster: Cluster) -> Iterable[Finding]:
    for node in cluster.nodes:
        guest = node.machine
        if not isinstance(guest, Guest):
            continue
        least, what = 0, ""
        if node.membership.schedulable:
            least, what = LEAST_STORAGE_MIB, "takes pods, and has {} for their images and data"
        elif node.membership.is_control_plane:
            least, what = LEAST_STORAGE_OF_ETCD_MIB, "is the control plane, and has {} for etcd"
        if guest.storage_mib < least and not (node.membership.is_control_plane and _no_etcd(guest)):
            yield Finding(
                f"{guest} {what.format(_size(guest.storage_mib))}",
                guest.path / "storage",
                f"give it {_size(least)} or more, by default it is 20GiB",
                related=(Related(f"{guest} is a node", guest.path / "kubernetes"),),
            )


@rule(
    "CAP010",
    "too-little-to-start",
    summary="A guest has so little memory, or storage for etcd, that it can not start.",
    rationale=f"""The kernel of NixOS and its initrd do not fit into {_size(NEVER_BOOTS_MIB)}. The parts of
        Kubernetes on a worker take some {_size(NEVER_A_WORKER_MIB)}, the API server, etcd and the others
        on a control plane {_size(NEVER_A_CONTROL_PLANE_MIB)} before there is one pod: with less, the kernel
        kills them as soon as they start. etcd's log are files of 64 MB, of which there are up to three at a
        time, made in advance: where they do not fit, it stops.""",
    source="""K3s docs, Resource Profiling: 256 MB for an agent, 512 MB for a server (v1.19);
        NixOS/nixpkgs#64142; etcd-io/etcd#9422 and #14832""",
    bad=Example(
        """
        guests:
          k8s-master: {memory: 4MiB}
        """,
        at=SpecPath.of("guests", "k8s-master", "memory"),
    ),
    good="""
        guests:
          k8s-master: {memory: 4GiB}
    """,
)
def too_little_to_start(cluster: Cluster) -> Iterable[Finding]:
    for guest in cluster.guests:
        yield from _hopeless_memory(guest)
        if guest.membership is not None and guest.membership.is_control_plane and _no_etcd(guest):
            yield Finding(
                f"{guest} has {_size(guest.storage_mib)} of storage, and etcd does not run with less than "
                f"{_size(NEVER_ETCD_MIB)}",
                guest.path / "storage",
                f"give it {_size(LEAST_STORAGE_OF_ETCD_MIB)} or more, by default it is 20GiB",
                related=(Related(f"{guest} is a control plane", guest.path / "kubernetes" / "role"),),
            )


def _no_etcd(guest: Guest) -> bool:
    return guest.storage_mib < NEVER_ETCD_MIB


def _hopeless_memory(guest: Guest) -> Iterator[Finding]:
    least, who, enough = NEVER_BOOTS_MIB, "NixOS does not boot", "256MiB"
    if guest.membership is not None and guest.membership.is_control_plane:
        least, who, enough = NEVER_A_CONTROL_PLANE_MIB, "no control plane runs", "3GiB"
    elif guest.membership is not None:
        least, who, enough = NEVER_A_WORKER_MIB, "no worker runs", "1GiB"
    if guest.memory_mib < least:
        yield Finding(
            f"{guest} has {_size(guest.memory_mib)} of memory, and {who} with less than {_size(least)}",
            guest.path / "memory",
            f"give it {enough} or more",
        )
