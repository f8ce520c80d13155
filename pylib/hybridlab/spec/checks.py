"""What the user says of the rules themselves: findings that are meant so, and how much a rule matters."""

import datetime
import re
from collections.abc import Mapping
from types import MappingProxyType

from attrs import field

from hybridlab.diagnostic import Severity
from hybridlab.spec.define import doc, spec_class
from hybridlab.spec.scalars import ScalarError, Text


class RuleCode(Text):
    """The code of a rule; whether there is such a rule is not known here."""

    __slots__ = ()
    expected = "the code of a rule (like NET007)"
    pattern = re.compile(r"[A-Z0-9]{2,3}[0-9]{3}")

    @classmethod
    def suggest(cls, text: str) -> str | None:
        return "`hybridlab explain --list` names all rules"


class Reason(Text):
    """A sentence for whoever reads the spec later."""

    __slots__ = ()
    expected = "a reason, in words"
    pattern = re.compile(r".*\S.*", re.DOTALL)


class Date(Text):
    """A day, as ISO 8601 writes it."""

    __slots__ = ()
    expected = "a date (like 2027-03-31)"
    pattern = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

    @classmethod
    def verify(cls, text: str) -> None:
        try:
            datetime.date.fromisoformat(text)
        except ValueError as error:
            raise ScalarError(f"{text!r} is not {cls.expected}: {error}") from None

    @property
    def day(self) -> datetime.date:
        return datetime.date.fromisoformat(self)


@spec_class
class WaiverSpec:
    """A finding that is meant so: it is not reported."""

    code: RuleCode = field(metadata=doc("the rule's code, like `NET007`"))
    at: Reason | None = field(
        default=None,
        metadata=doc(
            "the place in the spec, like `guests.k8s-worker-1`, and all below it; by default everywhere"
        ),
    )
    reason: Reason = field(metadata=doc("why it is meant so"))
    until: Date | None = field(
        default=None,
        metadata=doc("the last day on which this counts, like `2027-03-31`; by default for good"),
    )


@spec_class
class CheckSpec:
    """What `hybridlab check` makes of its findings."""

    waivers: tuple[WaiverSpec, ...] = field(
        default=(), metadata=doc("findings that are meant so; one that nothing needs is reported")
    )
    severities: Mapping[RuleCode, Severity] = field(
        default=MappingProxyType({}),
        metadata=doc("by the rule's code, `error` or `warning` in place of the rule's own severity"),
    )
