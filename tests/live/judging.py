"""What checks of machines come to when their programs are played right here, without any connection."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from hybridlab import Cluster
from hybridlab.live.checks.check import Check, Failed, Key, Ok, Remote, Skipped, Verdict
from hybridlab.live.probe import Output
from live.standin import plays_network
from live.standin.machine import Machine

State = dict[str, Any]


def states_of(cluster: Cluster) -> dict[str, State]:
    """Return what the programs of each machine answer from while all is well, to be changed."""
    healthy = {machine.name: plays_network.healthy(cluster, machine) for machine in cluster.machines}
    return {name: json.loads(json.dumps(health.state["network"])) for name, health in healthy.items()}


def verdicts(checks: Iterable[Check], states: Mapping[str, State]) -> dict[Key, Verdict]:
    """Return what comes of the checks that ask ip, bridge or nft alone; who needs a bad one is skipped."""
    asked = [check for check in checks if all(_is_played(look) for look in check.looks)]
    there = {check.key for check in asked}
    found: dict[Key, Verdict] = {}
    while len(found) < len(asked):
        before = len(found)
        for check in asked:
            needs = [key for key in check.needs if key in there]
            if check.key in found or any(key not in found for key in needs):
                continue
            well = all(isinstance(found[key], Ok) for key in needs)
            found[check.key] = judge(check, states) if well else Skipped("it needs another one")
        assert len(found) > before, "checks need each other"
    return found


def judge(check: Check, states: Mapping[str, State]) -> Verdict:
    """Return what one check makes of the answers of its machines."""
    return check.judge(*(_answer(look, states) for look in check.looks if isinstance(look, Remote)))


def failed(found: Mapping[Key, Verdict]) -> dict[Key, Failed]:
    """Return those that failed; any other that is neither well nor skipped is an error."""
    assert all(isinstance(verdict, Ok | Skipped | Failed) for verdict in found.values()), found
    return {key: verdict for key, verdict in found.items() if isinstance(verdict, Failed)}


def _is_played(look: object) -> bool:
    return isinstance(look, Remote) and look.probe.words[0] in plays_network.PROGRAMS


def _answer(look: Remote, states: Mapping[str, State]) -> Output:
    machine = Machine(Path())
    machine.state = {"network": states[look.machine]}
    program, *words = look.probe.words
    answer = plays_network.PROGRAMS[program](machine, words)
    assert answer.status == 0, answer
    return Output(answer.status, str(answer.stdout), str(answer.stderr))
