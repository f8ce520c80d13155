"""Deployments over a real sshd to stand-in hosts, with faults at every step.

What holds after each: every host runs one system, starts with it, and has it in its profile; and the exit
code is 0 only if that is the new one everywhere.
"""

import os
import signal
import socket
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from hybridlab import Cluster, load_spec, resolve
from live.deployer import QUICK, Deployer, settled
from live.standin.lab import Lab
from nix.flakes import REPOSITORY

ONE = """
apiVersion: hybridlab/v1
name: small
nixos: {release: "26.05", stateVersion: "26.05", system: x86_64-linux}
admin:
  user: ada
  sshKeys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJHqiovr6I27uUTJMT+2wzgMMgEq20O2Ie9H0SLjIW9o ada@example]
networks:
  bridge: br0
  vlans: {lan: {id: 10, cidr: 10.0.10.0/24, gateway: 10.0.10.1}}
hosts:
  alpha: {uplink: enp1s0, addresses: {lan: 10.0.10.5}, cpus: 4, memory: 16GiB}
"""
TWO = ONE + "  beta: {uplink: enp1s0, addresses: {lan: 10.0.10.6}, cpus: 4, memory: 16GiB}\n"

FAILED = {"ActiveState": "failed", "SubState": "failed"}

Make = Callable[[Cluster], Lab]


def until_said(process: subprocess.Popen[str], word: str) -> str:
    """Read what a deployment says until it says this; return it."""
    said = ""
    assert process.stderr is not None
    while word not in said:
        line = process.stderr.readline()
        assert line, f"it ended before it said {word!r}:\n{said}"
        said += line
    return said


def deployer(spec: str, make_lab: Make, folder: Path) -> Deployer:
    file = folder / "spec.yaml"
    file.write_text(spec)
    return Deployer.of(make_lab(resolve(load_spec(file))), spec, folder / "own")


@pytest.fixture
def one(make_lab: Make, tmp_path: Path) -> Deployer:
    return deployer(ONE, make_lab, tmp_path)


def test_a_deployment_and_the_next_which_does_nothing(one: Deployer) -> None:
    alpha = one.lab.machine("alpha")
    first = one.deploy()
    assert first.returncode == 0, first.stdout + first.stderr
    assert settled(alpha) == "second"
    assert "deployed" in first.stdout
    began = len(alpha.ran("systemd-run"))
    second = one.deploy()
    assert second.returncode == 0, second.stderr
    assert "nothing is done" in second.stdout
    assert len(alpha.ran("systemd-run")) == began == 1


@pytest.fixture
def two(make_lab: Make, tmp_path: Path) -> Deployer:
    return deployer(TWO, make_lab, tmp_path)


# Where a deployment meets a host: a program there and its words, in the order of the steps.
STEPS = {
    "look": ("readlink", "/run/current-system"),
    "lock": ("session", "flock"),
    "ask what is missing": ("nix-store", "--check-validity"),
    "copy": ("nix-store", "--serve"),
    "check": ("switch-to-configuration", "check$"),
    "dry-activate": ("switch-to-configuration", "dry-activate$"),
    "see how it is": ("session", "^sh -s"),
    "start": ("systemd-run", ""),
    "activate": ("switch-to-configuration", "second test$"),
    "ask how far": ("session", "outcome"),
    "confirm": ("session", "sh /run/hybridlab/[0-9a-f]+ reached$"),
    "keep": ("session", "sh /run/hybridlab/[0-9a-f]+ keep$"),
    "set the profile": ("nix-env", "--set"),
    "install the boot loader": ("switch-to-configuration", "second boot$"),
}
# Once each: a fault that lasts is another test's.
FAULTS = ("fail", "disk-full", "cut", "lost", "kill", "reboot", "reboot-after")
# A host that restarts between the two halves of keeping starts with the old one, and its profile has the new:
# the next run mends it.
BETWEEN = {
    ("set the profile", "reboot-after"),
    ("install the boot loader", "reboot"),
}


