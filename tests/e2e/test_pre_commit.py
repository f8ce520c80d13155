"""The hook for pre-commit: what pip installs from this repository is the program that the hook starts."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
(HOOK,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which pip installed the repository alone, without what it depends on."""
    folder = tmp_path_factory.mktemp("installed")
    pip = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--no-index",
        "--no-deps",
        "--no-build-isolation",
        "--quiet",
    ]
    subprocess.run([*pip, "--target", folder, ROOT], check=True)
    return folder


def commit(installed: Path, folder: Path) -> "subprocess.CompletedProcess[str]":
    env = {
        **os.environ,
        "PYTHONPATH": str(installed),
        "PATH": f"{installed / 'bin'}{os.pathsep}{os.environ['PATH']}",
    }
    env.pop("HYBRIDLAB_SPEC", None)
    return subprocess.run(
        shlex.split(HOOK["entry"]), cwd=folder, env=env, capture_output=True, text=True, check=False
    )


def test_hook_lets_a_good_spec_pass_and_stops_a_bad_one(installed: Path, tmp_path: Path) -> None:
    shutil.copy(ROOT / "cluster.yaml", tmp_path)
    assert commit(installed, tmp_path).returncode == 0

    text = (ROOT / "cluster.yaml").read_text(encoding="utf-8")
    (tmp_path / "cluster.yaml").write_text(text.replace("10.0.20.11", "10.0.20.10"), encoding="utf-8")
    run = commit(installed, tmp_path)
    assert (run.returncode, "cluster.yaml:56:14: error[NET001]" in run.stdout) == (1, True), run.stderr


def test_hook_is_as_pre_commit_wants_it() -> None:
    assert (HOOK["id"], HOOK["language"]) == ("hybridlab-check", "python")
    # Any YAML file may be a manifest that the spec names, and the program itself finds what to read.
    assert (HOOK["types"], HOOK["pass_filenames"]) == (["yaml"], False)
    page = (ROOT / "docs/editor.md").read_text(encoding="utf-8")
    assert re.search(rf"- id: {HOOK['id']}$", page, re.MULTILINE)
