"""What a machine's folder has before it is started for the first time: programs, keys, and its health."""

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from hybridlab import Cluster
from hybridlab.model.node import Guest, Host
from hybridlab.model.node import Machine as ModelMachine
from live.sshd import make_key, server_config
from live.standin.machine import Health, Link
from live.standin.played import Played

# In the machine: where the test's folder for it is, and this package.
_FOLDER = "/standin/machine"
_CODE = "/standin/code/live/standin"

# Real programs of a machine's PATH. Those that only read its files are logged, and faults may befall them.
_REAL = (
    *("awk", "base64", "basename", "bash", "chmod", "chown", "comm", "cp", "cut", "dd", "diff", "dirname"),
    *("echo", "env", "expr", "false", "find", "flock", "grep", "head", "install", "kill", "ln", "mkdir"),
    *("mkfifo", "mktemp", "mv", "nice", "nohup", "od", "paste", "printf", "pwd", "rm", "rmdir", "sed"),
    *("seq", "setsid", "sh", "sleep", "sort", "split", "sync", "tail", "tee", "test", "timeout", "touch"),
    *("tr", "true", "truncate", "uniq", "wc", "xargs"),
)
_READERS = (
    *("cat", "date", "getent", "id", "ls", "openssl", "printenv", "readlink", "sha256sum", "stat", "uname"),
)
# What a probe may name and what else NixOS has: if nobody plays it, the log says so.
_MAY_BE_PLAYED = (
    *("bridge", "clinfo", "curl", "df", "findmnt", "ip", "journalctl", "kubectl", "nft", "nix-env"),
    *("nix-store", "reboot", "rocm-smi", "rocminfo", "ss", "sysctl", "systemctl", "systemd-run"),
    "timedatectl",
)


def furnish(
    played: Played, cluster: Cluster, machine: ModelMachine, plays: Mapping[str, Any], key: str
) -> None:
    """Put all into a machine's folder that it boots from."""
    folder = played.folder
    programs: dict[str, str] = {}
    for path in (
        "sshd",
        "root/etc",
        "root/bin",
        "root/root",
        "root/tmp",
        "root/run",
        "root/standin/bin",
        "root/proc",
    ):
        (folder / path).mkdir(parents=True)
    os.mkfifo(folder / "orders")
    for name, module in plays.items():
        for program in module.PROGRAMS:
            assert program not in programs, f"both {name} and {programs[program]} play {program}"
            programs[program] = name
    (folder / "programs.json").write_text(json.dumps(programs))
    (folder / "model.json").write_text(json.dumps(facts(cluster, machine)))
    for file, text in (("state.json", "{}"), ("faults", ""), ("log", ""), ("boot-seconds", "0.3")):
        (folder / file).write_text(text)

    _fill_path(folder / "root/standin/bin", programs)
    # A unit's PATH has none of these, but that of the system.
    played.write("/standin/sw/bin", Link("../bin"))
    (folder / "root/standin/unit-bin").mkdir()
    for name in ("findmnt", "flock", "mount", "setsid", "umount"):
        played.write(f"/standin/unit-bin/{name}", Link(f"/usr/bin/{name}"))
    # NixOS's /bin/sh is bash.
    (folder / "root/bin/sh").symlink_to("/usr/bin/bash")
    (folder / "root/bin/bash").symlink_to("/usr/bin/bash")
    played.write("/etc/passwd", "root:x:0:0::/root:/bin/bash\nsshd:x:100:65534::/run/sshd:/bin/false\n")
    played.write("/etc/group", "root:x:0:\nnogroup:x:65534:\n")
    played.write("/etc/nix/nix.conf", "build-users-group =\nsubstituters =\n")
    played.write("/etc/hostname", f"{machine.name}\n")
    make_key(folder / "sshd/host")
    (folder / "sshd/authorized").write_text(f"{key}\n")
    (folder / "sshd/config").write_text(
        server_config(
            f"{_FOLDER}/sshd",
            played.port,
            f"/usr/bin/bash {_CODE}/session.sh",
            {"PATH": "/standin/bin"},
        )
    )
    with played.changing() as state:
        for module in plays.values():
            if (healthy := getattr(module, "healthy", None)) is not None:
                health: Health = healthy(cluster, machine)
                _merge(state, health.state)
                for path, content in health.files.items():
                    played.write(path, content)


def _fill_path(folder: Path, programs: Iterable[str]) -> None:
    targets = {name: f"/usr/bin/{name}" for name in _REAL}
    targets |= dict.fromkeys(_READERS, f"{_CODE}/real.sh")
    targets |= dict.fromkeys((*_MAY_BE_PLAYED, *programs, "shim", "session"), f"{_CODE}/shim.py")
    targets |= {"sh": "/usr/bin/bash"}
    for name, target in targets.items():
        (folder / name).symlink_to(target)


def _merge(state: dict[str, Any], more: Mapping[str, Any]) -> None:
    """Merge as the package's docstring says."""
    for key, value in more.items():
        match state.get(key), value:
            case dict() as old, dict():
                _merge(old, value)
            case list() as old, list():
                old.extend(value)
            case _:
                state[key] = value


def facts(cluster: Cluster, machine: ModelMachine) -> Mapping[str, Any]:
    """Return what plays are told of the model, as JSON has it."""
    legs = [{"vlan": leg.vlan.name, "id": leg.vlan.id, "address": str(leg.address)} for leg in machine.legs]
    return {
        "name": machine.name,
        "kind": "host" if isinstance(machine, Host) else "guest",
        "address": legs[0]["address"],
        "legs": legs,
        "host": machine.host if isinstance(machine, Guest) else machine.name,
        "guests": [guest.name for guest in machine.guests] if isinstance(machine, Host) else [],
        "cluster": cluster.name,
    }
