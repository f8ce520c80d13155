"""Builds the tree of nodes from ruamel.yaml's events.

From the events and not from its objects, because only so every value keeps its place, a duplicate key is
seen, and depth and alias expansion are bounded before anything is built.
"""

import re
from collections.abc import Iterator
from typing import NoReturn, TypedDict

from attrs import evolve
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
from ruamel.yaml.scanner import Scanner

from hybridlab.diagnostic import Related, SourceSpan, SpecPath
from hybridlab.spec.document.nodes import Mapping, Node, Scalar, Sequence
from hybridlab.spec.document.source import fail, span_at
from hybridlab.spec.document.syntax import explained
from hybridlab.spec.scalars import withheld

_ANCHOR = re.compile(r"&\S+[ \t]+")

MAX_DEPTH = 40  # the spec itself is six levels deep
MAX_NODES = 1_000_000  # with aliases expanded: what bounds an alias bomb


class _Extent(TypedDict):
    """How far a collection reaches: fields of `Node`."""

    size: int
    depth: int
    end: tuple[int, int]


class _Scanner(Scanner):
    """ruamel.yaml's scanner, which also takes a tab between tokens, as libyaml and YAML 1.2 (6.2) have it.

    A tab still indents nothing: where a key may begin, only a comment or the line's end may follow it.
    """

    def scan_to_next_token(self) -> None:
        super().scan_to_next_token()
        while self.reader.peek() == "\t" and (width := self._blanks()):
            self.reader.forward(width)
            super().scan_to_next_token()

    def _blanks(self) -> int:
        """Return how many blanks may be passed over here."""
        width = 1
        while self.reader.peek(width) in " \t":
            width += 1
        ends = self.reader.peek(width) in "#\r\n\0"
        return width if ends or not self.allow_simple_key else 0


