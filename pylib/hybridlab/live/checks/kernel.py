"""What kernel a machine runs, how it was started, and how it is set, against what its roles need."""

from collections.abc import Iterator
from functools import partial

from hybridlab.live.checks.check import Check, CouldNotLook, Failed, Key, Ok, Phase, Remote, Skipped, Verdict
from hybridlab.live.paths import BOOTED_PARTS
from hybridlab.live.probe import Output, read
from hybridlab.model.cluster import Cluster
from hybridlab.model.node import Host, Machine, host_of
from hybridlab.spec.gpu import GpuMode

# AMD's vendor id; another vendor's device may well go to a guest (modules/amd-gpu.nix).
_AMD_DEVICE = "1002:"
_IDS = "vfio-pci.ids="
_BOOTED, _CURRENT = "/run/booted-system", "/run/current-system"
_PARAMETERS = "kernel-params"


def kernel_checks(cluster: Cluster, machine: Machine) -> Iterator[Check]:
    """Yield the checks of a machine's kernel: parameters, modules, sysctls, swap, and a pending reboot."""
    # A guest boots what its host starts: whether that is current is seen there.
    reboot = (reboot_key(machine.name),) if isinstance(machine, Host) else ()
    if isinstance(machine, Host):
        yield _reboot_check(machine)
    yield Check(
        Key("kernel.parameters", machine.name),
        Phase.MACHINES,
        _parameters_title(machine),
        (Remote(machine.name, read("cat", "/proc/cmdline")),),
        partial(_judge_parameters, machine),
        reboot,
    )
    yield from _module_checks(machine, reboot)
    yield from _sysctl_checks(cluster, machine)
    if machine.membership is not None:
        yield Check(
            Key("swap", machine.name),
            Phase.MACHINES,
            "no swap: the kubelet does not start with any",
            (Remote(machine.name, read("cat", "/proc/swaps")),),
            partial(_judge_swap, machine.name),
        )


def reboot_key(host: str) -> Key:
    """Return the key of the check that a host has booted what it would boot now."""
    return Key("reboot", host)


def module_key(machine: str, module: str) -> Key:
    """Return the key of the check that the kernel of `machine` has `module`."""
    return Key("kernel.module", machine, module)


def _reboot_check(host: Host) -> Check:
    links = [f"{system}/{part}" for system in (_BOOTED, _CURRENT) for part in BOOTED_PARTS]
    parameters = [f"{system}/{_PARAMETERS}" for system in (_BOOTED, _CURRENT)]
    return Check(
        reboot_key(host.name),
        Phase.MACHINES,
        "no reboot is pending: kernel, initrd and parameters are those of the current system",
        (Remote(host.name, read("readlink", *links)), Remote(host.name, read("sha256sum", *parameters))),
        partial(_judge_reboot, host),
    )


def _judge_reboot(host: Host, links: Output, parameters: Output) -> Verdict:
    paths = links.stdout.split()
    digests = [line.split()[0] for line in parameters.stdout.splitlines() if line.split()]
    if len(paths) != 2 * len(BOOTED_PARTS) or len(digests) != 2:
        return CouldNotLook("the booted and the current system do not both have a kernel and its parameters")
    booted = (*paths[: len(BOOTED_PARTS)], digests[0])
    current = (*paths[len(BOOTED_PARTS) :], digests[1])
    parts = zip((*BOOTED_PARTS, _PARAMETERS), booted, current, strict=True)
    other = [part for part, old, new in parts if old != new]
    if not other:
        return Ok("booted with all that is current")
    guests = f", with its guests {', '.join(guest.name for guest in host.guests)}" if host.guests else ""
    return Failed(
        f"{', '.join(other)} of the current system",
        f"{', '.join(other)} of an earlier one",
        f"reboot {host.name}{guests}, when it suits: on it, `systemctl reboot`",
    )


def _parameters_title(machine: Machine) -> str:
    wanted = machine.kernel_parameters
    return f"the kernel was started with {' '.join(wanted)}" if wanted else "no kernel parameters for a GPU"


def _judge_parameters(machine: Machine, output: Output) -> Verdict:
    words = output.stdout.split()
    if not words:
        return CouldNotLook("the kernel's command line is empty")
    missing = [word for word in machine.kernel_parameters if word not in words]
    strange = [word for word in words if _is_strange(machine, word)]
    if not missing and not strange:
        return Ok(" ".join(machine.kernel_parameters) or "none")
    expected = [*machine.kernel_parameters, *(f"no {word}" for word in strange)]
    found = [*(f"no {word}" for word in missing), *strange]
    host = host_of(machine)
    return Failed(
        ", ".join(expected),
        ", ".join(found),
        f"`hybridlab deploy {host}`, then reboot {machine.name}; if they are there again, they come from a "
        f"module of your own: `boot.kernelParams` of {machine.name}",
    )


def _is_strange(machine: Machine, word: str) -> bool:
    """Whether a word gives away a GPU in another way than the model says."""
    if not word.startswith(_IDS) or word in machine.kernel_parameters:
        return False
    return _AMD_DEVICE in word or any(wanted.startswith(_IDS) for wanted in machine.kernel_parameters)


