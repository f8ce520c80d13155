"""`ssh`, `logs`, `kubeconfig` and `status` as a person runs them, on stand-in machines behind a real sshd."""

import json
import os
import pty
import stat
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

import hybridlab
from canary import Canary, watched
from hybridlab import Cluster
from hybridlab.live.kubeconfig import fetch
from live.standin.lab import Lab, lab
from live.standin.plays_journal import say
from live.world import HOST, MASTER, World, make_world, run_guests
from nix.flakes import REPOSITORY
from patched import patched
from programs import need_program

SPEC = REPOSITORY / "cluster.yaml"
HOSTILE = ["a  b", "$HOME", "`id`", 'it\'s "so"', "", "*", "-n", "x\ny", "ä;exit 3"]


@pytest.fixture(scope="module")
def machines(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with lab(cluster, tmp_path_factory.mktemp("commands") / "lab") as running:
        yield running


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with make_world(tmp_path_factory.mktemp("commands")) as made:
        yield made


def command(spec: Path, words: Sequence[str]) -> list[str]:
    return [sys.executable, "-m", "hybridlab", "--spec", str(spec), *words]


def environment(machines: Lab) -> dict[str, str]:
    return {**machines.environment, "PYTHONPATH": os.pathsep.join(sys.path)}


def run(machines: Lab, *words: str, spec: Path = SPEC, given: str = "") -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command(spec, words),
        input=given,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env=environment(machines),
        umask=0,
    )


# ssh


def test_words_arrive_as_they_are_given(machines: Lab) -> None:
    ran = run(machines, "ssh", HOST, "--", "printf", "<%s>", *HOSTILE)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "".join(f"<{word}>" for word in HOSTILE), "")


def test_dashes_of_the_command_are_its_own(machines: Lab) -> None:
    """With and without `--` before it."""
    for words in (["cat", "--version"], ["--", "cat", "--version"]):
        ran = run(machines, "ssh", HOST, *words)
        assert (ran.returncode, ran.stdout.splitlines()[0][:4]) == (0, "cat "), ran.stderr


def test_exit_code_is_the_command_s(machines: Lab) -> None:
    assert run(machines, "ssh", HOST, "--", "sh", "-c", "exit 7").returncode == 7


def test_standard_input_reaches_the_machine(machines: Lab) -> None:
    assert run(machines, "ssh", MASTER, "--", "cat", given="to the machine\n").stdout == "to the machine\n"


def test_unknown_name_is_wrong_usage(machines: Lab) -> None:
    for name in ("ssh", "logs"):
        ran = run(machines, name, "k8s-mastr")
        assert (ran.returncode, "did you mean 'k8s-master'" in ran.stderr) == (2, True)


def test_unknown_host_key_stops(machines: Lab) -> None:
    machines.know([MASTER])
    try:
        ran = run(machines, "ssh", HOST, "--", "true")
    finally:
        machines.know(machines.machines)
    assert (ran.returncode, "Host key verification failed" in ran.stderr) == (255, True)


def test_terminal_only_for_a_shell(machines: Lab) -> None:
    ours, theirs = pty.openpty()
    try:
        printed = {
            words: subprocess.run(
                command(SPEC, ["ssh", "--print", *words]),
                stdin=theirs,
                capture_output=True,
                text=True,
                check=True,
                env=environment(machines),
            ).stdout.split()
            for words in ((HOST,), (HOST, "true"), ("-t", HOST, "true"))
        }
    finally:
        os.close(ours)
        os.close(theirs)
    assert {words: "-t" in line for words, line in printed.items()} == {
        (HOST,): True,
        (HOST, "true"): False,
        ("-t", HOST, "true"): True,
    }
    assert all("-oStrictHostKeyChecking=yes" in line for line in printed.values())


def test_without_an_address_for_the_admin_there_is_no_way(machines: Lab, tmp_path: Path) -> None:
    spec = tmp_path / "cluster.yaml"
    spec.write_text(patched("admin: {sshFrom: []}", SPEC.read_text()))
    ran = run(machines, "ssh", HOST, spec=spec)
    assert (ran.returncode, "no address in a VLAN from which the admin may log in" in ran.stderr) == (1, True)


