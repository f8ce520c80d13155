"""The chain of a node and where it breaks, told to a person or a program."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import click

from hybridlab.cli.results import as_object, as_objects, word
from hybridlab.cli.table import format_table
from hybridlab.cli.terminal import safe
from hybridlab.live.checks.check import Check, CouldNotLook, Failed, Ok, Result, Skipped, Verdict
from hybridlab.live.diagnose import Broken, Diagnosis, Told, Unknown

_NOT_YET = "not looked at"
_WIDTH = 11


def as_data(diagnosis: Diagnosis) -> Mapping[str, Any]:
    """Return the diagnosis as JSON has it: all keys always, null where there is no such thing."""
    end = diagnosis.end
    broken = end if isinstance(end, Broken) else None
    return {
        "node": diagnosis.node,
        "result": "well" if end is None else "broken" if broken else "could-not-look",
        "link": None if end is None else end.step.link.value,
        "means": None if broken is None else broken.means or None,
        "fix": None if end is None else end.fix,
        "evidence": [
            {"machine": one.machine, "unit": one.unit, "lines": list(one.lines)}
            for one in (broken.evidence if broken else ())
        ],
        "beside": list(as_objects(broken.beside if broken else ())),
        "chain": [_as_object(told) for told in diagnosis.steps],
    }


def _as_object(told: Told) -> Mapping[str, Any]:
    if told.verdict is None:
        without = dict.fromkeys(("expected", "found", "advice", "reason"))
        return {"link": told.link.value, **as_object(told.check), "status": "not-looked-at", **without}
    [found] = as_objects([Result(told.check, told.verdict)])
    return {"link": told.link.value, **found}


def lines(diagnosis: Diagnosis, further: Iterable[Check]) -> Iterator[str]:
    """Yield the diagnosis for a person; `further`: what `verify` would look at besides."""
    told = [one for one in diagnosis.steps if one.verdict is not None]
    rows = [(one.link.value, _word(one.verdict), safe(_line(one))) for one in told]
    links = dict.fromkeys(one.link.value for one in diagnosis.steps if one.verdict is None)
    rows += [(link, _NOT_YET, "") for link in links if link not in {one.link.value for one in told}]
    yield from format_table(["LINK", "RESULT", "WHAT HAS TO BE SO: WHAT WAS FOUND"], rows).splitlines()
    yield ""
    match diagnosis.end:
        case None:
            yield click.style(f"{diagnosis.node} has joined: its chain is well", fg="green", bold=True)
            yield from _further(diagnosis.node, tuple(further))
        case Broken() as broken:
            yield from _broken(diagnosis.node, broken)
        case Unknown(step, fix):
            yield click.style(
                f"could not look at {step.link.value} of {diagnosis.node}, so nobody knows",
                fg="yellow",
                bold=True,
            )
            yield from _detail("because", getattr(step.verdict, "reason", ""))
            yield from _detail("to do", fix)


def _word(verdict: Verdict | None) -> str:
    return _NOT_YET if verdict is None else word(verdict)


def _line(told: Told) -> str:
    match told.verdict:
        case Ok(found):
            return f"{told.check.title}: {found}" if found else told.check.title
        case Skipped(reason) | CouldNotLook(reason):
            return f"{told.check.title}: {reason}"
    return told.check.title


def _broken(node: str, broken: Broken) -> Iterator[str]:
    yield click.style(f"{node}: the chain breaks at {broken.step.link.value}", fg="red", bold=True)
    match broken.step.verdict:
        case Failed(expected, found, _):
            yield from _detail("check", str(broken.step.check.key))
            yield from _detail("expected", expected)
            yield from _detail("found", found)
    for result in broken.beside:
        yield from _detail("also", _said(result))
    for evidence in broken.evidence:
        yield from _detail("journal", f"{evidence.unit} on {evidence.machine}")
        yield from (f"    {safe(line)}" for line in evidence.lines)
    if broken.means:
        yield from _detail("means", broken.means)
    yield from _detail("to do", broken.fix)


def _said(result: Result) -> str:
    found = getattr(result.verdict, "found", "")
    return f"{result.check.key}: expected {getattr(result.verdict, 'expected', '')}, found {found}"


def _further(node: str, further: tuple[Check, ...]) -> Iterator[str]:
    counts: dict[str, int] = {}
    for check in further:
        counts[check.phase.value] = counts.get(check.phase.value, 0) + 1
    if counts:
        said = ", ".join(f"{number} of {phase}" for phase, number in counts.items())
        yield f"`hybridlab verify {node}` looks at {sum(counts.values())} things more: {said}"


def _detail(name: str, text: str) -> Iterator[str]:
    for number, line in enumerate(text.splitlines()):
        yield f"  {'' if number else name:<{_WIDTH}}{safe(line)}"
