"""The README: each of its snippets does what it says."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hybridlab.cli.program import COMMANDS
from nix_programs import assert_nix_parses

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SNIPPETS = re.findall(r"```(\w+)\n(.*?)```", README, re.DOTALL)


def commands(prefix: str) -> list[str]:
    """Return the lines of the shell snippets that start with `prefix`, without their comments."""
    lines = [line for language, text in SNIPPETS if language == "sh" for line in text.splitlines()]
    return [line.partition("#")[0].strip() for line in lines if line.startswith(prefix)]


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the example's folder, with a program `hybridlab` on the PATH."""
    folder = tmp_path / "example"
    folder.mkdir()
    shutil.copy(ROOT / "cluster.yaml", folder)
    shutil.copytree(ROOT / "secrets", folder / "secrets")
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "hybridlab").write_text(f'#!/bin/sh\nexec {sys.executable} -m hybridlab "$@"\n')
    (tools / "hybridlab").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    monkeypatch.delenv("HYBRIDLAB_SPEC", raising=False)
    return folder


def shell(line: str, folder: Path) -> tuple[int, str, str]:
    run = subprocess.run(["sh", "-c", line], cwd=folder, capture_output=True, text=True, check=False)
    return run.returncode, run.stdout, run.stderr


def test_the_program_does_each_thing_that_is_shown(example: Path) -> None:
    lines = commands("hybridlab ")
    shown = {line.split()[1] for line in lines}
    assert set(COMMANDS) - {"completion"} <= shown, "the README leaves a command out"
    for line in lines:
        code, out, err = shell(line, example)
        if line == "hybridlab ping" and shutil.which("ping") is None:
            assert (code, "there is no ping here" in err) == (1, True), err
        elif line == "hybridlab ping":  # that these machines answer is not to be expected here
            assert (code in (0, 1), "k8s-worker-2" in out) == (True, True), err
        elif line.startswith("hybridlab apply"):  # nor that there is a cluster
            assert (code, "kubectl" in err) == (1, True), err
        else:
            assert (code, bool(out + err)) == (0, True), (line, err)


def test_generate_and_then_its_check_find_nothing_to_do(example: Path) -> None:
    assert shell("hybridlab generate --check --diff", example)[0] == 3
    assert shell("hybridlab generate", example)[0] == 0
    assert shell("hybridlab generate --check --diff", example)[0] == 0


def test_python_snippet_runs_beside_the_example(example: Path) -> None:
    (snippet,) = [text for language, text in SNIPPETS if language == "python"]
    run = subprocess.run(
        [sys.executable, "-c", snippet], cwd=example, capture_output=True, text=True, check=False
    )
    assert (run.returncode, run.stderr) == (0, "")
    tracked = [".sops.yaml", "modules/generated/constants.nix", "k8s/kustomization.yaml"]
    assert set(tracked) <= set(run.stdout.splitlines())


def test_flake_is_the_one_that_the_tests_of_nix_evaluate() -> None:
    (snippet,) = [text for language, text in SNIPPETS if language == "nix"]
    tested = ROOT / "tests/nix/second-homelab/flake.nix"
    assert snippet == tested.read_text(encoding="utf-8")
    assert_nix_parses([snippet])


def test_tasks_that_are_shown_are_recipes() -> None:
    recipes = set(re.findall(r"^([a-z][a-z-]*)[^:=\n]*:(?!=)", (ROOT / "justfile").read_text(), re.MULTILINE))
    shown = re.findall(r"\./just ([a-z][a-z-]*)", README)
    assert {"demo", "test", "deploy", "check"} <= set(shown) <= recipes


def test_links_lead_to_files() -> None:
    links = re.findall(r"\]\(([^)]+)\)", README)
    assert "cluster.yaml" in links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_demo_checks_generates_and_shows(tmp_path: Path) -> None:
    if not Path(sys.prefix, "bin/just").exists():
        pytest.skip("no just in this environment: run `./just test`")
    for name in ("just", "justfile", "cluster.yaml"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "pylib", tmp_path / "pylib", ignore=shutil.ignore_patterns("__pycache__"))

    run = subprocess.run(
        [tmp_path / "just", "demo"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "HYBRIDLAB_ENV": sys.prefix},
    )
    assert run.returncode == 0, run.stderr
    made = {str(path.relative_to(tmp_path / ".cache/demo")) for path in (tmp_path / ".cache/demo").rglob("*")}
    assert {"modules/generated/homelab/firewall.nix", "k8s/ollama/service.yaml"} <= made
    for seen in ("nodePorts = [", "kind: Service", "k8s-worker-2  guest", "kubelet API"):
        assert seen in run.stdout
