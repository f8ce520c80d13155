"""What hybridlab says of the corpus: which accidents it sees, and what it says of good clusters."""

import enum
from collections.abc import Iterator, Mapping

from attrs import frozen

from corpus.corpus import (
    FOLDER,
    Case,
    Expected,
    Files,
    base_names,
    case_slugs,
    good_names,
    load_base,
    load_case,
    read_files,
    report,
    underlined,
)
from hybridlab import Diagnostic, Severity


class Verdict(enum.Enum):
    """How far an accident is seen: as what it is and where it is; only as something else; not at all."""

    SEEN = "seen"
    ELSEWHERE = "elsewhere"
    MISSED = "missed"


@frozen
class Judged:
    """An accident, whether it is seen, how much that matters, and how many findings nobody expected."""

    case: Case
    verdict: Verdict
    severity: Severity | None
    unexpected: int


def judge(case: Case) -> Judged:
    """Say how hybridlab sees an accident: its first diagnostic has to be told at its place."""
    found = report(case.files()).diagnostics
    told = {_expectation(one): one for one in found}
    unexpected = sum(_expectation(one) not in case.expect for one in found)
    itself = told.get(case.expect[0]) if case.expect else None
    if itself is not None:
        return Judged(case, Verdict.SEEN, itself.severity, unexpected)
    return Judged(case, Verdict.ELSEWHERE if found else Verdict.MISSED, None, unexpected)


def judge_all() -> tuple[Judged, ...]:
    return tuple(judge(load_case(slug)) for slug in case_slugs())


def false_alarms() -> Mapping[str, int]:
    """Return, by the folder of each good cluster, how much hybridlab says of it."""
    return {name: len(report(files)) for name, files in good_clusters()}


def good_clusters() -> Iterator[tuple[str, Files]]:
    """Yield the folder and the files of each base and each other good cluster."""
    yield from ((f"bases/{name}", load_base(name).files) for name in base_names())
    yield from ((f"good/{name}", read_files(FOLDER / "good" / name)) for name in good_names())


def _expectation(diagnostic: Diagnostic) -> Expected:
    return Expected(diagnostic.code, str(diagnostic.path), underlined(diagnostic))
