"""Whatever machines answer, a command comes to a known end, and takes nothing for good that it can not read.

The program ssh is a stand-in that runs here what it would run on a machine; each program there says what a
test wants it to say. What judges of single checks make of answers is in tests/unit/live.
"""

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from attrs import frozen
from hypothesis import example, given, settings
from hypothesis import strategies as st

import hybridlab
from hybridlab import LiveError, load_spec, resolve
from hybridlab.live.checks import cluster as cluster_checks
from hybridlab.live.checks import network, workloads
from hybridlab.live.checks.check import CouldNotLook, Failed, Ok, Remote, Skipped
from hybridlab.live.drain import Nodes
from hybridlab.live.drift import Answers, State
from hybridlab.live.gather import gather
from hybridlab.live.generations import earlier, generations, system_of
from hybridlab.live.kubeconfig import fetch
from hybridlab.live.lockout import breaks_of
from hybridlab.live.machine_drift import looks, machine_drift
from hybridlab.live.node_drift import cluster_drift, namespaces_look, nodes_look
from hybridlab.live.parallel import in_parallel
from hybridlab.live.paths import is_store_path
from hybridlab.live.preflight import Seen, look_at_all, targets
from hybridlab.live.prepare import ask_host
from hybridlab.live.probe import Output, read
from hybridlab.live.ssh import Ssh, Unreachable
from nix.flakes import REPOSITORY
from programs import need_program

CLUSTER = resolve(load_spec(REPOSITORY / "cluster.yaml"))
[TARGET] = targets(CLUSTER, CLUSTER.hosts, {})
SYSTEM = f"/nix/store/{'a' * 32}-nixos-system-homelab-26.05"
SEEN = Seen(TARGET, SYSTEM, SYSTEM, 1, 10**12, busy=False)
EXAMPLES = settings(max_examples=25)

# What changes something would do so on this very machine.
SSH = """\
#!/bin/sh
here=$(dirname "$0")
for words; do :; done
PATH=$here/programs:/usr/bin:/bin
case $words in *mkdir* | *flock* | *systemd-run*) exit 255 ;; esac
if [ -e "$here/frames" ]; then
  head -n1 | cut -d= -f2 | { read -r mark; printf '\\n%s\\n' "$mark"; }
  exec cat "$here/frames"
fi
eval "$words"
"""
PROGRAM = """\
#!/bin/sh
said={here}/answers/{name}
/bin/cat "$said.out"; /bin/cat "$said.err" >&2
read -r status <"$said.status"; exit "$status"
"""
PROGRAMS = ("df", "ip", "kubectl", "nix-env", "printenv", "readlink", "systemctl", "switch")
HEALTHY = {
    "df": Output(0, f"Avail\n{10**12}\n"),
    "ip": Output(0, "[]"),
    "printenv": Output(0, "10.0.10.200 50022 10.0.10.5 22\n"),
    "readlink": Output(0, f"{SYSTEM}\n"),
    "systemctl": Output(3, "inactive\n"),
    "switch": Output(0, "", "would activate the configuration...\n"),
}

ESCAPES = "\x1b]0;pwned\x07\x1b[2J\x9b2J\r"
DEEP = "[" * 100_000
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["items", "metadata", "name", "status", "conditions", "type", "spec", "annotations"]
            )
            | st.sampled_from(
                ["ifname", "linkinfo", "addr_info", "local", "clusters", "users", "user", "cluster"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
).map(json.dumps)
TEXTS = (
    st.sampled_from(["", "\n", " \n \n", ESCAPES, DEEP, "9" * 5000, "x" * 300_000, "[1]", '[{"ifname": 1}]'])
    | st.sampled_from(
        ['{"items": [{"metadata": {"name": "a", "annotations": []}, "status": null}]}', '{"items": 1}']
    )
    | st.text(st.characters(exclude_characters="\0"), max_size=40)
    | JSON
)
LISTED = Output(0, "   1   2026-05-28 20:26:40   \n   2   2026-05-29 20:26:40   (current)\n")
OUTPUTS = st.builds(Output, st.sampled_from([0, 0, 0, 1, 3, 4, 255]), TEXTS, TEXTS)


@frozen
class Machines:
    """All machines at once: each program says the same on every one of them."""

    folder: Path

    def say(self, **answers: Output) -> None:
        for name, answer in {**dict.fromkeys(PROGRAMS, Output(0, "")), **HEALTHY, **answers}.items():
            said = self.folder / "answers" / name.replace("_", "-")
            for kind, text in (
                ("out", answer.stdout),
                ("err", answer.stderr),
                ("status", f"{answer.status}\n"),
            ):
                said.with_suffix(f".{kind}").write_bytes(text.encode(errors="surrogatepass"))

    def send_frames(self, data: bytes) -> None:
        """Let it answer questions with this, in place of what the script makes of them."""
        (self.folder / "frames").write_bytes(data)


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    folder = tmp_path_factory.mktemp("machines")
    (folder / "answers").mkdir()
    (folder / "programs").mkdir()
    (folder / "ssh").write_text(SSH)
    (folder / "ssh").chmod(0o755)
    for name in PROGRAMS:
        program = folder / "programs" / name
        program.write_text(PROGRAM.format(here=shlex.quote(str(folder)), name=name))
        program.chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(folder), prepend=os.pathsep)
        yield Machines(folder)


