"""How checks are asked and judged: once, in order of need, and no answer is ever taken for another.

The program ssh is a stand-in that runs here what it would run on a machine, and writes down that it was
called; tests/live has a real one.
"""

import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from hybridlab import Cluster, parse_spec, resolve
from hybridlab.live.checks.check import (
    Check,
    CouldNotLook,
    Failed,
    Http,
    HttpAnswer,
    Key,
    Look,
    Ok,
    Phase,
    Ping,
    Refused,
    Remote,
    Result,
    Skipped,
    Verdict,
)
from hybridlab.live.checks.selection import select
from hybridlab.live.probe import Output, read
from hybridlab.live.ssh import Ssh
from hybridlab.live.verify import verify

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHUcE0v3cGzpl0ZKeTzyTMVUHPVUhiLqBeHTMFOG1gcS"
SPEC = f"""
apiVersion: hybridlab/v1
name: lab
nixos: {{release: "26.05", stateVersion: "26.05"}}
admin: {{user: admin, sshKeys: [{KEY}], sshFrom: [mgmt]}}
networks:
  vlans:
    apps: {{id: 20, cidr: 10.0.20.0/24, gateway: 10.0.20.1}}
    mgmt: {{id: 10, cidr: 10.0.10.0/24, gateway: 10.0.10.1}}
hosts:
  metal: {{uplink: e0, addresses: {{apps: 10.0.20.5, mgmt: 10.0.10.5}}, cpus: 4, memory: 8GiB}}
  far: {{uplink: e0, addresses: {{apps: 10.0.20.6}}, cpus: 4, memory: 8GiB}}
guests:
  vm: {{host: metal, vlan: apps, address: 10.0.20.10, vcpus: 1, memory: 1GiB}}
"""
# Runs what comes in, but for the machines that `down` names; $0 is where it lies.
SSH = """\
#!/bin/sh
here=$(dirname "$0")
for word; do case $word in root@*) address=${word#root@};; esac; done
echo "$address" >>"$here/calls"
if grep -qxF "$address" "$here/down" 2>/dev/null; then
  echo "ssh: connect to host $address port 22: Connection refused" >&2
  exit 255
fi
exec sh -s
"""

ROOT = read("id", "-u")


@pytest.fixture
def cluster() -> Cluster:
    return resolve(parse_spec(SPEC))


