"""Kernels as NixOS starts them: settings of nodes and hypervisors, boot parameters, a GPU's driver."""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial

from attrs import frozen

from hybridlab.diagnostic import SpecPath
from hybridlab.model.cluster import Cluster
from hybridlab.model.evaluated import holding, part
from hybridlab.model.node import Host
from hybridlab.rules.deep.rule import Difference, Example, Seen, deep_rule
from hybridlab.rules.wording import listed
from hybridlab.spec.gpu import GpuMode

_HOMELAB = SpecPath.of("hosts", "homelab")
_WORKER = SpecPath.of("guests", "k8s-worker-1")
_SYSCTL = "boot.kernel.sysctl"


@frozen
class _Setting:
    """A setting of the kernel: what it has to be, and what becomes of the machine otherwise."""

    key: str
    wanted: int
    otherwise: str


_ON_NODES = (
    _Setting("net.ipv4.ip_forward", 1, "no pod of the node reaches another machine"),
    _Setting("net.bridge.bridge-nf-call-iptables", 1, "pods of the node do not reach Services on itself"),
    _Setting("net.bridge.bridge-nf-call-ip6tables", 1, "pods of the node do not reach Services on itself"),
)


def _on_hosts(cluster: Cluster) -> tuple[_Setting, ...]:
    # In a name with dots as separators, a slash is a dot that is none (sysctl.d(5)).
    bridge = cluster.bridge.replace(".", "/")
    answers = "answers of Services to guests are dropped on the bridge"
    return (
        _Setting(f"net.ipv4.conf.{bridge}.rp_filter", 0, answers),
        # The kernel takes the higher of this one and the interface's own (ip-sysctl.rst).
        _Setting("net.ipv4.conf.all.rp_filter", 0, answers),
    )


@deep_rule(
    "NIX129",
    "kernel-setting-differs",
    summary="A module sets a setting of the kernel that nodes or hypervisors need otherwise.",
    rationale="""Modules that harden a machine turn forwarding off and the reverse path filter on. On a
        node or a hypervisor that cuts pods and guests off, and nothing in the logs says so.""",
    source="modules/kubernetes-node.nix, modules/hypervisor.nix; docs.kernel.org, networking/ip-sysctl",
    reads=(_SYSCTL,),
    bad=Example(
        "k8s-worker-1",
        'boot.kernel.sysctl."net.ipv4.ip_forward" = lib.mkForce 0;',
        at=_WORKER / "kubernetes",
    ),
    good=Example(
        "k8s-worker-1",
        'boot.kernel.sysctl."net.ipv4.conf.all.rp_filter" = 2;',
        at=_WORKER / "kubernetes",
    ),
)
def kernel_setting_differs(cluster: Cluster, machines: Sequence[Seen]) -> Iterable[Difference]:
    for seen in machines:
        machine, real = seen.machine, dict(seen.nixos.items(_SYSCTL))
        settings: list[tuple[_Setting, SpecPath]] = []
        if machine.membership is not None:
            settings += [(one, machine.path / "kubernetes") for one in _ON_NODES]
        if isinstance(machine, Host):
            settings += [(one, machine.path) for one in _on_hosts(cluster)]
        for setting, path in settings:
            value = _number(real.get(setting.key))
            if value is None or value == setting.wanted:
                continue
            yield Difference(
                machine,
                f'{_SYSCTL}."{setting.key}" is {value}, so {setting.otherwise}',
                path,
                f"take it out, or let it be {setting.wanted}",
                seen.nixos.defined(_SYSCTL, partial(_sets, key=setting.key, value=value)),
                on_key=True,
            )


def _sets(given: object, key: str, value: int) -> bool:
    return _number(part(given, key)) == value


def _number(value: object) -> int | None:
    match value:
        case bool() | int():
            return int(value)
        case str() if value.strip().isascii() and value.strip().isdigit():
            return int(value)
        case _:
            return None


_PARAMETERS = "boot.kernelParams"
# Of parameters of one of these names the last counts.
_UNDOING = {"amd_iommu": "amd_iommu=off", "iommu": "iommu=off"}


@deep_rule(
    "NIX130",
    "kernel-parameter-differs",
    summary="""A host starts without a boot parameter that its GPU's mode asks for, or with one that
        undoes it.""",
    rationale="""The mode of a GPU is a matter of boot parameters: without an IOMMU nothing can be
        handed to a guest, and without the ids vfio takes no device.""",
    source="""model/node.py (kernel_parameters); docs.kernel.org, admin-guide/kernel-parameters:
        amd_iommu, iommu""",
    reads=(_PARAMETERS,),
    bad=Example(
        "homelab",
        'boot.kernelParams = lib.mkForce [ "quiet" ];',
        at=_HOMELAB / "gpu" / "mode",
    ),
    good=Example("homelab", 'boot.kernelParams = [ "quiet" ];', at=_HOMELAB / "gpu" / "mode"),
)
def kernel_parameter_differs(cluster: Cluster, machines: Sequence[Seen]) -> Iterable[Difference]:
    for seen in machines:
        wanted = seen.machine.kernel_parameters
        real = seen.nixos.texts(_PARAMETERS)
        missing = [one for one in wanted if one not in real]
        undone = [one for one in _UNDOING.values() if one in real and wanted]
        if not missing and not undone:
            continue
        said = [f"lacks {listed(missing)}"] if missing else []
        said += [f"has {listed(undone)}"] if undone else []
        yield Difference(
            seen.machine,
            f"{_PARAMETERS} {' and '.join(said)}",
            seen.machine.path / "gpu" / "mode",
            "take that out (lib.mkForce): plain definitions are joined, and the generated boot.nix has "
            "what the mode asks for",
            seen.nixos.defined(_PARAMETERS),
        )