@pytest.fixture
def plain(machines: Machines) -> Iterator[Machines]:
    machines.say()
    yield machines
    (machines.folder / "frames").unlink(missing_ok=True)


# deploy and rollback


def test_a_host_in_order_is_seen(plain: Machines) -> None:
    [seen] = look_at_all([TARGET], Ssh())
    assert isinstance(seen, Seen) and not seen.runs(SYSTEM), "its mark says that it is not finished"


@EXAMPLES
@given(program=st.sampled_from(["df", "readlink", "systemctl"]), answer=OUTPUTS)
def test_only_what_is_understood_of_a_host_lets_it_be_deployed(
    machines: Machines, program: str, answer: Output
) -> None:
    machines.say(**{program: answer})
    [found] = look_at_all([TARGET], Ssh())
    if isinstance(found, Seen):
        said = answer.stdout.strip()
        assert {
            "df": found.free > 0 and said.rpartition("\n")[2].strip().isdecimal(),
            "readlink": is_store_path(said),
            "systemctl": said
            in ("active", "activating", "deactivating", "reloading", "inactive", "failed", "unknown"),
        }[program]


@EXAMPLES
@given(OUTPUTS, OUTPUTS)
@example(LISTED, Output(0, "/nix/var/nix/profiles/system-1-link\n"))  # of a link that is not there
@example(LISTED, Output(0, ESCAPES))
def test_any_list_of_generations(machines: Machines, listed: Output, led_to: Output) -> None:
    machines.say(**{"nix-env": listed, "readlink": led_to})
    try:
        path = system_of(Ssh(), TARGET.address, earlier(generations(Ssh(), TARGET.address), None))
    except LiveError:
        return
    assert is_store_path(path)


@EXAMPLES
@given(OUTPUTS)
def test_any_answer_of_what_a_switch_would_do(machines: Machines, answer: Output) -> None:
    machines.say(switch=answer)
    system = machines.folder / "system/bin"
    system.mkdir(parents=True, exist_ok=True)
    (system / "switch-to-configuration").unlink(missing_ok=True)
    (system / "switch-to-configuration").symlink_to(machines.folder / "programs/switch")
    with pytest.raises(LiveError):
        ask_host(SEEN, str(system.parent), Ssh())


@EXAMPLES
@given(program=st.sampled_from(["ip", "printenv"]), answer=OUTPUTS)
@example(program="ip", answer=Output(0, '[{"ifname": "a", "linkinfo": "b"}]'))
@example(program="ip", answer=Output(0, DEEP))
def test_a_way_in_that_is_not_understood_is_no_way_in(
    machines: Machines, program: str, answer: Output
) -> None:
    machines.say(**{program: answer})
    assert breaks_of(CLUSTER, [TARGET], Ssh()) or answer.status == 255


@EXAMPLES
@given(OUTPUTS)
def test_any_answer_of_kubectl(machines: Machines, answer: Output) -> None:
    machines.say(kubectl=answer)
    states = Nodes(Ssh(), TARGET.address).states()
    assert states is None or not any(state.ready or state.ours for state in states.values())
    with pytest.raises(LiveError):
        fetch(CLUSTER, Ssh())


@pytest.mark.parametrize(
    "user",
    [
        {"exec": {"command": "reboot", "apiVersion": "client.authentication.k8s.io/v1"}},
        {"tokenFile": "/root/.ssh/id_ed25519"},
        {"client-key": "/root/.ssh/id_ed25519", "client-certificate": "/etc/passwd"},
        {"auth-provider": {"name": "gcp"}},
        {"token": ["x"]},
        {},
        "token",
    ],
    ids=str,
)
def test_a_kubeconfig_that_runs_or_reads_something_here_is_refused(plain: Machines, user: object) -> None:
    answer = {"clusters": [{"cluster": {}}], "users": [{"user": user}]}
    plain.say(kubectl=Output(0, json.dumps(answer)))
    with pytest.raises(LiveError, match="no kubeconfig"):
        fetch(CLUSTER, Ssh())