# What is most to be feared.
FEARED = {("activate", "reboot-after"), ("confirm", "lost"), ("keep", "lost"), ("keep", "reboot-after")}
# Copying is a conversation, which has no end before its answers.
NONE = {("copy", "lost"), ("copy", "reboot-after")}
ALL = [(step, fault) for step in STEPS for fault in FAULTS if (step, fault) not in NONE]


def some() -> Iterator[tuple[str, str]]:
    """Yield each step with one of the faults, each fault with two steps or more, and what is feared."""
    for number, step in enumerate(STEPS):
        turned = (FAULTS[(number + place) % len(FAULTS)] for place in range(len(FAULTS)))
        yield step, next(fault for fault in turned if (step, fault) in ALL)
    yield from FEARED


# All of them take some minutes more.
MATRIX = ALL if os.environ.get("HYBRIDLAB_FAULTS") == "all" else [cell for cell in ALL if cell in {*some()}]


def test_no_step_and_no_fault_is_left_out() -> None:
    assert {step for step, _ in MATRIX} == {*STEPS}
    assert min(Counter(fault for _, fault in MATRIX)[fault] for fault in FAULTS) >= 2


@pytest.mark.parametrize(("step", "fault"), MATRIX)
def test_a_fault_leaves_the_old_system_or_the_new_one(one: Deployer, step: str, fault: str) -> None:
    alpha = one.lab.machine("alpha")
    program, words = STEPS[step]
    alpha.plant(program, words, fault)
    run = one.deploy()
    said = run.stdout + run.stderr
    assert "Traceback" not in said and "bug in hybridlab" not in said, said
    assert any(one.program.startswith("fault:") for one in alpha.log), f"nothing befell it:\n{said}"
    if (step, fault) in BETWEEN:
        alpha.wait_up()
    else:
        assert (settled(alpha) == "second") == (run.returncode == 0), said
    again = one.deploy()
    assert again.returncode == 0, said + again.stdout + again.stderr
    assert settled(alpha) == "second"


def test_a_host_that_lets_nobody_in_any_more_goes_back_by_itself(one: Deployer) -> None:
    alpha = one.lab.machine("alpha")
    one.offer({"ssh": False})
    run = one.deploy()
    assert (run.returncode, settled(alpha)) == (1, "first"), run.stdout + run.stderr
    assert "nobody came in over a new connection within 5 s" in run.stdout


def test_a_host_that_is_less_well_than_before_is_taken_back(one: Deployer) -> None:
    alpha = one.lab.machine("alpha")
    one.offer({"state": {"timedatectl": {"NTPSynchronized": "no"}, "units": {"jellyfin.service": FAILED}}})
    run = one.deploy("--health", "5s")
    assert (run.returncode, settled(alpha)) == (1, "first"), run.stdout + run.stderr
    assert "worse than before" in run.stderr
    assert "it was told to" in run.stdout


def test_what_was_not_well_before_does_not_stop_a_deployment(one: Deployer) -> None:
    alpha = one.lab.machine("alpha")
    with alpha.changing() as state:
        state["units"]["jellyfin.service"] = FAILED
    run = one.deploy()
    assert (run.returncode, settled(alpha)) == (0, "second"), run.stdout + run.stderr


def test_a_new_kernel_is_deployed_and_waits_for_a_restart(one: Deployer) -> None:
    one.offer({"kernel": "6.18.2"})
    run = one.deploy()
    assert (run.returncode, settled(one.lab.machine("alpha"))) == (0, "second"), run.stdout + run.stderr
    assert "kernel" in next(line for line in run.stdout.splitlines() if "restart of the host" in line)


@pytest.mark.parametrize("effects", [{"status": 1}, {"status": 2}, {"boot_status": 1}])
def test_a_system_that_can_not_be_switched_to_is_taken_back(
    one: Deployer, effects: Mapping[str, int]
) -> None:
    alpha = one.lab.machine("alpha")
    one.offer(effects)
    run = one.deploy()
    assert (run.returncode, settled(alpha)) == (1, "first"), run.stdout + run.stderr
    assert "the old system" in run.stdout


