"""Many checks of several machines over real ssh: one connection each, and how one does not answer."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from hybridlab.live.checks.check import (
    Check,
    CouldNotLook,
    Failed,
    Key,
    Ok,
    Phase,
    Remote,
    Result,
    Skipped,
    Verdict,
)
from hybridlab.live.probe import Output, Probe, read
from hybridlab.live.verify import verify
from live.standin.lab import Lab, wait_for
from nix.flakes import REPOSITORY

MACHINES = ("homelab", "k8s-master", "k8s-worker-1", "k8s-worker-2")
NAME = read("cat", "/etc/hostname")


def good(*_: Any) -> Verdict:
    return Ok()


def check(
    code: str, machine: str, probe: Probe = NAME, judge: Callable[..., Verdict] = good, **more: Any
) -> Check:
    return Check(Key(code, machine), Phase.MACHINES, code, (Remote(machine, probe),), judge, **more)


def is_named(machine: str) -> Callable[[Output], Verdict]:
    def judge(output: Output) -> Verdict:
        found = output.stdout.strip()
        return Ok() if found == machine else Failed(machine, found, "rename it")

    return judge


def checks() -> list[Check]:
    """Return a login and two more checks of each machine."""
    return [
        one
        for name in MACHINES
        for one in (
            check("ssh", name, read("id", "-u")),
            check("hostname", name, judge=is_named(name)),
            check("running", name, read("systemctl", "is-system-running")),
        )
    ]


def found(results: tuple[Result, ...], machine: str) -> list[Verdict]:
    return [result.verdict for result in results if result.check.key.machine == machine]


def test_all_is_well_over_one_connection_for_each_machine(example: Lab) -> None:
    results = verify(checks(), example.cluster, example.ssh)
    assert {result.verdict for result in results} == {Ok()}
    assert [example.machine(name).logins for name in MACHINES] == [1, 1, 1, 1]


def test_machines_are_asked_at_the_same_time(example: Lab) -> None:
    """Each of two answers only when the other one has been asked, too."""
    for name in MACHINES[:2]:
        example.machine(name).plant("id", does="slow", seconds=1)
    verify(checks(), example.cluster, example.ssh)
    asked = [example.machine(name).ran("id")[0].when for name in MACHINES[:2]]
    answered = [example.machine(name).ran("cat")[0].when for name in MACHINES[:2]]
    assert max(asked) < min(answered)


def test_machine_that_is_off_is_one_failure(example: Lab) -> None:
    example.machine("k8s-worker-1").close_port()
    results = verify(checks(), example.cluster, example.ssh)
    login, *others = found(results, "k8s-worker-1")
    assert isinstance(login, Failed)
    assert (login.expected, login.found.partition(" (")[0]) == (
        "root can log in",
        "nothing answers at its ssh port",
    )
    assert set(others) == {Skipped("k8s-worker-1 can not be reached")}
    assert {verdict for name in MACHINES if name != "k8s-worker-1" for verdict in found(results, name)} == {
        Ok()
    }


def test_changed_host_key_is_a_failure_with_what_to_do(example: Lab) -> None:
    example.machine("k8s-master").new_host_key()
    login, *others = found(verify(checks(), example.cluster, example.ssh), "k8s-master")
    assert isinstance(login, Failed)
    assert login.found == "its host key is another one than is known here"
    assert "ssh-keygen -R 10.0.20.10" in login.advice
    assert set(others) == {Skipped("k8s-master can not be reached")}
    assert example.machine("k8s-master").logins == 0


def test_unknown_host_key_is_a_failure_with_what_to_do(example: Lab) -> None:
    example.know(name for name in MACHINES if name != "homelab")
    login, *_ = found(verify(checks(), example.cluster, example.ssh), "homelab")
    assert isinstance(login, Failed)
    assert login.found.startswith("its host key is not known here")
    assert "ssh-keyscan 10.0.10.5" in login.advice


def test_program_that_hangs_leaves_the_others_alone(example: Lab) -> None:
    example.machine("homelab").plant("systemctl", does="hang")
    hanging = check("failed", "homelab", read("systemctl", "is-system-running", seconds=1))
    results = verify(
        [hanging, check("hostname", "homelab", judge=is_named("homelab"))], example.cluster, example.ssh
    )
    assert [result.verdict for result in results] == [
        CouldNotLook("systemctl did not come to an end within 1 s"),
        Ok(),
    ]


def test_connection_that_is_cut_leaves_the_rest_unknown(example: Lab) -> None:
    example.machine("homelab").plant("systemctl", does="cut")
    login, named, running = found(verify(checks(), example.cluster, example.ssh), "homelab")
    assert (login, named) == (Ok(), Ok())
    assert running == CouldNotLook("the connection to homelab ended before the answer came")


def test_what_is_not_well_is_asked_again(example: Lab) -> None:
    master = example.machine("k8s-master")
    master.write("/etc/hostname", "other\n")

    def mend(result: Result) -> None:
        if isinstance(result.verdict, Failed):
            master.write("/etc/hostname", "k8s-master\n")

    results = verify(checks(), example.cluster, example.ssh, on_result=mend, wait=60)
    assert {result.verdict for result in results} == {Ok()}
    assert [example.machine(name).logins for name in MACHINES] == [1, 2, 1, 1]


def start(lab: Lab, *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "hybridlab", "--spec", str(REPOSITORY / "cluster.yaml"), "verify", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**lab.environment, "PYTHONPATH": os.pathsep.join(sys.path)},
        start_new_session=True,
    )


def test_interrupted_run_shows_what_is_known(example: Lab) -> None:
    """Of the machines that have answered; the one that hangs is not waited for."""
    homelab = example.machine("homelab")
    homelab.plant("session", does="hang")
    running = start(example, "--phase", "machines", "--format", "json")
    others = [example.machine(name) for name in MACHINES if name != "homelab"]
    wait_for(lambda: homelab.ran("session") and all(one.ran("uname") for one in others), "all are asked")

    os.killpg(running.pid, signal.SIGINT)  # as a terminal does
    out, said = running.communicate(timeout=20)

    assert running.returncode == 130, said
    assert "interrupted: " in said
    assert "homelab" not in {one["machine"] for one in json.loads(out)}


def test_command_tells_programs_what_it_found(example: Lab) -> None:
    example.machine("homelab").close_port()
    running = start(example, "homelab", "--phase", "machines", "--format", "json")
    out, said = running.communicate(timeout=60)
    login, *others = json.loads(out)
    assert (running.returncode, login["status"], login["expected"]) == (1, "failed", "root can log in"), said
    assert {one["reason"] for one in others} == {"homelab can not be reached"}