def test_a_kubeconfig_brings_nothing_but_keys(plain: Machines) -> None:
    cluster = {
        "certificate-authority-data": "Q0E=",
        "insecure-skip-tls-verify": True,
        "proxy-url": "http://x",
    }
    user = {"token": "t", "exec": {"command": "reboot"}, "tokenFile": "/etc/shadow"}
    answer = {"clusters": [{"cluster": cluster}], "users": [{"user": user}]}
    plain.say(kubectl=Output(0, json.dumps(answer)))
    [place], [admin] = (json.loads(fetch(CLUSTER, Ssh()))[key] for key in ("clusters", "users"))
    assert place["cluster"].keys() == {"certificate-authority-data", "server"}
    assert admin["user"] == {"token": "t"}


# the connection itself


@EXAMPLES
@given(st.binary(max_size=60) | st.from_regex(rb"\A([0-9]{1,12} [0-9]{1,6}\n[ab\n0-9]{0,20}\n){1,3}\Z"))
def test_any_frames_are_answers_or_none(machines: Machines, data: bytes) -> None:
    machines.send_frames(data)
    try:
        found = gather(Ssh(), TARGET.address, [read("id"), read("uname")])
    finally:
        (machines.folder / "frames").unlink()
    assert isinstance(found, Unreachable) or {*found} <= {read("id"), read("uname")}


def test_what_a_job_raises_is_not_waited_for() -> None:
    def job() -> int:
        raise LookupError("planted")

    with pytest.raises(LookupError, match="planted"):
        list(in_parallel([job], at_once=1))


# verify and status, without any connection

CHECKS = [check for phase in (network, cluster_checks, workloads) for check in phase.checks(CLUSTER)]
REMOTE = [check for check in CHECKS if all(isinstance(look, Remote) for look in check.looks)]


@EXAMPLES
@given(st.lists(OUTPUTS, min_size=4, max_size=4))
def test_any_answer_about_network_and_cluster_comes_to_a_verdict(answers: list[Output]) -> None:
    for check in REMOTE:
        verdict = check.judge(*answers[: len(check.looks)])
        assert isinstance(verdict, Ok | Failed | Skipped | CouldNotLook)


@EXAMPLES
@given(OUTPUTS)
def test_status_finds_no_rest_in_what_it_can_not_read(answer: Output) -> None:
    questions = [*looks(CLUSTER), nodes_look(CLUSTER), namespaces_look(CLUSTER)]
    answers = Answers(dict.fromkeys(questions, answer))
    found = (*machine_drift(CLUSTER, answers, {}), *cluster_drift(CLUSTER, answers))
    unseen = {one.item for one in found if one.state is State.UNREACHABLE}
    assert {host.name for host in CLUSTER.hosts} <= unseen


# the command line

COMMANDS = (
    "verify --verbose --phase machines --phase secrets --phase gpu --phase network",
    "diagnose k8s-worker-1",
    "status --no-build",
    "rollback --list",
    "rollback --yes",
    "kubeconfig --out /nowhere/x",
    "deploy --yes --no-apply",
)


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the example's spec and all that is generated from it."""
    folder = tmp_path_factory.mktemp("generated")
    shutil.copy(REPOSITORY / "cluster.yaml", folder)
    shutil.copytree(REPOSITORY / "secrets", folder / "secrets")
    (folder / "flake.nix").write_text("{ outputs = _: { }; }")
    hybridlab.apply(hybridlab.plan(hybridlab.emit_all(CLUSTER), folder))
    return folder


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("text", [ESCAPES, DEEP], ids=["escapes", "deep"])
def test_no_command_breaks_or_steers_the_terminal(
    plain: Machines, generated: Path, command: str, text: str
) -> None:
    need_program("nix")
    plain.say(**dict.fromkeys(PROGRAMS, Output(0, text, text)))
    environment: Mapping[str, str] = {**os.environ, "PYTHONPATH": str(REPOSITORY / "pylib")}
    words = [sys.executable, "-m", "hybridlab", "--color", "always", *command.split()]
    run = subprocess.run(
        words,
        cwd=generated,
        env=environment,
        capture_output=True,
        check=False,
        timeout=100,
        stdin=subprocess.DEVNULL,
    )
    said = (run.stdout + run.stderr).decode()
    assert run.returncode == 1, said
    assert not any(
        part in said for part in ("Traceback", "this is a bug", "\x1b]", "\x1b[2J", "\x9b", "\x07")
    ), said
