"""What is YAML and kustomize does not read: `kubectl apply -k` would stop at the whole of `k8s/`.

Read on 2026-11-29 from the refusals of kubectl 1.36: kyaml cuts a file at the lines that begin with `---`
before it reads any YAML (kio/byteio_reader.go).
"""

import re
from collections.abc import Iterable, Iterator

from hybridlab.diagnostic import Diagnostic, Severity, SourceSpan, SpecPath
from hybridlab.spec.document import Ambiguous, Document, Mapping, Node, Sequence
from hybridlab.spec.document.plain import plain_value

# How what is no text begins: most keys are words, and need no closer look.
_NO_TEXT = re.compile(r"[-+.~0-9]|$|(?:true|false|null)$", re.IGNORECASE)
_NOTHING = re.compile(r"\s*(?:#.*)?")


def refused_by_kustomize(
    text: str, documents: Iterable[Document], at: SpecPath, name: str
) -> Iterator[Diagnostic]:
    """Yield what kustomize refuses of a file, whose place in the spec is `at`, and its name `name`."""
    lines = [line.removesuffix("\r") for line in text.removeprefix("\ufeff").split("\n")]
    yield from _lines(lines, at, name)
    for number, document in enumerate(documents):
        yield from _mappings(document.root, at / number)


def _lines(lines: list[str], at: SpecPath, name: str) -> Iterator[Diagnostic]:
    number, before = 0, True  # of the document, and whether nothing of it has come yet
    for index, line in enumerate(lines):
        span = SourceSpan(name, index + 1, 1, max(1, len(line)), line)
        if line.startswith("%") and before:
            message = f"kustomize reads no directive, and this is {line.split()[0]}"
            yield _problem(message, at / number, span, "remove the line: nothing of it is needed")
        elif line.startswith("---"):
            # What stands there in the first line, kustomize leaves to YAML.
            if index and not _NOTHING.fullmatch(line[3:]):
                message = "kustomize wants nothing behind '---', and here a document begins there"
                yield _problem(message, at / number, span, "write it on the next line")
            number, before = number + (not before), False
        elif line == "...":
            before = True
        elif not _NOTHING.fullmatch(line):
            before = False


def _mappings(root: Node, at: SpecPath) -> Iterator[Diagnostic]:
    """Yield a second `<<` of a mapping, and keys that are no text, each once, whatever aliases lead to it."""
    seen: set[int] = set()
    told: set[SourceSpan] = set()
    waiting = [(root, at)]
    while waiting:
        node, path = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        match node:
            case Mapping(entries=entries, merges=merges):
                for span in merges[1:2]:
                    message = "kustomize takes '<<' once in a mapping, and this is the second"
                    yield _problem(message, path, span, "write one, with a list: `<<: [*first, *second]`")
                for key, (span, value) in entries.items():
                    waiting.append((value, path / key))
                    # What is merged in has its place elsewhere, and is told there.
                    if span not in told and (reading := _read_as(key, span)) is not None:
                        told.add(span)
                        message = f"kustomize reads the key {key} as {reading}, and stops"
                        yield _problem(message, path / key, span, f'write it in quotes: "{key}"')
            case Sequence(items=items):
                waiting += [(value, path / index) for index, value in enumerate(items)]


def _read_as(key: str, span: SourceSpan) -> str | None:
    """Return what kustomize takes a key without quotes for, None for text; `yes` and `12:30` are."""
    if not _NO_TEXT.match(key) or span.text[span.column - 1 : span.column] in ("'", '"'):
        return None
    match plain_value(key):
        case str() | Ambiguous(reading="true" | "false" | "a number in base 60"):
            return None
        case bool():
            return "a truth value"
        case None:
            return "nothing"
        case _:
            return "a number"


def _problem(message: str, path: SpecPath, span: SourceSpan, hint: str) -> Diagnostic:
    return Diagnostic("SPEC008", Severity.ERROR, message, path, hint, span=span)
