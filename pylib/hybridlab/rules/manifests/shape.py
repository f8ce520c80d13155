"""The shape of objects in the user's own manifests: fields that Kubernetes has, with values of their type.

What is said here is said of any field, from the table of them; rules that know a field say more of it, and
then these are silent (`rules/check.py`).
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from attrs import frozen

from hybridlab.diagnostic import SpecPath
from hybridlab.model.cluster import Cluster
from hybridlab.model.plain import is_text, written
from hybridlab.model.workload import KubernetesObject
from hybridlab.rules.rule import OWN, OWN_DOCUMENT, Example, Finding, rule
from hybridlab.rules.wording import listed, nearest
from hybridlab.tables import fields
from hybridlab.tables.fields import ANY, Table

_PLAIN_WORD = re.compile(r"[\w./+=@-]+|…")
_WITH_UNIT = re.compile(r"([0-9]+) ?(?:s|sec|seconds)")
_MOST_FIELDS = 8  # that a hint lists
_WHOLE = {"int32": 2**31, "int64": 2**63}
# What a type is called in a message.
_CALLED = {
    "text": "text",
    "int32": "a whole number",
    "int64": "a whole number",
    "number": "a number",
    "truth": "true or false",
    "amount": "an amount",
    "whole or text": "a whole number or text",
}
_POD = """
        apiVersion: v1
        kind: Pod
        metadata: {{name: app, namespace: default}}
        spec:
          containers:
          - {{name: app, image: "nginx:1.29.1", {}}}