@pytest.mark.parametrize("change", ["unknown", "changed"])
def test_host_keys_are_strict(one: Deployer, change: str) -> None:
    alpha = one.lab.machine("alpha")
    if change == "unknown":
        one.lab.know([])
    else:
        alpha.new_host_key()
    run = one.deploy()
    assert run.returncode == 1
    assert {"unknown": "ssh-keyscan 10.0.10.5", "changed": "ssh-keygen -R 10.0.10.5"}[change] in run.stderr
    assert not alpha.ran("session")


def test_the_second_of_two_hears_who_is_first(one: Deployer) -> None:
    alpha = one.lab.machine("alpha")
    one.offer({"seconds": 4})
    first = one.start("deploy", *QUICK)
    said = until_said(first, "switching")
    second = one.deploy()
    assert second.returncode == 1
    assert f"@{socket.gethostname()} (process {first.pid})" in second.stderr
    rest = first.communicate(timeout=120)
    assert first.returncode == 0, said + rest[1]
    assert settled(alpha) == "second"


@pytest.mark.parametrize("moment", ["building", "copying", "looking", "switching", "reached"])
def test_interrupted_it_says_where_the_host_stands(one: Deployer, moment: str) -> None:
    alpha = one.lab.machine("alpha")
    one.offer({"seconds": 2})
    process = one.start("deploy", *QUICK)
    said = until_said(process, moment)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    out, err = process.communicate(timeout=120)
    label = settled(alpha)
    assert process.returncode == 130, said + err
    assert label == "first", out + said + err
    if moment in ("switching", "reached"):
        assert "the old system" in out or "not tried" in out


@pytest.mark.parametrize("moment", ["building", "copying", "looking", "switching", "reached"])
def test_killed_it_leaves_a_host_that_settles_and_the_next_run_goes_on(one: Deployer, moment: str) -> None:
    alpha = one.lab.machine("alpha")
    one.offer({"seconds": 2})
    if moment == "copying":
        alpha.plant("nix-store", "--serve", "slow", seconds=2)
    process = one.start("deploy", *QUICK)
    until_said(process, moment)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    again = one.deploy(seconds=300)
    assert again.returncode == 0, again.stdout + again.stderr
    assert settled(alpha) == "second"


def test_a_slow_link_is_only_slow(one: Deployer) -> None:
    alpha = one.lab.machine("alpha")
    alpha.delay(0.5)
    run = one.deploy("--reach", "30s")
    assert (run.returncode, settled(alpha)) == (0, "second"), run.stdout + run.stderr


def test_a_host_that_fails_takes_those_before_it_back_if_that_is_wanted(two: Deployer) -> None:
    two.offer({}, beta={"status": 1})
    run = two.deploy("--atomic")
    assert run.returncode == 1
    assert [settled(two.lab.machine(name)) for name in ("alpha", "beta")] == ["first", "first"]
    assert "taken back, because another host failed" in run.stdout
    # Back to the same generation, not to a new one of the same system.
    assert two.lab.machine("alpha").profile == two.lab.machine("alpha").generations[1]


def test_a_host_that_fails_leaves_those_before_it_and_does_not_begin_those_after(two: Deployer) -> None:
    two.offer({}, alpha={"status": 1})
    run = two.deploy()
    assert run.returncode == 1
    assert [settled(two.lab.machine(name)) for name in ("alpha", "beta")] == ["first", "first"]
    assert not two.lab.machine("beta").ran("systemd-run")
    two.offer({}, beta={"status": 1})
    run = two.deploy()
    assert run.returncode == 1
    assert [settled(two.lab.machine(name)) for name in ("alpha", "beta")] == ["second", "first"]
    two.offer({})
    run = two.deploy()
    assert run.returncode == 0, run.stdout + run.stderr
    assert "alpha: runs its new system already" in run.stdout
    assert settled(two.lab.machine("beta")) == "second"


def test_no_room_means_that_nothing_is_copied(one: Deployer) -> None:
    alpha = one.lab.machine("alpha")
    with alpha.changing() as state:
        for disk in state["disks"].values():
            disk["avail"] = 100 * 2**20
    run = one.deploy()
    assert (run.returncode, settled(alpha)) == (1, "first")
    assert "500 MiB free in /nix/store" in run.stderr
    assert not alpha.ran("nix-store")


