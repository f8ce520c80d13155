"""The script that runs on a host while it is switched, run for real and with real timers.

What belongs to NixOS (nix-env, switch-to-configuration, two links) is played by small scripts that write down
what they are told to do.
"""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from attrs import field, frozen

from programs import need_program

SCRIPT = Path(__file__).parents[2] / "pylib/hybridlab/live/activate.sh"
# Long enough that nothing else can have happened, and far below what would be waited for.
PATIENCE = 20.0


@frozen
class Host:
    """A host with the systems `old` and `new`; `log` has what was done, nix-env's words among it."""

    folder: Path
    processes: list[subprocess.Popen[bytes]] = field(factory=list)

    @property
    def attempt(self) -> Path:
        return self.folder / "attempt"

    @property
    def outcome(self) -> str:
        file = self.attempt / "outcome"
        return file.read_text().strip() if file.exists() else ""

    @property
    def log(self) -> list[str]:
        file = self.folder / "log"
        return file.read_text().splitlines() if file.exists() else []

    def script(self, path: str, text: str) -> None:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"#!/bin/sh\n{text}\n")
        file.chmod(0o755)

    def call(self, *words: str) -> subprocess.Popen[bytes]:
        environment = {**os.environ, "PATH": f"{self.folder}/bin:{os.environ['PATH']}"}
        process = subprocess.Popen(
            ["sh", str(SCRIPT), *words],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self.processes.append(process)
        return process

    def run(self, reach: int = 60, keep: int = 60, *more: str) -> subprocess.Popen[bytes]:
        new = str(self.folder / "new")
        return self.call("run", str(self.attempt), new, str(reach), str(keep), *more)

    def settle(self) -> None:
        self.call("settle", str(self.attempt)).wait(PATIENCE)

    def say(self, name: str) -> None:
        (self.attempt / name).touch()

    def until(self, outcome: str) -> None:
        until(lambda: self.outcome.startswith(outcome), lambda: f"{outcome!r}, and is {self.outcome!r}")


def until(true: Callable[[], object], what: Callable[[], str]) -> None:
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end, f"waited in vain for {what()}"
        time.sleep(0.02)


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    need_program("sh")
    made = Host(tmp_path)
    made.attempt.mkdir()
    log = f'echo "$*" >>{tmp_path}/log'
    for system in ("old", "new"):
        made.script(f"{system}/bin/switch-to-configuration", f"set -- {system} $1; {log}")
    made.script("bin/nix-env", log)
    # With -f: where the links of the running system and of the profile lead to in the end.
    made.script("bin/readlink", f"case $1 in -f) echo {tmp_path}/old ;; *) echo system-41-link ;; esac")
    yield made
    for process in made.processes:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


SET = "--profile /nix/var/nix/profiles/system --set"
SWITCH = "--profile /nix/var/nix/profiles/system --switch-generation"


def test_what_is_reached_and_well_is_kept(host: Host) -> None:
    running = host.run()
    host.until("activated")
    assert host.log == ["new test"]
    host.say("reached")
    host.until("reached")
    assert host.log == ["new test"]
    host.say("keep")
    assert (running.wait(PATIENCE), host.outcome) == (0, "kept")
    assert host.log == ["new test", f"{SET} {host.folder}/new", "new boot"]


def test_going_back_to_a_generation_makes_no_new_one(host: Host) -> None:
    running = host.run(60, 60, "39")
    host.until("activated")
    host.say("reached")
    host.say("keep")
    assert (running.wait(PATIENCE), host.outcome) == (0, "kept")
    assert host.log == ["new test", f"{SWITCH} 39", "new boot"]


def test_nobody_who_comes_in_means_back(host: Host) -> None:
    running = host.run(reach=1)
    assert running.wait(PATIENCE) == 1
    assert host.outcome == "reverted nobody came in over a new connection within 1 s"
    assert host.log == ["new test", "old test"]


def test_nobody_who_says_that_it_is_well_means_back(host: Host) -> None:
    running = host.run(keep=1)
    host.until("activated")
    host.say("reached")
    assert running.wait(PATIENCE) == 1
    assert host.outcome == "reverted nobody said within 1 s that the machine is well"
    assert host.log == ["new test", "old test"]


def test_keep_alone_is_not_enough(host: Host) -> None:
    """Whoever says that all is well must have come in over a new connection before."""
    running = host.run(reach=1)
    host.until("activated")
    host.say("keep")
    assert running.wait(PATIENCE) == 1
    assert host.log == ["new test", "old test"]


@pytest.mark.parametrize("stage", ["activated", "reached"])
def test_it_goes_back_when_told_to(host: Host, stage: str) -> None:
    running = host.run()
    host.until("activated")
    if stage == "reached":
        host.say("reached")
        host.until("reached")
    host.say("back")
    assert (running.wait(PATIENCE), host.outcome) == (1, "reverted it was told to")
    assert host.log == ["new test", "old test"]


@pytest.mark.parametrize("status", [1, 2, 100, 101])
def test_a_system_that_can_not_be_activated_is_taken_back_at_once(host: Host, status: int) -> None:
    host.script("new/bin/switch-to-configuration", f'echo "new $1" >>{host.folder}/log; exit {status}')
    assert host.run().wait(PATIENCE) == 1
    assert host.outcome == "reverted the new system could not be activated"
    assert host.log == ["new test", "old test"]


def test_a_unit_that_does_not_start_is_for_whoever_looks_at_its_health(host: Host) -> None:
    host.script("new/bin/switch-to-configuration", f'echo "new $1" >>{host.folder}/log; exit 4')
    host.run()
    host.until("activated")
    host.say("back")


def test_what_holds_the_lock_of_the_switch_is_waited_for(host: Host) -> None:
    """EWOULDBLOCK, 11: another switch is still at work."""
    text = f"""
    echo "old $1" >>{host.folder}/log
    [ -e {host.folder}/free ] || {{ touch {host.folder}/free; exit 11; }}
    """
    host.script("old/bin/switch-to-configuration", text)
    running = host.run(reach=0)
    assert (running.wait(PATIENCE), host.outcome.split()[0]) == (1, "reverted")
    assert host.log == ["new test", "old test", "old test"]


def test_no_boot_loader_means_that_all_is_put_back(host: Host) -> None:
    host.script("new/bin/switch-to-configuration", f'echo "new $1" >>{host.folder}/log; [ "$1" = test ]')
    running = host.run()
    host.until("activated")
    host.say("reached")
    host.say("keep")
    assert running.wait(PATIENCE) == 1
    assert host.outcome == "reverted it could not be made what the machine starts with"
    assert host.log == [
        "new test",
        f"{SET} {host.folder}/new",
        "new boot",
        f"{SWITCH} 41",
        "old boot",
        "old test",
    ]


def test_a_profile_that_can_not_be_put_back_is_told(host: Host) -> None:
    host.script("bin/nix-env", "exit 1")
    running = host.run()
    host.until("activated")
    host.say("reached")
    host.say("keep")
    assert running.wait(PATIENCE) == 1
    assert host.outcome.startswith("stuck the old system runs, but the profile or the boot loader could not")


@pytest.mark.parametrize("stage", ["activating", "activated", "reached", "keeping"])
def test_what_is_killed_is_settled_by_its_unit(host: Host, stage: str) -> None:
    """ExecStopPost= runs it, however the attempt ended."""
    if stage in ("activating", "keeping"):
        slow = {"activating": "test", "keeping": "boot"}[stage]
        text = f'echo "new $1" >>{host.folder}/log; if [ "$1" = {slow} ]; then sleep 60; fi'
        host.script("new/bin/switch-to-configuration", text)
    running = host.run()
    for name, at in (("reached", "activated"), ("keep", "reached")):
        if stage in (at, "activating"):
            break
        host.until(at)
        host.say(name)
    host.until(stage)
    os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    host.settle()
    assert host.outcome.split()[0] == "reverted"
    assert host.log[-1] == "old test"
    assert ("old boot" in host.log) == (stage == "keeping")


def test_what_has_ended_is_not_settled_again(host: Host) -> None:
    host.run(reach=0).wait(PATIENCE)
    before = host.log
    host.settle()
    assert host.log == before


def test_what_has_not_begun_is_not_settled(host: Host) -> None:
    host.settle()
    assert (host.log, host.outcome) == ([], "")


def test_what_goes_back_does_not_need_its_folder(host: Host) -> None:
    """`old` is read from the folder again: without it, the new system stays, and nobody settles that."""
    running = host.run(reach=2)
    host.until("activated")
    for file in host.attempt.iterdir():
        file.unlink()
    running.wait(PATIENCE * 3)
    assert host.log[-1] == "old test"


def test_a_check_before_a_switch_does_not_keep_a_host_from_going_back(host: Host) -> None:
    """system.preSwitchChecks of the old system may ask for the network that the new one has ended."""
    text = f'echo "old $1" >>{host.folder}/log; [ "${{NIXOS_NO_CHECK-}}" = 1 ]'
    host.script("old/bin/switch-to-configuration", text)
    host.run(reach=0).wait(PATIENCE * 3)
    assert host.outcome.startswith("reverted")


def test_an_old_system_of_which_a_snippet_always_fails_is_gone_back_to(host: Host) -> None:
    """Status 2: activated, but for a snippet; it was so before."""
    host.script("old/bin/switch-to-configuration", f'echo "old $1" >>{host.folder}/log; exit 2')
    host.run(reach=0).wait(PATIENCE * 3)
    assert host.outcome.startswith("reverted")


def test_without_room_for_its_outcome_nothing_is_activated(host: Host) -> None:
    (host.attempt / "outcome.new").mkdir()
    host.run(reach=0).wait(PATIENCE * 3)
    assert host.log == []
