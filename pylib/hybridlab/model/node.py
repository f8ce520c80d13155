"""Hosts and guests, resolved: what each is, where it is on the network, and what it does in the cluster."""

from collections.abc import Iterable, Mapping

from attrs import frozen

from hybridlab.diagnostic import SpecPath
from hybridlab.model.network import Leg, Vlan
from hybridlab.spec.gpu import GpuMode
from hybridlab.spec.machine import Hypervisor, Role, Store
from hybridlab.spec.scalars import Taint
from hybridlab.tables.gpu import GpuModel
from hybridlab.tables.ports import Protocol

# What a kubelet keeps free of memory before it evicts pods: its default for memory.available.
EVICTION_MIB = 100
# Left to the host's own system beside guests and pods: NixOS, journal, page cache, hypervisor overhead.
HOST_RESERVE_MIB = 2048


@frozen
class Identity:
    """What tells a guest from every other one: derived from its name, or pinned in the spec.

    `mac`: address of its network interface; `tap`: name of the interface's other end on the host; `cid`:
    its vsock address on the host; `machine_id`: 32 hex digits (machine-id(5)); `pinned`: keys that the spec
    sets.
    """

    mac: str
    tap: str
    cid: int
    machine_id: str
    pinned: frozenset[str] = frozenset()

    @property
    def uuid(self) -> str:
        """The machine id in the notation of an UUID, which microvm.nix wants."""
        digits = self.machine_id
        return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


# NixOS's taint of a node that takes no pods: a control plane, unless it is told to, or `unschedulable`.
UNSCHEDULABLE = Taint("unschedulable=true:NoSchedule")
# The other one that NixOS gives a node which is nothing but a control plane (cluster/kubernetes/default.nix).
CONTROL_PLANE_ONLY = Taint("node-role.kubernetes.io/master=true:NoSchedule")


@frozen
class Toleration:
    """A toleration as pods write it: without `key` one of every key, and so on."""

    key: str | None = None
    value: str | None = None
    effect: str | None = None

    def covers(self, taint: Taint) -> bool:
        return (
            self.key in (None, taint.key)
            and self.value in (None, taint.value)
            and self.effect in (None, taint.effect)
        )

    @classmethod
    def of(cls, taint: Taint) -> "Toleration":
        """Return the toleration of this taint alone."""
        return cls(taint.key, taint.value, taint.effect)


# What a controller repeats of the kubelet's labels under their old names (pkg/controller/nodelifecycle).
_REPEATED = {"beta.kubernetes.io/arch": "kubernetes.io/arch", "beta.kubernetes.io/os": "kubernetes.io/os"}
# How the labels begin that AMD's node labeller sets (ROCm/k8s-device-plugin, cmd/k8s-node-labeller).
_GPU_LABELS = ("amd.com/gpu.", "beta.amd.com/gpu.")


@frozen
class Membership:
    """A machine's part in the Kubernetes cluster; `leg` is the one on which other nodes reach it.

    `own_labels` are those of the spec, `labels` all that the node has: with those that every kubelet sets.
    `schedulable` is what the spec says; `taints` keep pods away that do not tolerate them. Where
    `says_its_gpus`, AMD's node labeller sets further labels, of which only the node knows the values.
    """

    role: Role
    own_labels: Mapping[str, str]
    labels: Mapping[str, str]
    taints: tuple[Taint, ...]
    schedulable: bool
    leg: Leg
    says_its_gpus: bool = False

    @property
    def is_control_plane(self) -> bool:
        return self.role is Role.CONTROL_PLANE

    @property
    def takes_any_pod(self) -> bool:
        """Whether pods run here that tolerate nothing, as the cluster's DNS."""
        return self.takes(())

    @property
    def repelling(self) -> tuple[Taint, ...]:
        """The taints that keep pods away, with those of a node which takes no pods."""
        return tuple(taint for taint in self.registered_taints if taint.repels)

    @property
    def registered_taints(self) -> tuple[Taint, ...]:
        """Every taint that its kubelet registers the node with: the spec's, and NixOS's own."""
        if self.schedulable:
            return self.taints
        own = (UNSCHEDULABLE, CONTROL_PLANE_ONLY) if self.is_control_plane else (UNSCHEDULABLE,)
        return (*self.taints, *own)

    def takes(self, tolerations: Iterable[Toleration], *, bound: bool = False) -> bool:
        """Whether pods run here that have these tolerations.

        Those that are `bound` name their node: no scheduler is asked, and only NoExecute keeps them away.
        """
        tolerations = tuple(tolerations)
        taints = (taint for taint in self.repelling if not bound or taint.effect == "NoExecute")
        return all(any(one.covers(taint) for one in tolerations) for taint in taints)

    def may_say(self, key: str) -> bool:
        """Whether the node labels itself with `key`, with a value that nobody knows here."""
        return self.says_its_gpus and key.startswith(_GPU_LABELS)

    def value_of(self, key: str) -> str | None:
        """Return the value of a label, None if the node does not have it."""
        return self.labels.get(key, self.labels.get(_REPEATED.get(key, "")))

    def has(self, labels: Iterable[tuple[str, str]]) -> bool:
        """Whether the node has all of these labels, as far as anybody knows here."""
        return all(self.value_of(key) == value or self.may_say(key) for key, value in labels)