"""


@rule(
    "MAN056",
    "field-that-does-not-exist",
    summary="An object in a manifest has a field that Kubernetes does not have there.",
    rationale="""It is misspelt, at the wrong indentation, or of another kind or version. kubectl asks for
        strict validation, so the API server refuses the object; without it, the field would be dropped
        without a word.""",
    source="the API server's own description of its fields (OpenAPI); Kubernetes docs, Field validation",
    bad=Example(
        OWN,
        at=OWN_DOCUMENT / "spec" / "containers" / 0 / "livenesProbe",
        manifest=_POD.format("livenesProbe: {tcpSocket: {port: 80}}"),
    ),
    good=OWN,
    good_manifest=_POD.format("livenessProbe: {tcpSocket: {port: 80}}"),
)
def field_that_does_not_exist(cluster: Cluster) -> Iterable[Finding]:
    for one, found in _faults(cluster):
        if isinstance(found, _Unknown):
            yield Finding(
                f"{one} has a field {_below(one, found.path)!r}, which Kubernetes does not have",
                found.path,
                found.hint,
                on_key=True,
                group=str(found.path[:-1]),
            )


@rule(
    "MAN057",
    "value-of-another-type",
    summary="A field in a manifest has text where Kubernetes wants a list, a number in quotes, or the like.",
    rationale="""Each field takes values of one type: a number in quotes is text, and text is no list of one
        word. The API server refuses the object; of a number that is too large for its field, it keeps some of
        the digits.""",
    source="the API server's own description of its fields (OpenAPI); 'expected …, got …' in its refusals",
    bad=Example(
        OWN,
        at=OWN_DOCUMENT / "spec" / "containers" / 0 / "command",
        manifest=_POD.format("command: nginx -V"),
    ),
    good=OWN,
    good_manifest=_POD.format("command: [nginx, -V]"),
)
def value_of_another_type(cluster: Cluster) -> Iterable[Finding]:
    for one, found in _faults(cluster):
        if isinstance(found, _Mismatch):
            yield Finding(
                f"{one} has {found.has} as {_below(one, found.path)!r}, where {found.wants} is meant",
                found.path,
                found.hint,
            )


@frozen
class _Unknown:
    path: SpecPath
    hint: str | None


@frozen
class _Mismatch:
    path: SpecPath
    has: str
    wants: str
    hint: str | None


def _below(one: KubernetesObject, path: SpecPath) -> str:
    return ".".join(map(str, path[len(one.path) :]))


def _faults(cluster: Cluster) -> Iterator[tuple[KubernetesObject, _Unknown | _Mismatch]]:
    # A later minor may have more fields than the table.
    if cluster.kubernetes is None or not fields.knows(cluster.kubernetes.minor):
        return
    for one in cluster.objects:
        table = fields.table()
        if (name := table.of(one.api_version, one.kind)) is not None:
            for found in _Shape(table, one).faults(name, one.data, one.path, ()):
                yield one, found


@frozen
class _Shape:
    """Walks data beside the types that it should have."""

    table: Table
    one: KubernetesObject

    def faults(
        self, kind: str, value: Any, path: SpecPath, above: tuple[str, ...]
    ) -> Iterator[_Unknown | _Mismatch]:
        """Yield what of `value` differs from type `kind`; `above` are the types around it, outermost first.

        A value that is null is left out, as the API server leaves it out.
        """
        if kind == ANY or value is None:
            return
        inside = kind[1:-1]
        match value:
            case dict() if kind in self.table.types:
                known = self.table.types[kind]
                for key, child in value.items():
                    if key in known:
                        yield from self.faults(known[key], child, path / key, (*above, kind))
                    else:
                        yield _Unknown(path / key, self._place_of(key, known, above, path))
            case dict() if kind.startswith("{"):
                for key, child in value.items():
                    yield from self.faults(inside, child, path / key, above)
            case list() if kind.startswith("["):
                for index, child in enumerate(value):
                    yield from self.faults(inside, child, path / index, above)
            case _ if not _is_of(kind, value):
                yield _Mismatch(
                    path, self._shown(value), self._called(kind), self._instead(kind, value, path)
                )

    def _place_of(self, key: str, known: Mapping[str, str], above: tuple[str, ...], path: SpecPath) -> str:
        """Say what may have been meant by an unknown field, or where it belongs."""
        for field, kind in known.items():
            if key in self.table.types.get(kind.strip("[]"), ()):
                return f"it belongs into {field!r}: indent it below that"
        for kind in reversed(above):
            if key in self.table.types[kind]:
                return "it belongs further out: indent it less"
        fold = {field.lower(): field for field in known}
        if (close := nearest(key.lower(), fold)) is not None:
            return f"did you mean {fold[close]!r}?"
        if len(known) <= _MOST_FIELDS:
            return f"the fields here are {listed(sorted(known), _MOST_FIELDS)}"
        names = [
            self.one.kind.lower(),
            *(str(step) for step in path[len(self.one.path) :] if isinstance(step, str)),
        ]
        return f"`kubectl explain {'.'.join(names)}` lists the fields that there are"

    @property
    def _is_secret(self) -> bool:
        """Whether no value may be told."""
        return self.one.kind == "Secret"

    def _shown(self, value: object) -> str:
        match value:
            case dict():
                return "a mapping"
            case list():
                return "a list"
            case str() if self._is_secret or len(value) > 40:
                return "text"
            case str():
                return f"the text {value!r}"
        return "a value" if self._is_secret else written(value)

    def _called(self, kind: str) -> str:
        if kind.startswith("["):
            return "a list"
        return _CALLED.get(kind, "a mapping")

    def _instead(self, kind: str, value: object, path: SpecPath) -> str | None:
        shown = "…" if isinstance(value, dict | list) or self._is_secret else written(value)
        if kind.startswith("["):
            if isinstance(value, dict):
                return "write '- ' before each of its items"
            words = shown.split() if path[-1] in ("command", "args") else [shown]
            is_plain = all(_PLAIN_WORD.fullmatch(word) for word in words)
            return f"write a list: [{', '.join(words) if is_plain else '…'}]"
        if kind in self.table.types:
            known = sorted(self.table.types[kind])
            return f"it has {'the field' if len(known) == 1 else 'fields like'} {listed(known, _MOST_FIELDS)}"
        if kind.startswith("{"):
            return "write NAME: VALUE for each"
        match kind, value:
            case "text", dict() | list():
                is_file = path[-2] in ("annotations", "data", "stringData")
                return f"write {path[-1]}: |, and indent what follows" if is_file else None
            case "text", _:
                return f'write it in quotes: "{shown}"'
            case (("int32" | "int64" | "number"), str()) if value.isdecimal():
                return f"write it without quotes: {shown}"
            case (("int32" | "int64"), str()) if (amount := _WITH_UNIT.fullmatch(value)) is not None:
                return f"write the number alone: {amount[1]}"
            case (("int32" | "int64"), int()) if not isinstance(value, bool):
                return f"write a number below {_WHOLE[kind]}"
            case (("int32" | "int64"), _):
                return "write a whole number"
            case "truth", str() if value.lower() in ("true", "false"):
                return f"write it without quotes: {value.lower()}"
            case "truth", _ if (reading := getattr(value, "reading", None)) in ("true", "false"):
                return f"write {reading}: not all readers take {shown} for it"
        return None


def _is_of(kind: str, value: Any) -> bool:
    """Whether the API server takes a single value for one of this type."""
    is_truth = isinstance(value, bool)
    is_number = isinstance(value, int | float) and not is_truth
    match kind:
        case "text":
            return is_text(value)
        case "truth":
            return is_truth
        case "int32" | "int64":
            return is_number and value == value // 1 and -_WHOLE[kind] <= value < _WHOLE[kind]
        case "number":
            return is_number
        case "amount":
            return is_number or is_text(value)
        case "whole or text":
            return is_text(value) or (is_number and value == value // 1)
    return False