@pytest.fixture
def ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the stand-in for ssh, which is the one on the PATH."""
    (tmp_path / "ssh").write_text(SSH)
    (tmp_path / "ssh").chmod(0o755)
    (tmp_path / "calls").touch()
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    return tmp_path


def calls(ssh: Path) -> Counter[str]:
    return Counter((ssh / "calls").read_text().split())


def good(*_: Any) -> Verdict:
    return Ok()


def bad(*_: Any) -> Verdict:
    return Failed("this", "that", "mend it")


def check(
    code: str,
    machine: str | None = None,
    *looks: Look,
    judge: Callable[..., Verdict] = good,
    needs: tuple[Key, ...] = (),
    phase: Phase = Phase.MACHINES,
) -> Check:
    return Check(Key(code, machine), phase, f"{code} is so", looks, judge, needs)


def verdicts(results: tuple[Result, ...]) -> dict[str, Verdict]:
    return {str(result.check.key): result.verdict for result in results}


# What is needed


def test_results_come_in_the_order_of_the_checks(cluster: Cluster) -> None:
    checks = [check("b", needs=(Key("a"),)), check("a"), check("c")]
    heard: list[Result] = []
    results = verify(checks, cluster, Ssh(), on_result=heard.append)
    assert [result.check for result in results] == checks
    assert {result.check.key.code for result in heard[:2]} == {"a", "c"}, "what is needed is judged first"


@pytest.mark.parametrize("verdict", [Failed("a", "b", "c"), CouldNotLook("why")])
def test_nothing_is_judged_that_needs_what_is_not_well(cluster: Cluster, verdict: Verdict) -> None:
    judged: list[str] = []

    def judge() -> Verdict:
        judged.append("judged")
        return Ok()

    found = verdicts(
        verify(
            [
                check("root", judge=lambda: verdict),
                check("middle", needs=(Key("root"),), judge=judge),
                check("leaf", needs=(Key("middle"),), judge=judge),
            ],
            cluster,
            Ssh(),
        )
    )
    assert found == {
        "root": verdict,
        "middle": Skipped("root is not well"),
        "leaf": Skipped("middle is not well"),
    }
    assert judged == []


def test_what_is_skipped_for_a_good_reason_spoils_nothing(cluster: Cluster) -> None:
    checks = [check("none", judge=lambda: Skipped("there is no GPU")), check("leaf", needs=(Key("none"),))]
    assert verdicts(verify(checks, cluster, Ssh()))["leaf"] == Ok()


def test_need_that_is_not_among_the_checks_counts_for_nothing(cluster: Cluster) -> None:
    assert verdicts(verify([check("a", needs=(Key("absent"),))], cluster, Ssh())) == {"a": Ok()}


def test_checks_that_need_each_other_come_to_an_end(cluster: Cluster) -> None:
    found = verify([check("a", needs=(Key("b"),)), check("b", needs=(Key("a"),))], cluster, Ssh())
    assert [result.verdict for result in found] == [CouldNotLook("it needs a check that needs it")] * 2


def test_two_checks_with_one_key_are_refused(cluster: Cluster) -> None:
    with pytest.raises(ValueError, match="two checks have the key a"):
        verify([check("a"), check("a")], cluster, Ssh())


def test_judge_that_raises_could_not_look(cluster: Cluster) -> None:
    def judge() -> Verdict:
        raise KeyError("Ready")

    (result,) = verify([check("a", judge=judge)], cluster, Ssh())
    assert result.verdict == CouldNotLook("hybridlab can not judge this answer: KeyError: 'Ready'")


# Machines


def test_each_machine_is_asked_each_thing_once_over_one_connection(cluster: Cluster, ssh: Path) -> None:
    answers: list[Output] = []

    def judge(*outputs: Output) -> Verdict:
        answers.extend(outputs)
        return Ok()

    uptime = read("cat", "/proc/cmdline")
    checks = [
        check("ssh", "metal", Remote("metal", ROOT), judge=judge),
        check("one", "metal", Remote("metal", uptime), Remote("metal", ROOT), judge=judge),
        check("two", "metal", Remote("metal", uptime), Remote("vm", ROOT), judge=judge),
    ]
    verify(checks, cluster, Ssh())
    assert calls(ssh) == {"10.0.10.5": 1, "10.0.20.10": 1}
    assert len(answers) == 5 and all(output.status == 0 for output in answers)


def test_machine_out_of_reach_is_one_failure(cluster: Cluster, ssh: Path) -> None:
    (ssh / "down").write_text("10.0.10.5\n")
    found = verdicts(
        verify(
            [
                check("unit", "metal", Remote("metal", ROOT)),
                check("ssh", "metal", Remote("metal", ROOT)),
                check("leaf", "vm", Remote("vm", ROOT), needs=(Key("unit", "metal"),)),
                check("ssh", "vm", Remote("vm", ROOT)),
            ],
            cluster,
            Ssh(),
        )
    )
    login = found["ssh metal"]
    assert isinstance(login, Failed)
    assert (login.expected, "nothing answers at its ssh port" in login.found) == ("root can log in", True)
    assert "systemctl status sshd" in login.advice
    assert found["unit metal"] == Skipped("metal can not be reached")
    assert found["leaf vm"] == Skipped("unit metal is not well")
    assert found["ssh vm"] == Ok()


def test_login_that_needs_what_is_not_well_is_skipped(cluster: Cluster, ssh: Path) -> None:
    (ssh / "down").write_text("10.0.20.10\n")
    login = check("ssh", "vm", Remote("vm", ROOT), needs=(Key("unit", "metal"),))
    unit = check("unit", "metal", Remote("metal", ROOT), judge=bad)
    assert verdicts(verify([login, unit], cluster, Ssh()))["ssh vm"] == Skipped("unit metal is not well")
    (result,) = verify([login], cluster, Ssh())
    assert isinstance(result.verdict, Failed)


def test_machine_out_of_reach_is_never_only_skipped(cluster: Cluster, ssh: Path) -> None:
    (ssh / "down").write_text("10.0.10.5\n")
    (result,) = verify([check("unit", "metal", Remote("metal", ROOT))], cluster, Ssh())
    assert isinstance(result.verdict, CouldNotLook)
    assert result.verdict.reason.startswith("metal can not be reached: nothing answers")


def test_what_is_asked_from_here_may_be_looked_at_though_its_machine_is_out_of_reach(
    cluster: Cluster, ssh: Path
) -> None:
    (ssh / "down").write_text("10.0.10.5\n")
    unit = check("unit", "metal", Remote("metal", ROOT))
    seen = evolve(check("seen", judge=bad, needs=(unit.key,)), even_unreached=True)
    both = [unit, seen, check("unseen", judge=bad, needs=(unit.key,))]
    expected = {"seen": bad(), "unseen": Skipped("unit metal is not well")}
    with_login = verdicts(verify([check("ssh", "metal", Remote("metal", ROOT)), *both], cluster, Ssh()))
    assert {name: with_login[name] for name in expected} == expected
    alone = verdicts(verify(both, cluster, Ssh()))
    assert {name: alone[name] for name in expected} == expected


def test_what_is_looked_at_though_a_machine_is_out_of_reach_waits_for_what_is_wrong(
    cluster: Cluster, ssh: Path
) -> None:
    unit = check("unit", "metal", Remote("metal", ROOT), judge=bad)
    seen = evolve(check("seen", judge=bad, needs=(unit.key,)), even_unreached=True)
    assert verdicts(verify([unit, seen], cluster, Ssh()))["seen"] == Skipped("unit metal is not well")


def test_program_that_is_not_there_could_not_look(cluster: Cluster, ssh: Path) -> None:
    missing = read("rocm-smi", "--json")
    found = verdicts(
        verify(
            [
                check("gpu", "metal", Remote("metal", missing), judge=bad),
                check("other", "vm", Remote("metal", missing), judge=bad),
                check("rest", "metal", Remote("metal", ROOT)),
            ],
            cluster,
            Ssh(),
        )
    )
    assert found == {
        "gpu metal": CouldNotLook("there is no rocm-smi on the machine"),
        "other vm": CouldNotLook("metal: there is no rocm-smi on the machine"),
        "rest metal": Ok(),
    }


def test_connection_that_breaks_leaves_the_rest_unknown(cluster: Cluster, ssh: Path) -> None:
    (ssh / "ssh").write_text("#!/bin/sh\nhead -c 700 | sh -s 2>&1 | head -c 60; exit 255\n")
    wordy = [read("ls", f"/{number}{'x' * 200}", fine=(0, 2)) for number in range(9)]
    checks = [check(f"c{number}", "metal", Remote("metal", probe)) for number, probe in enumerate(wordy)]
    results = verify([check("ssh", "metal", Remote("metal", ROOT)), *checks], cluster, Ssh())
    assert all(not isinstance(result.verdict, Ok) for result in results[2:])


def test_answers_that_make_no_sense_are_no_answers(cluster: Cluster, ssh: Path) -> None:
    (ssh / "ssh").write_text(
        "#!/bin/sh\nmark=$(head -n1 | cut -d= -f2); printf '\\n%s\\nx y z\\n' \"$mark\"\n"
    )
    (result,) = verify([check("ssh", "metal", Remote("metal", ROOT))], cluster, Ssh())
    assert result.verdict == CouldNotLook("the connection to metal ended before the answer came")


def test_no_ssh_here(cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    (remote, ping) = verify(
        [
            check("ssh", "metal", Remote("metal", ROOT)),
            check("ping", "metal", Ping(ip_address("10.0.10.5")), judge=bad),
        ],
        cluster,
        Ssh(),
    )
    assert isinstance(remote.verdict, CouldNotLook) and "ssh is not installed" in remote.verdict.reason
    assert isinstance(ping.verdict, CouldNotLook) and "no ping here" in ping.verdict.reason


def test_host_without_an_address_for_the_admin(cluster: Cluster, ssh: Path) -> None:
    (result,) = verify([check("ssh", "far", Remote("far", ROOT))], cluster, Ssh())
    assert isinstance(result.verdict, CouldNotLook)
    assert "no address in a VLAN from which the admin may log in" in result.verdict.reason
    assert not calls(ssh)


def test_what_is_not_well_is_asked_again_until_it_is(cluster: Cluster, ssh: Path) -> None:
    ready = ssh / "etc"
    there = read("stat", str(ready))
    (ssh / "ssh").write_text(
        SSH.replace("exec sh", f"mkdir -p {ready}.$address; mkdir {ready}.1 || :; exec sh")
    )
    heard: list[Result] = []

    def on_result(result: Result) -> None:
        heard.append(result)
        if result.check.key.code == "late" and not ready.exists():
            ready.mkdir()  # while it waits

    checks = [
        check("ssh", "metal", Remote("metal", ROOT)),
        check("late", "metal", Remote("metal", there)),
        check("vm", "vm", Remote("vm", ROOT)),
    ]
    found = verdicts(verify(checks, cluster, Ssh(), on_result=on_result, wait=60))
    assert set(found.values()) == {Ok()}
    assert calls(ssh) == {"10.0.10.5": 2, "10.0.20.10": 1}, "only what is not well is asked again"
    assert Counter(result.check.key.code for result in heard) == {"ssh": 1, "vm": 1, "late": 2}


def test_waiting_comes_to_an_end(cluster: Cluster) -> None:
    judged: list[str] = []

    def judge() -> Verdict:
        judged.append("again")
        return bad()

    (result,) = verify([check("a", judge=judge)], cluster, Ssh(), wait=0.05)
    assert isinstance(result.verdict, Failed)
    assert len(judged) == 2, "a last look at the end"


# HTTP


class Server(BaseHTTPRequestHandler):
    """Answers that a program on a machine might give."""

    requests: list[str]

    def do_GET(self) -> None:
        self.requests.append(self.path)
        if self.path == "/away":
            self.send_response(302)
            self.send_header("Location", "/secret")
            self.end_headers()
        elif self.path == "/endless":
            self.send_response(200)
            self.end_headers()
            try:
                while True:
                    self.wfile.write(b"x" * 65536)
            except OSError:
                return
        elif self.path == "/drip":
            self.send_response(200)
            self.end_headers()
            try:
                while not self.server.done.wait(0.1):  # type: ignore[attr-defined]
                    self.wfile.write(b"x")
            except OSError:
                return
        else:
            self._answer(b"\xffbody")

    def do_POST(self) -> None:
        self.requests.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self._answer(b"posted")

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[tuple[str, list[str]]]:
    """A server's URL, and what it was asked."""
    requests: list[str] = []
    handler = type("Handler", (Server,), {"requests": requests})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as serving:
        serving.done = threading.Event()  # type: ignore[attr-defined]
        thread = threading.Thread(target=partial(serving.serve_forever, poll_interval=0.01))
        thread.start()
        yield f"http://127.0.0.1:{serving.server_port}", requests
        serving.done.set()  # type: ignore[attr-defined]
        serving.shutdown()
        thread.join()


