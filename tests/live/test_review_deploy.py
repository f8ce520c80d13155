"""Findings of a review of deployments; each of these fails for a real fault."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from hybridlab import Cluster
from live.deployer import Deployer, settled
from live.standin.lab import Lab
from live.test_activate import PATIENCE, Host
from live.test_activate import host as host  # noqa: PLC0414 - a fixture
from live.test_deploy import ONE, deployer, until_said

Make = Callable[[Cluster], Lab]


@pytest.fixture
def one(make_lab: Make, tmp_path: Path) -> Deployer:
    return deployer(ONE, make_lab, tmp_path)


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


def test_a_host_whose_boot_loader_is_not_new_is_not_done(one: Deployer) -> None:
    alpha = one.lab.machine("alpha")
    alpha.plant("switch-to-configuration", "second boot$", "fail")
    alpha.plant("nix-env", "--switch-generation", "fail")
    first = one.deploy()
    assert first.returncode == 1
    again = one.deploy()
    assert again.returncode == 0, again.stdout + again.stderr
    assert settled(alpha) == "second", again.stdout


def test_a_rollback_that_is_interrupted_says_what_the_host_runs(one: Deployer) -> None:
    alpha = one.lab.machine("alpha")
    assert one.deploy().returncode == 0
    alpha.plant("switch-to-configuration", "first test$", "slow", seconds=3)
    process = one.start("rollback", "--yes", "--reach", "20s")
    until_said(process, "going back")
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert settled(alpha) == "second", out + err
    assert "went back to the old system" not in err and "the old system" not in out, out + err


def test_a_rollback_that_was_taken_back_was_tried(one: Deployer) -> None:
    alpha = one.lab.machine("alpha")
    assert one.deploy().returncode == 0
    alpha.plant("switch-to-configuration", "first test", "fail")
    run = one.run("rollback", "--yes", "--reach", "5s")
    assert settled(alpha) == "second"
    assert "not tried" not in run.stdout, run.stdout + run.stderr


def test_a_full_disk_does_not_keep_a_host_from_rolling_back(one: Deployer) -> None:
    alpha = one.lab.machine("alpha")
    assert one.deploy().returncode == 0
    with alpha.changing() as state:
        for disk in state["disks"].values():
            disk["avail"] = 100 * 2**20
    run = one.run("rollback", "--yes", "--reach", "5s")
    assert (run.returncode, settled(alpha)) == (0, "first"), run.stderr


def test_an_address_where_nobody_gets_in_later_is_not_confirmed_at_the_present_one(one: Deployer) -> None:
    alpha = one.lab.machine("alpha")
    one.write(ONE.replace("10.0.10.5", "10.0.10.77"))
    run = one.deploy("--allow-cut", "--at", "alpha=10.0.10.5")
    assert (run.returncode, settled(alpha)) == (1, "first"), run.stdout + run.stderr


def test_output_that_nobody_reads_any_more_takes_the_host_back_at_once(one: Deployer) -> None:
    alpha = one.lab.machine("alpha")
    one.offer({"seconds": 2})
    process = one.start("deploy", "--yes", "--reach", "60s", "--health", "5m")
    until_said(process, "switching")
    assert process.stderr is not None
    process.stderr.close()
    process.wait(60)
    assert settled(alpha, 30) == "first"
