"""The values of a YAML document as a tree, each with the place where it was written."""

from collections.abc import Callable

from attrs import field, frozen

from hybridlab.diagnostic import SourceSpan, SpecPath
from hybridlab.spec.document.plain import Data, plain_value


@frozen(eq=False)
class Node:
    """A value in the document; `size` and `depth` count with aliases expanded.

    `end` is where it ends, as line and column counted from 1: of what is indented, the end of its last value.
    """

    span: SourceSpan
    end: tuple[int, int] = field(kw_only=True)
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
    """Nodes by key, each with the span of its key, in the order of the file; `merges` are its `<<`."""

    entries: dict[str, tuple[SourceSpan, Node]]
    merges: tuple[SourceSpan, ...] = ()


def to_data(node: Node, meaning: Callable[[str], Data] = plain_value) -> Data:
    """Return the plain Python value of `node`; an aliased node is built anew at every place it stands.

    `meaning` says what a scalar without quotes is.
    """
    match node:
        case Scalar(text=text, plain=plain):
            return meaning(text) if plain else text
        case Sequence(items=items):
            return [to_data(item, meaning) for item in items]
        case Mapping(entries=entries):
            return {key: to_data(value, meaning) for key, (_, value) in entries.items()}
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
