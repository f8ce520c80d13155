"""Secrets of machines and of whoever deploys stay where they are, whatever live command is run.

Values are planted where machines and people keep them, every command is run, failing ones too, and the values
are looked for: in output, in arguments and environments of all processes, of stand-in machines too, and in
files. Then it is shown that each would be found.
"""

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from attrs import frozen

import hybridlab
from canary import Canary, Run, plant_at_home, watched
from hybridlab import Cluster
from live.deployer import QUICK, Deployer
from live.standin.lab import Lab
from live.standin.lab import lab as running
from live.world import HOST, MASTER, WORKER, make_world
from nix.flakes import REPOSITORY

# What only a machine has to know: in place of every decrypted secret there.
_MORE = ("/run/secrets/workloads/planted", "/run/secrets/age-key-planted", "/var/lib/cfssl/ca-key.pem")
_UNITS = ("certmgr", "kube-certmgr-bootstrap", "kubelet", "flannel", "containerd", "kube-apiserver", "cfssl")


@frozen
class Planted:
    """A lab with secrets: `machines` on the machines, `own` at home, `given` in our environment."""

    lab: Lab
    folder: Path
    machines: Canary
    own: Canary
    given: Canary
    environment: dict[str, str]

    @property
    def all(self) -> tuple[Canary, ...]:
        return self.machines, self.own, self.given

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def temporary(self) -> Path:
        return self.folder / "tmp"

    def lines(self) -> list[bytes]:
        """Return what ran on machines, with the words that came over ssh."""
        return [
            os.fsencode("\0".join((ran.program, *ran.words)))
            for played in self.lab.machines.values()
            for ran in played.log
        ]

    def leaks(self, run: Run, *folders: Path) -> list[str]:
        """Return where a value was seen that does not belong there."""
        found = [place for one in (self.machines, self.own) for place in run.places(one)]
        # Processes here inherit what the user gave; one that ssh let in must not have it.
        found += [place for place in run.places(self.given) if place != "environment"]
        found += [
            "environment of a machine"
            for seen in run.environments
            if b"SSH_CONNECTION=" in seen and any(one.in_bytes(seen) for one in self.all)
        ]
        found += [repr(line) for line in self.lines() if any(one.in_bytes(line) for one in self.all)]
        return found + [
            f"{f}/{name}" for f in (*folders, self.temporary) for c in self.all for name in c.in_files(f)
        ]


def plant(lab: Lab, folder: Path) -> Planted:
    (folder / "tmp").mkdir(parents=True)
    machines, own, given = Canary(), Canary(), Canary()
    for played in lab.machines.values():
        secret = [path for path in (played.root / "run/secrets").rglob("*") if path.is_file()]
        secret += (played.root / "var/lib").rglob("apitoken.secret")
        for path in secret:
            played.write(f"/{path.relative_to(played.root)}", f"{machines.value}\n")
        for name in _MORE:
            played.write(name, f"{machines.value}\n")
        for unit in _UNITS:
            played.say(f"{unit}.service", f"error: bad request, token={machines.value}", priority=3)
            played.say(f"{unit}.service", f"error: is {machines.value} right?", priority=3)
    home = plant_at_home(folder / "home", own)
    environment = {**lab.environment, **home, "TMPDIR": str(folder / "tmp"), "SOPS_AGE_KEY": given.value}
    environment["PYTHONPATH"] = str(REPOSITORY / "pylib")
    environment.pop("XDG_RUNTIME_DIR", None)
    return Planted(lab, folder, machines, own, given, environment)


@frozen
class Seen:
    """A lab with secrets, and a folder with its spec and what is generated from it."""

    planted: Planted
    flake: Path

    def run(self, *words: str, **env: str) -> Run:
        command = [sys.executable, "-m", "hybridlab", "--spec", str(self.flake / "cluster.yaml"), *words]
        return watched(command, self.planted.environment | env, self.flake)


