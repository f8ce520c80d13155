"""`check --fix` and `check --diff`, as a person runs them."""

import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hybridlab.cli.program import program

ROOT = Path(__file__).parents[2]
EXAMPLE = (ROOT / "cluster.yaml").read_text(encoding="utf-8")
FAULTY = EXAMPLE.replace("sshFrom:", "ssh_from:").replace("id: 20", 'id: "20"')


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "cluster.yaml"
    path.write_text(FAULTY, encoding="utf-8")
    path.chmod(0o640)
    return path


def check(spec: Path, *arguments: str) -> Result:
    return CliRunner().invoke(program, ["--spec", str(spec), "check", *arguments])


def test_a_report_says_that_it_can_be_mended(spec: Path) -> None:
    found = check(spec)
    assert found.exit_code == 1
    assert "2 can be mended by `hybridlab check --fix`; --diff shows how" in found.stderr


def test_diff_shows_what_would_be_written_and_writes_nothing(spec: Path) -> None:
    shown = check(spec, "--diff")
    assert shown.exit_code == 3
    changed = [line for line in shown.stdout.splitlines() if line[:1] in "+-" and line[1:2] not in "+-"]
    assert [line[0] for line in changed] == ["-", "+", "-", "+"]
    assert changed[1] == "+  sshFrom: [management] # for kubectl, too"
    assert spec.read_text(encoding="utf-8") == FAULTY


def test_fix_writes_it_says_so_and_goes_on_to_check(spec: Path) -> None:
    written = check(spec, "--fix")
    assert written.exit_code == 0
    assert "fixed: rename ssh_from to sshFrom\nfixed: write 20\n" in written.stderr
    assert spec.read_text(encoding="utf-8") == EXAMPLE
    assert stat.S_IMODE(spec.stat().st_mode) == 0o640
    again = check(spec, "--fix")
    assert (again.exit_code, "has one right fix" in again.stderr) == (0, True)
    assert check(spec, "--diff").exit_code == 0
    assert [path.name for path in spec.parent.iterdir()] == ["cluster.yaml"]


def test_what_is_left_is_reported(spec: Path) -> None:
    spec.write_text(FAULTY.replace("10.0.20.12", "10.0.20.11"), encoding="utf-8")
    written = check(spec, "--fix", "--format", "concise")
    assert written.exit_code == 1
    assert "error[NET001]" in written.stdout
    assert "SPEC" not in written.stdout


def test_a_link_to_the_spec_stays_a_link(spec: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.yaml"
    link.symlink_to(spec)
    assert check(link, "--fix").exit_code == 0
    assert link.is_symlink()
    assert spec.read_text(encoding="utf-8") == EXAMPLE


def test_a_spec_that_is_no_text_is_left_alone(spec: Path) -> None:
    spec.write_bytes(b"a: \xff\n")
    for option in ("--fix", "--diff"):
        found = check(spec, option)
        assert (found.exit_code, found.exception.__class__) == (1, SystemExit)
        assert "SPEC002" in found.output
    assert spec.read_bytes() == b"a: \xff\n"


def test_only_the_selected_rules_mend(spec: Path) -> None:
    unused = EXAMPLE + "check: {waivers: [{code: CAP003, reason: old}]}\n"
    spec.write_text(unused, encoding="utf-8")
    assert check(spec, "--fix", "--ignore", "CAP").exit_code == 0
    assert spec.read_text(encoding="utf-8") == unused
    assert check(spec, "--fix").exit_code == 0
    assert spec.read_text(encoding="utf-8") == EXAMPLE + "check: {waivers: []}\n"