def answers_to(cluster: Cluster, *looks: Look) -> tuple[Any, ...]:
    """Return what a judge is given for these looks."""
    given: list[tuple[Any, ...]] = []

    def judge(*answers: Any) -> Verdict:
        given.append(answers)
        return Ok()

    verify([check("http", None, *looks, judge=judge)], cluster, Ssh())
    return given[0]


def test_requests_of_a_check_go_out_one_after_the_other(
    cluster: Cluster, server: tuple[str, list[str]]
) -> None:
    url, requests = server
    posted, got = answers_to(cluster, Http(f"{url}/generate", post="{}"), Http(f"{url}/ps?a=b"))
    assert (posted, got) == (HttpAnswer(200, "posted"), HttpAnswer(200, "\N{REPLACEMENT CHARACTER}body"))
    assert requests == ["{}", "/ps?a=b"]


def test_same_request_of_two_checks_is_sent_once(cluster: Cluster, server: tuple[str, list[str]]) -> None:
    url, requests = server
    verify([check("a", None, Http(url)), check("b", None, Http(url))], cluster, Ssh())
    assert requests == ["/"]


def test_redirect_is_an_answer(
    cluster: Cluster, server: tuple[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    url, requests = server
    (answer,) = answers_to(cluster, Http(f"{url}/away"))
    assert (answer.status, requests) == (302, ["/away"])


def test_answer_is_bounded(cluster: Cluster, server: tuple[str, list[str]]) -> None:
    url, _ = server
    assert answers_to(cluster, Http(f"{url}/endless")) == (Refused("its answer is larger than 4 MiB"),)
    assert answers_to(cluster, Http(f"{url}/drip", seconds=1)) == (Refused("no end within 1 s"),)


def test_nobody_answers(cluster: Cluster) -> None:
    assert answers_to(cluster, Http("http://127.0.0.1:9/")) == (Refused("connection refused"),)


# Which checks


CHECKS = (
    check("ssh", "metal", Remote("metal", ROOT)),
    check("ssh", "vm", Remote("vm", ROOT)),
    check("vlan", "metal", Remote("metal", ROOT), phase=Phase.NETWORK),
    check("ready", "vm", Remote("metal", ROOT), needs=(Key("vlan", "metal"),), phase=Phase.CLUSTER),
    check("node", "vm", Remote("vm", ROOT), phase=Phase.CLUSTER),
    check("pods", phase=Phase.WORKLOADS),
)


def names(keys: Any) -> set[str]:
    return {str(key) for key in keys}


def test_all_checks_are_selected_unless_something_is_said() -> None:
    selection = select(CHECKS)
    assert (selection.checks, len(selection.wanted)) == (CHECKS, 6)


def test_what_a_phase_needs_is_looked_at_besides() -> None:
    selection = select(CHECKS, phases=[Phase.CLUSTER])
    assert names(selection.wanted) == {"ready vm", "node vm"}
    assert names(check.key for check in selection.checks) == {
        "ssh metal",
        "ssh vm",
        "vlan metal",
        "ready vm",
        "node vm",
    }


def test_checks_that_are_about_a_machine_or_ask_it() -> None:
    selection = select(CHECKS, machines=["metal"])
    assert names(selection.wanted) == {"ssh metal", "vlan metal", "ready vm"}
    assert select(CHECKS, machines=["vm"]).wanted == {
        check.key for check in CHECKS if check.key.machine == "vm"
    }


def test_code_is_left_out_whoever_needs_it() -> None:
    selection = select(CHECKS, phases=[Phase.CLUSTER], skip=["vlan", "node"])
    assert names(check.key for check in selection.checks) == {"ssh metal", "ready vm"}
