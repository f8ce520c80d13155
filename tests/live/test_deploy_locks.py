"""Deployments whose connections break, over a real sshd: who holds the lock, and what happened meanwhile."""

import contextlib
import os
import re
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hybridlab.errors import LiveError
from hybridlab.live.lock import Lock
from live.deployer import QUICK, Deployer, settled
from live.test_deploy import ONE, TWO, Make, deployer, until_said

# Where alpha is before its deployment; the spec has it elsewhere.
BEFORE, AFTER = "192.168.1.50", "10.0.10.5"


@pytest.fixture
def one(make_lab: Make, tmp_path: Path) -> Deployer:
    return deployer(ONE, make_lab, tmp_path)


@pytest.fixture
def two(make_lab: Make, tmp_path: Path) -> Deployer:
    return deployer(TWO, make_lab, tmp_path)


def lose_lock(one: Deployer, address: str) -> None:
    """Break the connection that holds the lock of the machine at an address."""
    mine = (str(one.lab.client / "config"), f"root@{address}")
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            words = file.read_text(errors="replace").split("\0")
            if all(word in words for word in mine) and "flock" in "".join(words):
                os.kill(int(file.parent.name), signal.SIGKILL)


@contextlib.contextmanager
def stopped(process: subprocess.Popen[str]) -> Iterator[None]:
    """Let a deployment wait as long as something happens."""
    os.killpg(process.pid, signal.SIGSTOP)
    yield
    os.killpg(process.pid, signal.SIGCONT)


def move(two: Deployer) -> None:
    """Let alpha be where it is before its deployment, and where the spec has it with its new system."""
    alpha, client = two.lab.machine("alpha"), two.lab.client
    config = (client / "config").read_text()
    block = re.search(rf"(?ms)^Host {AFTER}$.*?(?=^Host |\Z)", config)
    assert block is not None
    link = alpha.root / "run/current-system"
    moved = "".join(
        f'Match originalhost {address} exec "readlink {link} | grep -q {label}$"\n'
        f"  HostName 127.0.0.1\n  Port {alpha.port}\n  HostKeyAlias {address}\n"
        for address, label in ((BEFORE, "first"), (AFTER, "second"))
    )
    (client / "config").write_text(moved + config.replace(block[0], ""))
    known = (client / "known_hosts").read_text()
    (client / "known_hosts").write_text(known.replace(f"{AFTER} ", f"{BEFORE} "))


MOVING = ("--atomic", "--allow-cut", "--at", f"alpha={BEFORE}", "--reach", "20s")


@pytest.mark.parametrize("fails", [False, True])
def test_a_host_that_moves_neither_stops_the_next_nor_its_own_way_back(two: Deployer, fails: bool) -> None:
    alpha, beta = two.lab.machine("alpha"), two.lab.machine("beta")
    move(two)
    two.offer({}, beta={"status": 1} if fails else {})
    process = two.start("deploy", *QUICK, *MOVING)
    said = until_said(process, "alpha: reached")
    lose_lock(two, BEFORE)
    out, err = process.communicate(timeout=120)
    labels = [settled(alpha), settled(beta)]
    assert (process.returncode, labels) == ((1, ["first"] * 2) if fails else (0, ["second"] * 2)), out + err
    assert ("taken back, because another host failed" in out) == fails, out + said + err
    assert alpha.profile == alpha.generations[1 if fails else 2]


def test_a_host_that_is_gone_does_not_keep_another_one_from_going_back(two: Deployer) -> None:
    alpha, beta = two.lab.machine("alpha"), two.lab.machine("beta")
    process = two.start("deploy", *QUICK, "--atomic")
    said = until_said(process, "beta: looking")
    with stopped(process):
        beta.power_off()
    out, err = process.communicate(timeout=120)
    assert process.returncode == 1, out + said + err
    assert "can not lock beta" in err
    assert settled(alpha) == "first", out + err
    assert "taken back, because another host failed" in out
    beta.power_on()
    assert settled(beta) == "first"


def nobody(_: Deployer) -> None:
    """Nobody was there."""


def somebody(one: Deployer) -> None:
    """Another deployment came to its end."""
    alpha, [host, *_] = one.lab.machine("alpha"), one.lab.cluster.hosts
    system = alpha.add_system("third")
    words = f"nix-env --profile /nix/var/nix/profiles/system --set {system}"
    for line in (words, f"{system}/bin/switch-to-configuration switch"):
        run = one.lab.ssh.run(host.legs[0].address, line.split(), seconds=20)
        assert getattr(run, "status", None) == 0, run


@pytest.mark.parametrize(
    ("meanwhile", "ends"), [(nobody, (0, "second")), (somebody, (1, "third"))], ids=["nobody", "somebody"]
)
def test_a_lock_that_was_lost_is_taken_again_if_nobody_was_there(
    one: Deployer, meanwhile: Callable[[Deployer], None], ends: tuple[int, str]
) -> None:
    """What was planned holds for the host as it was: another one is left to whoever was there."""
    alpha = one.lab.machine("alpha")
    process = one.start("deploy", *QUICK)
    said = until_said(process, "looking at how it is")
    with stopped(process):
        lose_lock(one, AFTER)
        meanwhile(one)
    out, err = process.communicate(timeout=120)
    assert (process.returncode, settled(alpha)) == ends, out + said + err
    assert "the connection that locked it broke" in err
    assert ("is not as it was left" in err) == bool(ends[0])
    assert len(alpha.ran("systemd-run")) == 1 - ends[0]


def test_a_host_that_somebody_else_has_deployed_meanwhile_is_not_taken_back(two: Deployer) -> None:
    alpha, beta = two.lab.machine("alpha"), two.lab.machine("beta")
    two.offer({}, beta={"status": 1})
    process = two.start("deploy", *QUICK, "--atomic")
    said = until_said(process, "beta: looking")
    with stopped(process):
        lose_lock(two, AFTER)
        somebody(two)
    out, err = process.communicate(timeout=120)
    assert (process.returncode, settled(alpha), settled(beta)) == (1, "third", "first"), out + said + err
    [row] = [line for line in out.splitlines() if line.startswith("alpha ")]
    assert "nobody knows" in row and "not taken back: alpha is not as it was left" in row


def test_our_own_lock_is_waited_for_and_nobody_else_s(one: Deployer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine whose network changes notices late that a connection is gone."""
    monkeypatch.setattr("hybridlab.live.lock._PAUSE_SECONDS", 0.2)
    [host] = one.lab.cluster.hosts
    lost, again = (Lock(one.lab.ssh, (host.legs[0].address,), "alpha") for _ in range(2))
    assert lost.take()
    assert not lost.take()
    with monkeypatch.context() as other, pytest.raises(LiveError, match=r"is being deployed by .*@"):
        other.setattr("getpass.getuser", lambda: "grace")
        again.take()
    noticing = threading.Timer(1, lost.release)
    noticing.start()
    try:
        assert again.take()
    finally:
        noticing.join()
        again.release()
