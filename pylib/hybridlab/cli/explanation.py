"""What a code means, as text for a person and as plain objects for a program."""

import shutil
from collections.abc import Iterable, Iterator
from textwrap import fill, indent

import click
from attrs import asdict

from hybridlab.cli.table import format_table
from hybridlab.diagnostic import Severity
from hybridlab.rules.codes import Code, Explained
from hybridlab.rules.snippets import Snippet, bad_snippets, good_snippets

_COLORS = {Severity.ERROR: "red", Severity.WARNING: "yellow"}
_WIDEST = 100


def explain(explained: Explained) -> str:
    """Return all that is known of a code, in paragraphs."""
    kind = click.style(explained.severity.value, fg=_COLORS[explained.severity], bold=True)
    heading = click.style(f"{explained.code} {explained.name}", bold=True)
    columns = min(_WIDEST, shutil.get_terminal_size().columns)
    paragraphs = [f"{heading}: {kind}", *_paragraphs(explained, columns)]
    return "\n\n".join(paragraphs) + "\n"


def _paragraphs(explained: Explained, columns: int) -> Iterator[str]:
    yield _wrapped(explained.summary, columns)
    if isinstance(explained, Code):
        yield _wrapped(explained.remedy, columns)
        return
    yield _wrapped(explained.rationale, columns)
    yield _wrapped(f"Source: {explained.source}.", columns)
    yield f"Bad, as a change of a sound cluster; reported at {explained.bad.at}:"
    yield from _example(bad_snippets(explained))
    yield "Good:"
    yield from _example(good_snippets(explained))


def _wrapped(text: str, columns: int) -> str:
    # A path or an option that is cut in two can not be copied.
    return fill(text, columns, break_long_words=False, break_on_hyphens=False)


def _example(snippets: Iterable[Snippet]) -> Iterator[str]:
    for snippet in snippets:
        if snippet.title:
            yield snippet.title
        yield indent(snippet.text.rstrip(), "    ")


def explain_all(known: Iterable[Explained]) -> str:
    """Return a table of codes, each with its summary."""
    rows = ([entry.code, entry.name, entry.severity.value, entry.summary] for entry in known)
    return format_table(["code", "name", "severity", "what is wrong"], rows)


def as_object(explained: Explained) -> dict[str, object]:
    """Return all that is known of a code as a plain object, with null for what its kind does not have."""
    rule = None if isinstance(explained, Code) else explained
    return {
        "code": explained.code,
        "name": explained.name,
        "severity": explained.severity.value,
        "summary": explained.summary,
        "remedy": explained.remedy if isinstance(explained, Code) else None,
        "rationale": rule and rule.rationale,
        "source": rule and rule.source,
        "bad": rule and {"at": list(rule.bad.at), "snippets": _objects(bad_snippets(rule))},
        "good": rule and {"snippets": _objects(good_snippets(rule))},
    }


def _objects(snippets: Iterable[Snippet]) -> list[dict[str, str]]:
    return [asdict(snippet) for snippet in snippets]
