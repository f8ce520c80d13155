"""The YAML document: what its values are, and that every one of them knows where it was written."""

import pytest

from hybridlab.diagnostic import SpecPath
from hybridlab.errors import SpecError
from hybridlab.spec.document import Ambiguous, parse_document, to_data


def data(text: str) -> object:
    return to_data(parse_document(text, name="spec.yaml").root)


def place(text: str, *steps: str | int, key: bool = False) -> tuple[int, int, int] | None:
    span = parse_document(text, name="spec.yaml").locate(SpecPath(steps), key=key)
    return span and (span.line, span.column, span.width)


def refusal(text: str) -> str:
    with pytest.raises(SpecError) as caught:
        data(text)
    (problem,) = caught.value.report.diagnostics
    return problem.message


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: 1", 1),
        ("a: -1", -1),
        ("a: 0", 0),
        ("a: '1'", "1"),
        ('a: "x\\ty"', "x\ty"),
        ("a: true", True),
        ("a: false", False),
        ("a:", None),
        ("a: ~", None),
        ("a: null", None),
        ("a: text with blanks # and a remark", "text with blanks"),
        ("a: |\n  two\n  lines\n", "two\nlines\n"),
        ("a: >-\n  one\n  line\n", "one line"),
        ("a: [1, x, {b: c}]", [1, "x", {"b": "c"}]),
        ("a: 10.0.0.1", "10.0.0.1"),
        ("a: 2001:db8::1", "2001:db8::1"),
    ],
)
def test_values_are_what_both_versions_of_yaml_say(text: str, value: object) -> None:
    assert data(text) == {"a": value}


@pytest.mark.parametrize("text", ["no", "yes", "on", "Off", "y", "012", "0o14", "1_000", "12:30", "0b1"])
def test_what_yaml_versions_read_differently_is_no_value_without_quotes(text: str) -> None:
    assert isinstance(data(f"a: {text}")["a"], Ambiguous)
    assert data(f"a: '{text}'") == {"a": text}


def test_a_value_and_its_key_know_their_place() -> None:
    text = "a:\n  bc: [de, fgh]\n  empty:\n"
    assert place(text, "a", "bc", 1) == (2, 12, 3)
    assert place(text, "a", "bc") == (2, 3, 2)  # a list is shown at its key
    assert place(text, "a", "bc", key=True) == (2, 3, 2)
    assert place(text, "a", "empty") == (3, 3, 5)
    assert place(text, "a", "missing") == (1, 1, 1)
    assert place(text, "a", "bc", 9) == (2, 3, 2)
    assert place(text) == (1, 1, 1)


@pytest.mark.parametrize("text", ["a: 1\r\nb: two\r\n", "\ufeffa: 1\nb: two\n", "a: 1\nb: two"])
def test_line_ends_of_windows_and_a_byte_order_mark_change_nothing(text: str) -> None:
    assert data(text) == {"a": 1, "b": "two"}
    assert place(text, "b") == (2, 4, 3)


def test_aliases_give_equal_values_of_their_own() -> None:
    value = data("a: &x {b: [1]}\nc: *x\n")
    assert value["a"] == value["c"] == {"b": [1]}
    assert value["a"] is not value["c"]
    assert place("a: &x {b: [1]}\nc: *x\n", "c", "b", 0) == (1, 12, 1)


def test_merge_keys_fill_what_is_missing_first_source_first() -> None:
    text = "x: &x {a: 1, b: 1}\ny: &y {b: 2, c: 2}\nz:\n  <<: [*x, *y]\n  a: 3\n"
    assert data(text)["z"] == {"a": 3, "b": 1, "c": 2}
    assert data('a: {"<<": 1}') == {"a": {"<<": 1}}
    assert refusal("a: {<<: 1}") == "'<<' merges mappings only"


def test_what_is_built_is_bounded() -> None:
    assert "nested deeper than 40" in refusal("[" * 41 + "]" * 41)
    nested = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 60))
    assert "nested deeper than 40" in refusal(nested)
    bomb = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 30))
    assert "counting each use of an alias" in refusal(bomb)


def test_a_key_written_twice_shows_both_places() -> None:
    with pytest.raises(SpecError) as caught:
        data("a: 1\nb:\n  c: 1\n  d: 2\n  c: 3\n")
    (problem,) = caught.value.report.diagnostics
    assert (problem.code, problem.span.line, problem.span.column) == ("SPEC004", 5, 3)
    assert [(related.span.line, related.span.column) for related in problem.related] == [(3, 3)]
