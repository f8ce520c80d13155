"""A cluster whose programs are played right here, without any connection, and what its checks come to."""

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from attrs import define, field

from hybridlab import Cluster
from hybridlab.live.checks import cluster as cluster_checks
from hybridlab.live.checks import parts, workloads
from hybridlab.live.checks.check import (
    Check,
    Connect,
    Connected,
    CouldNotLook,
    Failed,
    Key,
    Look,
    Ok,
    Remote,
    Skipped,
    Source,
    SourceAddress,
    Verdict,
)
from hybridlab.live.probe import Output
from live.standin import plays_cluster, plays_units
from live.standin.machine import Answer, Machine
from live.standin.recorded_cluster import condition

State = dict[str, Any]
Plant = Callable[["World"], object]


@define(repr=False)
class World:
    """The states of all machines by name, their files by path, and how long their certificates live."""

    cluster: Cluster
    states: dict[str, State]
    files: dict[str, dict[str, str]]
    hours_left: dict[tuple[str, str], float] = field(factory=dict)
    # Answers of what is asked from here, by look.
    here: dict[Look, Any] = field(factory=dict)

    @classmethod
    def healthy(cls, cluster: Cluster) -> "World":
        states, files = {}, {}
        for machine in cluster.machines:
            health = plays_cluster.healthy(cluster, machine)
            # A copy: faults are planted in it.
            states[machine.name] = json.loads(json.dumps({"transient": {}, **health.state}))
            files[machine.name] = {path: str(content) for path, content in health.files.items()}
        return cls(cluster, states, files)

    @property
    def api(self) -> State:
        """What the API server has."""
        state: State = self.states[self.cluster.control_plane[0].name]["kubectl"]
        return state

    def node(self, name: str) -> Any:
        return self._one("nodes", "Node", name)

    def pod(self, name: str) -> Any:
        return next(one for one in self.api["pods"] if one["metadata"]["name"].startswith(name))

    def object(self, kind: str, name: str) -> Any:
        return self._one("objects", kind, name)

    def remove(self, kind: str, name: str) -> None:
        for key in ("nodes", "pods", "objects"):
            self.api[key] = [
                one for one in self.api[key] if (one["kind"], one["metadata"]["name"]) != (kind, name)
            ]

    def unit(self, machine: str, name: str) -> Any:
        return self.states[machine]["units"][f"{name}.service"]

    def _one(self, key: str, kind: str, name: str) -> Any:
        wanted = (kind, name)
        return next(o for o in self.api[key] if (o["kind"], o["metadata"]["name"]) == wanted)

    def answer(self, look: Look) -> Any:
        """Return what a look sees."""
        match look:
            case Remote(machine, probe):
                program, *words = probe.words
                return _PROGRAMS[program](self, machine, words)
            case Source(address):
                vlan = next(vlan for vlan in self.cluster.vlans if address in vlan.network)
                return self.here.get(look, SourceAddress(vlan.network[200]))
            case Connect():
                return self.here.get(look, Connected())
            case _:
                return self.here[look]

    def verdicts(self, checks: Iterable[Check] | None = None) -> Mapping[Key, Verdict]:
        """Return what all checks come to; as in verify, one that needs one that is not well is skipped."""
        if checks is None:
            checks = (*cluster_checks.checks(self.cluster), *workloads.checks(self.cluster))
        waiting = {check.key: check for check in checks}
        there, found, well = {*waiting}, dict[Key, Verdict](), set[Key]()
        answers = {look: self.answer(look) for check in waiting.values() for look in check.looks}
        while waiting:
            before = len(waiting)
            for key, check in tuple(waiting.items()):
                needs = there & {*check.needs}
                if not needs <= {*found}:
                    continue
                del waiting[key]
                found[key] = _verdict(check, answers) if needs <= well else Skipped("it needs another one")
                if needs <= well and isinstance(found[key], Ok | Skipped):
                    well.add(key)
            assert len(waiting) < before, f"checks need each other: {[*waiting]}"
        return found


def failed(world: World) -> dict[str, Failed]:
    """Return what failed; whatever could not be looked at is an error here."""
    found = world.verdicts()
    assert not [f"{k}: {v}" for k, v in found.items() if isinstance(v, CouldNotLook)]
    return {str(key): verdict for key, verdict in found.items() if isinstance(verdict, Failed)}


def not_ready(name: str) -> Plant:
    said = condition("Ready", "False", "KubeletNotReady", "cni plugin not initialized")
    return lambda world: world.node(name)["status"].update(conditions=[said])


def unlike(name: str, *way: str, value: object) -> Plant:
    def plant(world: World) -> None:
        place = world.node(name)
        for key in way[:-1]:
            place = place[key]
        place[way[-1]] = value

    return plant


def _verdict(check: Check, answers: Mapping[Look, Any]) -> Verdict:
    for look in check.looks:
        if isinstance(look, Remote) and (why := answers[look].why_not(look.probe)) is not None:
            return CouldNotLook(why)
    return check.judge(*(answers[look] for look in check.looks))


def _play(play: Callable[[Machine, list[str]], Any]) -> Callable[[World, str, list[str]], Output]:
    def run(world: World, name: str, words: list[str]) -> Output:
        machine = Machine(Path())
        machine.state = world.states[name]
        answer = play(machine, words)
        assert isinstance(answer, Answer)
        return Output(answer.status, str(answer.stdout), str(answer.stderr))

    return run


def _stat(world: World, name: str, words: list[str]) -> Output:
    paths, files = [word for word in words if word.startswith("/")], world.files[name]
    there = "".join(f"{len(files[path])} {path}\n" for path in paths if path in files)
    gone = [
        f"stat: cannot statx '{path}': No such file or directory\n" for path in paths if path not in files
    ]
    return Output(1 if gone else 0, there, "".join(gone))


def _sha256sum(world: World, name: str, words: list[str]) -> Output:
    [path] = words
    return Output(0, f"{hashlib.sha256(world.files[name][path].encode()).hexdigest()}  {path}\n")


def _openssl(world: World, name: str, words: list[str]) -> Output:
    usual = {parts.SERVER: 8000, parts.ISSUED_CA: 40000}.get(words[-1], 700)
    hours = world.hours_left.get((name, words[-1].rpartition("/")[2].removesuffix(".pem")), usual)
    return Output(0, f"notAfter={datetime.now(UTC) + timedelta(hours=hours):%Y-%m-%d %H:%M:%SZ}\n")


def _date(_world: World, _name: str, _words: list[str]) -> Output:
    return Output(0, f"{time.time():.0f}\n")


_PROGRAMS: Mapping[str, Callable[[World, str, list[str]], Output]] = {
    "curl": _play(plays_cluster.curl),
    "date": _date,
    "kubectl": _play(plays_cluster.kubectl),
    "openssl": _openssl,
    "sha256sum": _sha256sum,
    "stat": _stat,
    "systemctl": _play(plays_units.systemctl),
}
