"""Plays systemctl: units and their states.

In the state: `units`, by name what `systemctl show` has of each (`running` makes one; with `"starts": false`
it fails whenever it is started), `transient` the same of those that systemd-run made (plays_transient.py),
`timers` as list-timers has them, and `manager`, what systemd says of itself. Formats: systemctl(1).
"""

import fnmatch
import json
import signal
from collections.abc import Callable, Mapping
from typing import Any

from live.standin.machine import Answer, Health, Machine
from live.standin.processes import is_there, members, send
from live.standin.words import full_name, parse

Unit = dict[str, Any]

_ACTIVE = ("active", "reloading", "refreshing")
RUNNING = {"LoadState": "loaded", "ActiveState": "active", "SubState": "running", "Result": "success"}
# In systemd's own order, whatever order they are asked in.
_ORDER = (
    *("Type", "Restart", "Result", "NRestarts", "MainPID", "ExecMainStartTimestamp", "ExecMainCode"),
    *("ExecMainStatus", "ConditionResult", "Id", "Names", "Description", "LoadState", "ActiveState"),
    *("FreezerState", "SubState", "FragmentPath", "UnitFileState", "InvocationID", "Transient"),
)
_SERVICE = ".service"


def systemctl(machine: Machine, words: list[str]) -> Answer:
    """Play systemctl(1)."""
    options, (verb, *names) = parse(words, valued=("-p", "--property", "-t", "--type", "-s", "--signal"))
    play = _VERBS.get(verb)
    if play is None:
        return Answer("", f"Unknown command verb '{verb}', not played.\n", 1)
    return play(machine, options, [full_name(name) for name in names])


def _is_system_running(machine: Machine, _options: dict[str, str], _names: list[str]) -> Answer:
    said = machine.state.get("manager", {}).get("SystemState", "")
    if not said:
        failed = any(unit["ActiveState"] == "failed" for unit in all_units(machine).values())
        said = "degraded" if failed else "running"
    return Answer(f"{said}\n", "", 0 if said == "running" else 1)


def _show(machine: Machine, options: dict[str, str], names: list[str]) -> Answer:
    wanted = options.get("--property", options.get("-p", ""))
    shown = []
    for name in names or [""]:
        unit = _known(machine, name) if name else dict(machine.state.get("manager", {}))
        keys = [key for key in _ORDER if key in unit] + sorted(unit.keys() - {*_ORDER, "starts"})
        keys = [key for key in keys if not wanted or key in wanted.split(",")]
        lines = (str(unit[key]) if "--value" in options else f"{key}={unit[key]}" for key in keys)
        shown.append("".join(f"{line}\n" for line in lines))
    return Answer("\n".join(shown))


def _is_active(machine: Machine, options: dict[str, str], names: list[str]) -> Answer:
    units = [_known(machine, name) for name in names]
    said = "".join(f"{unit['ActiveState']}\n" for unit in units)
    if any(unit["ActiveState"] in _ACTIVE for unit in units):
        status = 0
    else:
        status = 4 if all(unit["LoadState"] == "not-found" for unit in units) else 3
    return Answer("" if {"-q", "--quiet"} & {*options} else said, "", status)


def _is_failed(machine: Machine, options: dict[str, str], names: list[str]) -> Answer:
    states = [_known(machine, name)["ActiveState"] for name in names]
    quiet = {"-q", "--quiet"} & {*options}
    return Answer("" if quiet else "".join(f"{s}\n" for s in states), "", 0 if "failed" in states else 1)


def _list_units(machine: Machine, options: dict[str, str], patterns: list[str]) -> Answer:
    states = {"failed"} if "--failed" in options else {*options.get("--state", "").split(",")} - {""}
    types = {*options.get("--type", options.get("-t", "")).split(",")} - {""}
    rows = []
    for name, unit in sorted(all_units(machine).items()):
        if patterns and not any(fnmatch.fnmatch(name, pattern) for pattern in patterns):
            continue
        if types and name.rpartition(".")[2] not in types:
            continue
        if states and not states & {unit["ActiveState"], unit["SubState"], unit["LoadState"]}:
            continue
        if not states and "--all" not in options and unit["ActiveState"] == "inactive":
            continue
        fields = (name, unit["LoadState"], unit["ActiveState"], unit["SubState"], unit["Description"])
        rows.append(dict(zip(("unit", "load", "active", "sub", "description"), fields, strict=True)))
    if options.get("--output", options.get("-o")) == "json":
        return Answer(json.dumps(rows, separators=(",", ":")) + "\n")
    return Answer("".join(" ".join(row.values()) + "\n" for row in rows))


def _list_timers(machine: Machine, _options: dict[str, str], _names: list[str]) -> Answer:
    return Answer(json.dumps(machine.state.get("timers", []), separators=(",", ":")) + "\n")


