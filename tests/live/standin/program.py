"""Runs a program that is played inside a machine, and lets planted faults befall it."""

# What is imported here is paid for by every call of every program.
import contextlib
import json
import os
import signal
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import NoReturn

from live.standin.faults import Fault, take
from live.standin.machine import Answer, Exec, Machine

FOLDER = Path("/standin/machine")
BIN = Path("/standin/bin")


def main() -> None:
    """Run the program by whose name this was called."""
    called, words = Path(sys.argv[0]), sys.argv[1:]
    if called.name == "shim":
        called, words = BIN / words[0], words[1:]
    machine = Machine(FOLDER, called)
    machine.note(called.name, *words)
    fault = take(FOLDER, called.name, words)
    if fault is not None:
        machine.note(f"fault:{fault.does}", called.name, *words)
        before(fault, machine)
    answer = play(machine, called.name, words)
    if fault is not None and fault.does in ("lost", "reboot-after"):
        after(fault, machine, answer)
    match answer:
        case Exec():
            become(answer)
        case Answer():
            give(answer)


def play(machine: Machine, name: str, words: list[str]) -> Answer | Exec:
    """Return what the program answers, or the real one to run."""
    if name == "session":
        return Exec(("/usr/bin/bash", "-c", *words) if words else ("/usr/bin/bash", "-i"))
    if (module := json.loads((FOLDER / "programs.json").read_text()).get(name)) is not None:
        with machine.changing():
            answer: Answer | Exec = import_module(f"live.standin.{module}").PROGRAMS[name](machine, words)
        return answer
    if (real := (BIN / name).resolve()).name == "real.sh":
        return Exec((f"/usr/bin/{name}", *words))
    machine.note("nobody-plays", name, *words)
    return Answer("", f"{real.name}: {name}: command not found\n", 127)


def before(fault: Fault, machine: Machine) -> None:
    """Let happen what happens instead of the program, or before it."""
    match fault.does:
        case "fail":
            give(Answer("", fault.stderr, fault.status))
        case "disk-full":
            give(Answer("", "error: writing to file: No space left on device\n", 1))
        case "hang":
            time.sleep(fault.seconds)
            give(Answer("", "", 1))
        case "slow":
            time.sleep(fault.seconds)
        case "cut":
            end(connection(), signal.SIGKILL)
            give(Answer("", "", 255))
        case "cut-later":
            end_later(connection(), fault.seconds)
        case "freeze":
            end(connection(), signal.SIGSTOP)
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "reboot":
            machine.reboot()


def after(fault: Fault, machine: Machine, answer: Answer | Exec) -> NoReturn:
    """Let happen what happens between the program's end and its answer; a real program has to run first."""
    if isinstance(answer, Exec) and os.fork() == 0:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        become(answer)
    elif isinstance(answer, Exec):
        os.wait()
    if fault.does == "reboot-after":
        machine.reboot()
    end(connection(), signal.SIGKILL)
    give(Answer("", "", 255))


def become(real: Exec) -> NoReturn:
    """Run the real program in place of this one, by the name that it has in messages."""
    path, *words = real.words
    os.execv(path, (Path(path).name, *words))


def give(answer: Answer) -> NoReturn:
    """Write the answer and end."""
    for stream, text in ((sys.stdout, answer.stdout), (sys.stderr, answer.stderr)):
        data = text if isinstance(text, bytes) else text.encode(errors="surrogateescape")
        try:
            stream.buffer.write(data)
            stream.buffer.flush()
        except BrokenPipeError:
            os._exit(141)
    os._exit(answer.status)


def end(pid: int | None, with_signal: int) -> None:
    """Send a signal to a process, if there is one."""
    if pid is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, with_signal)


def end_later(pid: int | None, seconds: float) -> None:
    """Kill a process after so many seconds, from the background."""
    if pid is not None and os.fork() == 0:
        os.setsid()
        for file in (0, 1, 2):
            os.close(file)
        time.sleep(seconds)
        end(pid, signal.SIGKILL)
        os._exit(0)


def connection() -> int | None:
    """Return the process of sshd that serves the connection in which this runs; None in the background."""
    pid, found = os.getpid(), None
    listener = Path("/run/sshd.pid")
    listening = int(listener.read_text()) if listener.exists() else 0
    while pid not in (0, 1, listening):
        # proc(5): the name is in parentheses, and may have any of them in it.
        name, _, rest = Path(f"/standin/proc/{pid}/stat").read_text().partition("(")[2].rpartition(")")
        if name.startswith("sshd"):
            found = pid
        pid = int(rest.split()[1])
    return found
