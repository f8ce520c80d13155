"""A real systemd-networkd in a namespace, with no files but those it is given, and what it says of them."""

import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import pytest
from attrs import frozen

from network.namespaces import Namespace, where

# Empty folders in the place of the machine's own: files, and the state of its networkd.
_OWN = """
for folder in /etc/systemd /run/systemd /usr/lib/systemd/network /lib/systemd/network; do
  if [ -d $folder ]; then mount -t tmpfs -o mode=755 tmpfs $folder; fi
done
mkdir -p /etc/systemd/network
"""
_FOLDERS = ("/usr/lib/systemd", "/lib/systemd", "/run/current-system/systemd/lib/systemd")
# Each message comes after <facility + level>, as for the journal (sd-daemon(3)); a warning is 4.
_MESSAGE = re.compile(r"<(\d+)>(.*)")
_WARNING = 4
# In seconds; generous, because a busy machine is no fault.
_PATIENCE = 20

Seen = TypeVar("Seen")


@frozen
class Networkd:
    """The program while it runs."""

    process: "subprocess.Popen[bytes]"
    log_file: Path

    def log(self) -> str:
        return self.log_file.read_text(encoding="utf-8")

    def complaints(self) -> list[str]:
        """Its warnings and errors so far."""
        lines = [_MESSAGE.fullmatch(line) for line in self.log().splitlines()]
        return [line[2] for line in lines if line and int(line[1]) % 8 <= _WARNING]

    def wait_for(self, done: Callable[[], bool]) -> None:
        """Wait until something is so."""
        deadline = time.monotonic() + _PATIENCE
        while not done():
            assert self.process.poll() is None, self.log()
            assert time.monotonic() < deadline, f"networkd does not get there:\n{self.log()}"
            time.sleep(0.05)

    def settle(self, look: Callable[[], Seen], wanted: Seen) -> None:
        """Wait until one sees what is wanted; where that does not come, show the difference."""
        deadline = time.monotonic() + _PATIENCE
        while look() != wanted and time.monotonic() < deadline:
            time.sleep(0.05)
        assert look() == wanted, self.log()

    def wait_for_state(self, namespace: Namespace, links: Mapping[str, str]) -> None:
        """Wait until links are in the states that networkd itself reports."""
        shown = {link["ifname"]: link["ifindex"] for link in namespace.show("link")}

        def state(link: str) -> str:
            file = f"/run/systemd/netif/links/{shown[link]}"
            text = namespace.run("sh", "-c", f"cat {file} 2>/dev/null || true")
            found = re.search(r"^ADMIN_STATE=(.*)$", text, re.MULTILINE)
            return found[1] if found else ""

        self.wait_for(lambda: all(re.fullmatch(wanted, state(link)) for link, wanted in links.items()))


@contextmanager
def networkd(namespace: Namespace, files: Mapping[str, str]) -> Iterator[Networkd]:
    """Run networkd in a namespace on files, given by their names below /etc/systemd."""
    program = need_networkd()
    own_files(namespace, files)
    # No bus: Debian's networkd then does without, and would otherwise ask that of this machine.
    own = {
        "SYSTEMD_LOG_TARGET": "console-prefixed",
        "SYSTEMD_LOG_LEVEL": "info",
        "DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nonexistent",
    }
    with TemporaryDirectory() as folder:
        log_file = Path(folder, "log")
        with log_file.open("wb") as log:
            process = subprocess.Popen(namespace.command(program), env=os.environ | own, stderr=log)
        try:
            running = Networkd(process, log_file)
            running.wait_for(lambda: "Enumeration completed" in running.log())
            yield running
        finally:
            process.terminate()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def own_files(namespace: Namespace, files: Mapping[str, str]) -> None:
    """Give a namespace these files below /etc/systemd, and no others of networkd or udev."""
    namespace.run("sh", "-ec", _OWN)
    for name, text in files.items():
        namespace.write(f"/etc/systemd/{name}", text)


def need_networkd() -> str:
    """Return where networkd is; skip the test without it, or fail where HYBRIDLAB_REQUIRE has its name."""
    program = where("systemd-networkd", *_FOLDERS)
    if program is None:
        required = "systemd-networkd" in os.environ.get("HYBRIDLAB_REQUIRE", "").split()
        (pytest.fail if required else pytest.skip)("systemd-networkd is not here: install systemd (Debian)")
    return program
