"""Whatever a machine answers to a deployment, only LiveError is raised, and only what is understood is good.

Nor does anything of an answer steer the terminal of whoever deploys.
"""

import contextlib
import io
import json
import re
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import cycle
from typing import Any

import click
import pytest
from attrs import evolve, field, frozen
from hypothesis import given, settings
from hypothesis import strategies as st

from hybridlab import LiveError, Report, load_spec, resolve
from hybridlab.cli import progress
from hybridlab.cli.failure import explain
from hybridlab.cli.render import render_report
from hybridlab.cli.terminal import notice
from hybridlab.live import access, kubeconfig
from hybridlab.live.activation import Activation, Kept, Limits, TakenBack, Unknown
from hybridlab.live.checks.check import CouldNotLook
from hybridlab.live.deploy import Old
from hybridlab.live.drain import Nodes, NodeState
from hybridlab.live.gate import FirewallChanges
from hybridlab.live.gather import gather
from hybridlab.live.generations import generations, system_of
from hybridlab.live.lock import Lock
from hybridlab.live.lockout import breaks_of
from hybridlab.live.nix import Closure, missing
from hybridlab.live.paths import is_store_path
from hybridlab.live.preflight import Problem, Seen, look, targets
from hybridlab.live.prepare import Prepared, ask_host
from hybridlab.live.probe import Output, read
from hybridlab.live.ssh import Cause, Ssh, Unreachable
from hybridlab.live.switching import parse_changes
from hybridlab.model.access import Access
from hybridlab.spec.scalars import Address
from nix.flakes import REPOSITORY

CLUSTER = resolve(load_spec(REPOSITORY / "cluster.yaml"))
[TARGET] = targets(CLUSTER, CLUSTER.hosts, {})
FIRST, SECOND = (f"/nix/store/{letter * 32}-nixos-system-homelab-26.05" for letter in "ab")

Answer = Output | Unreachable


@frozen
class Machine(Ssh):
    """Gives these answers in turn; to many questions over one connection `raw`, if there is any."""

    answers: tuple[Answer, ...] = (Output(0, ""),)
    raw: str | None = None
    # Kept when it is evolved, as an ssh that also speaks of keys is.
    turn: Any = field(default=None, repr=False)

    def __attrs_post_init__(self) -> None:
        if self.turn is None:
            object.__setattr__(self, "turn", cycle(self.answers))

    def run(
        self, address: Address, words: Sequence[str], *, seconds: float, given: str = "", fresh: bool = False
    ) -> Answer:
        if [*words] != ["sh", "-s"]:
            answer: Answer = next(self.turn)
            return answer
        mark = given.partition("\n")[0].removeprefix("mark=")
        if self.raw is not None:
            return Output(0, f"\n{mark}\n{self.raw}", f"\n{mark} {self.raw}")
        stdout, stderr = f"\n{mark}\n", ""
        for number in range(given.count("\nask ")):
            answer = next(self.turn)
            if isinstance(answer, Unreachable):
                return evolve(answer, stdout=stdout, stderr=stderr)
            whole = f"{answer.stdout}\n{answer.status}"
            stdout += f"{number} {len(whole.encode(errors='surrogateescape'))}\n{whole}\n"
            stderr += f"\n{mark} {number}\n{answer.stderr}"
        return Output(0, stdout, stderr)


