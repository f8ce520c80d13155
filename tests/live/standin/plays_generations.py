"""Plays what NixOS has of generations: the profile, switch-to-configuration, the boot loader, restarts.

A system is a folder of the store with what NixOS puts there (`system_files`), and with `standin.json`: what
comes of it when it is activated (`Effects`). Facts: switch-to-configuration-ng, and Nix's profiles.cc.
"""

import fcntl
import hashlib
import json
import re
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from live.standin.machine import Answer, Health, Link, Machine

PROFILE = "/nix/var/nix/profiles/system"
_LOCK = "/run/nixos/switch-to-configuration.lock"
_EFFECTS = "standin.json"
# A script, so that it can be in a store that is copied; only the shell's own words: units have no coreutils.
_SWITCH = """\
#!/bin/sh
system=$(cd "${0%/*}/.." && pwd -P)
exec /standin/bin/switch-to-configuration --of "$system" "$@"
"""


def system_files(machine: str, label: str, effects: Mapping[str, Any], kernel: str) -> dict[str, str | Link]:
    """Return the files of a system, by their path in it.

    `effects`, all optional: `state`: a fragment of the machine's state that is so while it runs this system;
    `ssh`: False if nobody gets in; `seconds`: how long activating takes; `status` and `stderr` of activating
    (1 and 2: it stops half-way), `boot_status` of installing it into the boot loader; `would`: what
    dry-activate says that it would do, in lines.
    """
    return {
        "nixos-version": f"26.05.{label}",
        "system": "x86_64-linux",
        "init-interface-version": "systemd 2",
        "kernel-params": "console=tty0 loglevel=4 lsm=landlock,yama,bpf",
        "kernel": Link(f"/nix/store/{_hash(kernel)}-linux-{kernel}/bzImage"),
        "kernel-modules": Link(f"/nix/store/{_hash(kernel)}-linux-{kernel}-modules"),
        "initrd": Link(f"/nix/store/{_hash(kernel)}-initrd-linux-{kernel}/initrd"),
        "systemd": Link(f"/nix/store/{_hash('systemd')}-systemd-258"),
        "sw": Link("/standin/sw"),
        "activate": "#!/bin/sh\n",
        "init": "#!/bin/sh\n",
        "switch-inhibitors": "{}",
        "bin/switch-to-configuration": _SWITCH,
        _EFFECTS: json.dumps(effects),
        "standin-name": machine,
    }


def store_path(machine: str, label: str) -> str:
    """Return where the system of that label is, as Nix would name it."""
    return f"/nix/store/{_hash(f'{machine} {label}')}-nixos-system-{machine}-26.05.{label}"


def add_system(machine: Machine, name: str, label: str, effects: Mapping[str, Any], kernel: str) -> str:
    """Put a system into the machine's store, and return its path."""
    path = store_path(name, label)
    for file, content in system_files(name, label, effects, kernel).items():
        machine.write(f"{path}/{file}", content)
    return path


def switch_to_configuration(machine: Machine, words: list[str]) -> Answer:
    """Play the program of a system: `--of SYSTEM ACTION`."""
    system, action = words[1], words[2] if len(words) == 3 else ""
    if action not in ("check", "switch", "boot", "test", "dry-activate"):
        return Answer("", "Usage: switch-to-configuration [check|switch|boot|test|dry-activate]\n", 1)
    lock_file = machine.path(_LOCK)
    lock_file.parent.mkdir(parents=True, exist_ok=True)
    with lock_file.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return Answer("", "Could not acquire lock\n", 11)
        effects = _effects(machine, system)
        if action in ("switch", "boot"):
            if status := effects.get("boot_status", 0):
                return Answer("", "Failed to install bootloader\n", status)
            machine.state["boot_default"] = system
        match action:
            case "check" | "boot":
                return Answer()
            case "dry-activate":
                return Answer("", f"{effects.get('would', '')}would activate the configuration...\n")
        machine.pause(effects.get("seconds", 0))
        status = effects.get("status", 0)
        said = f"activating the configuration...\n{effects.get('stderr', '')}"
        # The link is set by the activation script, even if a part of it failed.
        if status != 1:
            _become(machine, system)
            _let_in(machine, effects)
        return Answer("", said, status)


def nix_env(machine: Machine, words: list[str]) -> Answer:
    """Play nix-env(1) as far as it is about generations of a profile."""
    profile, verb, rest = _nix_env_words(words)
    numbers = generations(machine, profile)
    last = max(numbers, default=0)
    match verb, rest:
        case "--set", [path]:
            if not machine.path(path).exists():
                return Answer("", f"error: path '{path}' does not exist and cannot be created\n", 1)
            # profiles.cc: no new generation if the last one is the same.
            if numbers.get(last) != path:
                last += 1
                machine.write(f"{profile}-{last}-link", Link(path))
            return _point(machine, profile, last)
        case "--switch-generation" | "-G", [number] if number.isdecimal():
            if int(number) not in numbers:
                return Answer("", f"error: profile version {number} does not exist\n", 1)
            return _point(machine, profile, int(number))
        case "--rollback", []:
            before = [number for number in numbers if number < current_generation(machine, profile)]
            if not before:
                return Answer("", f"error: no profile version to roll back to in '{profile}'\n", 1)
            return _point(machine, profile, max(before))
        case "--list-generations", []:
            now = current_generation(machine, profile)
            day = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(1_780_000_000))
            lines = (f"{one:4}   {day}   {'(current)' * (one == now)}\n" for one in sorted(numbers))
            return Answer("".join(lines))
        case "--delete-generations", chosen if all(one.isdecimal() for one in chosen):
            for one in {int(one) for one in chosen} & {*numbers} - {current_generation(machine, profile)}:
                machine.path(f"{profile}-{one}-link").unlink()
            return Answer()
    return Answer("", f"error: not played: nix-env {' '.join(words)}\n", 1)


