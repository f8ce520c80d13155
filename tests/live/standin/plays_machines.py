"""Plays what a machine tells of itself: clock, disks, sysctls, owners of files, and its GPU.

In the state: `clock` as `timedatectl show` has it, `disks` by mount point (bytes and inodes), `sysctl` by
key, `owners` of files by path (`owner`, `group`, `mode`; `kind` where there is no such file), `listings` by
folder as `ls -l` prints them, and `gpu` with what its programs print. All else is files below /proc, /sys,
/etc and so on, which the real cat, ls, readlink and sha256sum read. Formats: coreutils 9.1, timedatectl(1),
sysctl(8); those of rocm-smi and clinfo as issues quote them (ROCm/rocm_smi_lib#159).
"""

import grp
import json
import pwd
import stat as modes
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from live.standin.machine import Answer, Exec, Health, Link, Machine
from live.standin.plays_units import running
from live.standin.words import parse

_GIB = 1024**3
TOKEN = "0123456789abcdef0123456789abcdef"
_STATE = "/var/lib/microvms"
_KINDS = {modes.S_IFREG: "regular file", modes.S_IFDIR: "directory", modes.S_IFLNK: "symbolic link"}


def timedatectl(machine: Machine, words: list[str]) -> Answer:
    """Play timedatectl(1), `show` alone."""
    if words != ["show"]:
        return Answer("", f"not played: timedatectl {' '.join(words)}\n", 1)
    return Answer("".join(f"{key}={value}\n" for key, value in machine.state["clock"].items()))


def sysctl(machine: Machine, words: list[str]) -> Answer:
    """Play sysctl(8), which reads."""
    known = machine.state["sysctl"]
    missing = [f"/proc/sys/{key.replace('.', '/')}" for key in words if key not in known]
    return Answer(
        "".join(f"{key} = {known[key]}\n" for key in words if key in known),
        "".join(f"sysctl: cannot stat {path}: No such file or directory\n" for path in missing),
        1 if missing else 0,
    )


def df(machine: Machine, words: list[str]) -> Answer:
    """Play df(1) with `--output`."""
    options, paths = parse(words, valued=())
    columns = options["--output"].split(",")
    lines, errors = [" ".join(columns)], []
    for path in paths:
        disk = _disk_of(machine, path)
        if path in machine.state.get("no_such_path", []):
            errors.append(f"df: {path}: No such file or directory\n")
            continue
        row = {**machine.state["disks"][disk], "file": path, "target": disk}
        lines.append(" ".join(f"{row[column]:>12}" for column in columns))
    return Answer("\n".join(lines) + "\n", "".join(errors), 1 if errors else 0)


def _disk_of(machine: Machine, path: str) -> str:
    places = [path, *map(str, PurePosixPath(path).parents)]
    return next(place for place in places if place in machine.state["disks"])


def stat(machine: Machine, words: list[str]) -> Answer | Exec:
    """Play stat(1) with a format, for files whose owner the machine's state names; else the real one runs."""
    options, paths = parse(words, valued=("-c", "--format"))
    form = options.get("-c", options.get("--format"))
    if form is None or not any(path in machine.state["owners"] for path in paths):
        return Exec(("/usr/bin/stat", *words))
    lines, errors = [], []
    for path in paths:
        values = _stated(machine, path, follow="-L" in options)
        if values is None:
            errors.append(f"stat: cannot statx '{path}': No such file or directory\n")
            continue
        line = form
        for letter, value in values.items():
            line = line.replace(f"%{letter}", value)
        lines.append(f"{line}\n")
    return Answer("".join(lines), "".join(errors), 1 if errors else 0)


def _stated(machine: Machine, path: str, *, follow: bool) -> dict[str, str] | None:
    said = machine.state["owners"].get(path, {})
    file = machine.real_path(path) if follow else machine.path(path)
    if not file.exists():
        if "kind" not in said:
            return None
        found = ("0", "root", "root", "0", said["kind"])
    else:
        real = file.lstat()
        kind = _KINDS.get(modes.S_IFMT(real.st_mode), "other")
        found = (
            f"{modes.S_IMODE(real.st_mode):o}",
            pwd.getpwuid(real.st_uid).pw_name,
            grp.getgrgid(real.st_gid).gr_name,
            str(real.st_size),
            "regular empty file" if kind == "regular file" and not real.st_size else kind,
        )
    keys = ("mode", "owner", "group", "size", "kind")
    values = {**dict(zip(keys, found, strict=True)), **{key: str(value) for key, value in said.items()}}
    return {letter: values[key] for letter, key in zip("aUGsF", keys, strict=True)} | {"n": path}


