"""Which of all rules are asked, by their codes; what the rules are about is not known here."""

import difflib
from collections.abc import Collection
from typing import TYPE_CHECKING, TypeAlias

from hybridlab.rules.registry import ALL_RULES
from hybridlab.rules.rule import Rule

if TYPE_CHECKING:
    from hybridlab.rules.deep.rule import DeepRule

AnyRule: TypeAlias = "Rule | DeepRule"


class SelectionError(Exception):
    """No rule is meant by what was written; the text is for whoever wrote it."""


def select_rules(
    select: Collection[str], ignore: Collection[str], rules: tuple[AnyRule, ...] = ALL_RULES
) -> tuple[AnyRule, ...]:
    """Return the rules whose codes begin as one in `select` (none: all), and as none in `ignore`, in order.

    Raises: SelectionError when one in either is the beginning of no rule's code, or when no rule is left.
    """
    wanted = tuple(_beginning(text, rules) for text in select)
    unwanted = tuple(_beginning(text, rules) for text in ignore)
    left = tuple(
        rule
        for rule in rules
        if (not wanted or rule.code.startswith(wanted)) and not rule.code.startswith(unwanted)
    )
    if not left:
        raise SelectionError("no rule is left: what is selected is ignored too")
    return left


def _beginning(text: str, rules: tuple[AnyRule, ...]) -> str:
    beginning = text.upper()
    if beginning and any(rule.code.startswith(beginning) for rule in rules):
        return beginning
    # Only now, for a message: making all that is explained takes a while.
    from hybridlab.rules.codes import OTHER_CODES  # noqa: PLC0415
    from hybridlab.rules.deep.registry import DEEP_RULES  # noqa: PLC0415
    from hybridlab.rules.page import CONCERNS  # noqa: PLC0415

    for group in OTHER_CODES:
        if beginning and any(code.code.startswith(beginning) for code in group.codes):
            raise SelectionError(
                f"{text!r} is of no rule: whatever is selected or ignored, {group.told_by} tells it"
            )
    if beginning and any(rule.code.startswith(beginning) for rule in DEEP_RULES):
        raise SelectionError(f"{text!r} is asked with --deep only")
    close = difflib.get_close_matches(beginning, [*(rule.code for rule in rules), *CONCERNS], n=1)
    hint = f"did you mean {close[0]!r}?" if close else "`hybridlab explain --list` names all"
    raise SelectionError(f"no rule has a code that begins with {text!r}; {hint}")
