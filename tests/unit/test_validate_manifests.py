"""What `nix/validate_manifests.py`, which `nix flake check` runs over `k8s/`, refuses and what it takes."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "nix" / "validate_manifests.py"
RIGHT = "apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n"
WRONG = "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {port: []}\n"
CUSTOM = "apiVersion: example.org/v1\nkind: Lamp\nmetadata: {name: a}\n"


def validate(folder: Path, **files: str) -> subprocess.CompletedProcess[str]:
    (folder / "own").mkdir()
    for name, text in files.items():
        (folder / "own" / name.replace("_", ".")).write_text(text, encoding="utf-8")
    command = [sys.executable, str(SCRIPT), "1.36", str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    "text",
    [
        RIGHT,
        f"\ufeff---\n{RIGHT}---\n",
        f"# nothing\n---\n{RIGHT}",
        f"{CUSTOM}---\n{RIGHT}",
        "apiVersion: v1\nkind: List\nitems: [{apiVersion: v1, kind: Namespace, metadata: {name: a}}]\n",
    ],
)
def test_what_a_server_would_take_passes(tmp_path: Path, text: str) -> None:
    run = validate(tmp_path, a_yaml=text)
    assert (run.returncode, "1 manifests, 0 faults" in run.stderr) == (0, True), run.stderr


@pytest.mark.parametrize(
    "text",
    [
        WRONG,
        f"{RIGHT}---\n{WRONG}",
        "apiVersion: v1\nkind: List\nitems: [{apiVersion: v1, kind: Service, spec: {port: 1}}]\n",
        "just: text\n",
        "a: [\n",
    ],
)
def test_what_it_would_not_take_does_not(tmp_path: Path, text: str) -> None:
    run = validate(tmp_path, a_yml=text)
    assert (run.returncode, "own/a.yml: " in run.stderr) == (1, True), run.stderr


def test_of_what_it_has_no_schema_it_says_so(tmp_path: Path) -> None:
    assert "not checked: " in validate(tmp_path, a_yaml=CUSTOM).stderr
