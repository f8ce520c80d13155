"""The phase `gpu`: a host's GPU is driven by whom the model says, and can be computed with.

Pods are not looked at: what the cluster offers of a GPU belongs to the phase workloads.
"""

import re
from collections.abc import Iterator
from functools import partial

from hybridlab.live.checks.check import Check, CouldNotLook, Failed, Key, Ok, Phase, Remote, Verdict
from hybridlab.live.checks.kernel import module_key
from hybridlab.live.checks.reading import bytes_text, files, stat
from hybridlab.live.checks.rocm import count_of, rocm_checks
from hybridlab.live.probe import Output, read
from hybridlab.model.cluster import Cluster
from hybridlab.model.node import Gpu, Host
from hybridlab.spec.gpu import GpuMode

_DRIVERS = "/sys/bus/pci/drivers"
_UEVENTS = "/sys/bus/pci/devices/*/uevent"
_PCI_ADDRESS = re.compile(r"[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]")
_KFD = "/dev/kfd"
_TOPOLOGY = "/sys/class/kfd/kfd/topology/nodes"
# Numbers are given to processors first, of which a machine has a few; and to screens besides GPUs.
_OTHER_NODES, _OTHER_CARDS = 8, 3
_GROUP_READS_AND_WRITES = 0o060
_GROUPS = ("render", "video")


def checks(cluster: Cluster) -> Iterator[Check]:
    """Yield the checks of every host with a GPU that is in use."""
    for host in cluster.hosts:
        if host.gpu is None:
            continue
        match host.gpu.mode:
            case GpuMode.HOST:
                yield from _driven(cluster, host, host.gpu)
            case GpuMode.PASSTHROUGH:
                yield from _kept(host, host.gpu)
            case GpuMode.OFF:
                pass


def gfx_version(chip: str) -> int | None:
    """Return a chip as the kernel numbers it: gfx1103 is 110003 (Linux, drivers/gpu/drm/amd/amdkfd).

    LLVM's name has the stepping and the minor version as one hex digit each, after the major one.
    """
    match = re.fullmatch(r"gfx(\d{1,2})([0-9a-f])([0-9a-f])", chip)
    return int(match[1]) * 10000 + int(match[2], 16) * 100 + int(match[3], 16) if match else None


def gfx_name(version: int) -> str:
    """Return the chip with this number."""
    return f"gfx{version // 10000}{version // 100 % 100:x}{version % 100:x}"


def _driver_key(host: str) -> Key:
    return Key("gpu.driver", host)


def _driven(cluster: Cluster, host: Host, gpu: Gpu) -> Iterator[Check]:
    name = host.name
    driver, devices = _driver_key(name), Key("gpu.devices", name)
    model = gpu.model
    yield _driver_check(host, gpu, "amdgpu")
    yield Check(
        devices,
        Phase.GPU,
        f"{_KFD} and {count_of(gpu, 'render node')} are there, for the group render",
        (
            Remote(name, stat(_KFD)),
            Remote(name, read("ls", "-l", "/dev/dri", fine=(0, 1, 2))),
        ),
        partial(_judge_devices, host, gpu),
        (driver,),
    )
    nodes = [f"{_TOPOLOGY}/{number}/properties" for number in range(gpu.count + _OTHER_NODES)]
    yield Check(
        Key("gpu.chip", name),
        Phase.GPU,
        f"the kernel drives {count_of(gpu, 'GPU')} of chip {model.chip}: {model.name}",
        (Remote(name, read("cat", *nodes, fine=(0, 1))),),
        partial(_judge_chip, host, gpu),
        (devices,),
    )
    cards = [
        f"/sys/class/drm/card{number}/device/mem_info_vram_total"
        for number in range(gpu.count + _OTHER_CARDS)
    ]
    yield Check(
        Key("gpu.memory", name),
        Phase.GPU,
        "the GPU has memory of its own",
        (Remote(name, read("cat", *cards, fine=(0, 1))),),
        partial(_judge_memory, host, gpu),
        (driver,),
    )
    yield from rocm_checks(host, gpu, devices)
    yield Check(
        Key("gpu.users", name),
        Phase.GPU,
        f"{cluster.admin.user} is in the groups {' and '.join(_GROUPS)}",
        (Remote(name, read("id", "-nG", "--", cluster.admin.user, fine=(0, 1))),),
        partial(_judge_groups, host, cluster.admin.user),
    )


