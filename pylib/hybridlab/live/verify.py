"""Holds machines against checks: asks what they look at, and judges in the order of what each of them needs.

A check comes to nothing better than what it needs: no answer is never taken for a good one, and one fault is
not reported once more by each check that it spoils. What is checked, and how a result is shown, is not known
here.
"""

import itertools
import time
from collections.abc import Callable, Iterable, Iterator

from attrs import define, field, frozen

from hybridlab.live.asking import Answer, Question, ask, questions
from hybridlab.live.checks.check import Check, CouldNotLook, Failed, Key, Ok, Remote, Result, Skipped, Verdict
from hybridlab.live.checks.selection import login
from hybridlab.live.ssh import Ssh, Unreachable
from hybridlab.model.cluster import Cluster

_FIRST_PAUSES = (2, 4, 8)
_LATER_PAUSE = 15


def verify(
    checks: Iterable[Check],
    cluster: Cluster,
    ssh: Ssh,
    *,
    on_result: Callable[[Result], object] = lambda _: None,
    wait: float = 0,
) -> tuple[Result, ...]:
    """Carry out the checks, and return what they came to, in their order.

    `on_result` hears of each as soon as it is known. For up to `wait` seconds, those that are not well are
    asked again, with growing pauses, and heard of again.

    Raises: ValueError for two checks with the same key.
    """
    state = _State.of(checks)
    end = time.monotonic() + wait
    for pause in itertools.chain(_FIRST_PAUSES, itertools.repeat(_LATER_PAUSE)):
        for result in state.carry_out(cluster, ssh):
            on_result(result)
        left = end - time.monotonic()
        if left <= 0 or not state.unwell:
            return state.results
        time.sleep(min(pause, left))
        state.forget_unwell()
    raise AssertionError("pauses never end")


@frozen
class _Judgement:
    """What a check came to, and whether those that need it can go on.

    `unreached`: it was not looked at, because a machine can not be reached.
    """

    verdict: Verdict
    well: bool
    unreached: bool = False


@define
class _State:
    """What is known so far."""

    checks: dict[Key, Check]
    judged: dict[Key, _Judgement] = field(factory=dict)
    answers: dict[Question, Answer] = field(factory=dict)

    @classmethod
    def of(cls, checks: Iterable[Check]) -> "_State":
        by_key: dict[Key, Check] = {}
        for check in checks:
            if check.key in by_key:
                raise ValueError(f"two checks have the key {check.key}")
            by_key[check.key] = check
        return cls(by_key)

    @property
    def results(self) -> tuple[Result, ...]:
        return tuple(Result(check, self.judged[key].verdict) for key, check in self.checks.items())

    @property
    def unwell(self) -> tuple[Key, ...]:
        return tuple(key for key, judgement in self.judged.items() if not judgement.well)

    def forget_unwell(self) -> None:
        """Forget what is not well, and all answers: nothing else needs them any more."""
        for key in self.unwell:
            del self.judged[key]
        self.answers.clear()

    def carry_out(self, cluster: Cluster, ssh: Ssh) -> Iterator[Result]:
        """Ask for all checks that are not judged, judge them, and yield what they come to."""
        waiting = {key: check for key, check in self.checks.items() if key not in self.judged}
        asked = [question for check in waiting.values() for question in questions(check)]
        yield from self._settle(waiting)
        for answers in ask(asked, cluster, ssh):
            self.answers.update(answers)
            yield from self._settle(waiting)
        for key, check in waiting.items():
            self.judged[key] = _Judgement(CouldNotLook("it needs a check that needs it"), well=False)
            yield Result(check, self.judged[key].verdict)

    def _settle(self, waiting: dict[Key, Check]) -> Iterator[Result]:
        """Judge those of `waiting` that can be judged now, and take them out."""
        before = None
        while before != len(waiting):
            before = len(waiting)
            for key, check in tuple(waiting.items()):
                judgement = self._judge(check)
                if judgement is not None:
                    self.judged[key] = judgement
                    del waiting[key]
                    yield Result(check, judgement.verdict)

    def _judge(self, check: Check) -> _Judgement | None:
        """Return what the check comes to; None if that is not known yet.

        It waits for all that it asks and needs, so that no result depends on which answer came first.
        """
        asked = questions(check)
        if any(question not in self.answers for question in asked):
            return None
        answers = [(question, self.answers[question]) for question in asked]
        for question, answer in answers:
            match question, answer:
                case Remote(machine), Unreachable() if check.key != login(machine):
                    return self._out_of_reach(machine, answer)
        needs = [key for key in check.needs if key in self.checks]
        if any(key not in self.judged for key in needs):
            return None
        for key in needs:
            need = self.judged[key]
            if not need.well and not (need.unreached and check.even_unreached):
                return _Judgement(Skipped(f"{key} is not well"), well=False)
        for question, answer in answers:
            match answer:
                case Unreachable():
                    return _Judgement(Failed("root can log in", str(answer), answer.advice), well=False)
                case CouldNotLook():
                    return _Judgement(_of_another(check, question, answer), well=False)
        return _judged(check, [answer for _, answer in answers])

    def _out_of_reach(self, machine: str, why: Unreachable) -> _Judgement:
        said = f"{machine} can not be reached"
        if login(machine) in self.checks:
            return _Judgement(Skipped(said), well=False, unreached=True)
        return _Judgement(CouldNotLook(f"{said}: {why}"), well=False, unreached=True)


def _of_another(check: Check, question: Question, answer: CouldNotLook) -> CouldNotLook:
    """Say whose answer it is, unless it is the machine that the check is about."""
    if isinstance(question, Remote) and question.machine != check.key.machine:
        return CouldNotLook(f"{question.machine}: {answer.reason}")
    return answer


def _judged(check: Check, answers: list[Answer]) -> _Judgement:
    try:
        verdict = check.judge(*answers)
    except Exception as error:  # a bug of the check, and the other checks still count
        said = f"hybridlab can not judge this answer: {type(error).__name__}: {error}"
        return _Judgement(CouldNotLook(said), well=False)
    return _Judgement(verdict, well=isinstance(verdict, Ok | Skipped))