def reboot(machine: Machine, _: list[str]) -> Answer:
    """End all that runs on the machine; it starts with what its boot loader has."""
    machine.reboot()


def boot(machine: Machine, _: list[str]) -> Answer:
    """Do what the boot loader, the kernel and systemd do; init.sh calls it."""
    state, run, kept = machine.state, machine.path("/run"), machine.folder / "run-at-boot"
    if kept.exists():
        shutil.rmtree(run)
        shutil.copytree(kept, run, symlinks=True)
    else:
        shutil.copytree(run, kept, symlinks=True)
    state["boots"] = state.get("boots", 0) + 1
    (machine.folder / "rebooting").unlink(missing_ok=True)
    state["transient"] = {}
    machine.write("/run/booted-system", Link(state["boot_default"]))
    _become(machine, state["boot_default"])
    _let_in(machine, _effects(machine, state["boot_default"]), booting=True)
    return Answer()


PROGRAMS = {
    "boot": boot,
    "nix-env": nix_env,
    "reboot": reboot,
    "switch-to-configuration": switch_to_configuration,
}


def healthy(cluster: Any, machine: Any) -> Health:
    """Return a machine with one generation, which it runs and starts with."""
    path = store_path(machine.name, "first")
    files = {
        f"{path}/{file}": content
        for file, content in system_files(machine.name, "first", {}, kernel="6.18.1").items()
    }
    links = {f"{PROFILE}-1-link": Link(path), PROFILE: Link("system-1-link")}
    return Health({"boot_default": path}, {**files, **links})


def generations(machine: Machine, profile: str = PROFILE) -> dict[int, str]:
    """Return the generations of a profile: their numbers and store paths."""
    folder, name = machine.path(profile).parent, Path(profile).name
    found = ((re.fullmatch(f"{re.escape(name)}-([0-9]+)-link", link.name), link) for link in folder.iterdir())
    return {int(match[1]): str(link.readlink()) for match, link in found if match}


def current_generation(machine: Machine, profile: str = PROFILE) -> int:
    """Return the number of the generation that a profile points at."""
    return int(machine.path(profile).readlink().name.split("-")[-2])


def _point(machine: Machine, profile: str, number: int) -> Answer:
    machine.write(profile, Link(f"{Path(profile).name}-{number}-link"))
    return Answer()


def _nix_env_words(words: list[str]) -> tuple[str, str, list[str]]:
    """Return the profile, the verb, and what comes with it."""
    profile, verb, rest = PROFILE, "", []
    left = iter(words)
    for word in left:
        if word in ("-p", "--profile"):
            profile = next(left)
        elif word.startswith("-") and not verb:
            verb = word
        else:
            rest.append(word)
    return profile, verb, rest


def _become(machine: Machine, system: str) -> None:
    """Let the machine run a system: its link, and what is so with it; what was so with the last is undone."""
    state = machine.state
    for keys, value in reversed(state.pop("undo", [])):
        place = state
        for key in keys[:-1]:
            place = place.setdefault(key, {})
        place.pop(keys[-1], None)
        if value is not None:
            place[keys[-1]] = value
    state["undo"] = []
    _apply(state, _effects(machine, system).get("state", {}), [], state["undo"])
    machine.write("/run/current-system", Link(system))


def _apply(state: dict[str, Any], more: Mapping[str, Any], keys: list[str], undo: list[Any]) -> None:
    """Merge as a machine's health is merged, and note what was there before."""
    for key, value in more.items():
        if isinstance(value, dict) and isinstance(state.get(key), dict):
            _apply(state[key], value, [*keys, key], undo)
        else:
            undo.append([[*keys, key], state.get(key)])
            state[key] = value


def _let_in(machine: Machine, effects: Mapping[str, Any], *, booting: bool = False) -> None:
    closed = machine.folder / "closed-by-system"
    if effects.get("ssh", True):
        closed.unlink(missing_ok=True)
    else:
        closed.touch()
    if not booting:
        machine.order("open" if effects.get("ssh", True) else "close")


def _effects(machine: Machine, system: str) -> dict[str, Any]:
    file = machine.path(f"{system}/{_EFFECTS}")
    effects: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
    return effects


def _hash(text: str) -> str:
    """Return 32 characters of those that Nix has in names of the store."""
    letters = "0123456789abcdfghijklmnpqrsvwxyz"
    return "".join(letters[byte % 32] for byte in hashlib.sha256(text.encode()).digest())
