"""A run of pytest that tries mutants: each in a fork, with the tests that run its line, until one fails.

The parent runs every test once, and notes which lines of the rules it runs. Clusters that tests look at are
made then, too, and kept: a fork only asks the rules.
"""

import os
import random
import signal
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from _pytest.runner import runtestprotocol

from mutation.mutants import Mutant, put_in

_MOST_SECONDS = 30  # of processor time: a mutant may loop for ever
_NOTICED, _SURVIVED, _NOT_TRIED = 0, 1, 2
_Line = tuple[str, int]


class Outcome:
    """Mutants that no test noticed, how many there were by module, and how many ran for too long."""

    def __init__(self) -> None:
        self.tried: Counter[str] = Counter()
        self.survived: list[Mutant] = []
        self.timed_out = 0
        self.not_tried = 0


class MutationPlugin:
    """Takes the place of pytest's own loop over the tests."""

    def __init__(self, mutants: Sequence[Mutant], folder: Path, workers: int) -> None:
        self.mutants = mutants
        self.folder = f"{folder}{os.sep}"
        self.workers = workers
        self.outcome = Outcome()
        self._covering: defaultdict[_Line, list[pytest.Item]] = defaultdict(list)
        self._seconds: dict[str, float] = {}

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        for item, following in zip(session.items, [*session.items[1:], None], strict=True):
            self._note(item, following)
        print(f"{len(session.items)} tests noted, {len(self.mutants)} mutants", flush=True)
        running: dict[int, Mutant] = {}
        for mutant in self.mutants:
            if (source := mutant.source()) is None:
                continue
            self.outcome.tried[mutant.module] += 1
            if len(running) == self.workers:
                self._await(running)
            pid = os.fork()
            if pid == 0:
                self._try(mutant, source)
            running[pid] = mutant
        while running:
            self._await(running)
        return True

    def _note(self, item: pytest.Item, following: pytest.Item | None) -> None:
        lines: set[_Line] = set()

        def trace(frame: FrameType, _event: str, _argument: Any) -> Any:
            if not frame.f_code.co_filename.startswith(self.folder):
                return None
            lines.add((frame.f_code.co_filename, frame.f_lineno))
            return trace

        begun = time.process_time()
        sys.settrace(trace)
        try:
            reports = runtestprotocol(item, log=False, nextitem=following)
        finally:
            sys.settrace(None)
        if any(report.failed for report in reports):
            print(f"left out, as it fails without any mutant: {item.nodeid}", flush=True)
            return
        self._seconds[item.nodeid] = time.process_time() - begun
        for line in lines:
            self._covering[line].append(item)

    def _try(self, mutant: Mutant, source: str) -> None:
        """End this fork, saying whether a test fails, none does, or it is no code that can be put in."""
        signal.setitimer(signal.ITIMER_VIRTUAL, _MOST_SECONDS)  # whose signal kills
        file = sys.modules[mutant.module].__file__ or ""
        try:
            put_in(mutant, source)
        except Exception:
            os._exit(_NOT_TRIED)
        items = sorted(self._covering[file, mutant.line], key=lambda item: self._order(item, mutant))
        for item in items:
            if any(report.failed for report in runtestprotocol(item, log=False, nextitem=item)):
                os._exit(_NOTICED)
        os._exit(_SURVIVED)

    def _order(self, item: pytest.Item, mutant: Mutant) -> tuple[bool, float]:
        """Those first that are about the module, and the quick ones of them."""
        return (mutant.module.rpartition(".")[2] not in item.nodeid, self._seconds[item.nodeid])

    def _await(self, running: dict[int, Mutant]) -> None:
        pid, status = os.wait()
        mutant = running.pop(pid)
        if os.WIFSIGNALED(status):
            self.outcome.timed_out += 1
            return
        match os.WEXITSTATUS(status):
            case code if code == _SURVIVED:
                self.outcome.survived.append(mutant)
            case code if code != _NOTICED:
                self.outcome.tried[mutant.module] -= 1
                self.outcome.not_tried += 1


def sampled(mutants: Sequence[Mutant], most: int, seed: int) -> list[Mutant]:
    """Return `most` of the mutants at random, in their order; all of them for 0."""
    if not most or most >= len(mutants):
        return list(mutants)
    chosen = sorted(random.Random(seed).sample(range(len(mutants)), most))
    return [mutants[index] for index in chosen]
