"""Whether hosts can be deployed as they are now: reached, not busy, with room; nothing is changed there."""

import re
from collections.abc import Iterable, Mapping
from functools import partial

from attrs import frozen

from hybridlab.errors import LiveError
from hybridlab.live.activation import AT_REST, STATE, UNDER_WAY
from hybridlab.live.checks.answers import shorten
from hybridlab.live.gather import gather
from hybridlab.live.parallel import in_parallel
from hybridlab.live.paths import PROFILE, is_store_path
from hybridlab.live.probe import Output, Probe, read
from hybridlab.live.ssh import Ssh, Unreachable
from hybridlab.live.targets import address_of
from hybridlab.model.cluster import Cluster
from hybridlab.model.node import Host
from hybridlab.spec.scalars import Address

# A kernel with its initrd takes 50 to 150 MiB where the boot loader reads them, if that is a file system of
# its own; what is left in the store must do for a database that grows, and a journal.
_AT_ONCE = 16
_BOOT_BYTES = 200 * 2**20
_STORE_BYTES = 500 * 2**20

# A generation of the profile: the link `system` leads to it.
_LINK = re.compile(r"system-([0-9]{1,9})-link")
_BYTES = re.compile(r"[0-9]{1,18}")

_SYSTEM = read("readlink", "-f", "/run/current-system")
_PROFILE = read("readlink", "-f", PROFILE)
_GENERATION = read("readlink", PROFILE)
# What activate.sh leaves if it did not come to its end.
_MARK = read("readlink", "/nix/var/nix/gcroots/hybridlab", fine=(0, 1))
_STORE = read("df", "--output=avail", "--block-size=1", "/nix/store")
_BOOT = read("df", "--output=avail", "--block-size=1", "/boot", fine=(0, 1))


@frozen
class Target:
    """A host to deploy with its guests, the `address` at which ssh reaches it now, and where `afterwards`."""

    host: Host
    address: Address
    afterwards: Address

    @property
    def name(self) -> str:
        return self.host.name

    @property
    def addresses(self) -> tuple[Address, ...]:
        """Where it may be reached, each once."""
        return tuple(dict.fromkeys((self.address, self.afterwards)))


@frozen
class Seen:
    """A host as it is: the systems that it runs and starts with, and the bytes that are free in its store.

    `generation`: the number of the latter in its profile, if it has one. `busy`: it is in the middle of an
    attempt that somebody has begun; `unfinished`: one did not come to its end, so that nobody knows what its
    boot loader has.
    """

    target: Target
    current: str
    profile: str
    generation: int | None
    free: int
    busy: bool
    unfinished: bool = False

    def runs(self, system: str) -> bool:
        """Whether it runs this system, and is sure to start with it."""
        return self.current == self.profile == system and not self.unfinished


@frozen
class Problem:
    """Why a host can not be deployed, and what to do about it."""

    machine: str
    message: str
    hint: str


def targets(cluster: Cluster, hosts: Iterable[Host], now: Mapping[str, Address]) -> tuple[Target, ...]:
    """Return where to reach the hosts; `now`: where those are, by name, that the spec has elsewhere.

    Raises: LiveError for one that the admin can not log in to.
    """
    afterwards = ((host, address_of(cluster, host)) for host in hosts)
    return tuple(Target(host, now.get(host.name, then), then) for host, then in afterwards)


