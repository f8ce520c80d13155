"""Text that is no YAML: the line that is wrong, also where a reader of YAML stops later, and what to do."""

import pytest

from hybridlab.diagnostic import SetValue, SpecPath
from hybridlab.errors import SpecError
from hybridlab.spec.document import parse_document, parse_documents, to_data
from hybridlab.spec.document.edit import Editable


@pytest.mark.parametrize(
    ("text", "place", "message", "hint"),
    [
        ("h:\n  a: 1\n  vlan:play\n  b: 2\n", (3, 3), "no blank behind the colon", "write `vlan: play`"),
        ("h:\n  - vlan:play\n    b: 2\n", (2, 3), "no blank behind the colon", "write `vlan: play`"),
        ('h:\n  up = "x";\n  b: {c: 1}\n', (2, 3), "not how YAML writes a key", 'write `up: "x"`'),
        ("h:\n  a: 1\n  word\n  b: 2\n", (3, 3), "no `key: value`", "a colon and a blank"),
        ("h:\n  a: 1\n\u00a0\u00a0c: 8\n  m: 3\n", (3, 1), "U+00A0", "ordinary blanks"),
        ("h:\n  a: 1\n \u2003c: 8\n  m: 3\n", (3, 2), "U+2003", "ordinary blanks"),
        ("h:\n  a: 1\n  // word\n  b: 2\n", (3, 3), "// begins no comment", "begin it with #"),
        ("h:\n  ; word\n  b: 2\n", (2, 3), "; begins no comment", "begin it with #"),
        ("h:\n  a:\u00a01\n  b: 2\n", (2, 5), "behind the colon is U+00A0", "an ordinary blank"),
        ("k:\n  - a b\n  -c d\n", (3, 3), "no blank behind the dash", "write `- c d`"),
        ("<<<<<<< HEAD\na: 1\n=======\na: 2\n>>>>>>> x\n", (1, 1), "git left <<<<<<<", "right of both"),
        ("a: 1\n=======\na: 2\n>>>>>>> x\n", (2, 1), "git left =======", "right of both"),
        ("a: 1\n||||||| base\nb: 1\n", (2, 1), "git left |||||||", "right of both"),
        ("a: 1\nb: 2\n>>>>>>> x\n", (3, 1), "git left >>>>>>>", "right of both"),
        ("a: |\n  =======\nb c\nd: 1\n", (3, 1), "no `key: value`", "a colon and a blank"),
        ("a: * 3 * * *\n", (1, 4), "begins with * is an alias", "text in quotes"),
        ("a: [*, b]\n", (1, 5), "begins with * is an alias", "text in quotes"),
        ("a: & b\n", (1, 4), "begins with & is an anchor", "text in quotes"),
        ("a: *.lan\n", (1, 4), "alias '*.lan' has no anchor", "in quotes, if it is no alias"),
        ("a: !x\n", (1, 4), "tag '!x' means nothing", "in quotes, if it is text"),
        ("a: 1\n b: 2\n", (2, 3), "indented further than the one above", "indent both alike"),
        ("a: b: c\n", (1, 5), "a value has a colon", "in quotes"),
        ("a:\n\tb: 1\n", (2, 1), "cannot start any token", "indented with blanks"),
        ("- \ta: 1\n", (1, 3), "cannot start any token", "indented with blanks"),
        ("a: @x\n", (1, 4), "cannot start any token", "put the text in quotes"),
        ('a:\n  b: "x\nc: 2\n', (2, 6), "quote that opens here is never closed", "close it"),
        ("a: 'it's'\n", (1, 8), "expected <block end>", "whole value in quotes"),
        ("a: {b: 1\nc: 2\n", (2, 2), "expected ',' or '}'", "close the { of line 1 with }"),
        ("a: [1, 2\nb: 2\n", (2, 2), "expected ',' or ']'", "close the [ of line 1 with ]"),
        ("a: {b: 1 c: 2}\n", (1, 11), "expected ',' or '}'", "put a comma between"),
        ("a: [1]]\n", (1, 7), "but found ']'", "no bracket open"),
        ("a:\n    b: 1\n  c: 2\n", (3, 3), "block mapping start", "indent it exactly"),
        ("a:\n  - 1\n  b: 2\n", (3, 3), "expected <block end>", "side by side"),
        ("a: {{ x }}\n", (1, 5), "a key must be text", "fill in the template first"),
        ("? [a]\n: 1\n", (1, 3), "a key must be text", None),
        ('a: "\\d"\n', (1, 6), "unknown escape", None),
    ],
)
def test_the_wrong_line_is_shown_and_how_to_mend_it(
    text: str, place: tuple[int, int], message: str, hint: str | None
) -> None:
    with pytest.raises(SpecError) as caught:
        parse_document(text, name="x.yaml")
    (problem,) = caught.value.report
    assert problem.code == "SPEC003"
    assert (problem.span.line, problem.span.column) == place
    assert problem.span.text == text.split("\n")[place[0] - 1]
    assert message in problem.message
    assert (hint is None) == (problem.hint is None)
    assert (hint or "") in (problem.hint or "")


