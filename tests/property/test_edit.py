"""Edits of a YAML text: what is meant comes out and nothing else moves, whatever the text looks like."""

import json
import re
from collections.abc import Iterator, Sequence
from itertools import takewhile
from typing import Any

from attrs import field, frozen
from hypothesis import event, given
from hypothesis import strategies as st

from hybridlab.diagnostic import Edit, Remove, RenameKey, SetValue, SpecPath
from hybridlab.spec.document import parse_document, to_data
from hybridlab.spec.document.edit import Editable, UneditableError

KEYS = ("a", "b", "name", "k8s-worker-1", "example.com/gpu", "grün", "it's", "a b", "1", "no", "#x", "key:")
VALUES = ("x", "two words", "10.0.0.1/24", "it's", 'a "b"', "# none", "a: b", "- a", "übung", "", "no", "1")
BLOCKS = (("one", "two"), ("# no comment", "x: y"), ("one", "", "# none"))
PLAIN = re.compile(r"[a-z0-9ü][\w./ -]*")
COMMENT = re.compile(r"# c\d+")

Place = tuple[str | int, ...]


@frozen
class Line:
    """A line, and the innermost value that it is of; None for a lone comment, or a blank line."""

    text: str
    of: Place | None


@frozen
class Writer:
    """Writes values as YAML, in any style, with comments everywhere."""

    draw: st.DrawFn
    lines: list[Line] = field(factory=list)
    anchors: list[str] = field(factory=list)
    flows: set[Place] = field(factory=set)
    comments: list[str] = field(factory=list)

    def chance(self, one_in: int) -> bool:
        return self.draw(st.integers(1, one_in)) == one_in

    def comment(self) -> str:
        self.comments.append(f"# c{len(self.comments)}")
        return self.comments[-1]

    def trailing(self) -> str:
        return f"{self.draw(st.sampled_from((' ', '   ')))}{self.comment()}" if self.chance(3) else ""

    def between(self, indent: int) -> None:
        """Write comments and blank lines, or none."""
        for _ in range(self.draw(st.sampled_from((0, 0, 0, 1, 2)))):
            text = "" if self.chance(3) else " " * indent + self.comment()
            self.lines.append(Line(text, None))

    def scalar(self, values: Sequence[str]) -> str:
        value = self.draw(st.sampled_from(values))
        styles = [json.dumps(value, ensure_ascii=False), "'" + value.replace("'", "''") + "'"]
        return self.draw(st.sampled_from([value] * 3 if PLAIN.fullmatch(value) else styles))

    def keys(self) -> list[str]:
        return self.draw(st.lists(st.sampled_from(KEYS), min_size=1, max_size=3, unique=True))

    def key(self, name: str) -> str:
        return self.scalar([name])

    def value(self, lead: str, at: Place, indent: int, depth: int) -> None:
        """Write `lead` and a value at `at`, whose children are indented by more than `indent`."""
        kinds = ("scalar", "scalar", "text", "flow", "long flow", "alias", "map", "map", "list")
        match self.draw(st.sampled_from(kinds[: len(kinds) if depth else 4])):
            case "alias" if self.anchors:
                self.lines.append(Line(f"{lead}*{self.draw(st.sampled_from(self.anchors))}", at))
            case "text":
                self.lines.append(Line(f"{lead}{self.draw(st.sampled_from(('|', '|-', '>')))}", at))
                for text in self.draw(st.sampled_from(BLOCKS)):
                    self.lines.append(Line(" " * (indent + 3) + text if text else "", at))
            case "flow":
                self.flows.add(at)
                self.lines.append(Line(f"{lead}{self.anchor()}{self.flow(at)}{self.trailing()}", at))
            case "long flow":
                self.flows.add(at)
                self.lines.append(Line(f"{lead}[{self.trailing()}", at))
                for _ in range(self.draw(st.integers(1, 3))):
                    text = f"{' ' * (indent + 2)}{self.scalar(VALUES)},{self.trailing()}"
                    self.lines.append(Line(text, at))
                self.lines.append(Line(f"{' ' * (indent + 2)}]{self.trailing()}", at))
            case "map" | "list" as kind if lead:
                more = self.draw(st.integers(1, 3)) if kind == "map" or lead.endswith("- ") else 0
                if lead.endswith("- ") and self.chance(2):
                    self.collection(kind, lead, at, indent + 2, depth)  # begins on the dash's line
                else:
                    self.lines.append(Line(f"{lead.rstrip()}{self.trailing()}", at))
                    self.collection(kind, "", at, indent + max(more, 0), depth)
            case _:
                self.lines.append(Line(f"{lead}{self.anchor()}{self.scalar(VALUES)}{self.trailing()}", at))

    def anchor(self) -> str:
        if not self.chance(6):
            return ""
        self.anchors.append(f"n{len(self.anchors)}")
        return f"&{self.anchors[-1]} "

    def flow(self, at: Place) -> str:
        gap = self.draw(st.sampled_from(("", " ")))
        if self.chance(2):
            items = [self.scalar(VALUES) for _ in range(self.draw(st.integers(0, 3)))]
            return f"[{gap}{f'{gap}, '.join(items)}{gap}]"
        pairs = [f"{self.key(key)}: {self.scalar(VALUES)}" for key in self.keys()]
        return f"{{{gap}{f'{gap}, '.join(pairs)}{gap}}}"

    def collection(self, kind: str, lead: str, at: Place, indent: int, depth: int) -> None:
        """Write a block; `lead` stands before its first entry, in place of the indentation."""
        names: Sequence[str | int] = self.keys() if kind == "map" else range(self.draw(st.integers(1, 3)))
        for number, name in enumerate(names):
            first = lead if number == 0 else ""
            if not first:
                self.between(indent)
            begin = first or " " * indent
            mark = f"{self.key(name)}: " if isinstance(name, str) else "- "
            self.value(begin + mark, (*at, name), indent, depth - 1)
        self.between(indent)