def _kept(host: Host, gpu: Gpu) -> Iterator[Check]:
    yield _driver_check(host, gpu, "vfio-pci")
    yield Check(
        Key("gpu.kept", host.name),
        Phase.GPU,
        "the host's own driver, amdgpu, is not loaded",
        (Remote(host.name, read("ls", "-d", "--", "/sys/module/amdgpu", fine=(0, 1, 2))),),
        partial(_judge_not_loaded, host),
        (_driver_key(host.name),),
    )


def _driver_check(host: Host, gpu: Gpu, driver: str) -> Check:
    """Return the check of who drives the GPU.

    The address of `passthrough` is of use in that mode only (spec/gpu.py); otherwise GPUs are counted.
    """
    looks = [Remote(host.name, read("ls", f"{_DRIVERS}/{driver}", fine=(0, 2)))]
    if gpu.passthrough_address is not None:
        link = f"/sys/bus/pci/devices/{gpu.passthrough_address}/driver"
        looks.append(Remote(host.name, read("readlink", link, fine=(0, 1))))
    return Check(
        _driver_key(host.name),
        Phase.GPU,
        f"{driver} drives {_driven_by(gpu)}",
        tuple(looks),
        partial(_judge_driver, host, gpu, driver),
        (Key("kernel.parameters", host.name), module_key(host.name, driver.replace("-", "_"))),
    )


def _driven_by(gpu: Gpu) -> str:
    address = gpu.passthrough_address if gpu.mode is GpuMode.PASSTHROUGH else None
    return address or count_of(gpu, "GPU")


def _judge_driver(host: Host, gpu: Gpu, driver: str, listed: Output, link: Output | None = None) -> Verdict:
    bound = _PCI_ADDRESS.findall(listed.stdout)
    address = gpu.passthrough_address
    if not listed.stdout.strip() and "No such file" not in listed.stderr:
        return CouldNotLook(f"ls says nothing of {_DRIVERS}/{driver}")
    if address in bound if gpu.mode is GpuMode.PASSTHROUGH else len(bound) >= gpu.count:
        return Ok(f"{driver}: {', '.join(bound)}")
    found = f"{driver} drives {', '.join(bound) or 'nothing'}"
    if other := link.stdout.strip().rpartition("/")[2] if link is not None else "":
        found += f", {other} drives {address}"
    expected = f"{driver} drives {_driven_by(gpu)}"
    ids = gpu.passthrough_ids if driver == "vfio-pci" else gpu.model.pci_ids
    return Failed(
        expected,
        found,
        # NixOS has no lspci unless somebody installs it.
        f"on {host.name}: `grep -Eil 'PCI_ID=({'|'.join(ids)})' {_UEVENTS}` names the file of each, with its "
        f"address and DRIVER; `dmesg | grep -i -E 'amdgpu|vfio'` says why; is it switched on in the BIOS, "
        f"and are address and ids in hosts.{host.name}.gpu right?",
    )