def test_a_system_that_does_not_build_changes_nothing(one: Deployer) -> None:
    file = one.folder / "flake.nix"
    file.write_text(file.read_text().replace("/bin/cp -a", "false; /bin/cpx"))
    run = one.deploy()
    assert run.returncode == 1
    assert "nix could not build alpha" in run.stderr
    assert settled(one.lab.machine("alpha")) == "first"


@pytest.mark.parametrize("depth", ["plan", "look", "build", "copy"])
def test_it_ends_where_it_is_told_to(one: Deployer, depth: str) -> None:
    alpha = one.lab.machine("alpha")
    run = one.deploy("--stop-after", depth)
    assert (run.returncode, settled(alpha)) == (0, "first"), run.stderr
    assert not alpha.ran("systemd-run")
    assert bool(alpha.ran("session")) == (depth != "plan")
    assert bool(alpha.ran("nix-store")) == (depth == "copy")


def test_you_would_not_get_in_any_more(one: Deployer) -> None:
    """The way in is followed in the new network, and the break is told at its line."""
    alpha = one.lab.machine("alpha")
    one.write(ONE.replace("id: 10", "id: 30"))
    run = one.deploy()
    assert (run.returncode, settled(alpha)) == (1, "first")
    assert "cluster.yaml:10:" in run.stderr and "hop 'VLAN'" in run.stderr
    assert not alpha.ran("nix-store")
    allowed = one.deploy("--allow-cut", "--stop-after", "look")
    assert allowed.returncode == 0


def test_a_guest_that_ssh_does_not_know_is_told_and_not_waited_for(example: Lab, tmp_path: Path) -> None:
    """As after a first deployment, or from a second laptop: its host key is not known there."""
    deployer = Deployer.of(example, (REPOSITORY / "cluster.yaml").read_text(), tmp_path / "own")
    example.know(["homelab"])
    deployer.offer({"would": "would stop the following units: microvm@k8s-worker-2.service\n"})
    run = deployer.deploy("--health", "10m")
    assert (run.returncode, settled(example.machine("homelab"))) == (1, "second"), run.stdout + run.stderr
    assert "k8s-worker-2 can not be logged in to" in run.stderr
    assert "no pods are taken off any node" in run.stderr
    assert "k8s-master, with the API server, can not be logged in to" in run.stderr
    assert "ssh-keyscan 10.0.20.10" in run.stderr


def test_rollback_goes_to_the_generation_before(one: Deployer) -> None:
    alpha = one.lab.machine("alpha")
    assert one.deploy().returncode == 0
    listed = one.run("rollback", "--list")
    assert [line.split()[:2] for line in listed.stdout.splitlines()[1:]] == [["alpha", "1"], ["alpha", "2"]]
    run = one.run("rollback", "--yes", "--reach", "5s")
    assert (run.returncode, settled(alpha)) == (0, "first"), run.stdout + run.stderr
    assert len(alpha.generations) == 2
    forward = one.run("rollback", "--yes", "--reach", "5s", "--to", "2", "alpha")
    assert (forward.returncode, settled(alpha)) == (0, "second"), forward.stderr
    none = one.run("rollback", "--yes", "--to", "7", "alpha")
    assert (none.returncode, "it has not a generation 7" in none.stderr) == (1, True)


def test_a_rollback_that_lets_nobody_in_is_taken_back(one: Deployer) -> None:
    alpha = one.lab.machine("alpha")
    assert one.deploy().returncode == 0
    alpha.plant("switch-to-configuration", "first test", "fail")
    run = one.run("rollback", "--yes", "--reach", "5s")
    assert (run.returncode, settled(alpha)) == (1, "second"), run.stdout + run.stderr


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
    assert process.stderr is not None and process.stdout is not None
    process.stderr.close()
    process.stdout.read()
    process.stdout.close()
    process.wait(60)
    assert settled(alpha, 30) == "first"
