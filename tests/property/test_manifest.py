"""Laws of manifests: whatever the data, every reader of YAML gets it back, and people see what is there."""

import copy

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from hybridlab.manifest import Json, KeyPath, Resource, print_manifest, print_yaml

READERS = [
    pytest.param(lambda text: list(yaml.safe_load_all(text)), id="yaml-1.1"),
    pytest.param(lambda text: list(YAML(typ="safe", pure=True).load_all(text)), id="yaml-1.2"),
]

# Any text a manifest can hold: all of Unicode but NUL and surrogates.
anything = st.text(st.characters(min_codepoint=1, exclude_categories=["Cs"]), max_size=20)

# Text from few characters that all mean something to YAML, so that combinations of them come up.
specials = st.text(
    st.sampled_from(" \t\n\r\x85\u2028\u202e\ufeff-?:,[]{}#&*!|>'\"%@`~=<\\._+0178exobnyaTZü\U0001f600"),
    max_size=12,
)

# What looks like a number, a time, a date or a word that some reader resolves.
lookalikes = st.from_regex(
    r"[-+]?(0[box]?)?[0-9_]{0,4}(:[0-9]{1,2}){0,2}\.?[0-9_]{0,2}(e[-+]?[0-9]{0,2})?"
    r"|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt ][0-9]{1,2}:[0-9]{2}:[0-9]{2}Z?)?"
    r"|[-+.~]{0,2}(y|n|yes|no|on|off|true|false|null|inf|nan)",
    fullmatch=True,
) | st.sampled_from(["y", "NO", "On", "oFF", "Null", "~", "<<", "=", "-", "---", "...", ""])  # fmt: skip

# Scripts and configuration files: lines with blanks, tabs, comments and document marks in all places.
lines = st.lists(
    st.sampled_from(["", "a", " a", "\ta", "a ", "  ", "# a", "a: b", "- a", "---", "...", "%a", "ü", "a\r"]),
    max_size=6,
)
files = lines.map("\n".join)

texts = anything | specials | lookalikes | files

# Integers of 64 bits and finite floats, with the usual edge cases of both.
numbers = st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)

# Nested JSON data of any shape.
json_data = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)

# Whatever may come along as a comment: all of Unicode with NUL and lone surrogates.
comment_texts = st.text(st.characters()) | specials

# Resources that no API server would take: names and labels are any text.
words = texts.filter(bool)
resources = st.builds(
    Resource,
    words,
    words,
    words,
    namespace=st.none() | words,
    labels=st.dictionaries(texts, texts, max_size=3),
    annotations=st.dictionaries(texts, texts, max_size=3),
    body=st.dictionaries(
        texts.filter(lambda key: key not in {"apiVersion", "kind", "metadata"}), json_data, max_size=3
    ),
)


def places(data: Json, at: KeyPath = ()) -> list[KeyPath]:
    """Return the path of every key and list item in `data`."""
    if isinstance(data, dict):
        entries = list(data.items())
    else:
        entries = list(enumerate(data)) if isinstance(data, list) else []
    return [path for key, value in entries for path in [(*at, key), *places(value, (*at, key))]]


@st.composite
def commented(draw: st.DrawFn) -> tuple[Json, dict[KeyPath, str]]:
    """Draw JSON data and comments on some of its keys and items."""
    data = draw(json_data)
    if not (found := places(data)):
        return data, {}
    return data, draw(st.dictionaries(st.sampled_from(found), comment_texts, max_size=5))


# repr tells types, the order of keys and the sign of zero apart, which == does not.


@pytest.mark.parametrize("read", READERS)
@given(data=json_data)
def test_reading_what_was_printed_gives_the_same_data(read, data):
    assert repr(read(print_yaml(data))) == repr([data])


@pytest.mark.parametrize("read", READERS)
@given(text=texts)
def test_text_is_the_same_as_value_key_and_item(read, text):
    data = {"a": text, text: {text: [text, [text]]}, "z": [{text: text, "last": text}]}
    assert repr(read(print_yaml(data))) == repr([data])


@pytest.mark.parametrize("read", READERS)
@given(resources=st.lists(resources, min_size=1, max_size=4))
def test_a_manifest_reads_as_its_resources(read, resources):
    assert repr(read(print_manifest(resources))) == repr([resource.to_data() for resource in resources])


@pytest.mark.parametrize("read", READERS)
@given(commented=commented(), header=st.lists(comment_texts, max_size=3))
def test_comments_never_change_the_data(read, commented, header):
    data, comments = commented
    assert repr(read(print_yaml(data, header=header, comments=comments))) == repr([data])


@given(data=json_data)
def test_equal_data_prints_equally(data):
    assert print_yaml(copy.deepcopy(data)) == print_yaml(data)


@given(resources=st.lists(resources, max_size=3), header=st.lists(comment_texts, max_size=2))
def test_only_separators_look_like_separators(resources, header):
    lines = print_manifest(resources, header=header).split("\n")
    assert sum(line.startswith("---") for line in lines) == max(0, len(resources) - 1)


@given(commented=commented(), header=st.lists(comment_texts, max_size=2))
def test_a_document_is_utf_8_in_clean_lines(commented, header):
    data, comments = commented
    text = print_yaml(data, header=header, comments=comments)
    assert text.encode().decode() == text
    assert text.endswith("\n") and not text.endswith("\n\n")
    assert not any(line.endswith((" ", "\t")) for line in text.splitlines())
    assert text.splitlines() == text.removesuffix("\n").split("\n")
