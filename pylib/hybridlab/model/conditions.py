"""Conditions on labels as manifests write them: `matchExpressions`, and the terms of a node's affinity."""

from collections.abc import Mapping
from typing import Any

from hybridlab.model.node import Membership
from hybridlab.model.plain import items, mapping


def satisfies(term: Mapping[str, Any], name: str, member: Membership) -> bool:
    """Whether a node of this name satisfies a term of its affinity, as far as anybody knows here."""
    labels = [mapping(one) for one in items(term.get("matchExpressions"))]
    fields = [mapping(one) for one in items(term.get("matchFields"))]
    # A term without a condition matches nothing.
    return (
        bool(labels or fields)
        and all(
            member.may_say(key := str(one.get("key"))) or _allows(one, member.value_of(key)) for one in labels
        )
        and all(holds(one, {"metadata.name": name}) for one in fields)
    )


def holds(expression: Mapping[str, Any], values: Mapping[str, str]) -> bool:
    """Whether labels satisfy a condition of `matchExpressions`."""
    return _allows(expression, values.get(str(expression.get("key"))))


def _allows(expression: Mapping[str, Any], has: str | None) -> bool:
    """Whether a condition allows the value of its label; None is that there is none."""
    wanted = [str(value) for value in items(expression.get("values"))]
    match expression.get("operator"):
        case "In":
            return has in wanted
        case "NotIn":
            return has not in wanted
        case "Exists":
            return has is not None
        case "DoesNotExist":
            return has is None
        case "Gt" | "Lt" as operator:
            try:
                number, bound = int(has or ""), int(wanted[0])
            except (ValueError, IndexError):
                return False
            return number > bound if operator == "Gt" else number < bound
    return False