def _modules(machine: Machine) -> Iterator[tuple[str, str]]:
    """Yield the modules that have to be there, and for what."""
    if machine.membership is not None:
        yield "overlay", "containerd stacks the layers of images"
        yield "br_netfilter", "Services are reached from pods of the same node"
    if isinstance(machine, Host) and machine.gpu is not None:
        match machine.gpu.mode:
            case GpuMode.HOST:
                yield "amdgpu", "the GPU's driver"
            case GpuMode.PASSTHROUGH:
                yield "vfio_pci", "the GPU is kept for a guest"
            case GpuMode.OFF:
                pass


def _module_checks(machine: Machine, needs: tuple[Key, ...]) -> Iterator[Check]:
    modules = dict(_modules(machine))
    # One that is built in is there, too, if it has parameters; NixOS has all of these as modules.
    probe = read("ls", "-d", "--", *(f"/sys/module/{name}" for name in modules), fine=(0, 1, 2))
    for name, purpose in modules.items():
        yield Check(
            module_key(machine.name, name),
            Phase.MACHINES,
            f"the kernel has {name}: {purpose}",
            (Remote(machine.name, probe),),
            partial(_judge_module, machine.name, name),
            needs,
        )


def _judge_module(machine: str, name: str, output: Output) -> Verdict:
    path = f"/sys/module/{name}"
    if path in output.stdout.split():
        return Ok("loaded")
    if path not in output.stderr:
        return CouldNotLook(f"ls says nothing of {path}")
    return Failed(
        f"module {name}",
        "it is not loaded",
        f"on {machine}: `modprobe -v {name}` says what keeps it out; `dmesg | grep -i {name}`, "
        f"`systemctl status systemd-modules-load`",
    )


def _sysctls(cluster: Cluster, machine: Machine) -> Iterator[tuple[str, int, str]]:
    """Yield settings of the kernel, their value, and why (modules/kubernetes-node.nix, hypervisor.nix)."""
    if machine.membership is not None:
        yield "net.ipv4.ip_forward", 1, "pods reach what is beyond their node"
        yield "net.bridge.bridge-nf-call-iptables", 1, "Services are reached from pods of the same node"
        yield "net.bridge.bridge-nf-call-ip6tables", 1, "Services are reached from pods of the same node"
    if isinstance(machine, Host):
        yield "net.ipv4.conf.all.arp_announce", 2, "each leg speaks for its own address only"
        yield "net.ipv4.conf.all.arp_ignore", 1, "each leg answers for its own address only"
        # The kernel takes the larger of the two (Documentation/networking/ip-sysctl.rst).
        yield "net.ipv4.conf.all.rp_filter", 0, "the kernel's own filter drops answers to guests"
        bridge = cluster.bridge.replace(".", "/")
        yield f"net.ipv4.conf.{bridge}.rp_filter", 0, "the kernel's own filter drops answers to guests"


def _sysctl_checks(cluster: Cluster, machine: Machine) -> Iterator[Check]:
    wanted = tuple(_sysctls(cluster, machine))
    if not wanted:
        return
    probe = read("sysctl", *(name for name, _, _ in wanted), fine=(0, 1, 255))
    for name, value, purpose in wanted:
        # Without the module there are no such settings.
        needs = (module_key(machine.name, "br_netfilter"),) if name.startswith("net.bridge.") else ()
        yield Check(
            Key("sysctl", machine.name, name),
            Phase.MACHINES,
            f"{name} is {value}: {purpose}",
            (Remote(machine.name, probe),),
            partial(_judge_sysctl, machine, name, value),
            needs,
        )


def _judge_sysctl(machine: Machine, name: str, value: int, output: Output) -> Verdict:
    lines = (line.partition("=") for line in output.stdout.splitlines())
    found = {key.strip().replace("/", "."): text.strip() for key, _, text in lines}
    said = found.get(name.replace("/", "."))
    if said == str(value):
        return Ok(said)
    if said is None and name.endswith(".rp_filter") and ".all." not in name:
        return Skipped(f"there is no interface for {name}: the checks of the network say so")
    if said is None:
        return CouldNotLook(f"sysctl does not know {name}")
    return Failed(
        f"{name} = {value}",
        f"{name} = {said}",
        f"on {machine.name}: `systemctl restart systemd-sysctl` sets it again; if it stays, "
        f"`grep -r {name.rpartition('.')[2]} /etc/sysctl.d` and what was set by hand or by a module of yours",
    )


def _judge_swap(machine: str, output: Output) -> Verdict:
    lines = [line.split() for line in output.stdout.splitlines() if line.strip()]
    if not lines or lines[0][0] != "Filename":
        return CouldNotLook("/proc/swaps is not as expected")
    devices = [words[0] for words in lines[1:]]
    if not devices:
        return Ok("none")
    return Failed(
        "no swap",
        ", ".join(devices),
        f"on {machine}: `swapoff -a`; then remove `swapDevices` and `zramSwap` from your modules, and "
        f"`hybridlab deploy`",
    )
