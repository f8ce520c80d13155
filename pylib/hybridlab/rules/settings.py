"""What the spec says of the rules, applied to what they found: severities, and waivers.

These findings about waivers can not be rules: they are about what the rules find.
"""

import datetime
import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from attrs import evolve

from hybridlab.diagnostic import Diagnostic, Fix, Remove, Severity, SpecPath, Waived
from hybridlab.model.waivers import CheckSettings, Waiver
from hybridlab.rules.registry import ALL_RULES
from hybridlab.rules.rule import Rule

if TYPE_CHECKING:
    from hybridlab.rules.codes import Explained
    from hybridlab.rules.deep.rule import DeepRule

_RULES = {rule.code: rule for rule in ALL_RULES}


def settle(
    found: Iterable[Diagnostic],
    settings: CheckSettings,
    rules: "Sequence[Rule] | Sequence[DeepRule]",
    today: datetime.date,
) -> tuple[list[Diagnostic], list[Waived]]:
    """Return what is left of what `rules` found, with findings about the settings; and what is waived."""
    found = [_weighed(diagnostic, settings.severities) for diagnostic in found]
    by_code: dict[str, list[Waiver]] = {}
    for waiver in settings.waivers:
        if _is_in_force(waiver, today):
            by_code.setdefault(waiver.code, []).append(waiver)
    left: list[Diagnostic] = []
    waived: list[Waived] = []
    used: set[SpecPath] = set()
    for diagnostic in found:
        covering = [w for w in by_code.get(diagnostic.code, ()) if w.covers(diagnostic.code, diagnostic.path)]
        if covering:
            used.update(waiver.path for waiver in covering)
            waived.append(Waived(diagnostic, covering[0].reason))
        else:
            left.append(diagnostic)
    ran = {rule.code for rule in rules}
    for waiver in settings.waivers:
        left += _about(waiver, today, is_used=waiver.path in used, has_run=waiver.code in ran)
    for code in settings.severities:
        left += _about_code(code, SpecPath.of("check", "severities", code), on_key=True)
    return left, waived


def _rule(code: str) -> "Rule | DeepRule | None":
    return _RULES.get(code) or _deep_rules().get(code)


def _deep_rules() -> "dict[str, DeepRule]":
    """Return the rules that need Nix, by code; few specs name one, and making them takes a while."""
    from hybridlab.rules.deep.registry import DEEP_RULES  # noqa: PLC0415

    return {rule.code: rule for rule in DEEP_RULES}


def _explained() -> "Mapping[str, Explained]":
    """Return all that a code can mean; few specs have one that no rule has."""
    from hybridlab.rules.codes import EXPLAINED  # noqa: PLC0415

    return EXPLAINED


def _weighed(diagnostic: Diagnostic, severities: Mapping[str, Severity]) -> Diagnostic:
    severity = severities.get(diagnostic.code)
    if severity is None or (rule := _rule(diagnostic.code)) is None or not rule.waivable:
        return diagnostic
    return evolve(diagnostic, severity=severity)


def _is_in_force(waiver: Waiver, today: datetime.date) -> bool:
    rule = _rule(waiver.code)
    return rule is not None and rule.waivable and (waiver.until is None or today <= waiver.until)


def _about(waiver: Waiver, today: datetime.date, *, is_used: bool, has_run: bool) -> Iterator[Diagnostic]:
    """Yield what is wrong with a waiver."""
    problems = list(_about_code(waiver.code, waiver.path / "code"))
    if problems:
        yield from problems
    elif waiver.until is not None and waiver.until < today:
        yield Diagnostic(
            "CHK003",
            Severity.WARNING,
            f"the waiver of {waiver.code} expired on {waiver.until}",
            waiver.path / "until",
            f"mend what it was for ({waiver.reason}), or give it a later day",
        )
    elif has_run and not is_used and waiver.astray is not None:
        yield Diagnostic(
            "CHK004",
            Severity.WARNING,
            f"the waiver of {waiver.code} waives nothing: {waiver.at!r} is no place of the spec",
            waiver.path / "at",
            waiver.astray,
        )
    elif has_run and not is_used:
        where = "anywhere" if waiver.at is None else f"at {waiver.at}"
        yield Diagnostic(
            "CHK004",
            Severity.WARNING,
            f"the waiver of {waiver.code} waives nothing: the rule finds nothing {where}",
            waiver.path / "code",
            "remove it; `--fix` does",
            fix=Fix(f"remove the waiver of {waiver.code}", (Remove(waiver.path),)),
        )


def _about_code(code: str, path: SpecPath, *, on_key: bool = False) -> Iterator[Diagnostic]:
    rule = _rule(code)
    if rule is None and (other := _explained().get(code)) is not None:
        message = f"{code} ({other.name}) is no rule, and can not be set aside"
        hint = f"`hybridlab explain {code}` says how to mend what it tells of"
        yield Diagnostic("CHK001", Severity.ERROR, message, path, hint, on_key=on_key)
    elif rule is None:
        close = difflib.get_close_matches(code, [*_RULES, *_deep_rules()], n=1)
        hint = f"did you mean {close[0]!r}?" if close else "`hybridlab explain --list` names all rules"
        yield Diagnostic("CHK001", Severity.ERROR, f"there is no rule {code!r}", path, hint, on_key=on_key)
    elif not rule.waivable:
        message = f"{code} ({rule.name}) can not be set aside: nothing can be generated from such a cluster"
        hint = f"`hybridlab explain {code}` says how to mend it"
        yield Diagnostic("CHK002", Severity.ERROR, message, path, hint, on_key=on_key)
