"""What a check has to say, as values: where, how bad, what, and what to do about it.

Nothing here formats for a terminal or knows a rule; only the command line renders a `Report`.
"""

import enum
from collections.abc import Iterable, Iterator, Sequence
from itertools import takewhile
from typing import Protocol, Self

from attrs import evolve, field, frozen


class Severity(enum.Enum):
    """How much a finding matters; only an error stops `generate` and `deploy`."""

    ERROR = "error"
    WARNING = "warning"


class SpecPath(tuple[str | int, ...]):
    """A place in the spec by its keys and list indexes, printed as `guests.k8s-master.address`."""

    __slots__ = ()

    def __truediv__(self, key: str | int) -> Self:
        return type(self)((*self, key))

    def __str__(self) -> str:
        return ".".join(str(key) for key in self) or "the spec"

    @classmethod
    def of(cls, *keys: str | int) -> Self:
        return cls(keys)


@frozen(order=True)
class SourceSpan:
    """A stretch of one line of a file; line and column count from 1, in characters.

    `width` is the number of characters that a caret line underlines (at least 1), `text` the whole line
    as it stands in the file, without its line break.
    """

    file: str
    line: int
    column: int
    width: int = 1
    text: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class Source(Protocol):
    """Something that knows where the values of a spec were written."""

    def locate(self, path: SpecPath, *, key: bool = False) -> SourceSpan | None:
        """Return the span of the value at `path` (`key`: of its key), or of its nearest written parent."""


class NoSource:
    """The source of a spec that was built in Python: it has no positions."""

    def locate(self, path: SpecPath, *, key: bool = False) -> SourceSpan | None:
        return None


@frozen
class Related:
    """The other side of a conflict: a second place, and what stands there."""

    message: str
    path: SpecPath
    span: SourceSpan | None = None


@frozen
class SetValue:
    """Write another value where the scalar at `path` stands."""

    path: SpecPath
    value: str | int


@frozen
class RenameKey:
    """Write `name` for the key at `path`, and leave its value."""

    path: SpecPath
    name: str


@frozen
class Remove:
    """Take away the key at `path` with its value, or the item of a list."""

    path: SpecPath


Edit = SetValue | RenameKey | Remove


@frozen
class Fix:
    """What makes a finding go, where only one thing is right: `what` it does, and the edits of the spec.

    Each edit stands for itself: one that can not be made keeps none of the others from being made.
    """

    what: str
    edits: tuple[Edit, ...]


@frozen
class Diagnostic:
    """One finding: a stable code, its severity, a message that names both sides, and where it was written.

    `on_key` puts the caret under the key instead of the value (an unknown key, a bad name). Findings of one
    code and `group` have one cause; `fix` is what `check --fix` would do.
    """

    code: str
    severity: Severity
    message: str
    path: SpecPath = field(factory=SpecPath)
    hint: str | None = None
    related: tuple[Related, ...] = ()
    on_key: bool = False
    span: SourceSpan | None = None
    group: str | None = None
    fix: Fix | None = None

    def located(self, source: Source) -> Self:
        """Return this diagnostic with every missing span looked up in `source`."""
        related = tuple(
            other if other.span else evolve(other, span=source.locate(other.path)) for other in self.related
        )
        span = self.span or source.locate(self.path, key=self.on_key)
        related = tuple(_told_apart(other, span, self.path, source) for other in related)
        return evolve(self, related=related, span=span)

    @property
    def sort_key(self) -> tuple[str, int, int, str, str, str]:
        """Order by place, then code; findings without a place go by their path, after the others."""
        if self.span is None:
            return ("\uffff", 0, 0, str(self.path), self.code, self.message)
        return (self.span.file, self.span.line, self.span.column, str(self.path), self.code, self.message)


def _told_apart(other: Related, span: SourceSpan | None, path: SpecPath, source: Source) -> Related:
    """Return the other side of a conflict; where it is written in the same place, saying how that comes."""
    if span is None or other.span != span or other.path == path:
        return other
    shared = takewhile(lambda pair: pair[0] == pair[1], zip(path, other.path, strict=False))
    # What is not written at all is shown where both would be.
    if source.locate(SpecPath(key for key, _ in shared)) == span:
        return other
    return evolve(other, message=f"{other.message}, from the same line: an alias, or <<, repeats it")


@frozen
class Waived:
    """A finding that the spec says is meant so, and the reason that stands there."""

    diagnostic: Diagnostic
    reason: str


@frozen
class Report:
    """Every finding of one look at a spec, in a stable order, each once; `waived` are not counted in it."""

    diagnostics: tuple[Diagnostic, ...] = ()
    waived: tuple[Waived, ...] = ()

    @classmethod
    def of(
        cls,
        diagnostics: Iterable[Diagnostic],
        source: Source | None = None,
        *,
        waived: Iterable[Waived] = (),
    ) -> Self:
        """Return the report, with places looked up in `source`, and many findings of one cause as one."""
        located = (d.located(source) if source is not None else d for d in diagnostics)
        once = _one_for_each_place(sorted(set(located), key=lambda d: d.sort_key))
        found = _one_for_each_cause(tuple(once))
        if source is not None:
            waived = (evolve(one, diagnostic=one.diagnostic.located(source)) for one in waived)
        return cls(tuple(found), tuple(sorted(waived, key=lambda one: one.diagnostic.sort_key)))

    def __iter__(self) -> Iterator[Diagnostic]:
        return iter(self.diagnostics)

    def __len__(self) -> int:
        return len(self.diagnostics)

    def __add__(self, other: "Report") -> "Report":
        return Report.of((*self, *other), waived=(*self.waived, *other.waived))

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        return tuple(d for d in self if d.severity is Severity.ERROR)

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        return tuple(d for d in self if d.severity is Severity.WARNING)

    @property
    def ok(self) -> bool:
        """Whether nothing here stops the cluster from being generated."""
        return not self.errors


def _one_for_each_place(diagnostics: Iterable[Diagnostic]) -> Iterator[Diagnostic]:
    """Yield the findings; what an alias repeats, alike but for the path, once, with all its fixes."""
    alike: dict[object, list[Diagnostic]] = {}
    for one in diagnostics:
        shown = (one.span, one.code, one.severity, one.message, one.hint, one.related)
        alike.setdefault(shown if one.span is not None else one, []).append(one)
    for first, *others in alike.values():
        edits = {edit: None for one in (first, *others) if one.fix is not None for edit in one.fix.edits}
        yield first if first.fix is None else evolve(first, fix=evolve(first.fix, edits=tuple(edits)))


_MOST_ALIKE = 3


def _one_for_each_cause(diagnostics: Sequence[Diagnostic]) -> Iterator[Diagnostic]:
    """Yield the findings; of more than three with one code and group the first, which tells the others."""
    groups: dict[tuple[str, str | None], list[Diagnostic]] = {}
    for diagnostic in diagnostics:
        groups.setdefault((diagnostic.code, diagnostic.group), []).append(diagnostic)
    for diagnostic in diagnostics:
        first, *others = groups[diagnostic.code, diagnostic.group]
        if diagnostic.group is None or len(others) < _MOST_ALIKE:
            yield diagnostic
        elif diagnostic is first:
            alike = tuple(Related(other.message, other.path, other.span) for other in others)
            fixes = [one.fix for one in (first, *others) if one.fix is not None]
            edits = tuple(edit for fix in fixes for edit in fix.edits)
            yield evolve(
                first,
                message=f"{first.message} (and {len(others)} more like this)",
                related=(*first.related, *alike),
                group=None,
                fix=evolve(fixes[0], edits=edits) if fixes else None,
            )