def _judge_devices(host: Host, gpu: Gpu, kfd: Output, dri: Output) -> Verdict:
    if _KFD not in kfd.stdout and _KFD not in kfd.stderr:
        return CouldNotLook(f"stat says nothing of {_KFD}")
    firmware = (
        f"on {host.name}: `dmesg | grep -i -E 'amdgpu|kfd'`; without its firmware the driver makes none "
        f"(hardware.enableRedistributableFirmware, modules/amd-gpu.nix)"
    )
    file = files(kfd.stdout).get(_KFD)
    if file is None:
        return Failed(_KFD, "it is not there", firmware)
    found = [(_KFD, file.group, bool(file.mode & _GROUP_READS_AND_WRITES == _GROUP_READS_AND_WRITES))]
    for line in dri.stdout.splitlines():
        words = line.split()
        if len(words) > 3 and words[-1].startswith("renderD"):
            found.append((f"/dev/dri/{words[-1]}", words[3], words[0][4:6] == "rw"))
    if len(found) <= gpu.count:
        return Failed(count_of(gpu, "render node"), f"{len(found) - 1} in /dev/dri", firmware)
    shut = [f"{path} ({group})" for path, group, opens in found if group != "render" or not opens]
    if shut:
        return Failed(
            "the group render may read and write",
            f"not so: {', '.join(shut)}",
            f"on {host.name}: `udevadm trigger --subsystem-match=drm --subsystem-match=kfd`; if that is no "
            f"help, look for a rule of yours in services.udev.extraRules",
        )
    return Ok(", ".join(path for path, _, _ in found))


def _judge_chip(host: Host, gpu: Gpu, output: Output) -> Verdict:
    numbers = re.findall(r"^gfx_target_version (\d+)$", output.stdout, re.MULTILINE)
    versions = [int(number) for number in numbers]
    if not versions:
        return CouldNotLook(f"no node in {_TOPOLOGY} has a gfx_target_version")
    # A processor has the version 0.
    chips = [gfx_name(version) for version in versions if version]
    if chips.count(gpu.model.chip) >= gpu.count:
        return Ok(", ".join(chips))
    return Failed(
        f"{count_of(gpu, 'GPU')} of chip {gpu.model.chip} ({gpu.model.name})",
        ", ".join(chips) or "processors alone",
        f"hosts.{host.name}.gpu.model names another GPU than there is, so pods get variables for the wrong "
        f"chip: on {host.name}, `rocminfo | grep gfx` and `grep -h PCI_ID=1002 {_UEVENTS}` say which it is",
    )


def _judge_memory(host: Host, gpu: Gpu, output: Output) -> Verdict:
    sizes = [int(line) for line in output.stdout.splitlines() if line.isdecimal()]
    if not sizes and "No such file" not in output.stderr:
        return CouldNotLook("no card says how much memory it has")
    real = [size for size in sizes if size]
    if len(real) >= gpu.count:
        return Ok(", ".join(bytes_text(size) for size in real))
    return Failed(
        f"mem_info_vram_total of {count_of(gpu, 'card')}",
        ", ".join(bytes_text(size) for size in sizes) or "no card has it",
        f"give the GPU memory in the BIOS of {host.name} (UMA frame buffer size: 512 MiB or more); "
        f"`dmesg | grep -i vram` says what it got",
    )


def _judge_groups(host: Host, user: str, output: Output) -> Verdict:
    groups = output.stdout.split()
    advice = f"`hybridlab deploy {host.name}` makes it so; then {user} has to log in anew"
    if not groups:
        if "no such user" in output.stderr:
            return Failed(f"user {user}", "there is no such user", f"`hybridlab deploy {host.name}` makes it")
        return CouldNotLook(f"id says nothing of {user}")
    missing = [group for group in _GROUPS if group not in groups]
    if missing:
        return Failed(f"{user} in {', '.join(_GROUPS)}", f"not in {', '.join(missing)}", advice)
    return Ok(", ".join(groups))


def _judge_not_loaded(host: Host, output: Output) -> Verdict:
    path = "/sys/module/amdgpu"
    if path in output.stdout:
        return Failed(
            "amdgpu is not loaded",
            "it is",
            f"on {host.name}: `grep -r amdgpu /etc/modules-load.d /etc/modprobe.d` may show who loads it; "
            f"modules/gpu-passthrough.nix keeps it out, also from a second AMD GPU",
        )
    if path not in output.stderr:
        return CouldNotLook(f"ls says nothing of {path}")
    return Ok("not loaded")