class Composer:
    """Reads the one document of `text`, which messages call `name`; spans show nothing secret of it."""

    def __init__(self, text: str, name: str) -> None:
        self._text = withheld(text)
        self._name = name
        self._lines = self._text.split("\n")
        self._anchors: dict[str, Node | None] = {}  # None while the anchored node is still being built
        yaml = YAML(typ="safe", pure=True)
        yaml.Scanner = _Scanner
        self._events: Iterator[Event] = yaml.parse(text)

    def compose(self) -> Node:
        """Return the root node. Raises: SpecError."""
        try:
            self._next(StreamStartEvent)
            if isinstance(self._next(), StreamEndEvent):
                self._fail_at(0, "SPEC006", f"{self._name} is empty", "start from the example in the README")
            root = self._node(self._next(), depth=1)
            ended, event = self._next(), self._next()
        except MarkedYAMLError as error:
            self._fail_syntax(error)
        except (YAMLError, ValueError) as error:
            # ruamel's reader and a few of its value conversions know no place.
            self._fail_at(0, "SPEC003", f"not YAML: {str(error).splitlines()[0]}")
        if isinstance(event, DocumentStartEvent):
            self._fail_second(ended.start_mark.index, event.start_mark.index)
        if isinstance(root, Scalar) and root.plain and root.text == "":
            self._fail_at(0, "SPEC006", f"{self._name} is empty", "start from the example in the README")
        return root

    def compose_all(self) -> Iterator[Node]:
        """Yield the root node of each document that is not empty. Raises: SpecError."""
        try:
            self._next(StreamStartEvent)
            while isinstance(self._next(), DocumentStartEvent):
                self._anchors.clear()
                root = self._node(self._next(), depth=1)
                self._next()  # the document's end
                if not (isinstance(root, Scalar) and root.plain and root.text == ""):
                    yield root
        except MarkedYAMLError as error:
            self._fail_syntax(error)
        except (YAMLError, ValueError) as error:
            self._fail_at(0, "SPEC003", f"not YAML: {str(error).splitlines()[0]}")

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
            self._fail_at(
                event.start_mark.index,
                "SPEC003",
                f"tag {tag!r} means nothing here",
                "put it in quotes, if it is text",
            )
        anchor: str | None = event.anchor
        if anchor is not None:
            self._anchors[anchor] = None
        node: Node
        match event:
            case ScalarEvent():
                node = self._scalar(event)
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

    def _scalar(self, event: ScalarEvent) -> Scalar:
        start, end = event.start_mark, event.end_mark
        span = self._span(start, end)
        if event.anchor is not None and (match := _ANCHOR.match(span.text, span.column - 1)):
            # The place of a value is the value, not the name that it gets.
            column = match.end() + 1
            rest = len(span.text) - match.end() if end.line > start.line else end.column - match.end()
            span = evolve(span, column=column, width=max(1, rest))
        return Scalar(span, event.value, plain=event.style is None, end=(end.line + 1, end.column + 1))

    def _alias(self, event: AliasEvent) -> Node:
        index = event.start_mark.index
        if event.anchor not in self._anchors:
            alias, anchor = f"*{event.anchor}", f"&{event.anchor}"
            message = f"alias {alias!r} has no anchor {anchor!r} before it"
            hint = "put it in quotes, if it is no alias: a value that begins with * is one"
            self._fail_at(index, "SPEC003", message, hint)
        node = self._anchors[event.anchor]
        if node is None:
            alias = f"*{event.anchor}"
            self._fail_at(index, "SPEC005", f"alias {alias!r} stands inside its own anchor")
        return node

    def _sequence(self, event: Event, depth: int) -> Node:
        items = []
        while not isinstance(following := self._next(), SequenceEndEvent):
            items.append(self._node(following, depth + 1))
        return Sequence(self._span(event.start_mark), tuple(items), **self._extent(items, event, following))

    def _mapping(self, event: Event, depth: int) -> Node:
        entries: dict[str, tuple[SourceSpan, Node]] = {}
        merged: list[Node] = []
        merges: list[SourceSpan] = []
        while not isinstance(following := self._next(), MappingEndEvent):
            key = self._key(following, depth)
            value = self._node(self._next(), depth + 1)
            if key.plain and key.text == "<<":
                merged.append(value)
                merges.append(key.span)
                continue
            if key.text in entries:
                first = Related("first written here", SpecPath(), entries[key.text][0])
                message = f"key {key.text!r} is written twice in one mapping"
                fail("SPEC004", message, key.span, "put both together, or rename one", related=(first,))
            entries[key.text] = (key.span, value)
        for value in merged:
            self._merge(entries, value)
        children = [value for _, value in entries.values()]
        extent = self._extent(children, event, following)
        return Mapping(self._span(event.start_mark), entries, tuple(merges), **extent)

    def _key(self, event: Event, depth: int) -> Scalar:
        key = self._node(event, depth + 1)
        if not isinstance(key, Scalar):
            index = event.start_mark.index
            hint = "fill in the template first" if self._text.startswith("{", index - 1) else None
            self._fail_at(index, "SPEC003", "a key must be text, not a list or mapping", hint)
        return key

    def _merge(self, entries: dict[str, tuple[SourceSpan, Node]], value: Node) -> None:
        """Add what a `<<` key brings in: keys that the mapping itself lacks, the first source first."""
        for source in value.items if isinstance(value, Sequence) else (value,):
            if not isinstance(source, Mapping):
                fail("SPEC003", "'<<' merges mappings only", value.span)
            for key, entry in source.entries.items():
                entries.setdefault(key, entry)

    def _extent(self, children: list[Node], event: Event, last: Event) -> _Extent:
        depth = 1 + max((child.depth for child in children), default=0)
        if depth > MAX_DEPTH:
            self._fail_at(event.start_mark.index, "SPEC005", f"nested deeper than {MAX_DEPTH} levels")
        end = (last.end_mark.line + 1, last.end_mark.column + 1)
        return {"size": 1 + sum(child.size for child in children), "depth": depth, "end": end}

    def _span(self, start: StreamMark, end: StreamMark | None = None) -> SourceSpan:
        line = self._lines[start.line].rstrip("\r") if start.line < len(self._lines) else ""
        stop = end.column if end is not None and end.line == start.line else start.column + 1
        if end is not None and end.line > start.line:
            stop = len(line)
        return SourceSpan(self._name, start.line + 1, start.column + 1, max(1, stop - start.column), line)

    def _fail_at(self, index: int, code: str, message: str, hint: str | None = None) -> NoReturn:
        fail(code, message, span_at(self._text, index, self._name), hint)

    def _fail_second(self, end: int, start: int) -> NoReturn:
        """Fail where the one document ends with a mark, or another one begins."""
        marks = [mark for mark, index in (("...", end), ("---", start)) if self._text.startswith(mark, index)]
        message, index = "a second document starts here, a spec is one document", start
        if marks == ["..."]:
            message, index = "the document ends here, and more follows; a spec is one document", end
        hint = f"remove the line{'s' * (len(marks) > 1)} with {' and '.join(marks)}"
        self._fail_at(index, "SPEC006", message, hint)

    def _fail_syntax(self, error: MarkedYAMLError) -> NoReturn:
        context = error.context_mark
        mark = error.problem_mark or context
        if mark is None:
            self._fail_at(0, "SPEC003", f"not YAML: {error.problem or error.context}")
        problem = error.problem or error.context or ""
        found = explained(self._lines, problem, mark.line, mark.column, context and context.line)
        related: tuple[Related, ...] = ()
        if found.line is not None:
            span = self._span_of(found.line, found.column)
        else:
            span = span_at(self._text, mark.index, self._name)
            if error.context and context is not None and error.problem:
                where = span_at(self._text, context.index, self._name)
                related = (Related(error.context, SpecPath(), where),)
        fail("SPEC003", f"not YAML: {found.problem}", span, found.hint, related)

    def _span_of(self, line: int, column: int) -> SourceSpan:
        return SourceSpan(self._name, line + 1, column + 1, 1, self._lines[line].rstrip("\r"))
