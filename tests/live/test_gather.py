"""Many questions over one connection to a real sshd, and whatever may come back."""

from collections.abc import Iterator, Mapping
from ipaddress import ip_address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hybridlab import Cluster
from hybridlab.live.gather import gather
from hybridlab.live.probe import Output, Probe, read
from hybridlab.live.ssh import Cause, Unreachable
from live.standin.lab import Lab, Played, lab

ADDRESS = ip_address("10.0.10.5")
HOSTNAME = read("cat", "/etc/hostname")


def file(name: str) -> str:
    """A file of a machine that may be shown, and that a test may fill with anything."""
    return f"/sys/class/net/{name}/address"


@pytest.fixture(scope="module")
def shared(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Machines for tests that change nothing in them for good."""
    with lab(cluster, tmp_path_factory.mktemp("shared") / "lab") as running:
        yield running


@pytest.fixture
def host(shared: Lab) -> Iterator[Played]:
    yield shared.machine("homelab")
    shared.machine("homelab").heal()


def answers(shared: Lab, *probes: Probe, seconds: float = 60) -> Mapping[Probe, Output]:
    found = gather(shared.ssh, ADDRESS, probes, seconds=seconds)
    assert not isinstance(found, Unreachable), found
    return found


def test_answers_of_a_played_and_of_a_real_program(shared: Lab, host: Played) -> None:
    """One of a play, and one of a real program that reads the machine's own file."""
    system = read("systemctl", "is-system-running")
    assert answers(shared, system, HOSTNAME) == {
        system: Output(0, "running\n"),
        HOSTNAME: Output(0, "homelab\n"),
    }


def test_sixty_questions_take_one_connection(shared: Lab, host: Played) -> None:
    before = host.logins
    probes = [read("printenv", f"NUMBER_{number}") for number in range(60)]
    found = answers(shared, *probes)
    assert [*found] == probes
    assert host.logins == before + 1


def test_a_question_is_asked_once(shared: Lab, host: Played) -> None:
    before = len(host.ran("cat"))
    assert [*answers(shared, HOSTNAME, HOSTNAME)] == [HOSTNAME]
    assert len(host.ran("cat")) == before + 1


def test_status_and_errors_belong_to_their_question(shared: Lab) -> None:
    missing, other = read("cat", file("missing")), read("cat", "/etc/hostname", file("gone"))
    found = answers(shared, missing, HOSTNAME, other)
    assert found == {
        missing: Output(1, "", "cat: /sys/class/net/missing/address: No such file or directory\n"),
        HOSTNAME: Output(0, "homelab\n"),
        other: Output(1, "homelab\n", "cat: /sys/class/net/gone/address: No such file or directory\n"),
    }


def test_a_program_that_is_not_there(shared: Lab, host: Played) -> None:
    (host.root / "standin/bin/getent").rename(host.root / "standin/bin/getent.away")
    try:
        probe = read("getent", "hosts", "x")
        found = answers(shared, probe, HOSTNAME)
    finally:
        (host.root / "standin/bin/getent.away").rename(host.root / "standin/bin/getent")
    assert found[probe].why_not(probe) == "there is no getent on the machine"
    assert found[HOSTNAME] == Output(0, "homelab\n")


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", ""),
        (b"no newline", "no newline"),
        (b"\n\n\n", "\n\n\n"),
        (b"carriage\r\nreturns\r", "carriage\r\nreturns\r"),
        (b"\xff\xfe invalid", "\ufffd\ufffd invalid"),
        ("grüße 你好 🙂".encode(), "grüße 你好 🙂"),
        (b"0 5\nhello\n1 3\nfoo", "0 5\nhello\n1 3\nfoo"),
        (b"x" * 300 * 1024, "x" * 300 * 1024),
        (bytes(range(1, 128)) * 100, bytes(range(1, 128)).decode() * 100),
    ],
    ids=["empty", "no newline", "newlines", "returns", "invalid", "utf-8", "like answers", "300 KiB", "all"],
)
def test_odd_answers(shared: Lab, host: Played, content: bytes, text: str) -> None:
    """Whatever a program writes, the next answer is found."""
    host.write(file("odd"), content)
    odd = read("cat", file("odd"))
    assert answers(shared, odd, HOSTNAME) == {odd: Output(0, text), HOSTNAME: Output(0, "homelab\n")}


def test_a_shell_keeps_no_nul(shared: Lab, host: Played) -> None:
    """They are gone from an answer, as from every variable of a shell, and nothing else is."""
    host.write(file("odd"), b"a\0b\0")
    odd = read("cat", file("odd"))
    found = answers(shared, odd, HOSTNAME)
    assert (found[odd].status, found[odd].stdout) == (0, "ab")
    assert found[HOSTNAME] == Output(0, "homelab\n")


