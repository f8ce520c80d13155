"""Edits of a YAML text in place: comments, quotes, order and line ends of all else stay as they are.

The text is cut where the values stand, and then read again: an edit whose outcome is not exactly what was
meant (in an alias, in what `<<` brings in, in a text of several lines) is refused: nothing else ever changes.
"""

import copy
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any, TypeAlias

from attrs import frozen

from hybridlab.diagnostic import Edit, Remove, RenameKey, SetValue, SpecPath
from hybridlab.errors import SpecError
from hybridlab.spec.document.compose import Composer
from hybridlab.spec.document.nodes import Document, Mapping, Node, Scalar, to_data
from hybridlab.spec.document.nodes import Sequence as ListNode
from hybridlab.spec.document.plain import Data, plain_value

# Plain text that no YAML reader takes for something else, also in flow style; all else is quoted.
_PLAIN = re.compile(r"[A-Za-z0-9./][A-Za-z0-9._/+=@-]*")
_OPENING = re.compile(r"(?:&\S+\s+)?[\[{]")  # of a collection in flow style
_LEAD = re.compile(r" *(?:- +)?")
_BLANK = re.compile(r"\s*(#.*)?\s*")
_Place: TypeAlias = tuple[int, int]  # line and column, from 1


class UneditableError(Exception):
    """An edit that can not be made without changing something else."""


@frozen
class _Cut:
    """`text` takes the place of what stands from `start` up to `stop`, as indexes of the whole."""

    start: int
    stop: int
    text: str


@frozen(init=False)
class Editable:
    """The YAML document `text`, which messages call `name`."""

    text: str
    name: str
    _document: Document
    _where: "_Text"

    def __init__(self, text: str, *, name: str) -> None:
        """Read the text. Raises: SpecError."""
        self.__attrs_init__(text, name, Document(Composer(text, name).compose()), _Text(text))

    def edited(self, edits: Iterable[Edit]) -> str:
        """Return the text with the edits made.

        Raises: UneditableError, with nothing done, when one of them is not possible or would change more.
        """
        edits = tuple(dict.fromkeys(edits))
        # The same cut twice is what all uses of an anchor ask for.
        asked = {_cut(self._document, self._where, edit) for edit in edits}
        cuts = sorted(asked, key=lambda cut: cut.start)
        if any(earlier.stop > later.start for earlier, later in pairwise(cuts)):
            raise UneditableError("two edits are about the same place")
        text = self.text
        for cut in reversed(cuts):
            text = text[: cut.start] + cut.text + text[cut.stop :]
        try:
            found = to_data(Composer(text, self.name).compose())
        except SpecError as error:
            raise UneditableError("the file would not be YAML") from error
        if found != _meant(to_data(self._document.root), edits):
            raise UneditableError("something else would change, too")
        return text


@frozen(init=False)
class _Text:
    """A text, and where its lines begin."""

    text: str
    starts: Sequence[int]

    def __init__(self, text: str) -> None:
        starts = [0, *(match.end() for match in re.finditer("\n", text))]
        self.__attrs_init__(text, starts)

    def index(self, place: _Place) -> int:
        line, column = place
        return len(self.text) if line > len(self.starts) else self.starts[line - 1] + column - 1

    def line(self, number: int) -> str:
        """Return a line with its end."""
        return self.text[self.index((number, 1)) : self.index((number + 1, 1))]


def _cut(document: Document, where: _Text, edit: Edit) -> _Cut:
    node = document.node(edit.path)
    if node is None or not edit.path:
        raise UneditableError(f"nothing is written at {edit.path}")
    match edit:
        case SetValue(value=value):
            return _value_cut(where, node, value)
        case RenameKey(name=name):
            return _key_cut(document, where, edit.path, name)
        case Remove():
            return _removal(document, where, edit.path)


def _value_cut(where: _Text, node: Node, value: str | int) -> _Cut:
    start, stop = where.index(_start(node)), where.index(node.end)
    old = where.text[start:stop]
    if not isinstance(node, Scalar) or "\n" in old or not old:
        raise UneditableError("only a value on one line is replaced")
    return _Cut(start, stop, json.dumps(value) if isinstance(value, int) else _like(old, value))


def _key_cut(document: Document, where: _Text, path: SpecPath, name: str) -> _Cut:
    span = document.locate(path, key=True)
    assert span is not None
    start = where.index((span.line, span.column))
    stop = start + span.width
    return _Cut(start, stop, _like(where.text[start:stop], name))


def _like(old: str, new: str) -> str:
    """Return `new` as YAML text, quoted as `old` is, or as it needs to be."""
    if old.startswith("'"):
        return "'" + new.replace("'", "''") + "'"
    if old.startswith('"') or not (_PLAIN.fullmatch(new) and plain_value(new) == new):
        return json.dumps(new, ensure_ascii=False)
    return new


@frozen
class _Child:
    """An entry of a collection, by its key or index, from where it begins to the end of its value."""

    key: str | int
    start: _Place
    node: Node