def ls(machine: Machine, words: list[str]) -> Answer | Exec:
    """Play `ls -l` of folders with devices, which nobody can make here; else the real one runs."""
    listing = machine.state["listings"].get(words[-1]) if words[:1] == ["-l"] else None
    return Exec(("/usr/bin/ls", *words)) if listing is None else Answer(listing)


def _of_gpu(name: str, machine: Machine) -> Answer:
    said = machine.state["gpu"].get(name)
    if said is None:
        return Answer("", f"bash: {name}: command not found\n", 127)
    return Answer(said) if isinstance(said, str) else Answer(*said)


def rocm_smi(machine: Machine, _words: list[str]) -> Answer:
    """Play ROCm's monitor."""
    return _of_gpu("rocm-smi", machine)


def clinfo(machine: Machine, _words: list[str]) -> Answer:
    """Play clinfo(1)."""
    return _of_gpu("clinfo", machine)


PROGRAMS = {
    "clinfo": clinfo,
    "df": df,
    "ls": ls,
    "rocm-smi": rocm_smi,
    "stat": stat,
    "sysctl": sysctl,
    "timedatectl": timedatectl,
}


def healthy(cluster: Any, machine: Any) -> Health:
    """Return a machine as the model wants it."""
    from hybridlab.model.node import Host  # noqa: PLC0415 - plays know nothing of it

    is_host = isinstance(machine, Host)
    state: dict[str, Any] = {
        "clock": {"Timezone": "UTC", "NTP": "yes", "NTPSynchronized": "yes"},
        "disks": dict.fromkeys(_disks(is_host=is_host), _disk(100 * _GIB, 80 * _GIB)),
        "sysctl": _sysctls(cluster, machine, is_host=is_host),
        "owners": {},
        "listings": {},
        "gpu": {},
        "units": {},
    }
    files = dict(_files(cluster, machine))
    for more in (_secrets(cluster, machine), *([_guests(machine), _gpu(machine)] if is_host else [])):
        files |= more.files
        for key, value in more.state.items():
            state[key] |= value
    if not is_host:
        files |= _guest(machine)
    return Health(state, files)


def _disks(*, is_host: bool) -> tuple[str, ...]:
    return ("/", "/boot") if is_host else ("/", "/var/lib")


def _disk(size: int, avail: int) -> dict[str, int]:
    return {"size": size, "avail": avail, "itotal": 1_000_000, "iavail": 900_000}


def _sysctls(cluster: Any, machine: Any, *, is_host: bool) -> dict[str, int]:
    found = {}
    if machine.membership is not None:
        found |= {"net.ipv4.ip_forward": 1}
        found |= {"net.bridge.bridge-nf-call-iptables": 1, "net.bridge.bridge-nf-call-ip6tables": 1}
    if is_host:
        found |= {"net.ipv4.conf.all.arp_announce": 2, "net.ipv4.conf.all.arp_ignore": 1}
        found |= {"net.ipv4.conf.all.rp_filter": 0, f"net.ipv4.conf.{cluster.bridge}.rp_filter": 0}
    return found


def _files(cluster: Any, machine: Any) -> Iterator[tuple[str, str | bytes | Link]]:
    release, user = cluster.nixos.release, cluster.admin.user
    yield "/etc/os-release", f'ID=nixos\nPRETTY_NAME="NixOS {release}"\nVERSION_ID="{release}"\n'
    yield "/proc/cmdline", f"{' '.join(('init=/nix/store/x/init', *machine.kernel_parameters))} loglevel=4\n"
    yield "/proc/swaps", "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"
    yield "/proc/meminfo", f"MemTotal: {int(machine.memory_mib * 0.97) * 1024:>14} kB\n"
    for module in ("br_netfilter", "overlay"):
        yield f"/sys/module/{module}/initstate", "live\n"
    # What lab.py writes, and those who own files or open the GPU.
    yield (
        "/etc/passwd",
        "root:x:0:0::/root:/bin/bash\nsshd:x:100:65534::/run/sshd:/bin/false\n"
        "cfssl:x:299:299::/var/lib/cfssl:/bin/false\nmicrovm:x:998:302::/var/empty:/bin/false\n"
        f"{user}:x:1000:100::/home/{user}:/bin/bash\n",
    )
    yield (
        "/etc/group",
        "root:x:0:\nnogroup:x:65534:\nusers:x:100:\ncfssl:x:299:\nkvm:x:302:\n"
        f"wheel:x:1:{user}\nvideo:x:26:{user}\nrender:x:303:{user}\n",
    )


def _guest(machine: Any) -> dict[str, str | bytes | Link]:
    address = f"/sys/class/net/{machine.leg.interface}/address"
    return {"/etc/machine-id": f"{machine.identity.machine_id}\n", address: f"{machine.identity.mac}\n"}


