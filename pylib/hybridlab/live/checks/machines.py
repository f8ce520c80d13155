"""The phase `machines`: each machine lets us in, is the one that the model means, and is well as a system.

Kernel, disks and guests have modules of their own beside this one.
"""

import json
from collections.abc import Iterator
from functools import partial

from hybridlab.live.checks import parts
from hybridlab.live.checks.check import Check, CouldNotLook, Failed, Key, Ok, Phase, Remote, Skipped, Verdict
from hybridlab.live.checks.disks import disk_check
from hybridlab.live.checks.kernel import kernel_checks
from hybridlab.live.checks.microvms import guest_checks, guest_unit, units_of_guests
from hybridlab.live.checks.reading import properties
from hybridlab.live.checks.secrets import units_of_secrets
from hybridlab.live.checks.selection import login
from hybridlab.live.probe import Output, read
from hybridlab.model.cluster import Cluster
from hybridlab.model.node import Guest, Host, Machine, host_of

# What systemctl(1) says of a system that is on its way up or down, and nobody knows yet.
_ON_ITS_WAY = {
    "initializing": "it is still starting",
    "starting": "it is still starting",
    "stopping": "it is going down",
}
# What the kernel keeps of a guest's memory for itself: its own image, and a 64th for the list of pages.
_KERNEL_MIB, _KERNEL_SHARE = 96, 0.04


def checks(cluster: Cluster) -> Iterator[Check]:
    """Yield the checks of the phase, machine by machine."""
    for machine in cluster.machines:
        yield _login(machine)
        yield from _system(cluster, machine)
        yield from kernel_checks(cluster, machine)
        yield disk_check(machine)
        match machine:
            case Host():
                yield from guest_checks(machine)
            case Guest():
                yield from _identity(machine)


def units_checked_elsewhere(cluster: Cluster, machine: Machine) -> frozenset[str]:
    """Return the units of the machine that have a check of their own, or belong to one that has."""
    units = set(units_of_secrets(cluster, machine))
    if machine.membership is not None:
        units |= {f"{name}.service" for name in parts.units(machine.membership)}
    if isinstance(machine, Host):
        units |= units_of_guests(machine)
    return frozenset(units)


def _login(machine: Machine) -> Check:
    """Return the check that fails if ssh does not let us in: whatever else asks the machine waits for it."""
    return Check(
        login(machine.name),
        Phase.MACHINES,
        "root can log in",
        (Remote(machine.name, read("readlink", "/run/current-system")),),
        _judge_login,
        needs=(guest_unit(machine),) if isinstance(machine, Guest) else (),
    )


def _judge_login(output: Output) -> Verdict:
    system = output.stdout.strip()
    if not system.startswith("/nix/store/"):
        return CouldNotLook(f"/run/current-system leads to {system!r}: is it NixOS?")
    return Ok(system)


def _system(cluster: Cluster, machine: Machine) -> Iterator[Check]:
    name = machine.name
    yield Check(
        Key("hostname", name),
        Phase.MACHINES,
        f"its name is {name}",
        (Remote(name, read("uname", "-n")),),
        partial(_judge_hostname, machine),
    )
    release = cluster.nixos.release
    yield Check(
        Key("nixos.release", name),
        Phase.MACHINES,
        f"it runs NixOS {release}",
        (Remote(name, read("cat", "/etc/os-release")),),
        partial(_judge_release, machine, release),
    )
    yield Check(
        Key("system.running", name),
        Phase.MACHINES,
        "systemd has started everything, and no unit has failed",
        (
            Remote(name, read("systemctl", "is-system-running", fine=(0, 1))),
            Remote(name, read("systemctl", "list-units", "--failed", "--output=json", "--no-pager")),
        ),
        partial(_judge_system, name, units_checked_elsewhere(cluster, machine)),
    )
    yield Check(
        Key("clock", name),
        Phase.MACHINES,
        "its clock is synchronised",
        (Remote(name, read("timedatectl", "show")),),
        partial(_judge_clock, name),
    )


def _judge_hostname(machine: Machine, output: Output) -> Verdict:
    found = output.stdout.strip()
    if not found:
        return CouldNotLook("uname says no name")
    if found == machine.name:
        return Ok(found)
    addresses = " or ".join(str(leg.address) for leg in machine.legs)
    return Failed(
        machine.name,
        found,
        f"does {found} use {addresses}, which is {machine.name}'s? If it is {machine.name}, "
        f"`hybridlab deploy {host_of(machine)}` gives it its name",
    )


def _judge_release(machine: Machine, release: str, output: Output) -> Verdict:
    found = properties(output.stdout)
    system, version = found.get("ID", ""), found.get("VERSION_ID", "")
    if not system or not version:
        return CouldNotLook("/etc/os-release names no system")
    if system == "nixos" and version == release:
        return Ok(found.get("PRETTY_NAME", version))
    return Failed(
        f"NixOS {release}",
        found.get("PRETTY_NAME", f"{system} {version}"),
        f"let the input nixpkgs of your flake be {release} (`nix flake update nixpkgs`), or write the other "
        f"release into nixos.release; then `hybridlab deploy {host_of(machine)}`",
    )


