"""Plays systemd-run: transient units whose processes really run, in the background, with a bare PATH."""

import os
import shlex
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Mapping

from live.standin.machine import Answer, Machine
from live.standin.plays_journal import say
from live.standin.plays_units import RUNNING
from live.standin.processes import is_there, members, send
from live.standin.words import full_name, given, parse

# What a unit finds without saying more (DefaultEnvironment of NixOS's manager): no coreutils.
_UNIT_PATH = "/standin/unit-bin"


def systemd_run(machine: Machine, words: list[str]) -> Answer:
    """Play systemd-run(1): the words run in the background, as a unit that systemctl knows."""
    options, command = parse(words, valued=("-p", "--property", "-E", "--setenv", "-u"), first_ends=True)
    name = full_name(options.get("--unit", options.get("-u", f"run-{os.getpid()}")))
    unit = machine.state["transient"].get(name)
    if unit is not None or name in machine.state["units"]:
        said = f"Unit {name} was already loaded or has a fragment file."
        return Answer("", f"Failed to start transient service unit: {said}\n", 1)
    if shutil.which(command[0], path=os.environ["PATH"]) is None:
        return Answer("", f"Failed to find executable {command[0]}: No such file or directory\n", 1)
    properties = _properties(words)
    unit = {
        **{"Id": name, "Names": name, "Description": options.get("--description", shlex.join(command))},
        **{**RUNNING, "LoadState": "loaded", "Transient": "yes", "NRestarts": 0, "MainPID": 0},
        **{"command": command, "collect": "--collect" in options or "-G" in options},
        **{"kill_mode": properties.get("KillMode", "control-group")},
        **{"after": properties.get("ExecStopPost", ""), "delay": _seconds(options.get("--on-active", "0"))},
        **{"environment": _environment(words)},
    }
    machine.state["transient"][name] = unit
    runner = subprocess.Popen(
        ["/standin/bin/unit-runner", name],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env={"PATH": "/standin/bin"},
    )
    unit["runner"] = runner.pid
    # It runs once the runner has said which process it is.
    while _is_starting(machine, name) and is_there(runner.pid):
        machine.pause(0.01)
    if "--wait" in options:
        while name in machine.state["transient"] and is_there(runner.pid):
            machine.pause(0.05)
    quiet = "--quiet" in options or "-q" in options
    return Answer("", "" if quiet else f"Running as unit: {name}\n")


def unit_runner(machine: Machine, words: list[str]) -> Answer:
    """Be what systemd is to one transient service: run it, end it, and clear up after it."""
    (name,) = words
    unit = machine.state["transient"][name]
    stopping = False
    process: subprocess.Popen[bytes] | None = None

    def stop(*_: object) -> None:
        nonlocal stopping
        stopping = True
        if process is None:
            return
        for pid in [process.pid] if unit["kill_mode"] == "mixed" else members(process.pid):
            send(pid, signal.SIGTERM)

    signal.signal(signal.SIGTERM, stop)
    environment = {"PATH": _UNIT_PATH, "LANG": "C.UTF-8", "INVOCATION_ID": name, **unit["environment"]}
    with machine.unlocked():
        until = time.monotonic() + unit["delay"]
        while not stopping and time.monotonic() < until:
            time.sleep(0.05)
    if not stopping:
        process = _spawn(machine, name, unit["command"], environment)
        machine.state["transient"][name]["MainPID"] = process.pid
        with machine.unlocked():
            status = process.wait()
            # systemd ends what is left in the control group.
            for pid in members(process.pid):
                send(pid, signal.SIGKILL)
        clean = status == 0 or (status < 0 and -status in (1, 2, 13, 15))
        result = "success" if clean else ("exit-code" if status > 0 else "signal")
        if unit["after"]:
            machine.state["transient"][name].update(ActiveState="deactivating", SubState="stop-post")
            with machine.unlocked():
                more = {**environment, "SERVICE_RESULT": result}
                _spawn(machine, name, shlex.split(unit["after"]), more).wait()
        if not clean and not unit["collect"]:
            end = {"ActiveState": "failed", "SubState": "failed", "Result": result}
            machine.state["transient"][name].update(end, ExecMainStatus=abs(status), MainPID=0)
            return Answer()
    machine.state["transient"].pop(name, None)
    return Answer()


PROGRAMS = {"systemd-run": systemd_run, "unit-runner": unit_runner}


def _properties(words: list[str]) -> dict[str, str]:
    return dict(given(words, "--property", "-p"))


def _is_starting(machine: Machine, name: str) -> bool:
    unit = machine.state["transient"].get(name)
    return unit is not None and unit["MainPID"] == 0 and not unit["delay"]


def _environment(words: list[str]) -> dict[str, str]:
    return dict(given(words, "--setenv", "-E"))


def _spawn(
    machine: Machine, name: str, command: list[str], environment: Mapping[str, str]
) -> "subprocess.Popen[bytes]":
    """Start a command of a unit in a session of its own; what it writes goes to the journal at the end."""
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        env=dict(environment),
    )

    def keep() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            say(machine, name, line.decode(errors="replace").rstrip("\n"))

    threading.Thread(target=keep, daemon=True).start()
    return process


def _seconds(text: str) -> float:
    return float(text.removesuffix("s"))
