"""How results are told: in short and in full, to a person and to programs, whatever a machine says."""

import json
from collections.abc import Sequence
from xml.etree import ElementTree

import pytest

from hybridlab.cli import results
from hybridlab.cli.commands.verify import PHASE_NAMES
from hybridlab.cli.ending import ExitCode
from hybridlab.cli.junit import as_junit
from hybridlab.live.checklist import checklist_page
from hybridlab.live.checks.check import Check, CouldNotLook, Failed, Key, Ok, Phase, Result, Skipped, Verdict

HOSTILE = "\x1b[2J\x00\ud800\ufffe <b>&amp; ]]> `x` | *y*"


def result(
    verdict: Verdict, code: str = "unit.active", machine: str | None = "metal", phase: Phase = Phase.MACHINES
) -> Result:
    check = Check(Key(code, machine, "kubelet"), phase, "unit kubelet is active", (), lambda: verdict)
    return Result(check, verdict)


ALL = (
    result(Ok("active")),
    result(Failed("active", "failed\nexit 1", "look at its journal"), "unit.state"),
    result(Skipped("no GPU"), "gpu", None, Phase.GPU),
    result(CouldNotLook("no answer"), "node", None, Phase.CLUSTER),
)


def shown(told: Sequence[Result], capsys: pytest.CaptureFixture[str], *, verbose: bool = False) -> str:
    results.show_results(told, verbose=verbose)
    return capsys.readouterr().out


def test_counts_come_first_and_then_what_is_not_ok(capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(ALL, capsys) == (
        "PHASE     MACHINE  RESULT\n"
        "machines  metal    1 failed, 1 ok\n"
        "gpu       -        1 skipped\n"
        "cluster   -        1 could not look\n"
        "\nfailed: unit kubelet is active [unit.state metal kubelet]\n"
        "  expected  active\n"
        "  found     failed\n"
        "            exit 1\n"
        "  to do     look at its journal\n"
        "\ncould not look: unit kubelet is active [node kubelet]\n"
        "  because   no answer\n"
        "\nskipped: unit kubelet is active [gpu kubelet]\n"
        "  because   no GPU\n"
    )


def test_verbose_shows_what_is_ok(capsys: pytest.CaptureFixture[str]) -> None:
    said = shown(ALL, capsys, verbose=True)
    assert "\nok: unit kubelet is active [unit.active metal kubelet]\n  found     active\n" in said


def test_what_is_skipped_for_one_reason_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    away = Skipped("metal can not be reached")
    said = shown([result(away, "a"), result(away, "b"), result(Skipped("other"), "c")], capsys)
    assert said.count("metal can not be reached") == 1
    assert "\nskipped: 2 checks\n  because   metal can not be reached\n" in said
    assert "[c metal kubelet]" in said


def test_what_needs_what_is_skipped_is_told_with_it(capsys: pytest.CaptureFixture[str]) -> None:
    chain = [
        result(Skipped("metal can not be reached"), "a"),
        result(Skipped("a metal kubelet is not well"), "b", "vm"),
        result(Skipped("b vm kubelet is not well"), "c", None, Phase.CLUSTER),
    ]
    assert "\nskipped: 3 checks\n  because   metal can not be reached\n" in shown(chain, capsys)


def test_machines_steer_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    for verdict in (Ok(HOSTILE), Failed(HOSTILE, HOSTILE, HOSTILE), CouldNotLook(HOSTILE), Skipped(HOSTILE)):
        said = shown([result(verdict)], capsys, verbose=True)
        assert all(char == "\n" or char.isprintable() for char in said)


@pytest.mark.parametrize(
    ("verdict", "code"),
    [
        (Ok(), ExitCode.FINE),
        (Skipped("no GPU"), ExitCode.FINE),
        (Failed("a", "b", "c"), ExitCode.ERRORS),
        (CouldNotLook("why"), ExitCode.ERRORS),
    ],
)
def test_exit_code(verdict: Verdict, code: ExitCode) -> None:
    assert results.exit_code([result(Ok()), result(verdict)]) is code


def test_json_has_all_keys_always() -> None:
    objects = json.loads(json.dumps(results.as_objects(ALL)))
    assert objects[1] == {
        "code": "unit.state",
        "machine": "metal",
        "subject": "kubelet",
        "phase": "machines",
        "title": "unit kubelet is active",
        "status": "failed",
        "expected": "active",
        "found": "failed\nexit 1",
        "advice": "look at its journal",
        "reason": None,
    }
    assert {tuple(one) for one in objects} == {tuple(objects[0])}
    assert [one["status"] for one in objects] == ["ok", "failed", "skipped", "could-not-look"]
    assert objects[3]["machine"] is None


def test_junit_has_a_suite_for_each_phase() -> None:
    root = ElementTree.fromstring(as_junit(ALL))
    counts = {"tests": "4", "failures": "1", "errors": "1", "skipped": "1"}
    assert root.attrib == {"name": "hybridlab verify", **counts}
    assert [suite.get("name") for suite in root] == ["machines", "gpu", "cluster"]
    found = {case.get("name"): [child.tag for child in case] for case in root.iter("testcase")}
    assert found == {
        "unit kubelet is active [unit.active metal kubelet]": ["system-out"],
        "unit kubelet is active [unit.state metal kubelet]": ["failure"],
        "unit kubelet is active [gpu kubelet]": ["skipped"],
        "unit kubelet is active [node kubelet]": ["error"],
    }


@pytest.mark.parametrize(
    "verdict", [Ok(HOSTILE), Failed(HOSTILE, HOSTILE, HOSTILE), CouldNotLook(HOSTILE), Skipped(HOSTILE)]
)
def test_junit_is_xml_whatever_a_machine_says(verdict: Verdict) -> None:
    document = as_junit([result(verdict)])
    (case,) = ElementTree.fromstring(document.encode()).iter("testcase")
    (child,) = case
    said = child.get("message") or child.text or ""
    assert "\N{REPLACEMENT CHARACTER}[2J" in said and " <b>&amp; ]]> `x`" in said


def test_phases_of_the_command_are_those_of_checks() -> None:
    assert tuple(phase.value for phase in Phase) == PHASE_NAMES


def test_checklist_has_a_section_for_each_phase_and_the_check_of_each_item() -> None:
    page = checklist_page("lab", [one.check for one in ALL])
    assert [line for line in page.splitlines() if line.startswith("#")] == [
        "# Checklist of the cluster lab",
        "## Machines",
        "### metal",
        "## GPU",
        "## Cluster",
    ]
    assert "- [ ] unit kubelet is active (`unit.state metal kubelet`)" in page
    assert "`hybridlab verify --phase gpu`" in page


def test_checklist_takes_titles_as_they_are() -> None:
    check = Check(Key("a", None, "`b`"), Phase.NETWORK, f"x {HOSTILE}", (), Ok)
    (item,) = [line for line in checklist_page("lab", [check]).splitlines() if line.startswith("- ")]
    assert "\\<b\\>\\&amp; \\]\\]\\>" in item and item.endswith("(`a  b `)")
