"""What a unit's journal says about a trouble: its last lines that speak of one, without secrets.

What they mean is told in `causes`.
"""

import re
from collections.abc import Iterable

from attrs import frozen

from hybridlab.live.chain.redact import redacted
from hybridlab.live.checks.check import Check, Key, Ok, Phase, Remote, Verdict
from hybridlab.live.probe import Output, read

MOST_LINES = 8
_LINES_ASKED_FOR = 200
_LINES_WITHOUT_TROUBLE = 3
_MOST_CHARACTERS = 300

# klog's errors (`E0930 07:02:18.031202 …`), and words of those who have no levels.
_TROUBLE = re.compile(
    r"""(?ix)
    (?-i: (?:^|\s) [EF]\d{4}\s )
    | error | fail | fatal | panic | invalid | denied | forbidden | unauthorized | refused | x509
    | not\ found | does\ not\ exist | no\ such | no\ route | no\ space | no\ identity
    | unreachable | timed?[ ]?out
    | (?:can|could)\s?not | unable | not\ (?:ready|initialized|supported|readable) | is\ empty | hex\ digits
    """
)
_NUMBER = re.compile(r"\d+")
# Before the message of a line: when, the machine's name, the program's with its process.
_HEAD = re.compile(r"^(?:\S+ +\d+ )?\S+ \S+ [^\s:]+(?:\[\d+\])?: ")


@frozen
class Evidence:
    """Lines of a unit's journal, oldest first, none of them with a secret in it."""

    machine: str
    unit: str
    lines: tuple[str, ...]


def journal_key(machine: str, unit: str) -> Key:
    """Return the key under which the journal of a unit is asked for."""
    return Key("journal", machine, unit)


def journal_check(machine: str, unit: str) -> Check:
    """Return what asks for the journal of a unit since the machine's start: a check that is always well."""
    probe = read(
        "journalctl",
        "--no-pager",
        "--boot",
        "--output=short-iso",
        f"--lines={_LINES_ASKED_FOR}",
        f"--unit={unit}",
        fine=(0, 1),  # 1: there is none
    )
    key = journal_key(machine, unit)
    return Check(key, Phase.CLUSTER, f"the journal of {unit}", (Remote(machine, probe),), _judge)


def _judge(output: Output) -> Verdict:
    return Ok("\n".join(lines_about_trouble(output.stdout)))


def evidence(machine: str, unit: str, verdict: Verdict | None) -> Evidence | None:
    """Return what came of a journal; None if nobody could read it, or it is empty."""
    match verdict:
        case Ok(found) if found:
            return Evidence(machine, unit, tuple(found.split("\n")))
    return None


def lines_about_trouble(journal: str) -> tuple[str, ...]:
    """Return the last lines that speak of trouble, or the last of all; each only once, secrets left out."""
    lines = [line.rstrip() for line in redacted(journal).splitlines()]
    lines = [line for line in lines if line and not line.startswith("-- ")]
    about = _last_of_each(line for line in lines if _TROUBLE.search(_HEAD.sub("", line, count=1)))
    shown = about[-MOST_LINES:] if about else _last_of_each(lines)[-_LINES_WITHOUT_TROUBLE:]
    return tuple(_shortened(line) for line in shown)


def _last_of_each(lines: Iterable[str]) -> list[str]:
    """Return the lines without those that are said again later, but for numbers."""
    last: dict[str, str] = {}
    for line in lines:
        same = _NUMBER.sub("", _HEAD.sub("", line, count=1))
        last.pop(same, None)
        last[same] = line
    return list(last.values())


def _shortened(line: str) -> str:
    """Leave out the middle of a long line: in front is who says it, and at its end the reason."""
    half = _MOST_CHARACTERS // 2
    return line if len(line) <= _MOST_CHARACTERS else f"{line[:half]} … {line[-half:]}"
