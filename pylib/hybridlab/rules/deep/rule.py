"""What a rule about evaluated machines is: one that reads options of NixOS, with modules as examples.

It knows no such rule.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from textwrap import dedent

from attrs import field, frozen

from hybridlab.diagnostic import Diagnostic, Related, Severity, SpecPath
from hybridlab.model.cluster import Cluster
from hybridlab.model.evaluated import Definition, Evaluated, EvaluatedMachine, Origin
from hybridlab.model.node import Guest, Machine
from hybridlab.rules.rule import readable
from hybridlab.rules.wording import listed


@frozen
class Seen:
    """A machine of the cluster, and what NixOS makes of it."""

    machine: Machine
    nixos: EvaluatedMachine


@frozen
class Difference:
    """What NixOS makes of a machine otherwise than the cluster has it.

    `message` is one sentence without the machine, `path` the value of the spec that the cluster's side comes
    from, `definitions` are those that make the difference. `says` is a part of the message with which a
    machine is refused for the same, so that this is not told twice.
    """

    machine: Machine
    message: str
    path: SpecPath
    hint: str
    definitions: tuple[Definition, ...] = ()
    related: tuple[Related, ...] = ()
    on_key: bool = False
    says: str = ""


Look = Callable[[Cluster, Sequence[Seen]], Iterable[Difference]]


def _prose(text: str) -> str:
    return " ".join(text.split())


def _block(text: str) -> str:
    inside = dedent(text).strip()
    return f"{inside}\n" if inside else ""


@frozen
class Example:
    """A module of somebody's own on a machine of the rules' example, and the path that the rule then reports.

    `also` are other machines that have the module; `patch` is a merge patch on that example's spec, as of
    other rules.
    """

    machine: str
    module: str = field(converter=_block)
    at: SpecPath
    patch: str = field(default="", converter=_block)
    also: tuple[str, ...] = ()

    @property
    def machines(self) -> tuple[str, ...]:
        return (self.machine, *self.also)


@frozen
class DeepRule:
    """One thing that must hold in what NixOS makes of every machine; fields as of `Rule`.

    `reads` are the options that it looks at, as `hybridlab.live.deep.ask` takes them; `good` is a module that
    does much the same and is right.
    """

    code: str
    name: str
    severity: Severity
    summary: str = field(converter=_prose)
    rationale: str = field(converter=_prose)
    source: str = field(converter=_prose)
    reads: tuple[str, ...]
    bad: Example
    good: Example
    waivable: bool
    look: Look = field(repr=False)

    def check(self, cluster: Cluster, machines: Sequence[Seen]) -> Iterator[tuple[Difference, Diagnostic]]:
        """Yield what the rule finds: one finding of what one definition makes of several machines."""
        alike: dict[tuple[str, tuple[str, ...]], list[Difference]] = {}
        for found in self.look(cluster, machines):
            files = tuple(sorted({definition.file for definition in found.definitions}))
            alike.setdefault((found.message, files), []).append(found)
        for group in alike.values():
            yield group[0], self._diagnostic(group)

    def _diagnostic(self, group: Sequence[Difference]) -> Diagnostic:
        first = group[0]
        who = listed(list(dict.fromkeys(str(difference.machine) for difference in group)))
        where = dict.fromkeys(one for difference in group for one in difference.definitions)
        message = f"{who}: {first.message}{_elsewhere(where)}"
        return Diagnostic(
            code=self.code,
            severity=self.severity,
            message=readable(message),
            path=first.path,
            hint=readable(first.hint),
            related=(*_places(where, first.path), *first.related),
            on_key=first.on_key,
        )


def _places(definitions: Iterable[Definition], path: SpecPath) -> Iterator[Related]:
    spans = dict.fromkeys(one.span for one in definitions if one.span is not None)
    for number, span in enumerate(spans):
        yield Related("and here" if number else "defined here", path, span)


def _elsewhere(definitions: Iterable[Definition]) -> str:
    """Return where definitions stand that are in no file of the user: what a place can not show."""
    others = [one for one in definitions if one.span is None]
    files = dict.fromkeys(one.file for one in others if one.file and one.origin is not Origin.OURS)
    unknown = any(not one.file for one in others)
    texts = [*files, *(["a module without a file of its own"] if unknown else [])]
    return f" (defined in {listed(texts)})" if texts else ""


def seen_machines(cluster: Cluster, evaluated: Evaluated) -> tuple[Seen, ...]:
    """Return the machines that NixOS makes, a guest as its host runs it.

    That is what is deployed; it may be another than the flake has by the guest's name.
    """
    found = []
    for machine in cluster.machines:
        nixos = evaluated.machines.get(machine.name)
        if isinstance(machine, Guest) and (host := evaluated.machines.get(machine.host)) is not None:
            nixos = host.guests.get(machine.name, nixos)
        if nixos is not None:
            found.append(Seen(machine, nixos))
    return tuple(found)


def deep_rule(  # noqa: PLR0913 - a rule without one of these is not finished
    code: str,
    name: str,
    *,
    severity: Severity = Severity.ERROR,
    summary: str,
    rationale: str,
    source: str,
    reads: Iterable[str],
    bad: Example,
    good: Example,
    waivable: bool = True,
) -> Callable[[Look], DeepRule]:
    """Turn the function below into a rule; `DEEP_RULES` in registry.py must list it."""

    def decorate(look: Look) -> DeepRule:
        return DeepRule(
            code=code,
            name=name,
            severity=severity,
            summary=summary,
            rationale=rationale,
            source=source,
            reads=tuple(reads),
            bad=bad,
            good=good,
            waivable=waivable,
            look=look,
        )

    return decorate