@pytest.fixture(scope="module")
def seen(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    """One for tests that only look."""
    folder = tmp_path_factory.mktemp("canary")
    flake = folder / "flake"
    shutil.copytree(REPOSITORY / "secrets", flake / "secrets")
    shutil.copy(REPOSITORY / "cluster.yaml", flake)
    hybridlab.apply(hybridlab.plan(hybridlab.emit_all(cluster), flake))
    with running(cluster, folder / "lab") as lab:
        yield Seen(plant(lab, folder / "own"), flake)


def break_kubelet(lab: Lab) -> None:
    with lab.machine(WORKER).changing() as state:
        state["units"]["kubelet.service"].update(ActiveState="failed", SubState="failed")


READING = (
    ("verify", "--verbose"),
    ("verify", "--format", "json"),
    ("verify", "--format", "junit", "--phase", "secrets"),
    ("diagnose", WORKER),
    ("diagnose", WORKER, "--format", "json"),
    ("status", "--no-build"),
    ("ssh", HOST, "--", "printenv"),
    ("ssh", MASTER, "--", "false"),
    ("logs", MASTER, "etcd"),
    ("rollback", "--list"),
)


@pytest.mark.parametrize("words", READING, ids=" ".join)
def test_what_only_looks_shows_no_secret(seen: Seen, words: tuple[str, ...]) -> None:
    break_kubelet(seen.planted.lab)
    run = seen.run(*words)
    assert run.code in (0, 1, 3), run.stderr
    assert run.stdout or words[0] in ("ssh", "logs"), run.stderr
    assert seen.planted.leaks(run, seen.flake) == []
    assert len(seen.planted.own.in_files(seen.planted.home)) == 4
    assert seen.planted.given.in_files(seen.planted.home) == []


def test_diagnosis_quotes_the_journal_without_its_tokens(seen: Seen) -> None:
    break_kubelet(seen.planted.lab)
    assert b"(left out)" in seen.run("diagnose", WORKER).stdout


def test_a_kubeconfig_is_in_its_file_alone(tmp_path: Path) -> None:
    """The token of a real API server's admin, and what else is secret there."""
    with make_world(tmp_path) as world:
        seen, token = Seen(plant(world.lab, tmp_path / "own"), world.folder), Canary(world.api.token)
        out = seen.planted.folder / "kubeconfig"
        run = seen.run("kubeconfig", "--out", str(out))
        assert run.code == 0, run.stderr
        assert token.in_bytes(out.read_bytes())
        again = seen.run("kubeconfig", "--out", str(out))
        assert (again.code, b"is there already" in again.stderr) == (1, True)
        for one in (run, again):
            assert (one.places(token), seen.planted.leaks(one, seen.flake)) == ([], [])
        assert token.in_files(seen.planted.temporary) == token.in_files(seen.flake) == []


@pytest.fixture
def deploying(
    cluster: Cluster, make_lab: Callable[[Cluster], Lab], tmp_path: Path
) -> tuple[Deployer, Planted]:
    lab = make_lab(cluster)
    deployer = Deployer.of(lab, (REPOSITORY / "cluster.yaml").read_text(), tmp_path / "deployer")
    return deployer, plant(lab, tmp_path / "own")


def test_a_deployment_and_the_way_back_move_no_secret(deploying: tuple[Deployer, Planted]) -> None:
    """One that is kept, one that fails, and a rollback; nor is one in the store, in the flake or in /tmp."""
    deployer, planted = deploying
    environment = {**deployer.environment, **planted.environment}

    def run(*words: str) -> Run:
        return watched(deployer.command(*words), environment, deployer.folder)

    before = {name: planted.machines.in_files(played.root) for name, played in planted.lab.machines.items()}
    kept = run("deploy", *QUICK, "--no-apply", "--allow-cut")
    assert kept.code == 0, kept.stderr
    deployer.offer({"stderr": f"error: token={'0' * 32}\n", "status": 1}, "third")
    failing = run("deploy", *QUICK, "--no-apply", "--allow-cut")
    assert failing.code == 1, failing.stderr
    back = run("rollback", "--yes", "--reach", "5s")
    assert back.code == 0, back.stderr
    for one in (kept, failing, back):
        assert planted.leaks(one, deployer.folder, deployer.nix) == []
    after = {name: planted.machines.in_files(played.root) for name, played in planted.lab.machines.items()}
    assert after == before


# -- would it be found?


def test_it_is_found_where_a_command_is_told_to_show_it(seen: Seen) -> None:
    planted = seen.planted
    shown = seen.run("ssh", HOST, "--", "cat", _MORE[0])
    assert shown.places(planted.machines) == ["stdout"]
    logged = seen.run("logs", WORKER, "kubelet")
    assert logged.places(planted.machines) == ["stdout"]


def test_it_is_found_in_the_environment_of_a_machine_and_in_a_file(seen: Seen) -> None:
    planted, value = seen.planted, seen.planted.given.value
    sent = seen.run("ssh", HOST, "--", "env", f"X={value}", "sleep", "0.3")
    assert "environment of a machine" in planted.leaks(sent)
    assert any(value.encode() in line for line in planted.lines())
    for played in planted.lab.machines.values():
        (played.folder / "log").write_text("")
    left = planted.temporary / "left"
    left.write_text(value)
    try:
        assert planted.leaks(seen.run("logs", MASTER, "etcd")) == [f"{planted.temporary}/left"]
    finally:
        left.unlink()


def test_what_was_given_is_inherited_here(seen: Seen) -> None:
    """As every program gets it that is begun here; ssh sends none of it."""
    run = seen.run("ssh", HOST, "--", "sleep", "0.3")
    assert run.places(seen.planted.given) == ["environment"]
