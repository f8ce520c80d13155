"""Keeps the machines of a lab running: starts each, again when it has rebooted, and ends all with the lab.

Orders are lines on standard input, `on FOLDER` or `off FOLDER`; its end, however it comes, ends everything.
"""

import contextlib
import ctypes
import os
import select
import signal
import subprocess
import time
from pathlib import Path

_CODE = Path(__file__).parent
_NAMESPACES = ("unshare", "--mount", "--pid", "--uts", "--fork", "--kill-child", "--")
_DEATH_SIGNAL = 1  # prctl(2): PR_SET_PDEATHSIG
_LIBC = ctypes.CDLL(None)


class Power:
    """The machines that run, and those that are to be started at a time."""

    def __init__(self) -> None:
        self.running: dict[Path, subprocess.Popen[bytes]] = {}
        self.due: dict[Path, float] = {}

    def do(self, order: str, folder: Path) -> None:
        """Follow an order."""
        self.due.pop(folder, None)
        if order == "on" and folder not in self.running:
            self.start(folder)
        elif order == "off":
            self.stop(folder)
            (folder / "off").touch()

    def start(self, folder: Path) -> None:
        with (folder / "console").open("ab") as console:
            self.running[folder] = subprocess.Popen(
                [*_NAMESPACES, "sh", _CODE / "boot.sh", folder, _CODE],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                # unshare ends with this process, and the machine with it, even if this one is killed.
                preexec_fn=lambda: _LIBC.prctl(_DEATH_SIGNAL, signal.SIGKILL),  # noqa: PLW1509
            )

    def stop(self, folder: Path) -> None:
        if (process := self.running.pop(folder, None)) is not None:
            inside = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
            process.kill()
            process.wait()
            # The kernel ends the namespace in its own time; what ends last is its first process.
            while any(_is_there(pid) for pid in inside):
                time.sleep(0.005)

    def look_after(self) -> None:
        """Start what is due, and note what has ended by itself."""
        for folder, process in tuple(self.running.items()):
            if process.poll() is not None:
                del self.running[folder]
                self.due[folder] = time.monotonic() + float((folder / "boot-seconds").read_text())
        for folder, when in tuple(self.due.items()):
            if when <= time.monotonic():
                del self.due[folder]
                self.start(folder)

    def wait(self, *files: int) -> list[int]:
        """Wait until one of the files can be read, or something is due; return which can be."""
        until = min(self.due.values(), default=time.monotonic() + 60)
        return select.select(files, [], [], max(0, until - time.monotonic()))[0]


def _is_there(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def main() -> None:
    """Run until standard input ends."""
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    os.set_blocking(woken, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    power, rest = Power(), b""
    while True:
        ready = power.wait(0, woken)
        if 0 in ready:
            if not (more := os.read(0, 65536)):
                break
            *lines, rest = (rest + more).split(b"\n")
            for line in lines:
                order, _, name = os.fsdecode(line).partition(" ")
                power.do(order, Path(name))
        with contextlib.suppress(BlockingIOError):
            os.read(woken, 4096)
        power.look_after()
    for folder in tuple(power.running):
        power.stop(folder)


if __name__ == "__main__":
    main()