def look(ssh: Ssh, target: Target, *, brings: bool = True) -> Seen | Problem:
    """Look at a host over one connection; whether there is room counts if a new system is brought to it.

    Raises: LiveError if there is no ssh here.
    """
    asked = gather(ssh, target.address, (_SYSTEM, _PROFILE, _GENERATION, _MARK, STATE, _STORE, _BOOT))
    if isinstance(asked, Unreachable):
        return Problem(target.name, f"can not be reached at {target.address}: {asked}", asked.advice)
    current, profile = _text(asked, _SYSTEM), _text(asked, _PROFILE)
    if not is_store_path(current):
        return Problem(
            target.name,
            f"is not known to run NixOS: {_found(asked, _SYSTEM)}",
            "install NixOS first (docs/runbook.md)",
        )
    activation = _text(asked, STATE)
    if activation not in (*UNDER_WAY, *AT_REST) or not _is_answered(asked, _MARK):
        return Problem(
            target.name,
            f"does not say whether an earlier attempt came to its end: {_found(asked, STATE)}",
            f"look at it: `hybridlab ssh {target.name} -- systemctl status hybridlab-activation`",
        )
    free = _bytes(asked, _STORE)
    if brings and (free is None or free < _STORE_BYTES):
        found = _found(asked, _STORE) if free is None else f"{free // 2**20} MiB"
        return Problem(
            target.name,
            f"has not the {_STORE_BYTES // 2**20} MiB free in /nix/store that are the least: {found}",
            f"`ssh root@{target.address} nix-collect-garbage --delete-older-than 30d`",
        )
    boot = _bytes(asked, _BOOT)
    if brings and boot is None and not _is_missing(asked, _BOOT):
        return Problem(
            target.name,
            f"does not say what is free in /boot: {_found(asked, _BOOT)}",
            f"look at it: `hybridlab ssh {target.name} -- df /boot`",
        )
    if brings and boot is not None and boot < _BOOT_BYTES:
        return Problem(
            target.name,
            f"has {boot // 2**20} MiB free in /boot, and a kernel with its initrd may take "
            f"{_BOOT_BYTES // 2**20} MiB",
            "set boot.loader.systemd-boot.configurationLimit; now: `nix-env --profile "
            f"{PROFILE} --delete-generations +3` on it, then "
            "`/run/current-system/bin/switch-to-configuration boot`",
        )
    link = _LINK.fullmatch(_text(asked, _GENERATION))
    return Seen(
        target,
        current,
        profile,
        generation=int(link[1]) if link else None,
        free=free or 0,
        busy=activation in UNDER_WAY,
        unfinished=asked[_MARK].status == 0,
    )


def look_at_all(where: Iterable[Target], ssh: Ssh) -> tuple[Seen | Problem, ...]:
    """Look at all hosts side by side, and return what was seen in their order."""
    where = tuple(where)
    found = dict(in_parallel((partial(_look, target, ssh) for target in where), at_once=_AT_ONCE))
    return tuple(found[target.name] for target in where)


def _look(target: Target, ssh: Ssh) -> tuple[str, Seen | Problem]:
    try:
        return target.name, look(ssh, target)
    except LiveError as error:
        return target.name, Problem(target.name, f"can not be looked at: {error}", "see there")


def room_for(seen: Seen, missing: Mapping[str, int]) -> Problem | None:
    """Return what is wrong if the paths of these sizes do not fit onto the host."""
    wanted = sum(missing.values())
    if wanted + _STORE_BYTES <= seen.free:
        return None
    return Problem(
        seen.target.name,
        f"has {seen.free // 2**20} MiB free in /nix/store, and the new system brings {wanted // 2**20} MiB",
        f"`ssh root@{seen.target.address} nix-collect-garbage --delete-older-than 30d`",
    )


def _is_answered(asked: Mapping[Probe, Output], probe: Probe) -> bool:
    output = asked.get(probe)
    return output is not None and output.why_not(probe) is None


def _is_missing(asked: Mapping[Probe, Output], probe: Probe) -> bool:
    """Whether the program says that there is no such file."""
    output = asked.get(probe)
    return output is not None and output.status == 1 and "No such file" in output.stderr


def _text(asked: Mapping[Probe, Output], probe: Probe) -> str:
    output = asked.get(probe)
    return output.stdout.strip() if output is not None and _is_answered(asked, probe) else ""


def _bytes(asked: Mapping[Probe, Output], probe: Probe) -> int | None:
    """Return the number in the last line, under df's heading; None if there is none."""
    last = _text(asked, probe).rpartition("\n")[2].strip()
    return int(last) if _BYTES.fullmatch(last) else None


def _found(asked: Mapping[Probe, Output], probe: Probe) -> str:
    """Return in a few words what came in place of a good answer."""
    output = asked.get(probe)
    if output is None:
        return "it did not answer"
    return output.why_not(probe) or f"{probe.words[0]} says {shorten(output.stdout)[:100] or 'nothing'}"
