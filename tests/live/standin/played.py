"""A stand-in machine in the hands of a test: what it is is changed here, and what was done on it read."""

import contextlib
import fcntl
import os
import shlex
import signal
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from attrs import frozen

from live.sshd import make_key
from live.standin import plays_generations, plays_journal
from live.standin.faults import Fault, plant
from live.standin.machine import RECORD_END, WORD_END, Link, Machine


@frozen
class Ran:
    """A program that ran on a machine: when, as seconds since 1970, its process, its name and words.

    `session` is what ssh was asked to run; `fault:DOES` and `nobody-plays` are notes on the next or last one.
    """

    when: float
    pid: int
    program: str
    words: tuple[str, ...]

    def __str__(self) -> str:
        return shlex.join((self.program, *self.words))


@frozen
class Played:
    """A machine of the lab, for tests: what it is is changed here, and what was done on it is read here."""

    name: str
    folder: Path
    addresses: tuple[str, ...]
    port: int
    machine: Machine
    _power: Callable[[str, Path], None]

    @property
    def root(self) -> Path:
        """Its file system."""
        return self.folder / "root"

    @contextlib.contextmanager
    def changing(self) -> Iterator[dict[str, Any]]:
        """Give the state that its programs answer from, to be changed."""
        with self.machine.changing() as state:
            yield state

    @property
    def state(self) -> dict[str, Any]:
        """The state as it is now."""
        with self.machine.changing() as state:
            return dict(state)

    def write(self, path: str, content: str | bytes | Link) -> None:
        """Write a file of its root, in place."""
        self.machine.write(path, content)

    def remove(self, path: str) -> None:
        """Remove a file of its root."""
        self.machine.path(path).unlink()

    def plant(self, program: str, words: str = "", does: str = "fail", **more: Any) -> None:
        """Plant a fault (faults.py says which there are)."""
        plant(self.folder, Fault(program, words, does, **more))

    def heal(self) -> None:
        """Take all planted faults away."""
        plant(self.folder)

    def say(self, unit: str, *messages: str, priority: int = 6) -> None:
        """Write messages of a unit into its journal."""
        plays_journal.say(self.machine, unit, *messages, priority=priority)

    def add_system(self, label: str, *, kernel: str = "6.18.1", **effects: Any) -> str:
        """Put another system into its store, and return the path (`effects`: plays_generations.py)."""
        return plays_generations.add_system(self.machine, self.name, label, effects, kernel)

    @property
    def current_system(self) -> str:
        """The store path of the system that it runs."""
        return str(self.machine.path("/run/current-system").readlink())

    @property
    def boot_default(self) -> str:
        """The store path of the system that it starts with."""
        return str(self.state["boot_default"])

    @property
    def profile(self) -> str:
        """The store path that its profile points at."""
        return self.generations[plays_generations.current_generation(self.machine)]

    @property
    def generations(self) -> Mapping[int, str]:
        """The store paths of its generations, by number."""
        return plays_generations.generations(self.machine)

    @property
    def boots(self) -> int:
        """How often it has started."""
        return int(self.state["boots"])

    def delay(self, seconds: float) -> None:
        """Let every command that ssh runs begin later; 0: at once."""
        file = self.folder / "delay"
        file.write_text(f"{seconds}\n") if seconds else file.unlink(missing_ok=True)

    @property
    def log(self) -> tuple[Ran, ...]:
        """What ran on it, in order."""
        with (self.folder / "log").open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH)
            text = file.read().decode(errors="surrogateescape")
        records = (record.split(WORD_END)[:-1] for record in text.split(RECORD_END)[:-1])
        return tuple(Ran(float(when), int(pid), name, tuple(words)) for when, pid, name, *words in records)

    def ran(self, program: str) -> tuple[Ran, ...]:
        """Return the calls of a program."""
        return tuple(ran for ran in self.log if ran.program == program)

    @property
    def unplayed(self) -> tuple[str, ...]:
        """The calls of programs that nobody plays."""
        return tuple(shlex.join(ran.words) for ran in self.ran("nobody-plays"))

    @property
    def logins(self) -> int:
        """How many connections its sshd has let in since it was made."""
        file = self.folder / "sshd/log"
        return file.read_text().count("Accepted publickey") if file.exists() else 0

    def close_port(self) -> None:
        """End its sshd, and no connection that is open; also after a reboot."""
        (self.folder / "closed").touch()
        self.machine.order("close")
        wait_for(lambda: not self._listens(), f"{self.name} listens no more")

    def open_port(self) -> None:
        """Start its sshd again."""
        (self.folder / "closed").unlink(missing_ok=True)
        self.machine.order("open")
        self.wait_up()

    def hang(self) -> None:
        """Let its sshd accept connections and say nothing, until it is rebooted."""
        os.kill(self._listener(), signal.SIGSTOP)

    def power_off(self) -> None:
        """End everything on it, at once; nothing starts until `power_on`."""
        (self.folder / "off").unlink(missing_ok=True)
        self._power("off", self.folder)
        wait_for((self.folder / "off").exists, f"{self.name} is off")

    def power_on(self) -> None:
        """Start it, and wait until its sshd listens."""
        self._power("on", self.folder)
        self.wait_up()

    def wait_up(self) -> None:
        """Wait until its sshd listens; while it reboots, until it does so again."""
        wait_for(self._is_up, f"{self.name} listens", (self.folder / "console").read_text)

    def new_host_key(self) -> None:
        """Give its sshd another host key, as an installation anew does."""
        self.power_off()
        make_key(self.folder / "sshd/host")
        self.power_on()

    def _is_up(self) -> bool:
        return not (self.folder / "rebooting").exists() and self._listens()

    def _listens(self) -> bool:
        with socket.socket() as trying:
            return trying.connect_ex(("127.0.0.1", self.port)) == 0

    def _listener(self) -> int:
        """The process of its sshd that listens, as it is numbered out here."""
        for status in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                words = status.read_bytes()
                if b"[listener]" in words and self._is_ours(status.parent):
                    return int(status.parent.name)
        raise AssertionError(f"{self.name} has no sshd")

    def _is_ours(self, process: Path) -> bool:
        return (process / "root/standin/machine").samefile(self.folder)


def wait_for(
    true: Callable[[], object], what: str, why: Callable[[], str] = str, seconds: float = 20
) -> None:
    """Wait until it is true; fail after that many seconds, saying what and why."""
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, f"waited {seconds:g} s for: {what}\n{why()}"
        time.sleep(0.01)