# An IOMMU, and `pt` leaves the addresses of the host's own devices untranslated.
_IOMMU = ("amd_iommu=on", "iommu=pt")


@frozen
class Gpu:
    """A host's GPU: its model from the table, who drives it, and what passthrough would need.

    `memory_mib` is what the firmware sets apart for it of the host's memory: Linux does not see that.
    """

    model: GpuModel
    mode: GpuMode
    count: int
    memory_mib: int = 0
    passthrough_address: str | None = None
    passthrough_ids: tuple[str, ...] = ()
    passthrough_guest: str | None = None

    @property
    def kernel_parameters(self) -> tuple[str, ...]:
        """The words that its mode asks for on the kernel's command line."""
        match self.mode:
            case GpuMode.OFF:
                return ()
            case GpuMode.HOST:
                return _IOMMU
            case GpuMode.PASSTHROUGH:
                return (*_IOMMU, f"vfio-pci.ids={','.join(self.passthrough_ids)}")


@frozen
class OwnService:
    """A program of the user's own modules that listens on a machine, and the VLANs that may use it."""

    name: str
    port: int
    protocol: Protocol
    vlans: tuple[Vlan, ...]
    path: SpecPath


@frozen
class Guest:
    """A MicroVM; it has one leg."""

    name: str
    host: str
    leg: Leg
    vcpus: int
    memory_mib: int
    storage_mib: int
    hypervisor: Hypervisor
    store: Store
    balloon: bool
    identity: Identity
    membership: Membership | None
    services: tuple[OwnService, ...] = ()

    @property
    def legs(self) -> tuple[Leg, ...]:
        return (self.leg,)

    @property
    def kernel_parameters(self) -> tuple[str, ...]:
        """As of a host; a guest needs none."""
        return ()

    @property
    def memory_for_pods_mib(self) -> int:
        """The most that pods can ask for; the guest's kernel keeps some more of it."""
        return max(0, self.memory_mib - EVICTION_MIB)

    @property
    def cpu_for_pods_milli(self) -> int:
        """The most processor time that pods can ask for, in thousandths of a processor."""
        return self.vcpus * 1000

    @property
    def path(self) -> SpecPath:
        return SpecPath.of("guests", self.name)

    def __str__(self) -> str:
        return f"guest {self.name!r}"


@frozen
class Host:
    """A bare-metal machine with its guests, by name."""

    name: str
    uplink: str
    legs: tuple[Leg, ...]
    cpus: int
    memory_mib: int
    gpu: Gpu | None
    membership: Membership | None
    guests: tuple[Guest, ...]
    services: tuple[OwnService, ...] = ()

    @property
    def path(self) -> SpecPath:
        return SpecPath.of("hosts", self.name)

    @property
    def default_leg(self) -> Leg | None:
        """The leg by which the host reaches what is in none of its VLANs: of those with a gateway, the
        first by VLAN id.
        """
        ways_out = (leg for leg in self.legs if leg.vlan.gateway is not None)
        return min(ways_out, key=lambda leg: leg.vlan.id, default=None)

    @property
    def vlans(self) -> tuple[Vlan, ...]:
        """Every VLAN that its bridge carries, for itself or for a guest, by id."""
        vlans = {leg.vlan for leg in (*self.legs, *(guest.leg for guest in self.guests))}
        return tuple(sorted(vlans, key=lambda vlan: vlan.id))

    @property
    def guests_memory_mib(self) -> int:
        return sum(guest.memory_mib for guest in self.guests)

    @property
    def memory_for_pods_mib(self) -> int:
        """As of a guest: what neither guests nor GPU nor the host itself need."""
        taken = self.guests_memory_mib + self.gpu_memory_mib + HOST_RESERVE_MIB
        return max(0, self.memory_mib - taken - EVICTION_MIB)

    @property
    def gpu_memory_mib(self) -> int:
        return 0 if self.gpu is None else self.gpu.memory_mib

    @property
    def cpu_for_pods_milli(self) -> int:
        """As of a guest."""
        return self.cpus * 1000

    @property
    def kernel_parameters(self) -> tuple[str, ...]:
        """What boot.kernelParams holds: only the GPU's mode asks for any."""
        return self.gpu.kernel_parameters if self.gpu is not None else ()

    @property
    def gpus_for_pods(self) -> int:
        """How many GPUs its kubelet can offer."""
        driven = self.gpu is not None and self.gpu.mode is GpuMode.HOST and self.membership is not None
        return self.gpu.count if driven and self.gpu is not None else 0

    def __str__(self) -> str:
        return f"host {self.name!r}"


Machine = Host | Guest


def host_of(machine: Machine) -> str:
    """Return the name of the host with which a machine is deployed: a guest's, or itself."""
    return machine.host if isinstance(machine, Guest) else machine.name


def known_leg(machine: Machine) -> Leg | None:
    """Return the leg under whose address others know a machine: on the VLAN of Kubernetes if it is a node.

    None for one that has no address at all.
    """
    return machine.membership.leg if machine.membership is not None else next(iter(machine.legs), None)


def leg_path(machine: Machine, leg: Leg) -> SpecPath:
    """Return where the address of `leg` stands in the spec."""
    match machine:
        case Host():
            return machine.path / "addresses" / leg.vlan.name
        case Guest():
            return machine.path / "address"
