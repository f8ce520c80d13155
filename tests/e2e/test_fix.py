"""`check --fix` and `check --diff`, as a person runs them."""

import os
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


@pytest.mark.parametrize("value", ["123456", "{value: hunter2}", "1.5e3", "0123456", "[hunter2]"])
@pytest.mark.parametrize("option", ["--fix", "--diff", "--format=json", "--format=github", "--format=text"])
def test_no_secret_is_told(spec: Path, value: str, option: str) -> None:
    app = f"  probe: {{type: deployment, image: 'nginx:1.29.1', env: {{DB_PASSWORD: {value}}}}}\n"
    # Beside another change, so that a diff shows its line.
    ports = "  other: {type: deployment, image: 'nginx:1.29.1', replicas: '1'}\n"
    spec.write_text(EXAMPLE.replace("workloads:\n", f"workloads:\n{ports}{app}"), encoding="utf-8")
    found = check(spec, option)
    assert found.output
    for secret in ("23456", "hunter2", "1.5e3", "1500"):
        assert secret not in found.output


@pytest.mark.parametrize("line", ["{0}: x\n{0}: x", "x: *{0}", "x: !{0} y", "apiVersion: {0}"])
def test_no_key_is_told_where_another_word_belongs(spec: Path, line: str) -> None:
    text = line.format("AGE-SECRET-KEY-1QQPZRY9X8")
    rest = EXAMPLE.replace("apiVersion: hybridlab/v1\n", "") if "apiVersion" in line else EXAMPLE
    spec.write_text(f"{rest}{text}\n", encoding="utf-8")
    found = check(spec)
    assert (found.exit_code, "QQPZRY9X8" in found.output) == (1, False)
    assert "AGE-SECRET-KEY-1*********" in found.stdout


def test_what_is_a_secret_beside_a_change_is_not_shown(spec: Path) -> None:
    key = (
        "-----BEGIN OPENSSH PRIVATE KEY-----\n#   bm90IGEga2V5LCBidXQ=\n#   -----END OPENSSH PRIVATE KEY-----"
    )
    text = EXAMPLE.replace("  sshFrom:", f"#   {key}\n  ssh_from:")
    spec.write_text(text, encoding="utf-8")
    shown = check(spec, "--diff").stdout
    assert "+  sshFrom:" in shown
    assert "END OPENSSH" in shown
    assert "bm90" not in shown


def test_the_owner_stays(spec: Path) -> None:
    if os.geteuid() == 0:
        os.chown(spec, 12345, 12346)
    before = spec.stat()
    assert check(spec, "--fix").exit_code == 0
    after = spec.stat()
    assert (after.st_uid, after.st_gid, after.st_mode) == (before.st_uid, before.st_gid, before.st_mode)


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "cluster.yaml"
    os.mkfifo(pipe)
    found = check(pipe, "--fix")
    assert (found.exit_code, found.exception.__class__) == (2, SystemExit)
    assert "cluster.yaml is a pipe" in found.stderr
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_waived_error_is_counted_where_it_is_generated(spec: Path) -> None:
    text = EXAMPLE.replace("memory: 64GiB", "memory: 8GiB")
    spec.write_text(text, encoding="utf-8")
    code = check(spec, "--format", "concise").stdout.split("error[")[1].split("]")[0]
    spec.write_text(f"{text}check: {{waivers: [{{code: {code}, reason: x}}]}}\n", encoding="utf-8")
    done = CliRunner().invoke(program, ["--spec", str(spec), "generate"])
    assert done.exit_code == 0, done.output
    assert f"1 waived in {spec}" in done.stderr
    assert f"error[{code}]" not in done.output


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