@settings(max_examples=30)
@given(content=st.binary(max_size=200).map(lambda data: data.replace(b"\0", b"")))
def test_every_answer_comes_back_whole(shared: Lab, content: bytes) -> None:
    shared.machine("homelab").write(file("odd"), content)
    odd = read("cat", file("odd"))
    assert answers(shared, odd, HOSTNAME) == {
        odd: Output(0, content.decode(errors="replace")),
        HOSTNAME: Output(0, "homelab\n"),
    }


WORDS = st.text(st.characters(exclude_characters="\0\x1f", exclude_categories=["Cs"]))
TRICKY = st.sampled_from(["", "'", '"', "\n", "$HOME", "$(reboot)", "`id`", "\\", "*", ";", "&", "a'b\"c\n"])


@settings(max_examples=30)
@given(asked=st.lists(st.lists(WORDS | TRICKY, max_size=4), min_size=1, max_size=8))
def test_words_arrive_as_they_are(shared: Lab, asked: list[list[str]]) -> None:
    """Whatever stands in the words of a probe, its program gets them one by one, unchanged."""
    host = shared.machine("homelab")
    probes = [Probe(("printenv", "--", *words)) for words in asked]
    before = len(host.ran("printenv"))
    assert len(answers(shared, *probes)) == len({*probes})
    got = [ran.words for ran in host.ran("printenv")[before:]]
    assert got == [probe.words[1:] for probe in dict.fromkeys(probes)]


def test_a_question_that_takes_too_long_holds_up_no_other(shared: Lab, host: Played) -> None:
    host.plant("cat", "slow", "hang")
    slow = read("cat", file("slow"), seconds=1)
    found = answers(shared, HOSTNAME, slow, read("uname", "-n"))
    assert found[slow].why_not(slow) == "cat did not come to an end within 1 s"
    assert [output.status for output in found.values()] == [0, 124, 0]


def test_a_connection_that_is_cut_leaves_what_was_answered(shared: Lab, host: Played) -> None:
    host.plant("cat", "cut", "cut")
    cut = read("cat", file("cut"))
    found = answers(shared, HOSTNAME, read("uname", "-n"), cut, read("uname", "-s"))
    assert found == {HOSTNAME: Output(0, "homelab\n"), read("uname", "-n"): Output(0, "homelab\n")}


def test_a_machine_that_goes_down_leaves_what_was_answered(example: Lab) -> None:
    example.machine("homelab").plant("cat", "down", "reboot")
    found = gather(example.ssh, ADDRESS, [HOSTNAME, read("cat", file("down"))], seconds=30)
    assert found == {HOSTNAME: Output(0, "homelab\n")}
    example.machine("homelab").wait_up()


def test_time_that_runs_out_leaves_what_was_answered(shared: Lab, host: Played) -> None:
    host.plant("cat", "slow", "hang")
    found = answers(shared, HOSTNAME, read("cat", file("slow"), seconds=60), seconds=2)
    assert found == {HOSTNAME: Output(0, "homelab\n")}


def test_without_any_answer_it_says_why(shared: Lab, host: Played) -> None:
    host.plant("cat", does="cut")
    found = gather(shared.ssh, ADDRESS, [HOSTNAME])
    assert isinstance(found, Unreachable) and found.cause is Cause.CUT


def test_a_login_may_print_things(shared: Lab, host: Played) -> None:
    """A banner, a message in the shell's own file, and something that looks like an answer."""
    (host.folder / "sshd/banner").write_text("Welcome to homelab\n")
    host.write("/root/.bashrc", "printf '0 4\\nfake\\nno newline'; echo noise >&2\n")
    try:
        assert answers(shared, HOSTNAME) == {HOSTNAME: Output(0, "homelab\n")}
    finally:
        (host.folder / "sshd/banner").unlink()
        host.write("/root/.bashrc", "")


@pytest.mark.parametrize("shell", ["bash", "dash"])
def test_any_shell_will_do(shared: Lab, host: Played, shell: str) -> None:
    """Sizes are in bytes, whatever the shell and its language."""
    sh = host.root / "standin/bin/sh"
    sh.unlink()
    sh.symlink_to(f"/usr/bin/{shell}")
    host.write(file("odd"), "ü\n€")
    host.write("/root/.bashrc", "export LANG=C.UTF-8 LC_ALL=C.UTF-8\n")
    odd = read("cat", file("odd"))
    try:
        assert answers(shared, odd, HOSTNAME) == {odd: Output(0, "ü\n€"), HOSTNAME: Output(0, "homelab\n")}
    finally:
        sh.unlink()
        sh.symlink_to("/usr/bin/bash")
        host.write("/root/.bashrc", "")