@frozen
class Sample:
    """A YAML text as lines, which of its values are in flow style, and its line end."""

    lines: tuple[Line, ...]
    flows: frozenset[Place]
    end: str
    is_ended: bool

    @property
    def text(self) -> str:
        return self.end.join(line.text for line in self.lines) + self.end * self.is_ended


@st.composite
def samples(draw: st.DrawFn) -> Sample:
    writer = Writer(draw)
    writer.between(0)
    writer.collection(draw(st.sampled_from(("map", "map", "list"))), "", (), 0, 4)
    end = draw(st.sampled_from(("\n", "\n", "\r\n")))
    return Sample(tuple(owned(writer.lines)), frozenset(writer.flows), end, draw(st.booleans()))


def owned(lines: Sequence[Line]) -> Iterator[Line]:
    """Yield the lines; those between two entries are of what holds both, those after the last nobody's."""
    for number, line in enumerate(lines):
        above = next((one.of for one in reversed(lines[:number]) if one.of is not None), ())
        below = next((one.of for one in lines[number + 1 :] if one.of is not None), ())
        shared = takewhile(lambda pair: pair[0] == pair[1], zip(above, below, strict=False))
        yield line if line.of is not None else Line(line.text, tuple(one for one, _ in shared))


def places(data: Any, at: Place = ()) -> list[Place]:
    """Return the place of every value below the root."""
    children = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    return [place for key, value in children for place in ((*at, key), *places(value, (*at, key)))]


@st.composite
def edits_of(draw: st.DrawFn, data: Any) -> list[Edit]:
    chosen = draw(st.lists(st.sampled_from(places(data)), min_size=1, max_size=3, unique=True))
    edits: list[Edit] = []
    for place in chosen:
        path = SpecPath(place)
        value: str | int = draw(st.sampled_from(VALUES) | st.sampled_from((7, True)))
        kinds: list[Edit] = [Remove(path), SetValue(path, value)]
        if isinstance(place[-1], str):
            kinds.append(RenameKey(path, draw(st.sampled_from(("new", "neu und schön", "2")))))
        edits.append(draw(st.sampled_from(kinds)))
    return edits


def meant(data: Any, edits: Sequence[Edit]) -> Any:
    """Return the data after the edits, built anew from the root."""
    return _rebuilt(data, SpecPath(), {edit.path: edit for edit in edits})


def _rebuilt(data: Any, at: SpecPath, edits: dict[SpecPath, Edit]) -> Any:
    if isinstance(edit := edits.get(at), SetValue):
        return edit.value
    if isinstance(data, list):
        places = [(at / index, item) for index, item in enumerate(data)]
        return [
            _rebuilt(item, path, edits) for path, item in places if not isinstance(edits.get(path), Remove)
        ]
    if not isinstance(data, dict):
        return data
    found = {}
    for key, value in data.items():
        match edits.get(at / key):
            case Remove():
                continue
            case RenameKey(name=name):
                found[name] = _rebuilt(value, at / key, edits)
            case _:
                found[key] = _rebuilt(value, at / key, edits)
    return found


@given(st.data())
def test_an_edit_is_exact_or_refused(data: st.DataObject) -> None:
    sample = data.draw(samples())
    before = to_data(parse_document(sample.text, name="x.yaml").root)
    edits = data.draw(edits_of(before)) if places(before) else []
    try:
        after = Editable(sample.text, name="x.yaml").edited(edits)
    except UneditableError as error:
        event(f"refused: {error.args[0].split(' at ')[0]}")
        return
    event(f"made: {'+'.join(sorted(type(edit).__name__ for edit in edits))}")
    assert to_data(parse_document(after, name="x.yaml").root) == meant(before, edits)
    assert_all_else_stays(sample, edits, after)


def assert_all_else_stays(sample: Sample, edits: Sequence[Edit], after: str) -> None:
    removed = [tuple(edit.path) for edit in edits if isinstance(edit, Remove)]
    touched = [tuple(edit.path) for edit in edits]
    # In flow style a line is of many; and what has lost all that it held is written as empty.
    shared = {place for place in sample.flows if any(is_below(path[:-1], place) for path in touched)}
    shared |= {path[:-1] for path in removed}
    gone = [line for line in sample.lines if is_below_any(line.of or (), removed)]
    stay = [line for line in sample.lines if line not in gone]
    left = after.split(sample.end)
    assert "\r" not in "".join(left)
    rest = iter(left)
    for line in stay:
        is_comment = COMMENT.fullmatch(line.text.strip()) is not None
        if is_comment or (line.of not in shared and line.of not in touched):
            assert line.text in rest, f"{line.text!r} is gone, or has moved"
    assert COMMENT.findall(after) == [found for line in stay for found in COMMENT.findall(line.text)]
    assert len(left) <= len(stay) + len(removed) + (sample.is_ended or gone != [])


def is_below(place: Place, other: Place) -> bool:
    return place[: len(other)] == other


def is_below_any(place: Place, others: Sequence[Place]) -> bool:
    return any(is_below(place, other) for other in others)
