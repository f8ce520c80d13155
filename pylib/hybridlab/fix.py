"""Mends a spec where only one thing is right, by the fixes that diagnostics carry; it writes no file."""

import codecs
from collections.abc import Collection, Sequence
from pathlib import Path

from attrs import evolve, frozen

from hybridlab.diagnostic import Edit, Fix, Report
from hybridlab.errors import ReportedError, SpecError
from hybridlab.model.resolve import resolve
from hybridlab.rules.check import check
from hybridlab.rules.registry import ALL_RULES
from hybridlab.rules.rule import Rule
from hybridlab.spec.document import decoded, read_content
from hybridlab.spec.document.edit import Editable, UneditableError
from hybridlab.spec.load import load_spec

_MOST_TRIES = 50  # of edits in a round, where not all can be made: each reads the text once more
_MOST_ROUNDS = 20  # a round shows what the faults of the round before hid: shape, names, rules


@frozen
class Fixed:
    """A spec's file before and after, what was done to it, and the findings that are left."""

    before: bytes
    after: bytes
    done: tuple[Fix, ...]
    report: Report


def fix_spec(path: Path, rules: Collection[Rule] = ALL_RULES) -> Fixed:
    """Return the spec at `path` with every fix made that findings of its shape or of `rules` carry.

    The file stays as it is. Raises: SpecError when it can not be read as text.
    """
    before = read_content(path, str(path))
    text = decoded(before, str(path))
    mark = codecs.BOM_UTF8 if before.startswith(codecs.BOM_UTF8) else b""
    done: list[Fix] = []
    report = look(path, rules, text=text)
    for _ in range(_MOST_ROUNDS):
        fixes = [diagnostic.fix for diagnostic in report if diagnostic.fix is not None]
        text, made = _mended(text, fixes, path)
        if not made:
            break
        done += made
        report = look(path, rules, text=text)
    return Fixed(before, mark + text.encode(), tuple(done), report)


def look(path: Path, rules: Collection[Rule] = ALL_RULES, *, text: str | None = None) -> Report:
    """Return all that is wrong with the spec at `path`, or with `text` in its place."""
    try:
        return check(resolve(load_spec(path, text=text)), rules)
    except ReportedError as error:
        return error.report


def _mended(text: str, fixes: Sequence[Fix], path: Path) -> tuple[str, list[Fix]]:
    """Return `text` with those of the fixes that can be made, and these."""
    if not fixes:
        return text, []
    try:
        spec = Editable(text, name=str(path))
    except SpecError:
        return text, []
    made = _makeable(spec, [edit for fix in fixes for edit in fix.edits])
    after = spec.edited(made)
    if after == text:
        return text, []
    done = [evolve(fix, edits=tuple(edit for edit in fix.edits if edit in made)) for fix in fixes]
    return after, [fix for fix in done if fix.edits]


def _makeable(spec: Editable, edits: Sequence[Edit]) -> list[Edit]:
    """Return the edits that can be made together: all but those that would change something else."""
    made: list[Edit] = []
    waiting = [list(edits)]
    for _ in range(_MOST_TRIES):
        if not waiting:
            break
        some = waiting.pop()
        try:
            spec.edited([*made, *some])
        except UneditableError:
            # Which of them it is: halves, the first one first.
            half = len(some) // 2
            waiting += [part for part in (some[half:], some[:half]) if part and part != some]
        else:
            made += some
    return made
