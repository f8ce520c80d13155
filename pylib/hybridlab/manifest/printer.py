"""Print JSON data as YAML the way people write Kubernetes manifests; it must not know a kind or a cluster.

Block style, two spaces a level, the dash of a list item right below its key (as kubectl prints it), keys in
the order given, lines never wrapped, no anchors. Only the layout is decided here; `scalar` writes the values.

Why ruamel.yaml, which reads our YAML, does not write it: its emitter writes invisible characters raw, or else
every letter beyond ASCII as an escape; turns a key of several lines or 128 characters into `? key`; has the
indentation of a block guessed where Kubernetes' reader refuses to guess; and puts a comment on the first key
of a list item behind a lone dash. JSON needs only the lines below, and the tests read them back with PyYAML
and ruamel.yaml.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeGuard

from hybridlab.manifest.data import Json, KeyPath, copy_json
from hybridlab.manifest.resource import Resource
from hybridlab.manifest.scalar import comment_lines, literal_block, print_scalar

# A longer key needs a `?` in front: https://yaml.org/spec/1.2.2/#742-flow-mappings
_MAX_SIMPLE_KEY = 1024


def print_manifest(resources: Iterable[Resource], *, header: Sequence[str] = ()) -> str:
    """Return the resources as YAML documents, in the order given, below `header` as comment lines.

    The text ends with one line break, or is empty. Raises `ValueError` for a comment on a field that its
    resource does not have.
    """
    documents = [_print_document(resource.to_data(), resource.comments) for resource in resources]
    return _print_header(header) + "---\n".join(documents)


def print_yaml(
    data: Json, *, header: Sequence[str] = (), comments: Mapping[KeyPath, str] | None = None
) -> str:
    """Return one YAML document below `header` as comment lines, ending with one line break.

    `comments` maps a path in the data to lines that stand above its key or list item. Raises `ValueError`
    for a path that is not in the data, and for what `copy_json` refuses.
    """
    return _print_header(header) + _print_document(copy_json(data), comments or {})


def _print_header(header: Sequence[str]) -> str:
    return "".join(f"{line}\n" for text in header for line in comment_lines(text) or ["#"])


def _print_document(data: Json, comments: Mapping[KeyPath, str]) -> str:
    pending = dict(comments)
    lines = list(_collection(data, (), "", "", pending)) if _has_items(data) else [_print_inline(data)]
    if pending:
        raise ValueError(f"comments on {', '.join(map(str, pending))}, but the data has no such place")
    if not lines[-1]:
        # Line breaks at the end of a `|+` block belong to its text; this mark says where the document ends.
        lines.append("...")
    return "\n".join(lines) + "\n"


def _collection(
    data: Sequence[Json] | Mapping[str, Json],
    at: KeyPath,
    lead: str,
    indent: str,
    pending: dict[KeyPath, str],
) -> Iterator[str]:
    """Yield the lines of a mapping or list with items: `lead` opens the first line, `indent` the others."""
    entries: Iterable[tuple[str | int, Json]]
    entries = data.items() if isinstance(data, Mapping) else enumerate(data)
    for key, value in entries:
        here = (*at, key)
        if here in pending:
            yield from _comment(pending.pop(here), lead)
        head = lead + _head(key, indent)
        if not _has_items(value):
            yield from _value(head, value, indent)
        elif isinstance(key, int):
            yield from _collection(value, here, f"{head} ", f"{indent}  ", pending)
        else:
            inner = f"{indent}  " if isinstance(value, Mapping) else indent
            yield head
            yield from _collection(value, here, inner, inner, pending)
        lead = indent


def _comment(text: str, lead: str) -> Iterator[str]:
    # In front of the first key of a list item, the lead has a dash: the comment stands above that dash.
    margin = " " * (len(lead) - len(lead.lstrip(" ")))
    return (f"{margin}{line}" for line in comment_lines(text))


def _head(key: str | int, indent: str) -> str:
    if isinstance(key, int):
        return "-"
    name = print_scalar(key)
    return f"{name}:" if len(name) <= _MAX_SIMPLE_KEY else f"? {name}\n{indent}:"


def _value(head: str, value: Json, indent: str) -> Iterator[str]:
    block = literal_block(value) if isinstance(value, str) else None
    if block is None:
        yield f"{head} {_print_inline(value)}"
    else:
        header, lines = block
        yield f"{head} {header}"
        yield from (f"{indent}  {line}" if line else "" for line in lines)


def _has_items(data: Json) -> TypeGuard[Sequence[Json] | Mapping[str, Json]]:
    # Text first: most values are, and to ask an abstract class is slow.
    return not isinstance(data, str) and isinstance(data, Mapping | list) and bool(data)


def _print_inline(data: Json) -> str:
    match data:
        case None | bool() | int() | float() | str():
            return print_scalar(data)
        case Mapping():
            return "{}"
        case _:
            return "[]"