# Pieces of what programs really print, so that readers get further than the first line.
_PIECES = (
    *(
        FIRST,
        SECOND,
        "/nix/store/",
        "system-42-link",
        "No such file or directory",
        "inactive",
        "active",
        "failed",
    ),
    *(
        "Avail\n",
        "99999999999",
        "300000000",
        "-1",
        "0",
        "²",
        "9" * 25,
        "9" * 5000,
        " ",
        "\n",
        "\n",
        "\0",
        "\udcff",
    ),
    *("10.0.10.9 50022 10.0.10.5 22", "10.0.10.9 ", "fe80::1%br0", "abc", "UNKNOWN 65535 UNKNOWN 65535"),
    *("   41   2026-05-28 20:26:40   (current)\n", "   42   2026-05-28 20:26:41   \n", "(current)"),
    *("would stop the following units: ", "a.service", ", ", "would activate the configuration...\n"),
    *("kept", "reverted ", "stuck", "gone", "reached", "beginning", "held"),
    *("\x1b]0;owned\x07", "\x1b[2J", "\x9b1m", "\r", "\u202e", "\u2028"),
    *("{", "}", "[", "]", "null", '"'),
)
TEXTS = st.lists(st.sampled_from(_PIECES) | st.text(max_size=8), max_size=8).map("".join)
UNREACHABLE = st.builds(Unreachable, st.just(TARGET.address), st.sampled_from(Cause), TEXTS, TEXTS, TEXTS)
STATUSES = st.sampled_from([0, 0, 0, 1, 3, 4, 75, 124, 127])


def outputs(text: st.SearchStrategy[str] = TEXTS) -> st.SearchStrategy[Answer]:
    return st.builds(Output, STATUSES, text, TEXTS) | UNREACHABLE


def machines(*text: st.SearchStrategy[str]) -> st.SearchStrategy[Machine]:
    """Return machines that answer in this order, each time."""
    answers = (
        st.tuples(*(outputs(one) for one in text)) if text else st.tuples(outputs(), outputs(), outputs())
    )
    return st.builds(Machine, answers=answers)


_KEYS = (
    *(
        "ifname",
        "altnames",
        "linkinfo",
        "info_kind",
        "info_data",
        "id",
        "link",
        "master",
        "addr_info",
        "local",
    ),
    *("dev", "gateway", "via", "host", "items", "metadata", "name", "annotations", "spec", "status", "type"),
    *(
        "conditions",
        "unschedulable",
        "clusters",
        "cluster",
        "users",
        "user",
        "token",
        "exec",
        "client-key-data",
    ),
)
_LEAVES = (
    st.none() | st.booleans() | st.integers() | st.sampled_from(["vlan", "br0", "Ready", "True", "token"])
)
JSON: st.SearchStrategy[Any] = st.recursive(
    _LEAVES | TEXTS,
    lambda within: st.lists(within, max_size=3) | st.dictionaries(st.sampled_from(_KEYS), within, max_size=4),
    max_leaves=8,
)


