"""What checks came to, told to a person or a program, and as an exit code."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

import click

from hybridlab.cli.ending import ExitCode
from hybridlab.cli.table import format_table
from hybridlab.cli.terminal import safe
from hybridlab.live.checks.check import Check, CouldNotLook, Failed, Ok, Phase, Result, Skipped, Verdict

# The words of a person's table, in the order of how much they matter; JSON has them with hyphens.
_COLORS = {"failed": "red", "could not look": "yellow", "skipped": "cyan", "ok": "green"}
_NONE = "-"


def word(verdict: Verdict) -> str:
    """Return what a person calls a verdict."""
    match verdict:
        case Ok():
            return "ok"
        case Failed():
            return "failed"
        case Skipped():
            return "skipped"
        case CouldNotLook():
            return "could not look"


def count(results: Iterable[Result]) -> str:
    """Return how many came to what, as in `1 failed, 20 ok`."""
    counts = Counter(word(result.verdict) for result in results)
    return ", ".join(f"{counts[name]} {name}" for name in _COLORS if counts[name]) or "nothing to look at"


def exit_code(results: Iterable[Result]) -> ExitCode:
    """Return the code that says whether one failed, or nobody knows of one."""
    unwell = any(isinstance(result.verdict, Failed | CouldNotLook) for result in results)
    return ExitCode.ERRORS if unwell else ExitCode.FINE


def as_object(check: Check) -> Mapping[str, str | None]:
    """Return a check as JSON has it; `machine` is null if it is about none."""
    key = check.key
    return {
        "code": key.code,
        "machine": key.machine,
        "subject": key.subject,
        "phase": check.phase.value,
        "title": check.title,
    }


def as_objects(results: Iterable[Result]) -> Sequence[Mapping[str, str | None]]:
    """Return the results as JSON has them: with all keys always, null where a verdict has no such thing."""
    return [
        {
            **as_object(result.check),
            "status": word(result.verdict).replace(" ", "-"),
            **{
                name: getattr(result.verdict, name, None)
                for name in ("expected", "found", "advice", "reason")
            },
        }
        for result in results
    ]


def checks_table(checks: Iterable[Check]) -> str:
    """Return the checks as a table, without results."""
    rows = [(check.phase.value, str(check.key), check.title) for check in checks]
    return format_table(["PHASE", "CHECK", "WHAT HAS TO BE SO"], rows)


def show_results(results: Sequence[Result], *, verbose: bool) -> None:
    """Show counts by phase and machine, and then in full what is not well; with `verbose` all."""
    groups = _grouped(results)
    rows = [(phase.value, machine or _NONE, count(members)) for (phase, machine), members in groups.items()]
    click.echo(format_table(["PHASE", "MACHINE", "RESULT"], rows), nl=False)
    ordered = [result for members in groups.values() for result in members]
    for line in _verbose(ordered) if verbose else _condensed(ordered):
        click.echo(line)


def _grouped(results: Iterable[Result]) -> Mapping[tuple[Phase, str | None], list[Result]]:
    """Return the results by phase and machine; those about no machine come first in their phase."""
    groups: dict[tuple[Phase, str | None], list[Result]] = {}
    for result in results:
        groups.setdefault((result.check.phase, result.check.key.machine), []).append(result)
    phases = list(Phase)

    def order(group: tuple[Phase, str | None]) -> tuple[int, str]:
        return phases.index(group[0]), group[1] or ""

    return {group: groups[group] for group in sorted(groups, key=order)}


def _verbose(results: Iterable[Result]) -> Iterator[str]:
    for result in results:
        yield from _lines(result)


def _condensed(results: Sequence[Result]) -> Iterator[str]:
    """Yield what is not ok, and in the end what is skipped: once for each reason."""
    skipped: dict[str, list[Result]] = {}
    of = {f"{result.check.key} is not well": result.verdict for result in results}
    for result in results:
        match result.verdict:
            case Skipped(reason):
                skipped.setdefault(_first_reason(reason, of), []).append(result)
            case Failed() | CouldNotLook():
                yield from _lines(result)
    for reason, members in skipped.items():
        if len(members) == 1:
            yield from _lines(members[0])
        else:
            yield f"\n{_styled(members[0].verdict)}: {len(members)} checks"
            yield from _detail("because", reason)


def _first_reason(reason: str, of: Mapping[str, Verdict]) -> str:
    """Return why the first one in a chain of checks that need each other was skipped."""
    while isinstance(before := of.get(reason), Skipped):
        reason = before.reason
    return reason


def _lines(result: Result) -> Iterator[str]:
    """Yield what a check came to, with all that is known about it."""
    key = click.style(f"[{safe(str(result.check.key))}]", dim=True)
    yield f"\n{_styled(result.verdict)}: {safe(result.check.title)} {key}"
    match result.verdict:
        case Ok(found):
            yield from _detail("found", found)
        case Failed(expected, found, advice):
            yield from _detail("expected", expected)
            yield from _detail("found", found)
            yield from _detail("to do", advice)
        case Skipped(reason) | CouldNotLook(reason):
            yield from _detail("because", reason)


def _styled(verdict: Verdict) -> str:
    return click.style(word(verdict), fg=_COLORS[word(verdict)], bold=not isinstance(verdict, Ok))


def _detail(name: str, text: str) -> Iterator[str]:
    for number, line in enumerate(text.splitlines()):
        yield f"  {'' if number else name:<10}{safe(line)}"