def _guests(machine: Any) -> Health:
    files: dict[str, str | bytes | Link] = {}
    units = {}
    for guest in machine.guests:
        runner = f"/nix/store/{'r' * 32}-microvm-{guest.hypervisor.value}-{guest.name}"
        files |= {f"{_STATE}/{guest.name}/{link}": Link(runner) for link in ("booted", "current")}
        units[f"microvm@{guest.name}.service"] = running(f"MicroVM '{guest.name}'")
    return Health({"units": units}, files)


def _secrets(cluster: Any, machine: Any) -> Health:
    from hybridlab.model.delivery import decrypts_in_a_unit, delivered  # noqa: PLC0415

    files: dict[str, str | bytes | Link] = {}
    owners, units = {}, {}
    for secret in delivered(cluster, machine):
        files[secret.path] = TOKEN if secret.name == cluster.kubernetes.join_token else f"of {secret.name}"
        owners[secret.path] = {"owner": secret.owner, "group": secret.group, "mode": "400"}
    once = {"SubState": "exited", "Type": "oneshot"}
    if decrypts_in_a_unit(cluster, machine):
        units["sops-install-secrets.service"] = running("sops-install-secrets.service", **once)
    if cluster.secrets is None or machine.membership is None:
        return Health({"owners": owners, "units": units}, files)
    units["hybridlab-join-token.service"] = running("Deliver the Kubernetes join token", **once)
    at_certmgr = "/var/lib/kubernetes/secrets/apitoken.secret"
    if machine.membership.is_control_plane:
        units["hybridlab-pod-secrets.service"] = running("Bring secrets into the cluster", **once)
        at_cfssl, owner = (
            "/var/lib/cfssl/apitoken.secret",
            {"owner": "cfssl", "group": "cfssl", "mode": "400"},
        )
        files |= {at_cfssl: f"{TOKEN}\n", at_certmgr: Link(at_cfssl)}
        owners |= {at_cfssl: owner, at_certmgr: owner}
    else:
        files[at_certmgr] = f"{TOKEN}\n"
        owners[at_certmgr] = {"owner": "root", "group": "root", "mode": "400"}
    return Health({"owners": owners, "units": units}, files)


def _gpu(machine: Any) -> Health:
    from hybridlab.live.checks.gpu import gfx_version  # noqa: PLC0415
    from hybridlab.spec.gpu import GpuMode  # noqa: PLC0415

    gpu = machine.gpu
    if gpu is None or gpu.mode is GpuMode.OFF:
        return Health()
    address = gpu.passthrough_address or "0000:c4:00.0"
    driver, module = ("amdgpu", "amdgpu") if gpu.mode is GpuMode.HOST else ("vfio-pci", "vfio_pci")
    pci = "/sys/bus/pci"
    files: dict[str, str | bytes | Link] = {
        f"/sys/module/{module}/initstate": "live\n",
        f"{pci}/devices/{address}/driver": Link(f"../../drivers/{driver}"),
        f"{pci}/drivers/{driver}/{address}": Link(f"../../devices/{address}"),
        f"{pci}/drivers/{driver}/bind": "",
    }
    if gpu.mode is not GpuMode.HOST:
        return Health({}, files)
    nodes = "/sys/class/kfd/kfd/topology/nodes"
    files |= {
        f"{nodes}/0/properties": "cpu_cores_count 16\nsimd_count 0\ngfx_target_version 0\n",
        f"{nodes}/1/properties": f"simd_count 24\ngfx_target_version {gfx_version(gpu.model.chip)}\n",
        "/sys/class/drm/card1/device/mem_info_vram_total": f"{4 * _GIB}\n",
    }
    card = {"Card Series": "Phoenix3", "Card Model": "0x1900", "GFX Version": gpu.model.chip}
    device = {"kind": "character special file", "owner": "root", "group": "render", "mode": "660"}
    listing = (
        "total 0\ndrwxr-xr-x 2 root root        80 Nov 25 12:00 by-path\n"
        "crw-rw---- 1 root video  226,   1 Nov 25 12:00 card1\n"
        "crw-rw---- 1 root render 226, 128 Nov 25 12:00 renderD128\n"
    )
    clinfo_says = (
        "Number of platforms                               1\n"
        "  Platform Name                                   AMD Accelerated Parallel Processing\n"
        f"  Device Name                                     {gpu.model.chip}\n"
    )
    return Health(
        {
            "gpu": {"rocm-smi": json.dumps({"card0": card}), "clinfo": clinfo_says},
            "owners": {"/dev/kfd": device},
            "listings": {"/dev/dri": listing},
        },
        files,
    )
