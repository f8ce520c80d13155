"""Keys that run into their values, as in `{gpu:amd}`: in brackets, YAML reads one word, and no value."""

import re
from collections.abc import Iterator

from hybridlab.diagnostic import Diagnostic, Severity, SpecPath
from hybridlab.spec.document import Document, Mapping, Node, Scalar, Sequence, to_data

_JOINED = re.compile(r"([A-Za-z][\w./-]*):(\s*)([^\s:/].*)")


def joined_keys(document: Document) -> Iterator[Diagnostic]:
    """Yield the problem of each key that has its value in it."""
    todo: list[tuple[SpecPath, Node]] = [(SpecPath(), document.root)]
    seen: set[Node] = set()  # what an alias repeats is told once
    while todo:
        path, node = todo.pop()
        if node in seen:
            continue
        seen.add(node)
        match node:
            case Sequence(items=items):
                todo += [(path / index, item) for index, item in enumerate(items)]
            case Mapping(entries=entries):
                todo += [(path / key, value) for key, (_, value) in entries.items()]
                for key, (_, value) in entries.items():
                    if isinstance(value, Scalar) and to_data(value) is None:
                        yield from _joined(path, key)


def _joined(path: SpecPath, key: str) -> Iterator[Diagnostic]:
    if match := _JOINED.fullmatch(key):
        word, blank, value = match.groups()
        # Only other blanks than YAML's can be there: those end a key.
        why = f"the blank behind the colon is U+{ord(blank[0]):04X}" if blank else "no blank behind the colon"
        yield Diagnostic(
            "SPEC103",
            Severity.ERROR,
            f"YAML reads {key!r} as one word: {why}",
            path / key,
            f"write `{word}: {value}`",
            on_key=True,
            group=str(path),
        )
