"""What a rule is: a code and a name, why it matters, a bad and a good example, and the function that looks.

It knows no rule.
"""

from collections.abc import Callable, Iterable, Iterator
from textwrap import dedent

from attrs import evolve, field, frozen
from attrs.converters import optional

from hybridlab.diagnostic import Diagnostic, Fix, Related, Severity, SpecPath
from hybridlab.model.cluster import Cluster


@frozen
class Finding:
    """What a rule found, without the code and severity, which are the rule's; fields as of `Diagnostic`."""

    message: str
    path: SpecPath
    hint: str | None = None
    related: tuple[Related, ...] = ()
    on_key: bool = False
    group: str | None = None
    fix: Fix | None = None


Look = Callable[[Cluster], Iterable[Finding]]


def _prose(text: str) -> str:
    return " ".join(text.split())


def readable(text: str) -> str:
    """Return a message on one line, with escapes for what nobody sees: it may quote a manifest's text."""
    if text.isprintable():
        return text
    shown = (c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
    return "".join(shown)


def _block(text: str) -> str:
    return dedent(text).strip() + "\n"


# An example's folder of manifests, and the first document of the one file in it.
OWN = "workloads: {own: {type: manifests, folder: own}}"
OWN_DOCUMENT = SpecPath.of("workloads", "own", "folder", "app.yaml", 0)


@frozen
class Example:
    """A mistake: a merge patch (RFC 7396) in YAML on `example.yaml`, and the path that the rule reports.

    `manifest` is what `app.yaml` holds in the folder `own`, where the patch names that.
    """

    patch: str = field(converter=_block)
    at: SpecPath
    manifest: str | None = field(default=None, converter=optional(_block))


@frozen
class Rule:
    """One thing that must hold in every cluster.

    `summary` says in one sentence what is wrong where the rule fires, `rationale` what happens then, `source`
    how we know; `good` and `good_manifest` are the example put right. A code never changes its meaning.
    Where a rule is not `waivable`, nothing can be generated from a cluster that breaks it.
    """

    code: str
    name: str
    severity: Severity
    summary: str
    rationale: str = field(converter=_prose)
    source: str = field(converter=_prose)
    bad: Example
    good: str = field(converter=_block)
    good_manifest: str | None = field(converter=optional(_block))
    waivable: bool
    look: Look = field(repr=False)

    def check(self, cluster: Cluster) -> Iterator[Diagnostic]:
        """Yield what the rule finds in `cluster`, without places in a file."""
        for found in self.look(cluster):
            yield Diagnostic(
                code=self.code,
                severity=self.severity,
                message=readable(found.message),
                path=found.path,
                hint=None if found.hint is None else readable(found.hint),
                related=tuple(evolve(other, message=readable(other.message)) for other in found.related),
                on_key=found.on_key,
                group=found.group,
                fix=found.fix,
            )


def rule(  # noqa: PLR0913 - a rule without one of these is not finished
    code: str,
    name: str,
    *,
    severity: Severity = Severity.ERROR,
    summary: str,
    rationale: str,
    source: str,
    bad: Example,
    good: str,
    good_manifest: str | None = None,
    waivable: bool = True,
) -> Callable[[Look], Rule]:
    """Turn the function below into a rule; `ALL_RULES` in registry.py must list it."""

    def decorate(look: Look) -> Rule:
        return Rule(
            code=code,
            name=name,
            severity=severity,
            summary=summary,
            rationale=rationale,
            source=source,
            bad=bad,
            good=good,
            good_manifest=good_manifest,
            waivable=waivable,
            look=look,
        )

    return decorate