def _children(where: _Text, parent: Node | None) -> list[_Child]:
    """Return what a collection holds, in the order of the text."""
    match parent:
        case Mapping(entries=entries):
            found = [_Child(key, (span.line, span.column), n) for key, (span, n) in entries.items()]
        case ListNode(items=items):
            column = parent.span.column
            found = [_Child(index, _dash(where, item, column), item) for index, item in enumerate(items)]
        case _:
            raise UneditableError("it is in no list or mapping")
    return sorted(found, key=lambda child: child.start)


def _dash(where: _Text, item: Node, column: int) -> _Place:
    """Return where an item begins: if its dash, in `column`, has a line of its own, there."""
    line, first = _start(item)
    is_lower = not where.line(line)[: first - 1].strip()
    for number in range(line - 1, 0, -1) if is_lower else ():
        text = where.line(number)
        before, dash, after = text[: column - 1], text[column - 1 : column], text[column:]
        if dash == "-" and _LEAD.fullmatch(before) and _BLANK.fullmatch(after):
            return (number, column)
        if not _BLANK.fullmatch(text):
            break
    return (line, first)


def _removal(document: Document, where: _Text, path: SpecPath) -> _Cut:
    parent = document.node(SpecPath(path[:-1]))
    children = _children(where, parent)
    assert parent is not None
    at = next(index for index, child in enumerate(children) if child.key == path[-1])
    this, following = children[at], children[at + 1 : at + 2]
    if not _OPENING.match(where.text, where.index(_start(parent))):
        if len(children) == 1:
            return _emptied(where, parent)
        return _lines_cut(where, this, following[0].start if following else parent.end)
    if following:
        start, stop = where.index(this.start), where.index(following[0].start)
    else:
        start = where.index(children[at - 1].node.end if at else this.start)
        stop = where.index(this.node.end)
    if "#" in where.text[start:stop]:
        raise UneditableError("a comment would go, too")
    return _Cut(start, stop, "")


def _emptied(where: _Text, parent: Node) -> _Cut:
    """Return the cut of all that an indented collection holds, with an empty one in its place."""
    start = where.index(_start(parent))
    last = _last_line(where, parent.span.line, parent, parent.end)
    stop = where.index((last, 1)) + len(where.line(last).rstrip())
    before = where.text[:start].rstrip()
    if before.endswith((":", "-")):
        start = len(before)
    return _Cut(start, stop, " {}" if isinstance(parent, Mapping) else " []")


def _lines_cut(where: _Text, this: _Child, bound: _Place) -> _Cut:
    """Return the cut of whole lines up to before `bound`; comments and blank lines behind it stay."""
    line, column = this.start
    if not _LEAD.fullmatch(where.line(line)[: column - 1]):
        raise UneditableError("it does not begin its line")
    last = _last_line(where, line, this.node, bound)
    return _Cut(where.index((line, 1)), where.index((last + 1, 1)), "")


def _last_line(where: _Text, first: int, node: Node, bound: _Place) -> int:
    """Return the last line before `bound` that is of `node`, which begins on line `first`."""
    reaches_end = where.index(bound) == len(where.text) and not where.text.endswith("\n")
    last = bound[0] if reaches_end else bound[0] - 1
    # What looks like a comment in a text of several lines is none.
    of_text = max((end for end in _ends_of_texts(node) if end <= last), default=first)
    while of_text > first and not where.line(of_text).strip():
        of_text -= 1
    while last > max(first, of_text) and _BLANK.fullmatch(where.line(last)):
        last -= 1
    return max(last, first)


def _ends_of_texts(node: Node) -> Iterator[int]:
    """Yield the last line of each text in `node`, also of what an alias in it brings in from elsewhere."""
    match node:
        case Scalar(text=text, end=(line, column)) if text:
            yield line - (column == 1)
        case Mapping(entries=entries):
            for _, entry in entries.values():
                yield from _ends_of_texts(entry)
        case ListNode(items=items):
            for item in items:
                yield from _ends_of_texts(item)


def _start(node: Node) -> _Place:
    return (node.span.line, node.span.column)


def _meant(data: Data, edits: Iterable[Edit]) -> Data:
    """Return the data of the document as it should be after the edits."""
    data = copy.deepcopy(data)
    removals: list[tuple[Any, str | int]] = []
    # Looked up before anything moves: paths are those of the text as it stands.
    for edit, (parent, key) in [(edit, _parent(data, edit.path)) for edit in edits]:
        match edit:
            case SetValue(value=value):
                parent[key] = value
            case RenameKey(name=name):
                if name in parent:
                    raise UneditableError(f"there is a key {name!r} already")
                parent[name] = parent.pop(key)
            case Remove():
                removals.append((parent, key))
    # Later items first: the others keep their numbers.
    for parent, key in sorted(removals, key=lambda removal: str(removal[1]).zfill(9), reverse=True):
        del parent[key]
    return data


def _parent(data: Data, path: SpecPath) -> tuple[Any, str | int]:
    """Return the list or mapping that holds the value at `path`, and the key or index in it."""
    *above, last = path
    holder: Any = data
    for step in above:
        holder = holder[step]
    return holder, last
