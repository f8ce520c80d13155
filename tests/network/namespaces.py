"""Network namespaces, with mounts of their own, that end with the test that made them, however it ends."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from attrs import frozen

from nix_programs import need

# Only its stdin keeps the process alive: a pipe of ours, which closes even if we are killed. /sys is
# read-only as in a container, or networkd would wait for a udev that knows nothing of these links.
_HOLD = "mount -t sysfs -o ro sysfs /sys && ip link set lo up && echo ready && exec cat"
_INSTALL = {
    "ip": "install iproute2 (Debian)",
    "nft": "install nftables (Debian)",
    "nsenter": "install util-linux (Debian)",
    "unshare": "install util-linux (Debian)",
}


@frozen
class Namespace:
    """A place for a machine: run programs in it, and give it links."""

    name: str
    pid: int

    def command(self, *words: str) -> list[str]:
        """The command that runs another one here."""
        return ["nsenter", f"--target={self.pid}", "--net", "--mount", "--", *words]

    def run(self, *words: str, text: str = "") -> str:
        """Run a command and return what it prints; it may read `text`."""
        run = subprocess.run(
            self.command(*words), input=text, capture_output=True, text=True, check=False, timeout=60
        )
        assert run.returncode == 0, f"{self.name}: {' '.join(words)}: {run.stderr}"
        return run.stdout

    def ip(self, *lines: str) -> None:
        """Run commands of `ip`, in one go."""
        self.run("ip", "-batch", "-", text="".join(f"{line}\n" for line in lines))

    def show(self, *words: str) -> list[dict[str, Any]]:
        """What `ip` says of things, as JSON has it."""
        shown: list[dict[str, Any]] = json.loads(self.run("ip", "-json", *words) or "[]")
        return [thing for thing in shown if thing]

    def sysctl(self, values: dict[str, int]) -> None:
        for key, value in values.items():
            self.write(f"/proc/sys/{key.replace('.', '/')}", str(value))

    def write(self, path: str, text: str) -> None:
        """Write a file as it is seen from here."""
        self.run("sh", "-c", 'cat >"$1"', "sh", path, text=text)

    def cable(self, end: str, other: "Namespace", other_end: str) -> None:
        """Lay a cable to another namespace; its ends are links, and up."""
        self.ip(f"link add {end} type veth peer name {other_end} netns {other.pid}", f"link set {end} up")
        other.ip(f"link set {other_end} up")


@contextmanager
def namespaces(*names: str) -> Iterator[list[Namespace]]:
    """Make namespaces; skip the test where that is not possible."""
    with ExitStack() as stack:
        yield [stack.enter_context(_namespace(name)) for name in names]


@contextmanager
def _namespace(name: str) -> Iterator[Namespace]:
    with subprocess.Popen(
        ["unshare", "--net", "--mount", "--propagation=private", "--", "sh", "-c", _HOLD],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdin is not None and holder.stdout is not None and holder.stderr is not None
        try:
            if holder.stdout.readline() != "ready\n":
                holder.stdin.close()
                _unable(f"no network namespace can be made here: {holder.stderr.read()}")
            yield Namespace(name, holder.pid)
        finally:
            holder.stdin.close()
            holder.wait(timeout=10)


def need_namespaces(*programs: str) -> None:
    """Skip the test, or fail it where HYBRIDLAB_REQUIRE says so, if these or root are missing."""
    for program in ("unshare", "nsenter", "ip", *programs):
        need(program, _INSTALL[program])
    if os.geteuid() != 0:
        _unable("network namespaces are made by root only: run the tests as root")


def _unable(reason: str) -> None:
    required = "unshare" in os.environ.get("HYBRIDLAB_REQUIRE", "").split()
    (pytest.fail if required else pytest.skip)(reason)


def where(program: str, *folders: str) -> str | None:
    """Look for a program on the PATH, and in folders."""
    return shutil.which(program) or shutil.which(program, path=os.pathsep.join(folders))