def _places(value: object, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [way, *(place for key, one in inner for place in _places(one, (*way, key)))]


def _with(value: Any, way: tuple[Any, ...], new: object) -> Any:
    if not way:
        return new
    if isinstance(value, dict):
        return {key: _with(one, way[1:], new) if key == way[0] else one for key, one in value.items()}
    return [_with(one, way[1:], new) if number == way[0] else one for number, one in enumerate(value)]


def spoilt(sound: Any) -> st.SearchStrategy[str]:
    """Return texts of this JSON, of it with anything else at one place, of other JSON, and others."""
    one = st.builds(_with, st.just(sound), st.sampled_from(_places(sound)), JSON)
    deep = st.just("[" * 100_000)
    return st.just(sound).map(json.dumps) | one.map(json.dumps) | JSON.map(json.dumps) | TEXTS | deep


LINKS = [
    {"ifname": "br0", "linkinfo": {"info_kind": "bridge", "info_data": {}}, "addr_info": []},
    {
        "ifname": "br0.10",
        "altnames": ["home"],
        "link": "br0",
        "linkinfo": {"info_kind": "vlan", "info_data": {"id": 10}},
        "addr_info": [{"local": "10.0.10.5"}],
    },
    {"ifname": "enp1s0", "master": "br0", "addr_info": [{"local": "fe80::1"}]},
]
WAY = [
    {"dst": "10.0.10.9", "from": "10.0.10.5", "dev": "br0.10", "gateway": "10.0.10.1", "via": {"host": "::1"}}
]
NODES = {
    "items": [
        {
            "metadata": {"name": "k8s-worker-1", "annotations": {}},
            "spec": {"unschedulable": True},
            "status": {"conditions": [{"type": "Ready", "status": "True"}]},
        }
    ]
}
CONFIG = {
    "clusters": [{"name": "a", "cluster": {"server": "https://a", "certificate-authority-data": "Yg=="}}],
    "users": [{"name": "b", "user": {"client-key-data": "Yg==", "exec": {"command": "reboot"}}}],
}


# gather


_FRAMES = st.lists(
    st.sampled_from(
        ["0 3\na\n0\n", "0 3\n0\n", "1 3\n", "9 1\n0\n", f"{'9' * 5000} 1\n", f"0 {'9' * 5000}\n", "²\n"]
    )
    | TEXTS,
    max_size=5,
).map("".join)


@given(_FRAMES)
def test_gather_takes_apart_anything(raw: str) -> None:
    probes = [read("id", "-u"), read("id", "-g")]
    found = gather(Machine(raw=raw), TARGET.address, probes)
    assert not isinstance(found, Unreachable)
    assert {*found} <= {*probes}


# preflight


@given(
    machines(
        st.sampled_from([FIRST, f"{FIRST}\n", "/run/current-system"]) | TEXTS,
        st.sampled_from([FIRST, SECOND]) | TEXTS,
        st.just("system-42-link") | TEXTS,
        st.just("") | TEXTS,
        st.just("inactive") | TEXTS,
        st.just("Avail\n99999999999") | TEXTS,
        st.just("Avail\n99999999999") | TEXTS,
    )
)
@settings(max_examples=300)
def test_a_host_is_fit_only_if_all_of_it_was_understood(machine: Machine) -> None:
    found = look(machine, TARGET)
    if isinstance(found, Seen):
        assert all(isinstance(one, Output) for one in machine.answers)
        system, _, _, mark, busy, store, _ = (one for one in machine.answers if isinstance(one, Output))
        assert (system.status, found.current) == (0, system.stdout.strip())
        assert is_store_path(found.current)
        assert (store.status, found.free) == (0, int(store.stdout.split()[-1]))
        assert busy.stdout.strip() in ("inactive", "failed", "unknown", "active")
        assert found.unfinished == (mark.status == 0)


# generations


@given(machines())
def test_generations_are_all_read_or_none(machine: Machine) -> None:
    with suppress(LiveError):
        found = generations(machine, TARGET.address)
        [first, *_] = machine.answers
        assert isinstance(first, Output)
        assert first.status == 0
        assert len(found) == len(first.stdout.splitlines()) > 0
        assert is_store_path(system_of(machine, TARGET.address, found[0]))


# access


@given(machines(st.just("10.0.10.9 50022 10.0.10.5 22\n") | TEXTS, spoilt(LINKS), spoilt(WAY)))
@settings(max_examples=300)
def test_a_way_in_is_known_only_with_the_link_that_has_the_address(machine: Machine) -> None:
    found = access.look(machine, TARGET.address)
    assert isinstance(found, Access | Unreachable | CouldNotLook)
    if isinstance(found, Access):
        _, links, _ = machine.answers
        assert isinstance(links, Output)
        assert str(found.address) in links.stdout


@given(machines(st.just("10.0.10.9 50022 10.0.10.5 22\n") | TEXTS, spoilt(LINKS), spoilt(WAY)))
def test_whoever_could_be_locked_out_is_told(machine: Machine) -> None:
    found = breaks_of(CLUSTER, [TARGET], machine)
    assert {one.code for one in found} <= {"CUT000", "CUT001"}


# drain


@given(machines(spoilt(NODES)))
def test_a_node_is_ready_only_if_it_is_said(machine: Machine) -> None:
    found = Nodes(machine, TARGET.address).states()
    for name, state in (found or {}).items():
        assert re.fullmatch(r"[a-z0-9][a-z0-9.-]*", name)
        if state.ready:
            [answer] = machine.answers
            assert isinstance(answer, Output)
            assert '"Ready"' in answer.stdout and '"True"' in answer.stdout


def test_the_sound_answers_are_understood() -> None:
    """So that what is spoilt above is spoilt from something good."""
    assert Nodes(Machine(answers=(Output(0, json.dumps(NODES)),)), TARGET.address).states() == {
        "k8s-worker-1": NodeState(ready=True, cordoned=True, ours=False)
    }
    connection = Output(0, "10.0.10.9 50022 10.0.10.5 22\n")
    way_in = Machine(answers=(connection, Output(0, json.dumps(LINKS)), Output(0, json.dumps(WAY))))
    assert isinstance(access.look(way_in, TARGET.address), Access)
    assert json.loads(kubeconfig.fetch(CLUSTER, Machine(answers=(Output(0, json.dumps(CONFIG)),))))


# kubeconfig


@given(machines(spoilt(CONFIG)))
def test_a_kubeconfig_has_nothing_but_what_is_known(machine: Machine) -> None:
    with suppress(LiveError):
        config = json.loads(kubeconfig.fetch(CLUSTER, machine))
        [entry], [user] = config["clusters"], config["users"]
        assert entry["cluster"]["server"] == kubeconfig.server_of(CLUSTER)
        assert {*entry["cluster"]} <= {"server", "certificate-authority-data"}
        assert {*user["user"]} <= {"client-certificate-data", "client-key-data", "token"}
        assert all(isinstance(value, str) for value in user["user"].values())


# activation


_WORDS = ("beginning", "activating", "activated", "reached", "keeping", "kept", "reverting", "reverted")
KNOWN = {"", *_WORDS, "stuck", "gone"}


def activation(machine: Machine, reach: int = 5) -> Activation:
    return Activation(machine, (TARGET.address,), SECOND, Limits(reach))


@given(machines(TEXTS))
def test_how_far_an_activation_has_come_is_one_of_its_own_words(machine: Machine) -> None:
    word, _ = activation(machine).outcome()
    assert word in KNOWN
    [answer] = machine.answers
    if word:
        assert isinstance(answer, Output)
        assert (answer.status, answer.stdout.split("\n")[-1 - answer.stdout.endswith("\n")].split()[0]) == (
            0,
            word,
        )


@given(machines(st.just("gone"), st.sampled_from([FIRST, SECOND, f"{SECOND}\n"]) | TEXTS))
def test_after_a_restart_a_host_has_the_system_that_it_says(machine: Machine) -> None:
    gone, system = machine.answers
    if isinstance(gone, Unreachable) or gone.status:
        return  # which is waited for
    ending = activation(machine).keep()
    known = isinstance(system, Output) and system.status == 0 and is_store_path(system.stdout.strip())
    if not known:
        assert isinstance(ending, Unknown)
    else:
        assert isinstance(system, Output)
        assert isinstance(ending, Kept if system.stdout.strip() == SECOND else TakenBack)


def test_a_host_that_talks_nonsense_is_not_listened_to_for_ever() -> None:
    machine = Machine(answers=(Output(0, "Welcome to homelab!\n"),))
    began = time.monotonic()
    ending = activation(machine, reach=-599).keep()
    assert isinstance(ending, Unknown)
    assert time.monotonic() - began < 10


# lock


@frozen
class Locking(Machine):
    """`line` is what its shell says to the order to lock, and `status` how that ends."""

    line: str = ""
    status: int = 0

    def command(self, *_: Any, **__: Any) -> list[str]:
        said = "".join(f"\\0{byte:03o}" for byte in self.line.encode(errors="surrogateescape"))
        return ["sh", "-c", 'printf "%b" "$1"; printf "%b" "$1" >&2; exit "$2"', "sh", said, str(self.status)]


@given(st.builds(Locking, answers=st.tuples(outputs()), line=TEXTS, status=st.sampled_from([0, 1, 75, 255])))
@settings(max_examples=40, deadline=None)
def test_a_lock_is_held_only_if_it_is_said(machine: Locking) -> None:
    lock = Lock(machine, TARGET.addresses, TARGET.name)
    try:
        lock.take()
    except LiveError as error:
        assert len(str(error)) < 1000
    else:
        assert machine.line.lstrip().startswith("held")
    finally:
        lock.release()


def test_a_machine_that_says_something_else_than_held_is_not_waited_for() -> None:
    class Noisy(Locking):
        def command(self, *_: Any, **__: Any) -> list[str]:
            return ["sh", "-c", "echo Welcome; exec cat"]

    began = time.monotonic()
    with pytest.raises(LiveError, match="can not lock homelab"):
        Lock(Noisy(), TARGET.addresses, TARGET.name).take()
    assert time.monotonic() - began < 10


# prepare


SEEN = Seen(TARGET, FIRST, FIRST, 1, 10**12, busy=False)


@given(machines(TEXTS, *[st.sampled_from([FIRST, ""]) | TEXTS] * 8))
def test_what_a_switch_would_do_is_said_or_refused(machine: Machine) -> None:
    with suppress(LiveError):
        prepared = ask_host(SEEN, SECOND, machine)
        assert all(isinstance(one, Output) and one.status == 0 for one in machine.answers)
        first = machine.answers[0]
        assert isinstance(first, Output)
        assert "would activate the configuration" in first.stderr
        assert prepared.changes == parse_changes(first.stderr)


@given(TEXTS)
def test_units_are_what_stands_there(text: str) -> None:
    changes = parse_changes(text)
    units = (*changes.stops, *changes.restarts, *changes.reloads, *changes.starts)
    assert all(unit and unit in text for unit in units)


@given(machines(st.sampled_from([FIRST, f"{FIRST}\n{SECOND}", ""]) | TEXTS))
def test_what_is_missing_is_named_or_nobody_knows(machine: Machine) -> None:
    with suppress(LiveError):
        found = missing(machine, TARGET.address, Closure(SECOND, {FIRST: 1, SECOND: 2}))
        if not isinstance(found, Unreachable):
            [answer] = machine.answers
            assert isinstance(answer, Output)
            assert (answer.status, {*answer.stdout.split()}) == (0, {*found})


# the terminal


def shown(show: Callable[[], object]) -> str:
    """Return what reaches a terminal with colours, without our own."""
    out = io.StringIO()
    with (
        click.Context(click.Command("test"), color=True).scope(),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(out),
    ):
        show()
    return re.sub(r"\x1b\[[0-9;]*m", "", out.getvalue())


def told(machine: Machine) -> None:
    """Tell all that a machine answers as a deployment does."""
    found = look(machine, TARGET)
    match found:
        case Problem():
            progress.show_problems([found])
        case Seen():
            progress.show_seen(found, SECOND)
    for ask in (
        lambda: notice(str(generations(machine, TARGET.address))),
        lambda: notice(system_of(machine, TARGET.address, generations(machine, TARGET.address)[0])),
        lambda: progress.show_effects(ask_host(SEEN, SECOND, machine)),
        lambda: kubeconfig.fetch(CLUSTER, machine),
        Lock(Locking(answers=machine.answers, status=75), TARGET.addresses, TARGET.name).take,
        Nodes(machine, TARGET.address).states,
        lambda: Nodes(machine, TARGET.address).drain("k8s-worker-1"),
    ):
        try:
            ask()
        except LiveError as error:
            explain(error)
    word, rest = activation(machine).outcome()
    progress.show_standings({"homelab": Old(f"{word} {rest}")})
    progress.show_effects(Prepared(SEEN, SECOND, parse_changes(_text(machine)), (_text(machine),)))
    progress.show_openings(FirewallChanges(*((_text(machine),) for _ in range(3))))
    click.echo(render_report(Report.of(breaks_of(CLUSTER, [TARGET], machine), CLUSTER.source)), nl=False)


def _text(machine: Machine) -> str:
    return machine.answers[0].stdout


@given(machines())
@settings(max_examples=60, deadline=None)
def test_nothing_of_an_answer_steers_the_terminal(machine: Machine) -> None:
    text = shown(lambda: told(machine))
    assert all(char.isprintable() for char in text.replace("\n", ""))
    assert text


def test_an_escape_would_be_seen() -> None:
    assert "\x1b]0;" in shown(lambda: click.echo("\x1b]0;owned\x07"))
