"""What `explain` says of each code, as text and as objects."""

import json

import click
import pytest

from hybridlab.cli.explanation import as_object, explain, explain_all
from hybridlab.rules.codes import EXPLAINED, Code, Explained
from hybridlab.rules.snippets import bad_snippets, good_snippets

EVERY_CODE = pytest.mark.parametrize("explained", EXPLAINED.values(), ids=lambda entry: entry.code)


@EVERY_CODE
def test_all_that_is_known_of_a_code_is_said(explained: Explained) -> None:
    text = click.unstyle(explain(explained))
    assert text.startswith(f"{explained.code} {explained.name}: {explained.severity.value}\n\n")
    assert text.endswith("\n") and not text.endswith("\n\n")
    words = text.split()
    if isinstance(explained, Code):
        known = [explained.summary, explained.remedy]
    else:
        known = [explained.summary, explained.rationale, explained.source, str(explained.bad.at)]
        for snippet in (*bad_snippets(explained), *good_snippets(explained)):
            lines = snippet.text.rstrip().splitlines()
            assert "\n".join(f"    {line}".rstrip() for line in lines) in text
            assert snippet.title in text
    for sentence in known:
        wanted = sentence.split()
        last = wanted[-1].rstrip(".:")
        ends = [index for index, word in enumerate(words) if word.rstrip(".:") == last]
        assert any(words[end - len(wanted) + 1 : end] == wanted[:-1] for end in ends), sentence


@EVERY_CODE
def test_objects_hold_the_same(explained: Explained) -> None:
    found = as_object(explained)
    assert json.loads(json.dumps(found)) == found
    assert (found["code"], found["name"], found["summary"]) == (
        explained.code,
        explained.name,
        explained.summary,
    )
    of_rules = {"rationale", "source", "bad", "good"}
    missing = {key for key, value in found.items() if value is None}
    assert missing == (of_rules if isinstance(explained, Code) else {"remedy"})


def test_the_table_has_every_code_in_a_line() -> None:
    _, *lines = click.unstyle(explain_all(EXPLAINED.values())).splitlines()
    assert [line.split()[:3] for line in lines] == [
        [entry.code, entry.name, entry.severity.value] for entry in EXPLAINED.values()
    ]
