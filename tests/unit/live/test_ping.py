"""What becomes of each address: it answers, it is silent, or nobody knows."""

import shutil
from ipaddress import ip_address
from pathlib import Path

import pytest

from hybridlab import LiveError
from hybridlab.live.ping import Answers, NotAsked, Result, Silent, ping_all


def ping(*addresses: str, count: int = 1) -> list[Result]:
    return list(ping_all(map(ip_address, addresses), count=count, timeout=1))


def stand_in(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    program = folder / "ping"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))


def test_real_ping_of_this_machine() -> None:
    if shutil.which("ping") is None:
        pytest.skip("ping is not here: install iputils-ping (Debian)")
    (result,) = ping("127.0.0.1", count=2)
    if isinstance(result, NotAsked):
        pytest.skip(f"ping may not send here: {result.reason}")

    assert isinstance(result, Answers)
    assert result.milliseconds is not None and 0 <= result.milliseconds < 1000


@pytest.mark.parametrize(
    ("script", "result"),
    [
        pytest.param("echo 'rtt min/avg/max/mdev = 0.1/0.25/0.4/0.1 ms'", Answers(0.25), id="iputils"),
        pytest.param("echo 'round-trip min/avg/max = 0.1/0.25/0.4 ms'", Answers(0.25), id="busybox"),
        pytest.param("exit 0", Answers(None), id="answers, and says no times"),
        pytest.param("exit 1", Silent(), id="no answer"),
        pytest.param(
            "echo 'ping: connect: Network is unreachable' >&2; exit 2",
            NotAsked("ping: connect: Network is unreachable"),
            id="no way there",
        ),
        pytest.param(
            "echo 'ping: socket: Operation not permitted' >&2; exit 1",
            NotAsked("ping: socket: Operation not permitted"),
            id="no permission",
        ),
        pytest.param("exit 3", NotAsked("ping ended with status 3"), id="says nothing"),
    ],
)
def test_ends_of_ping(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, result: Result) -> None:
    stand_in(tmp_path, script, monkeypatch)
    assert ping("10.0.0.1") == [result]


def test_results_come_in_the_order_of_the_addresses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(tmp_path, 'echo "$*" >&2; exit 2', monkeypatch)
    addresses = [f"10.0.0.{number}" for number in range(1, 60)] + ["fd00::1"]

    assert ping(*addresses, count=3) == [NotAsked(f"-n -c 3 -W 1 {address}") for address in addresses]


def test_no_ping_at_all_is_not_the_machines_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LiveError, match="can not look: there is no ping here"):
        ping("127.0.0.1")