@pytest.mark.parametrize(
    ("text", "line", "hint"),
    [
        ("a: 1\n---\nb: 2\n", 2, "remove the line with ---"),
        ("a: 1\n...\nb: 2\n", 2, "remove the line with ..."),
        ("a: 1\n...\n---\nb: 2\n", 3, "remove the lines with ... and ---"),
    ],
)
def test_what_ends_the_document_is_named(text: str, line: int, hint: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse_document(text, name="x.yaml")
    (problem,) = caught.value.report
    assert (problem.code, problem.span.line, problem.hint) == ("SPEC006", line, hint)


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("a: 1\t# one\nb: 2\n", {"a": 1, "b": 2}),
        ("a: 1 \t \t# one\nb: 2\t\n\t\nc: 3\t", {"a": 1, "b": 2, "c": 3}),
        ("\t# first\na:\t1\nb:\t\tx y\t# z\n", {"a": 1, "b": "x y"}),
        ('a: "x"\t# one\nb:\t# two\n  - 1\t# three\n', {"a": "x", "b": [1]}),
        ("a: {b: 1}\t# one\n\t# two\nb: [1,\t2]\t\n", {"a": {"b": 1}, "b": [1, 2]}),
        ('a: "x\t# y"\nb: |\n  t\t# u\n', {"a": "x\t# y", "b": "t\t# u\n"}),
        ("a: 1\t# one\r\nb: 2\r\n", {"a": 1, "b": 2}),
    ],
)
def test_tabs_that_indent_nothing_are_taken(text: str, data: object) -> None:
    assert to_data(parse_document(text, name="x.yaml").root) == data
    assert [to_data(one.root) for one in parse_documents(text.encode(), name="x.yaml")] == [data]


def test_what_stands_behind_a_tab_keeps_its_place() -> None:
    text = "a:\t17\t# one\nb: 2\n"
    span = parse_document(text, name="x.yaml").locate(SpecPath.of("a"))
    assert (span.line, span.column, span.width) == (1, 4, 2)
    edited = Editable(text, name="x.yaml").edited([SetValue(SpecPath.of("a"), 18)])
    assert edited == "a:\t18\t# one\nb: 2\n"


def test_no_line_that_is_shown_tells_a_secret() -> None:
    key = "AGE-SECRET-KEY-1QQPZRY9X8"
    document = parse_document(f"a: {{b: {key}, c: 1}}\n", name="x.yaml")
    span = document.locate(SpecPath.of("a", "c"))
    assert span.text == "a: {b: AGE-SECRET-KEY-1*********, c: 1}"
    assert span.text[span.column - 1] == "1"
    assert to_data(document.root) == {"a": {"b": key, "c": 1}}
    with pytest.raises(SpecError) as caught:
        parse_document(f"a: {key}: x\n", name="x.yaml")
    assert "QQPZRY9X8" not in caught.value.report.diagnostics[0].span.text