# logs


def test_journal_of_a_unit(machines: Lab) -> None:
    played = machines.machine(MASTER)
    say(played.machine, "etcd.service", "one", "two", "three")
    say(played.machine, "cfssl.service", "other")
    ran = run(machines, "logs", MASTER, "etcd", "-n", "2")
    assert (ran.returncode, [line.split()[-1] for line in ran.stdout.splitlines()]) == (0, ["two", "three"])


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([], ["--lines=100"]),
        (["kube*", "etcd.service"], ["--unit=kube*", "--unit=etcd.service", "--lines=100"]),
        (["-n", "5", "-f"], ["--lines=5", "--follow"]),
        (["--boot"], ["--boot"]),
        (["--since", "-1h; $(reboot) '\""], ["--since=-1h; $(reboot) '\""]),
    ],
)
def test_what_journalctl_is_told(machines: Lab, given: list[str], expected: list[str]) -> None:
    assert run(machines, "logs", HOST, *given).returncode == 0
    assert machines.machine(HOST).ran("journalctl")[-1].words == ("--no-pager", *expected)


@pytest.mark.parametrize("unit", ["--flush", "-x", "a b", "", "$(reboot)", "a;b", "a/b", "a\nb", "ä"])
def test_what_is_no_unit_is_wrong_usage(machines: Lab, unit: str) -> None:
    ran = run(machines, "logs", HOST, "--", unit)
    assert (ran.returncode, "no name of a unit" in ran.stderr) == (2, True)


# kubeconfig


def test_real_kubectl_and_server_take_the_kubeconfig(world: World, tmp_path: Path) -> None:
    """It has all in it, leads to the outside address, and the certificate there is the right one."""
    text = fetch(world.cluster, world.lab.ssh)
    config = json.loads(text)
    [entry], [user] = config["clusters"], config["users"]
    assert entry["cluster"].keys() == {"server", "certificate-authority-data"}
    assert (entry["cluster"]["server"], entry["name"]) == (world.api.url, "homelab")
    assert user["user"].keys() == {"client-certificate-data", "client-key-data", "token"}
    assert (user["name"], config["current-context"]) == ("homelab-admin", "homelab")
    path = tmp_path / "config"
    path.write_text(text)
    words = [need_program("kubectl"), f"--kubeconfig={path}", "get", "nodes", "--output=name"]
    ran = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
    assert (ran.returncode, "node/k8s-master" in ran.stdout) == (0, True), ran.stderr


def test_the_file_is_private_and_the_key_is_seen_nowhere_else(world: World, tmp_path: Path) -> None:
    """Whatever the umask is; not in the output, an argument or an environment."""
    spec, out = world.folder / "cluster.yaml", tmp_path / "private/config"
    saved = os.umask(0)
    try:
        seen = watched(command(spec, ["kubeconfig", "--out", str(out)]), environment(world.lab), tmp_path)
    finally:
        os.umask(saved)
    assert (seen.code, seen.stdout.decode()) == (0, f"export KUBECONFIG={out}\n"), seen.stderr
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert stat.S_IMODE(out.parent.stat().st_mode) == 0o700
    token = Canary(world.api.token)
    [user] = json.loads(out.read_text())["users"]
    key = Canary(user["user"]["client-key-data"][40:72].lower())
    assert token.in_bytes(out.read_bytes()) and key.in_bytes(out.read_bytes())
    assert (seen.places(token), seen.places(key)) == ([], [])


def test_default_place_force_and_standard_output(world: World, tmp_path: Path) -> None:
    spec = world.folder / "cluster.yaml"
    default = Path(world.lab.environment["HOME"], ".kube/hybridlab-homelab")
    first, again = (run(world.lab, "kubeconfig", spec=spec) for _ in range(2))
    assert (first.returncode, first.stdout) == (0, f"export KUBECONFIG={default}\n"), first.stderr
    assert stat.S_IMODE(default.stat().st_mode) == 0o600
    assert (again.returncode, "is there already" in again.stderr) == (1, True)
    assert run(world.lab, "kubeconfig", "--force", spec=spec).returncode == 0
    shown = run(world.lab, "kubeconfig", "--out", "-", spec=spec)
    assert (shown.returncode, shown.stdout, shown.stderr) == (0, default.read_text(), "")


