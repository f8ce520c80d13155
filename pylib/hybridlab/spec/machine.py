"""What the user says of the machines: bare-metal hosts and the MicroVMs on them."""

import enum
from collections.abc import Mapping
from types import MappingProxyType

from attrs import field

from hybridlab.spec.define import doc, spec_class
from hybridlab.spec.gpu import GpuSpec
from hybridlab.spec.scalars import (
    Address,
    Cid,
    CpuCount,
    InterfaceName,
    LabelKey,
    LabelValue,
    MacAddress,
    MachineId,
    Name,
    Port,
    Size,
    Taint,
)
from hybridlab.spec.workload import Transport


class Role(enum.Enum):
    """What a machine does in the Kubernetes cluster."""

    CONTROL_PLANE = "control-plane"
    WORKER = "worker"


class Hypervisor(enum.Enum):
    """A hypervisor that microvm.nix runs, of those that do taps, volumes and vsock."""

    QEMU = "qemu"
    CLOUD_HYPERVISOR = "cloud-hypervisor"


class Store(enum.Enum):
    """Where a guest's `/nix/store` comes from."""

    SHARE = "share"
    DISK = "disk"


@spec_class
class MembershipSpec:
    """A machine's part in the Kubernetes cluster."""

    role: Role = field(metadata=doc("`control-plane` or `worker`"))
    labels: Mapping[LabelKey, LabelValue] = field(
        default=MappingProxyType({}),
        metadata=doc("node labels that the kubelet registers with; the machine's own, beside the built-in"),
    )
    taints: tuple[Taint, ...] = field(
        default=(),
        metadata=doc(
            "taints that the kubelet registers with, as `kubectl taint` writes them; workloads that ask for "
            "a GPU tolerate those of the nodes that have it"
        ),
    )
    schedulable: bool | None = field(
        default=None,
        metadata=doc(
            "whether workloads may run here; by default on workers only (`true` for a cluster of one node)"
        ),
    )


@spec_class
class ServiceSpec:
    """A program that listens on the machine, of a NixOS module of your own."""

    port: Port = field(metadata=doc("the port on which it answers"))
    protocol: Transport = field(default=Transport.TCP, metadata=doc("over which it answers"))
    from_: tuple[Name, ...] = field(
        default=(),
        metadata=doc("VLANs that may use it; by default none, and the port is only known to be taken"),
    )


@spec_class
class HostSpec:
    """A bare-metal NixOS machine, hypervisor of its guests."""

    uplink: InterfaceName = field(
        metadata=doc("the network card that carries the VLANs, as the kernel names it")
    )
    addresses: Mapping[Name, Address] = field(
        metadata=doc("the host's own address in each VLAN that it is on")
    )
    cpus: CpuCount = field(metadata=doc("processors (threads)"))
    memory: Size = field(metadata=doc("installed memory, like `64GiB`"))
    gpu: GpuSpec | None = field(default=None, metadata=doc("its GPU, if the cluster is to know of one"))
    kubernetes: MembershipSpec | None = field(
        default=None, metadata=doc("its part in the Kubernetes cluster; without it the host only runs guests")
    )
    services: Mapping[Name, ServiceSpec] = field(
        default=MappingProxyType({}),
        metadata=doc("programs of NixOS modules of your own that listen on it, by name"),
    )


@spec_class
class GuestSpec:
    """A MicroVM on one host, on one VLAN."""

    host: Name = field(metadata=doc("the host that runs it"))
    vlan: Name = field(metadata=doc("the VLAN that it is on"))
    address: Address = field(metadata=doc("its address in that VLAN"))
    vcpus: CpuCount = field(metadata=doc("virtual processors"))
    memory: Size = field(metadata=doc("memory, like `4GiB`"))
    storage: Size = field(
        default=Size("20GiB"),
        metadata=doc("size of the volume at `/var/lib`, which outlives a restart; all else is a tmpfs"),
    )
    hypervisor: Hypervisor = field(
        default=Hypervisor.QEMU,
        metadata=doc("`qemu` or `cloud-hypervisor`; only `qemu` can hand a guest the key to its secrets"),
    )
    store: Store = field(
        default=Store.SHARE,
        metadata=doc("`share`: the host's `/nix/store`, over virtiofs; `disk`: a read-only image"),
    )
    balloon: bool = field(
        default=False, metadata=doc("give memory that the guest does not use back to the host")
    )
    kubernetes: MembershipSpec | None = field(
        default=None, metadata=doc("its part in the Kubernetes cluster, if any")
    )
    services: Mapping[Name, ServiceSpec] = field(
        default=MappingProxyType({}), metadata=doc("as of a host: programs that listen on it, by name")
    )
    mac: MacAddress | None = field(
        default=None, metadata=doc("MAC address; by default derived from the guest's name")
    )
    tap: InterfaceName | None = field(
        default=None,
        metadata=doc("name of its tap interface on the host; by default derived from the guest's name"),
    )
    cid: Cid | None = field(default=None, metadata=doc("vsock CID; by default derived from the guest's name"))
    machine_id: MachineId | None = field(
        default=None, metadata=doc("content of `/etc/machine-id`; by default derived from the guest's name")
    )
