"""What the spec says of rules: which findings are meant so, and how much a rule matters here."""

import datetime
from collections.abc import Mapping
from types import MappingProxyType

from attrs import frozen

from hybridlab.diagnostic import Severity, SpecPath


@frozen
class Waiver:
    """Findings of `code` at the place `at` of the spec, and below it, are meant so; None is everywhere.

    `until` is the last day on which this counts; `path` is where it stands. `astray` is what to do about an
    `at` that is no place of the spec.
    """

    code: str
    at: str | None
    reason: str
    until: datetime.date | None
    path: SpecPath
    astray: str | None = None

    def covers(self, code: str, path: SpecPath) -> bool:
        """Return whether this is about a finding of `code` at `path`."""
        if code != self.code or self.at is None:
            return code == self.code
        # By whole keys: a dot in one (`example.com/gpu`, `app.yaml`) ends none.
        return any(str(SpecPath(path[:length])) == self.at for length in range(len(path), 0, -1))


@frozen
class CheckSettings:
    """The waivers, in the order of the spec, and severities that differ from those of the rules, by code."""

    waivers: tuple[Waiver, ...] = ()
    severities: Mapping[str, Severity] = MappingProxyType({})
