"""Mends a spec where only one thing is right, by the fixes that diagnostics carry; it writes no file."""

import codecs
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from attrs import frozen

from hybridlab.diagnostic import Fix, Report
from hybridlab.errors import ReportedError
from hybridlab.model.resolve import resolve
from hybridlab.rules.check import check
from hybridlab.rules.registry import ALL_RULES
from hybridlab.rules.rule import Rule
from hybridlab.spec.document import decoded, read_content
from hybridlab.spec.document.edit import UneditableError, edit_text
from hybridlab.spec.load import load_spec

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
    if (after := _edited(text, fixes, path)) is not None:
        return after, list(fixes)
    made: list[Fix] = []
    for fix in fixes:
        # An edit before this one may have moved list items; what does not fit any more has its turn later.
        if not made and (after := _edited(text, [fix], path)) is not None:
            text = after
            made.append(fix)
    return text, made


def _edited(text: str, fixes: Iterable[Fix], path: Path) -> str | None:
    edits = [edit for fix in fixes for edit in fix.edits]
    try:
        after = edit_text(text, edits, name=str(path))
    except UneditableError:
        return None
    return None if after == text else after