_BLACKLIST = "boot.blacklistedKernelModules"
_FIRMWARE = ("hardware.enableRedistributableFirmware", "hardware.enableAllFirmware")
_DRIVER = "amdgpu"
_BLOCKING = (
    "nomodeset",
    f"modprobe.blacklist={_DRIVER}",
    f"module_blacklist={_DRIVER}",
    f"{_DRIVER}.modeset=0",
)


@deep_rule(
    "NIX131",
    "gpu-not-driven",
    summary="A host is to compute with its GPU, and does not drive it.",
    rationale="""Without the driver, or without the driver's firmware, there is no /dev/kfd: the device
        plugin finds nothing, and pods that ask for the GPU wait for ever.""",
    source="modules/amd-gpu.nix; docs.kernel.org, gpu/amdgpu: module parameters; ROCm/k8s-device-plugin",
    reads=(_BLACKLIST, *_FIRMWARE, _PARAMETERS),
    bad=Example(
        "homelab",
        "hardware.enableRedistributableFirmware = lib.mkForce false;",
        at=_HOMELAB / "gpu" / "mode",
    ),
    good=Example("homelab", "hardware.enableAllFirmware = true;", at=_HOMELAB / "gpu" / "mode"),
)
def gpu_not_driven(cluster: Cluster, machines: Sequence[Seen]) -> Iterable[Difference]:
    for seen in machines:
        host = seen.machine
        if not isinstance(host, Host) or host.gpu is None or host.gpu.mode is not GpuMode.HOST:
            continue
        for option, message, says in _undriven(seen):
            yield Difference(
                host,
                f"{message}, and its GPU ({host.gpu.model.name}) is to be the host's own",
                host.path / "gpu" / "mode",
                "take that out, or let the mode be off",
                seen.nixos.defined(option),
                says=says,
            )


def _undriven(seen: Seen) -> Iterator[tuple[str, str, str]]:
    nixos = seen.nixos
    if _DRIVER in nixos.texts(_BLACKLIST):
        yield _BLACKLIST, f"{_BLACKLIST} has {_DRIVER}", f"which {_BLACKLIST} excludes"
    for word in nixos.texts(_PARAMETERS):
        if word in _BLOCKING:
            yield _PARAMETERS, f"{_PARAMETERS} has {word}, so {_DRIVER} does nothing", ""
    if nixos.is_off(_FIRMWARE[0]) and not nixos.is_on(_FIRMWARE[1]):
        yield _FIRMWARE[0], f"{_FIRMWARE[0]} is false, so {_DRIVER} finds no firmware", ""


_DEVICES = "microvm.devices.*.path"


@deep_rule(
    "NIX132",
    "device-of-another",
    summary="A module hands a guest a device that the spec does not give it.",
    rationale="""A PCI device has one owner. A GPU that the host computes with is taken from under its
        driver when the guest starts, and two guests can not have the same device at all.""",
    source="microvm.nix, nixos-modules/microvm/options.nix (devices); docs.kernel.org, driver-api/vfio",
    reads=(_DEVICES,),
    bad=Example(
        "k8s-worker-1",
        'microvm.devices = [ { bus = "pci"; path = "0000:c4:00.0"; } ];',
        at=_WORKER,
    ),
    good=Example("k8s-worker-1", "microvm.devices = [ ];", at=_WORKER),
)
def device_of_another(cluster: Cluster, machines: Sequence[Seen]) -> Iterable[Difference]:
    gpus = {host.gpu.passthrough_address: host for host in cluster.hosts if host.gpu is not None}
    for seen in machines:
        for path in seen.nixos.texts(_DEVICES):
            host = gpus.get(path)
            gpu = host.gpu if host is not None else None
            if gpu is not None and gpu.mode is GpuMode.PASSTHROUGH:
                if gpu.passthrough_guest == seen.machine.name:
                    continue
                owner = f"the spec gives it to guest {gpu.passthrough_guest!r}"
            elif gpu is not None:
                owner = f"it is the GPU of {host}, whose mode is {gpu.mode.value}"
            else:
                owner = "the spec gives it to nobody"
            yield Difference(
                seen.machine,
                f"microvm.devices has {path}, and {owner}",
                seen.machine.path,
                "write it into the spec: gpu.mode passthrough, with the address and the guest; or take "
                "it out",
                seen.nixos.defined(_DEVICES, holding(path)),
                on_key=True,
            )
