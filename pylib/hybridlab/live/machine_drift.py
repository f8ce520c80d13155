"""How machines drift: what a host has installed, runs and was started with, and its guests.

Facts: nixpkgs 26.05, nixos/modules, system/activation and tasks/auto-upgrade.nix; microvm.nix,
nixos-modules/host/default.nix.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import PurePosixPath

from hybridlab.live.activation import AT_REST, STATE, UNDER_WAY
from hybridlab.live.checks.answers import shorten
from hybridlab.live.checks.check import CouldNotLook, Remote
from hybridlab.live.drift import Answers, Drift, Layer, NotSeenError, State
from hybridlab.live.paths import BOOTED_PARTS, PROFILE, is_store_path
from hybridlab.live.probe import Probe, read
from hybridlab.model.cluster import Cluster
from hybridlab.model.node import Guest, Host

# Where deploy-rs deploys, the profile is a wrapper around the system, whose files are links into it.
_INSTALLED = read("readlink", "-f", f"{PROFILE}/activate", fine=(0, 1))
_RUNNING = read("readlink", "-f", "/run/current-system")

_BOOTED = {
    part: read("readlink", f"/run/booted-system/{part}", f"/run/current-system/{part}", fine=(0, 1))
    for part in BOOTED_PARTS
}
# A file with the words themselves, and no link.
_BOOTED_WORDS = read(
    "sha256sum", "/run/booted-system/kernel-params", "/run/current-system/kernel-params", fine=(0, 1)
)

_STATE = "/var/lib/microvms"
_FOLDERS = read("ls", "-1", "-p", _STATE, fine=(0, 2))
_UNIT, _UNIT_END = "microvm@", ".service"
_UNITS = read(
    "systemctl", "list-units", "--all", "--plain", "--no-legend", "--output=json", f"{_UNIT}*{_UNIT_END}"
)

# What the flake makes of a host: a store path, or why that is not known; left out where nobody wants to know.
Wanted = Mapping[str, str | CouldNotLook]


def looks(cluster: Cluster) -> Iterator[Remote]:
    """Yield what the machines are asked."""
    for host in cluster.hosts:
        of_system = (_INSTALLED, _RUNNING, STATE, *_BOOTED.values(), _BOOTED_WORDS)
        for probe in (*of_system, _FOLDERS, _UNITS):
            yield Remote(host.name, probe)
        for guest in host.guests:
            yield Remote(host.name, _runners(guest))
            yield Remote(host.name, _system_of(guest))
            yield Remote(guest.name, _RUNNING)


def _runners(guest: Guest) -> Probe:
    return read("readlink", f"{_STATE}/{guest.name}/booted", f"{_STATE}/{guest.name}/current", fine=(0, 1))


def _system_of(guest: Guest) -> Probe:
    return read("readlink", "-f", f"{_STATE}/{guest.name}/toplevel", fine=(0, 1))


def machine_drift(cluster: Cluster, answers: Answers, wanted: Wanted) -> Iterator[Drift]:
    """Yield how hosts and guests drift, each thing once: what follows from another is not told again."""
    for host in cluster.hosts:
        if isinstance(why := wanted.get(host.name), CouldNotLook):
            yield _unseen(host.name, why.reason, Layer.BUILD, "without Nix, --no-build leaves this out")
        if (unreachable := answers.unreachable(host.name)) is not None:
            yield _unseen(host.name, f"can not be reached: {unreachable}", advice=unreachable.advice)
            for guest in host.guests:
                yield from _reached(guest, answers)
            continue
        yield from _seen(host.name, partial(_system, host, answers, wanted.get(host.name)))
        yield from _seen(host.name, partial(_guests, host, answers))


def _seen(item: str, judge: Callable[[], Iterator[Drift]]) -> Iterator[Drift]:
    try:
        yield from judge()
    except NotSeenError as error:
        yield _unseen(item, str(error))


def _unseen(item: str, why: str, layer: Layer = Layer.RUNNING, advice: str = "") -> Drift:
    return Drift(layer, item, State.UNREACHABLE, why, advice or f"`hybridlab ssh {item}` and look there")


def _changed(item: str, detail: str, advice: str, layer: Layer = Layer.RUNNING) -> Drift:
    return Drift(layer, item, State.CHANGED, detail, advice)


def _system(host: Host, answers: Answers, wanted: str | CouldNotLook | None) -> Iterator[Drift]:
    name = host.name
    activation = answers.text(name, STATE)
    if activation not in (*UNDER_WAY, *AT_REST):
        raise NotSeenError(f"systemctl says {shorten(activation)[:60] or 'nothing'} of hybridlab-activation")
    if activation in UNDER_WAY:
        # Which system it will have in the end is not settled.
        advice = f"wait for its end; `hybridlab logs {name} hybridlab-activation` tells how far it is"
        yield _changed(name, "a system is activated, and not kept yet", advice)
        return
    installed = answers.text(name, _INSTALLED).removesuffix("/activate")
    running = answers.text(name, _RUNNING)
    if not installed:
        raise NotSeenError(f"there is no {PROFILE}")
    for what, path in (("has installed", installed), ("runs", running)):
        if not is_store_path(path):
            raise NotSeenError(f"what it {what} is no system in the store: {shorten(path)[:60] or 'nothing'}")
    deploy = f"`hybridlab deploy {name}`"
    if isinstance(wanted, str) and wanted not in (installed, running):
        detail = f"has {_short(installed)} installed, and the flake makes {_short(wanted)}"
        yield _changed(name, detail, deploy, Layer.BUILD)
    if installed != running:
        detail = f"runs {_short(running)}, and starts with {_short(installed)}"
        yield _changed(name, detail, f"{deploy} settles it; so does a restart, for what it starts with")
    elif parts := tuple(_not_booted(name, answers)):
        advice = f"restart it when that suits: `hybridlab ssh {name} -- systemctl reboot`"
        yield _changed(name, f"{', '.join(parts)} of the last start, not of the system that runs", advice)


def _not_booted(host: str, answers: Answers) -> Iterator[str]:
    """Yield what is still that of the system with which the host was started."""
    for part, probe in _BOOTED.items():
        if _differ(answers.text(host, probe).splitlines(), part):
            yield part.replace("-", " ")
    lines = answers.text(host, _BOOTED_WORDS).splitlines()
    digests = [words[0] for line in lines if (words := line.split())]
    if _differ(digests, "kernel-params"):
        yield "kernel parameters"


def _differ(both: list[str], what: str) -> bool:
    match both:
        case []:  # a system without a kernel of its own
            return False
        case [booted, running]:
            return booted != running
    raise NotSeenError(f"only one of booted and running system has {what}")


def _guests(host: Host, answers: Answers) -> Iterator[Drift]:
    name = host.name
    folders = {line[:-1] for line in answers.text(name, _FOLDERS).splitlines() if line.endswith("/")}
    running = _running_guests(answers.text(name, _UNITS))
    own = {guest.name for guest in host.guests}
    for stranger in sorted((folders | running) - own):
        does = "runs there" if stranger in running else f"lies in {_STATE}"
        detail = f"{does}, and the spec has no such guest there"
        unit = f"{_UNIT}{stranger}{_UNIT_END}"
        advice = f"on {name}, after saving its data: `systemctl stop {unit}`, then remove {_STATE}/{stranger}"
        yield Drift(Layer.RUNNING, f"{stranger} on {name}", State.EXTRA, detail, advice)
    for guest in host.guests:
        yield from _seen(guest.name, partial(_guest, guest, answers, folders, running))


def _running_guests(text: str) -> frozenset[str]:
    """Return the guests whose unit is active, from what `systemctl list-units --output=json` wrote."""
    try:
        units = json.loads(text or "[]")
        active = [str(one["unit"]) for one in units if one["active"] in UNDER_WAY]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise NotSeenError("systemctl lists units in another way than is known") from error
    return frozenset(unit.removeprefix(_UNIT).removesuffix(_UNIT_END) for unit in active)


def _guest(guest: Guest, answers: Answers, folders: set[str], running: frozenset[str]) -> Iterator[Drift]:
    deploy = f"`hybridlab deploy {guest.host}`"
    unit = f"{_UNIT}{guest.name}{_UNIT_END}"
    if guest.name not in folders:
        yield Drift(Layer.RUNNING, guest.name, State.MISSING, f"{guest.host} has no such guest", deploy)
        return
    if guest.name not in running:
        advice = f"on {guest.host}, `systemctl start {unit}`; `hybridlab logs {guest.host} {unit}` says why"
        yield Drift(Layer.RUNNING, guest.name, State.MISSING, f"does not run on {guest.host}", advice)
        return
    match answers.text(guest.host, _runners(guest)).splitlines():
        case [booted, current] if booted == current:
            pass
        case [_, _]:
            advice = f"on {guest.host}, `systemctl restart {unit}`, which ends what runs in it"
            yield _changed(guest.name, "runs as it was before the last deployment of its host", advice)
            return
        case _:
            raise NotSeenError(f"{_STATE}/{guest.name} does not have both links, booted and current")
    unreached = tuple(_reached(guest, answers))
    yield from unreached
    if unreached:
        return
    has, runs = answers.text(guest.host, _system_of(guest)), answers.text(guest.name, _RUNNING)
    if has and has != runs:
        detail = f"runs {_short(runs)}, and its host has {_short(has)} for it"
        advice = f"somebody switched it from inside; on {guest.host}, `systemctl restart {unit}`"
        yield _changed(guest.name, detail, advice)


def _reached(guest: Guest, answers: Answers) -> Iterator[Drift]:
    if (unreachable := answers.unreachable(guest.name)) is not None:
        yield _unseen(guest.name, f"can not be reached: {unreachable}", advice=unreachable.advice)


def _short(path: str) -> str:
    """Return what tells one store path from another: the beginning of its hash."""
    return f"{PurePosixPath(path).name[:8]}…" if path else "nothing"