def _start(machine: Machine, _options: dict[str, str], names: list[str]) -> Answer:
    for name in names:
        unit = machine.state["units"].get(name)
        if unit is None:
            return Answer("", f"Failed to start {name}: Unit {name} not found.\n", 5)
        if not unit.get("starts", True):
            unit.update(ActiveState="failed", SubState="failed", Result="exit-code")
            said = f"Job for {name} failed because the control process exited with error code.\n"
            return Answer("", f'{said}See "systemctl status {name}" and "journalctl -xeu {name}".\n', 1)
        unit.update(ActiveState="active", SubState="running", Result="success")
    return Answer()


def _stop(machine: Machine, _options: dict[str, str], names: list[str]) -> Answer:
    for name in names:
        if (unit := machine.state["transient"].get(name)) is not None:
            send(unit["runner"], signal.SIGTERM)
            while name in machine.state["transient"] and is_there(unit["runner"]):
                machine.pause(0.05)
        elif (unit := machine.state["units"].get(name)) is not None:
            unit.update(ActiveState="inactive", SubState="dead", Result="success")
        else:
            return Answer("", f"Failed to stop {name}: Unit {name} not loaded.\n", 5)
    return Answer()


def _restart(machine: Machine, options: dict[str, str], names: list[str]) -> Answer:
    return _start(machine, options, names)


def _kill(machine: Machine, options: dict[str, str], names: list[str]) -> Answer:
    said = options.get("--signal", options.get("-s", "TERM")).removeprefix("SIG")
    for name in names:
        if (unit := machine.state["transient"].get(name)) is None:
            return Answer("", f"Failed to kill unit {name}: Unit {name} not loaded.\n", 1)
        for pid in members(unit["MainPID"]):
            send(pid, int(said) if said.isdecimal() else signal.Signals[f"SIG{said}"])
    return Answer()


def _reset_failed(machine: Machine, _options: dict[str, str], names: list[str]) -> Answer:
    for name, unit in machine.state["units"].items():
        if unit["ActiveState"] == "failed" and (not names or name in names):
            unit.update(ActiveState="inactive", SubState="dead", Result="success")
    for name, unit in tuple(machine.state["transient"].items()):
        if unit["ActiveState"] == "failed" and (not names or name in names):
            del machine.state["transient"][name]
    return Answer()


def _reboot(machine: Machine, _options: dict[str, str], _names: list[str]) -> Answer:
    machine.reboot()


def _nothing(_machine: Machine, _options: dict[str, str], _names: list[str]) -> Answer:
    return Answer()


_VERBS: Mapping[str, Callable[[Machine, dict[str, str], list[str]], Answer]] = {
    "daemon-reload": _nothing,
    "is-active": _is_active,
    "is-failed": _is_failed,
    "is-system-running": _is_system_running,
    "kill": _kill,
    "list-timers": _list_timers,
    "list-units": _list_units,
    "reboot": _reboot,
    "reset-failed": _reset_failed,
    "restart": _restart,
    "show": _show,
    "start": _start,
    "stop": _stop,
}


PROGRAMS = {
    "systemctl": systemctl,
}


def healthy(_cluster: Any, _machine: Any) -> Health:
    """Return what runs on every machine."""
    units = {
        "sshd.service": running("SSH Daemon"),
        "systemd-networkd.service": running("Network Configuration"),
        "systemd-journald.service": running("Journal Service"),
        "nftables.service": running("nftables firewall", SubState="exited"),
        "multi-user.target": running("Multi-User System"),
    }
    return Health({"units": units, "transient": {}, "manager": {"Version": "258.2"}})


def running(description: str, **more: str | int) -> Unit:
    """Return a unit that is as it should be; `more`: what is otherwise."""
    return {"Description": description, **RUNNING, "NRestarts": 0, "UnitFileState": "enabled", **more}


def all_units(machine: Machine) -> dict[str, Unit]:
    """Return the units that are there, transient ones among them."""
    return {**machine.state["units"], **machine.state["transient"]}


def _known(machine: Machine, name: str) -> Unit:
    """Return what is known of a unit, as systemd says of one that does not exist, too."""
    unit = all_units(machine).get(name)
    if unit is None:
        gone: Unit = {"Id": name, "Names": name, "Description": name, "LoadState": "not-found"}
        gone |= {"ActiveState": "inactive", "SubState": "dead"}
        return gone | ({"Result": "success", "NRestarts": 0, "MainPID": 0} if name.endswith(_SERVICE) else {})
    hidden = ("command", "collect", "kill_mode", "after", "delay", "environment", "runner")
    shown = {key: value for key, value in unit.items() if key not in hidden}
    if not name.endswith(_SERVICE):
        shown = {key: value for key, value in shown.items() if key not in ("Result", "NRestarts")}
    return {"Id": name, "Names": name, **shown}