@pytest.mark.parametrize("answer", ["", "no JSON", "[]", '{"clusters": [], "users": []}', '{"clusters": 1}'])
def test_what_is_no_kubeconfig_is_refused_and_not_shown(world: World, answer: str, tmp_path: Path) -> None:
    program = world.machine(MASTER).root / "standin/bin/kubectl"
    aside = program.rename(program.with_name("aside"))
    program.write_text(f"#!/bin/sh\nprintf '%s' '{answer} secret-text'\n")
    program.chmod(0o755)
    try:
        ran = run(world.lab, "kubeconfig", "--out", str(tmp_path / "x"), spec=world.folder / "cluster.yaml")
    finally:
        aside.rename(program)
    assert (ran.returncode, "gives something that is no kubeconfig" in ran.stderr) == (1, True), ran.stderr
    assert "secret-text" not in ran.stdout + ran.stderr
    assert [*tmp_path.iterdir()] == []


# status


@pytest.fixture
def plain(tmp_path: Path) -> Iterator[tuple[Lab, Path]]:
    """A lab without Kubernetes whose files are generated and tracked, and its spec."""
    need_program("git")
    folder = tmp_path / "plain"
    folder.mkdir()
    spec = folder / "cluster.yaml"
    no_member = "{kubernetes: null}"
    patch = f"""
      hosts: {{homelab: {no_member}}}
      guests: {{k8s-master: {no_member}, k8s-worker-1: null, k8s-worker-2: null}}
      kubernetes: null
      workloads: null
      secrets: null
    """
    spec.write_text(patched(patch, SPEC.read_text()))
    cluster = hybridlab.resolve(hybridlab.load_spec(spec))
    hybridlab.apply(hybridlab.plan(hybridlab.emit_all(cluster), folder))
    for words in (["init", "--quiet"], ["add", "--all"]):
        subprocess.run(["git", "-C", str(folder), *words], check=True)
    with lab(cluster, tmp_path / "lab") as machines:
        [host] = cluster.hosts
        run_guests(machines.machine(HOST), host)
        yield machines, spec


def test_status_tells_by_its_exit_code(plain: tuple[Lab, Path]) -> None:
    """0: nothing drifts; 3: something does; 1: something could not be looked at."""
    machines, spec = plain
    clean = run(machines, "status", "--no-build", spec=spec)
    assert (clean.returncode, clean.stdout, clean.stderr) == (0, "", "nothing drifts\n")
    assert run(machines, "status", "--no-build", "--format", "json", spec=spec).stdout == "[]\n"

    (spec.parent / "modules/generated/k8s-master/network.nix").unlink()
    subprocess.run(["git", "-C", str(spec.parent), "rm", "--cached", "-q", ".sops.yaml"], check=False)
    generated = "modules/generated/homelab/network.nix"
    subprocess.run(["git", "-C", str(spec.parent), "rm", "--cached", "-q", generated], check=True)
    drifts = run(machines, "status", "--no-build", "--format", "json", spec=spec)
    found = [(one["layer"], one["item"], one["state"]) for one in json.loads(drifts.stdout)]
    assert (drifts.returncode, found) == (
        3,
        [
            ("files", "modules/generated/k8s-master/network.nix", "missing"),
            ("git", generated, "missing"),
        ],
    )

    machines.machine(MASTER).close_port()
    unseen = run(machines, "status", "--no-build", spec=spec)
    assert unseen.returncode == 1
    assert [line.split()[0] for line in unseen.stdout.splitlines()] == ["LAYER", "files", "git", "running"]
    assert unseen.stderr == "2 things drift, 1 could not be looked at\n"


def test_status_without_a_flake_could_not_look(plain: tuple[Lab, Path]) -> None:
    machines, spec = plain
    ran = run(machines, "status", "--format", "json", spec=spec)
    [one] = json.loads(ran.stdout)
    assert (ran.returncode, one["layer"], one["state"]) == (1, "build", "unreachable")
    assert "no flake.nix" in one["detail"]