def _judge_system(machine: str, elsewhere: frozenset[str], running: Output, listed: Output) -> Verdict:
    state = running.stdout.strip()
    units = _failed_units(listed.stdout)
    if units is None:
        return CouldNotLook("systemctl lists failed units in no form that is known here")
    own = [unit for unit in units if unit not in elsewhere]
    if own:
        return Failed(
            "no failed unit",
            f"failed: {', '.join(own)}",
            f"see why: {', '.join(f'`hybridlab logs {machine} {unit}`' for unit in own[:3])}; then "
            f"`systemctl restart` it, or `systemctl reset-failed` if it is of no use any more",
        )
    match state:
        case "running":
            return Ok(state)
        case "degraded" if units:
            return Ok(f"but for {', '.join(units)}, which other checks are about")
        case "degraded":
            return CouldNotLook("systemd calls itself degraded, and lists no failed unit")
        case "maintenance":
            return Failed(
                "running",
                "maintenance: the rescue or emergency shell",
                f"on the console of {machine}: `journalctl -b -p err`, and `systemctl default` to go on",
            )
    if state in _ON_ITS_WAY:
        return CouldNotLook(
            f"{_ON_ITS_WAY[state]}: wait, as with `--wait 5m`; `systemctl list-jobs` on it shows what for"
        )
    return CouldNotLook(f"systemctl says {state!r}")


def _failed_units(text: str) -> tuple[str, ...] | None:
    """Return the units that `list-units --output=json` printed; None if that is something else."""
    try:
        units = [unit["unit"] for unit in json.loads(text)]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return tuple(units) if all(isinstance(unit, str) for unit in units) else None


def _judge_clock(machine: str, output: Output) -> Verdict:
    found = properties(output.stdout)
    match found.get("NTPSynchronized"):
        case "yes":
            return Ok(found.get("TimeUSec", "synchronised"))
        case "no":
            service = "" if found.get("NTP") == "yes" else ", and no service that would do it is on"
            return Failed(
                "synchronised",
                f"not synchronised{service}",
                f"on {machine}: `timedatectl timesync-status`, `journalctl -b -u systemd-timesyncd`; its "
                f"time servers have to be reachable by 123/udp",
            )
    return CouldNotLook("timedatectl does not say whether the clock is synchronised")


def _identity(guest: Guest) -> Iterator[Check]:
    """Yield what makes a guest the one that the model means."""
    name, identity = guest.name, guest.identity
    yield Check(
        Key("machine-id", name),
        Phase.MACHINES,
        f"its machine id is {identity.machine_id}",
        (Remote(name, read("cat", "/etc/machine-id")),),
        partial(_judge_identity, guest, identity.machine_id, "/etc/machine-id"),
    )
    address = f"/sys/class/net/{guest.leg.interface}/address"
    yield Check(
        Key("mac", name),
        Phase.MACHINES,
        f"{guest.leg.interface} has the MAC address {identity.mac}",
        (Remote(name, read("cat", address, fine=(0, 1))),),
        partial(_judge_identity, guest, identity.mac, address),
    )
    yield Check(
        Key("memory", name),
        Phase.MACHINES,
        f"it has {guest.memory_mib} MiB of memory",
        (Remote(name, read("cat", "/proc/meminfo")),),
        partial(_judge_memory, guest),
    )


def _judge_identity(guest: Guest, expected: str, path: str, output: Output) -> Verdict:
    found = output.stdout.strip().lower()
    if found == expected.lower():
        return Ok(found)
    if "No such file" in output.stderr and path.startswith("/sys/class/net/"):
        return Skipped(f"it has no interface {guest.leg.interface}: the checks of the network say so")
    if not found:
        return CouldNotLook(f"{path} is empty")
    return Failed(
        expected,
        found,
        f"the runner of {guest.host} was built from something else: `hybridlab deploy {guest.host}`, which "
        f"restarts {guest.name}; if this value is to stay, pin it in guests.{guest.name}",
    )


def _judge_memory(guest: Guest, output: Output) -> Verdict:
    lines = (line.split() for line in output.stdout.splitlines())
    found = next((words[1] for words in lines if len(words) > 1 and words[0] == "MemTotal:"), "")
    if not found.isdecimal():
        return CouldNotLook("/proc/meminfo has no MemTotal")
    mib = int(found) // 1024
    # The balloon takes memory away from a guest that does not use it.
    least = 0 if guest.balloon else int(guest.memory_mib * (1 - _KERNEL_SHARE)) - _KERNEL_MIB
    if least <= mib <= guest.memory_mib:
        return Ok(f"{mib} MiB")
    return Failed(
        f"{least} to {guest.memory_mib} MiB",
        f"{mib} MiB",
        f"a change of memory alone does not restart a guest: on {guest.host}, "
        f"`systemctl restart microvm@{guest.name}`, which drops what runs in it",
    )
