"""A YAML document as a tree of nodes that know where they were written.

The tree is composed from ruamel.yaml's events instead of its objects, because only so every value keeps its
place, a duplicate key is seen, and depth and alias expansion are bounded before anything is built. What the
values mean is not known here.

Scalars are read by the YAML 1.2 core schema. A plain scalar that YAML 1.1 readers turn into something else
(`no`, `12:30`, `017`) becomes an `Ambiguous` value, which no key accepts: it is refused with an explanation
instead of being right for one reader and wrong for the next.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn, TypeAlias

from attrs import field, frozen
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, StreamMark, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
    StreamStartEvent,
)

from hybridlab.diagnostic import Diagnostic, Related, Report, Severity, SourceSpan, SpecPath
from hybridlab.errors import SpecError
from hybridlab.spec.scalars import hidden_character

MAX_BYTES = 16 * 2**20  # 10,000 machines take about 2 MiB
MAX_DEPTH = 40  # the spec itself is six levels deep
MAX_NODES = 1_000_000  # with aliases expanded: what bounds an alias bomb

Data: TypeAlias = "bool | int | float | str | list[Data] | dict[str, Data] | Ambiguous | None"


@frozen
class Ambiguous:
    """A plain scalar that YAML 1.1 and YAML 1.2 read differently."""

    text: str
    reading: str


@frozen(eq=False)
class Node:
    """A value in the document; `size` and `depth` count with aliases expanded."""

    span: SourceSpan
    size: int = field(default=1, kw_only=True)
    depth: int = field(default=0, kw_only=True)


@frozen(eq=False)
class Scalar(Node):
    """One value: `text` as the reader sees it, `plain` when it stands without quotes."""

    text: str
    plain: bool


@frozen(eq=False)
class Sequence(Node):
    """A list of nodes."""

    items: tuple[Node, ...]


@frozen(eq=False)
class Mapping(Node):
    """Nodes by key, each with the span of its key, in the order of the file."""

    entries: dict[str, tuple[SourceSpan, Node]]


_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(
    r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
)
_YAML11 = (
    (re.compile(r"[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?"), "a number in base 60"),
    (re.compile(r"[-+]?0[0-7_]+"), "an octal number"),
    (re.compile(r"[-+]?0b[01_]+"), "a binary number"),
    (re.compile(r"[-+]?[0-9][0-9_]*_[0-9_]*(?:\.[0-9_]*)?|[-+]?0x[0-9a-fA-F_]*_[0-9a-fA-F_]*"), "a number"),
    (re.compile(r"y|Y|yes|Yes|YES|on|On|ON"), "true"),
    (re.compile(r"n|N|no|No|NO|off|Off|OFF"), "false"),
)


def _plain_value(text: str) -> Data:
    for pattern, reading in _YAML11:
        if pattern.fullmatch(text):
            return Ambiguous(text, reading)
    if text in ("", "~", "null", "Null", "NULL"):
        return None
    if text in ("true", "True", "TRUE", "false", "False", "FALSE"):
        return text.lower() == "true"
    if _INT.fullmatch(text) and len(text) < 40:
        return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
    if _FLOAT.fullmatch(text):
        return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
    return text


def to_data(node: Node) -> Data:
    """Return the plain Python value of `node`; an aliased node is built anew at every place it stands."""
    match node:
        case Scalar(text=text, plain=plain):
            return _plain_value(text) if plain else text
        case Sequence(items=items):
            return [to_data(item) for item in items]
        case Mapping(entries=entries):
            return {key: to_data(value) for key, (_, value) in entries.items()}
    raise AssertionError(node)


@frozen(eq=False)
class Document:
    """One YAML document of one file: its root node, and where every value stands."""

    root: Node

    def node(self, path: SpecPath) -> Node | None:
        """Return the node at `path`, or None where nothing is written."""
        found = self._walk(path)
        return found[1] if found[2] == len(path) else None

    def locate(self, path: SpecPath, *, key: bool = False) -> SourceSpan | None:
        """Return the span of the value at `path` (with `key`: of its key), or of its nearest written parent.

        A parent that is missing a key is shown at its own key, where a reader looks for it, and so is a key
        whose value is missing.
        """
        key_span, node, reached = self._walk(path)
        is_written = isinstance(node, Scalar) and not (node.plain and node.text == "")
        if key_span is not None and (key or reached < len(path) or not is_written):
            return key_span
        return node.span

    def _walk(self, path: SpecPath) -> tuple[SourceSpan | None, Node, int]:
        key_span, node = None, self.root
        for reached, step in enumerate(path):
            match node:
                case Mapping(entries=entries) if step in entries:
                    key_span, node = entries[str(step)]
                case Sequence(items=items) if isinstance(step, int) and step < len(items):
                    key_span, node = None, items[step]
                case _:
                    return key_span, node, reached
        return key_span, node, len(path)


def read_document(path: Path, *, name: str) -> Document:
    """Read and compose the one document of the file at `path`, calling it `name` in every message.

    Raises: SpecError when it can not be read, is not UTF-8 text, not YAML, or too deep or large.
    """
    return parse_document(_decode(_read_bytes(path, name), name), name=name)


def parse_document(text: str, *, name: str) -> Document:
    """Compose `text`; see `read_document`."""
    text = text.removeprefix("\ufeff")
    _refuse_hidden(text, name)
    return Document(_Composer(text, name).compose())


def _fail(
    code: str, message: str, span: SourceSpan, hint: str | None = None, related: tuple[Related, ...] = ()
) -> NoReturn:
    raise SpecError(
        Report.of([Diagnostic(code, Severity.ERROR, message, hint=hint, span=span, related=related)])
    )


def _read_bytes(path: Path, name: str) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        _fail("SPEC001", f"can not read {name}: {reason}", SourceSpan(name, 1, 1))
    if len(content) > MAX_BYTES:
        _fail("SPEC001", f"{name} is larger than {MAX_BYTES // 2**20} MiB", SourceSpan(name, 1, 1))
    return content


def _decode(content: bytes, name: str) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        before = content[: error.start].decode()
        span = _span_at(before, len(before), name)
        _fail(
            "SPEC002", f"byte 0x{content[error.start]:02x} is not UTF-8 text", span, "save the file as UTF-8"
        )


def _refuse_hidden(text: str, name: str) -> None:
    # A carriage return is fine as half of a Windows line end; the readers fold it away.
    readable = text.replace("\r\n", " \n")
    if hidden := hidden_character(readable):
        index, char = hidden
        _fail(
            "SPEC002",
            f"invisible character {char}",
            _span_at(text, index, name),
            "remove it, or write it as an escape",
        )


def _span_at(text: str, index: int, name: str, width: int = 1) -> SourceSpan:
    start = text.rfind("\n", 0, index) + 1
    end = text.find("\n", index)
    line = text[start : end if end >= 0 else len(text)].rstrip("\r")
    column = index - start + 1
    return SourceSpan(
        name, text.count("\n", 0, index) + 1, column, max(1, min(width, len(line) - column + 1)), line
    )


class _Composer:
    """Builds the node tree from ruamel.yaml's events, one document long."""

    def __init__(self, text: str, name: str) -> None:
        self._text = text
        self._name = name
        self._lines = text.split("\n")
        self._anchors: dict[str, Node | None] = {}  # None while the anchored node is still being built
        self._events: Iterator[Event] = YAML(typ="safe", pure=True).parse(text)

    def compose(self) -> Node:
        try:
            self._next(StreamStartEvent)
            if isinstance(self._next(), StreamEndEvent):
                self._fail_at(0, "SPEC006", f"{self._name} is empty", "start from the example in the README")
            root = self._node(self._next(), depth=1)
            self._next()  # the document's end
            event = self._next()
        except MarkedYAMLError as error:
            self._fail_syntax(error)
        except (YAMLError, ValueError) as error:
            # ruamel's reader and a few of its value conversions know no place.
            self._fail_at(0, "SPEC003", f"not YAML: {str(error).splitlines()[0]}")
        if isinstance(event, DocumentStartEvent):
            self._fail_at(
                event.start_mark.index, "SPEC006", "a second document starts here, a spec is one document"
            )
        if isinstance(root, Scalar) and root.plain and root.text == "":
            self._fail_at(0, "SPEC006", f"{self._name} is empty", "start from the example in the README")
        return root

    def _next(self, expected: type[Event] = Event) -> Event:
        event = next(self._events)
        assert isinstance(event, expected)
        return event

    def _node(self, event: Event, depth: int) -> Node:
        if isinstance(event, AliasEvent):
            return self._alias(event)
        if depth > MAX_DEPTH:
            self._fail_at(event.start_mark.index, "SPEC005", f"nested deeper than {MAX_DEPTH} levels")
        assert isinstance(event, NodeEvent)
        tag: str | None = getattr(event, "tag", None)  # a property that ruamel.yaml's annotations leave out
        if tag is not None and tag != "!":
            self._fail_at(event.start_mark.index, "SPEC003", f"tag '{tag}' means nothing in a spec")
        anchor: str | None = event.anchor
        if anchor is not None:
            self._anchors[anchor] = None
        node: Node
        match event:
            case ScalarEvent():
                node = Scalar(
                    self._span(event.start_mark, event.end_mark), event.value, plain=event.style is None
                )
            case SequenceStartEvent():
                node = self._sequence(event, depth)
            case _:
                node = self._mapping(event, depth)
        if node.size > MAX_NODES:
            self._fail_at(
                event.start_mark.index,
                "SPEC005",
                f"more than {MAX_NODES} values, counting each use of an alias",
            )
        if anchor is not None:
            self._anchors[anchor] = node
        return node

    def _alias(self, event: AliasEvent) -> Node:
        index = event.start_mark.index
        if event.anchor not in self._anchors:
            self._fail_at(
                index, "SPEC003", f"alias '*{event.anchor}' has no anchor '&{event.anchor}' before it"
            )
        node = self._anchors[event.anchor]
        if node is None:
            self._fail_at(index, "SPEC005", f"alias '*{event.anchor}' stands inside its own anchor")
        return node

    def _sequence(self, event: Event, depth: int) -> Node:
        items = []
        while not isinstance(following := self._next(), SequenceEndEvent):
            items.append(self._node(following, depth + 1))
        return Sequence(self._span(event.start_mark), tuple(items), **self._extent(items, event))

    def _mapping(self, event: Event, depth: int) -> Node:
        entries: dict[str, tuple[SourceSpan, Node]] = {}
        merged: list[Node] = []
        while not isinstance(following := self._next(), MappingEndEvent):
            key = self._key(following, depth)
            value = self._node(self._next(), depth + 1)
            if key.plain and key.text == "<<":
                merged.append(value)
                continue
            if key.text in entries:
                first = Related("first written here", SpecPath(), entries[key.text][0])
                _fail(
                    "SPEC004", f"key {key.text!r} is written twice in one mapping", key.span, related=(first,)
                )
            entries[key.text] = (key.span, value)
        for value in merged:
            self._merge(entries, value)
        return Mapping(
            self._span(event.start_mark),
            entries,
            **self._extent([value for _, value in entries.values()], event),
        )

    def _key(self, event: Event, depth: int) -> Scalar:
        key = self._node(event, depth + 1)
        if not isinstance(key, Scalar):
            self._fail_at(event.start_mark.index, "SPEC003", "a key must be text, not a list or mapping")
        return key

    def _merge(self, entries: dict[str, tuple[SourceSpan, Node]], value: Node) -> None:
        """Add what a `<<` key brings in: keys that the mapping itself lacks, the first source first."""
        for source in value.items if isinstance(value, Sequence) else (value,):
            if not isinstance(source, Mapping):
                _fail("SPEC003", "'<<' merges mappings only", value.span)
            for key, entry in source.entries.items():
                entries.setdefault(key, entry)

    def _extent(self, children: list[Node], event: Event) -> dict[str, int]:
        depth = 1 + max((child.depth for child in children), default=0)
        if depth > MAX_DEPTH:
            self._fail_at(event.start_mark.index, "SPEC005", f"nested deeper than {MAX_DEPTH} levels")
        return {"size": 1 + sum(child.size for child in children), "depth": depth}

    def _span(self, start: StreamMark, end: StreamMark | None = None) -> SourceSpan:
        line = self._lines[start.line].rstrip("\r") if start.line < len(self._lines) else ""
        stop = end.column if end is not None and end.line == start.line else start.column + 1
        if end is not None and end.line > start.line:
            stop = len(line)
        return SourceSpan(self._name, start.line + 1, start.column + 1, max(1, stop - start.column), line)

    def _fail_at(self, index: int, code: str, message: str, hint: str | None = None) -> NoReturn:
        _fail(code, message, _span_at(self._text, index, self._name), hint)

    def _fail_syntax(self, error: MarkedYAMLError) -> NoReturn:
        mark = error.problem_mark or error.context_mark
        index = mark.index if mark is not None else 0
        problem = error.problem or error.context or "not YAML"
        hint = "YAML is indented with blanks" if "'\\t'" in problem else None
        related: tuple[Related, ...] = ()
        if error.context and error.context_mark is not None and error.problem:
            related = (
                Related(
                    error.context, SpecPath(), _span_at(self._text, error.context_mark.index, self._name)
                ),
            )
        _fail("SPEC003", f"not YAML: {problem}", _span_at(self._text, index, self._name), hint, related)
