"""Findings as a person sees them."""

import click
import pytest

from hybridlab.cli.render import render_report, summarize
from hybridlab.diagnostic import Diagnostic, Related, Report, Severity, SourceSpan, SpecPath, Waived

PLACE = SourceSpan("cluster.yaml", 12, 14, 10, "    address: 10.0.20.11")
OTHER = SourceSpan("cluster.yaml", 7, 3, 4, "  host: a")


def finding(span: SourceSpan | None = PLACE, **changes: object) -> Diagnostic:
    fields = {
        "code": "NET001",
        "severity": Severity.ERROR,
        "message": "taken",
        "path": SpecPath.of("guests", "a"),
    }
    return Diagnostic(**{**fields, "span": span, **changes})  # type: ignore[arg-type]


def render(*findings: Diagnostic) -> list[str]:
    return click.unstyle(render_report(Report.of(findings))).splitlines()


def test_place_line_caret_other_side_and_hint() -> None:
    related = (Related("the other one", SpecPath.of("hosts", "a"), OTHER),)

    assert render(finding(hint="take another", related=related)) == [
        "cluster.yaml:12:14: error[NET001] taken",
        " 12 |     address: 10.0.20.11",
        "    |              ^^^^^^^^^^",
        "cluster.yaml:7:3: note the other one",
        " 7 |   host: a",
        "   |   ^^^^",
        "  hint take another",
        "",
    ]


@pytest.mark.parametrize(
    ("text", "column", "width", "line", "carets"),
    [
        pytest.param("a: b", 4, 1, "a: b", "   ^", id="plain"),
        pytest.param("\ta:\tb", 5, 1, "    a:    b", " " * 10 + "^", id="tabs"),
        pytest.param("狐: 狐狐", 4, 2, "狐: 狐狐", "    ^^^^", id="wide characters"),
        pytest.param("e\u0301: x", 5, 1, "e\u0301: x", "   ^", id="combining character"),
        pytest.param("a: \x1b[31m", 4, 1, "a: \\x1b[31m", "   ^^^^", id="terminal escape"),
        pytest.param("a: \u202eb", 4, 2, "a: \\u202eb", "   ^^^^^^^", id="bidirectional mark"),
        pytest.param("a:", 3, 1, "a:", "  ^", id="behind the end of the line"),
    ],
)
def test_carets_stand_under_the_place(text: str, column: int, width: int, line: str, carets: str) -> None:
    assert render(finding(SourceSpan("f", 1, column, width, text)))[1:3] == [f" 1 | {line}", f"   | {carets}"]


def test_of_a_long_line_only_the_surroundings_are_shown() -> None:
    text = "x" * 5000 + "HERE" + "y" * 5000

    _, line, carets, _ = render(finding(SourceSpan("f", 1, 5001, 4, text)))

    assert len(line) < 200
    assert line[carets.index("^") : carets.rindex("^") + 1] == "HERE"
    assert line.startswith(" 1 | …x") and line.endswith("y…")


def test_carets_end_with_what_is_shown_of_a_long_value() -> None:
    _, line, carets, _ = render(finding(SourceSpan("f", 1, 1, 5000, "x" * 5000)))

    assert len(carets) <= len(line)


@pytest.mark.parametrize(
    ("places", "told"),
    [(3, []), (4, ["  … and 1 more place"]), (10, ["  … and 7 more places"])],
)
def test_of_many_related_places_the_first_three_are_shown(places: int, told: list[str]) -> None:
    related = tuple(Related(f"number {number}", SpecPath()) for number in range(places))

    assert render(finding(None, related=related, hint="mend it")) == [
        "guests.a: error[NET001] taken",
        *(f"the spec: note number {number}" for number in range(3)),
        *told,
        "  hint mend it",
        "",
    ]


def test_finding_without_a_place_is_named_by_its_path() -> None:
    assert render(finding(None)) == ["guests.a: error[NET001] taken", ""]


def test_no_excerpt_of_a_file_that_could_not_be_read() -> None:
    assert render(finding(SourceSpan("f", 1, 1))) == ["f:1:1: error[NET001] taken", ""]


def test_nothing_of_the_input_steers_the_terminal() -> None:
    evil = "\x1b[2J\x07\x9b\u202e\r\n"
    span = SourceSpan(f"f{evil}", 1, 1, 1, f"a{evil}")

    text = "\n".join(
        render(finding(span, message=evil, hint=evil, related=(Related(evil, SpecPath(), span),)))
    )

    assert all(char.isprintable() or char == "\n" for char in text)
    assert (
        text.count("\n")
        == len(render(finding(span, message="m", hint="h", related=(Related("r", SpecPath(), span),)))) - 1
    )


@pytest.mark.parametrize(
    ("severities", "summary"),
    [
        ([], "no problems"),
        ([Severity.ERROR], "1 error"),
        ([Severity.WARNING, Severity.WARNING], "2 warnings"),
        ([Severity.ERROR, Severity.ERROR, Severity.WARNING], "2 errors, 1 warning"),
    ],
)
def test_summary(severities: list[Severity], summary: str) -> None:
    report = Report.of(finding(severity=s, message=str(n)) for n, s in enumerate(severities))
    assert summarize(report) == summary


def test_summary_counts_what_is_waived() -> None:
    waived = (Waived(finding(), "meant so"),)
    assert summarize(Report.of([], waived=waived)) == "no problems, 1 waived"
    assert summarize(Report.of([finding()], waived=waived)) == "1 error, 1 waived"
