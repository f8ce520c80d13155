"""The real Nix and nixfmt, for tests that hold text against them; a test skips where one is missing."""

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

# Equality in Nix is exact for floats, as its JSON output is not, but takes 1 for 1.0: hence the types.
_COMPARISON = """
pairs:
let
  types = value:
    if builtins.isAttrs value then builtins.mapAttrs (_: types) value
    else if builtins.isList value then map types value
    else builtins.typeOf value;
  same = pair: pair.ours == pair.theirs && types pair.ours == types pair.theirs;
in
map same pairs
"""


def nix_reads(text: str, value: object) -> bool:
    """Say whether Nix evaluates `text` to `value`, which is JSON-like."""
    return nix_reads_all([(text, value)]) == [True]


def nix_reads_all(pairs: Sequence[tuple[str, object]]) -> list[bool]:
    """Say of each text whether Nix evaluates it to the JSON-like value beside it, in one run of Nix."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        folder.joinpath("comparison.nix").write_text(_COMPARISON, encoding="utf-8")
        calls = []
        for index, (text, value) in enumerate(pairs):
            folder.joinpath(f"{index}.nix").write_text(text, encoding="utf-8", newline="\n")
            folder.joinpath(f"{index}.json").write_text(json.dumps(value), encoding="ascii")
            calls.append(
                f"{{ ours = import ./{index}.nix; "
                f"theirs = builtins.fromJSON (builtins.readFile ./{index}.json); }}"
            )
        folder.joinpath("all.nix").write_text(f"import ./comparison.nix [ {' '.join(calls)} ]")
        run = _run("nix-instantiate", "--eval", "--strict", "--json", str(folder / "all.nix"))
    assert run.returncode == 0, run.stderr
    answers: list[bool] = json.loads(run.stdout)
    return answers


def assert_nix_parses(texts: Sequence[str]) -> None:
    """Fail unless Nix parses every text."""
    with TemporaryDirectory() as name:
        files = _written(Path(name), texts)
        run = _run("nix-instantiate", "--parse", *files)
    assert run.returncode == 0, run.stderr


def assert_nixfmt_keeps(texts: Sequence[str]) -> None:
    """Fail unless nixfmt, in its default mode, leaves every text as it is."""
    with TemporaryDirectory() as name:
        files = _written(Path(name), texts)
        run = _run("nixfmt", "--check", *files)
        changed = [text for file, text in zip(files, texts, strict=True) if file in run.stdout + run.stderr]
    assert run.returncode == 0, "\n".join([run.stdout, run.stderr, *changed])


def _written(folder: Path, texts: Sequence[str]) -> list[str]:
    files = [folder / f"{index}.nix" for index in range(len(texts))]
    for file, text in zip(files, texts, strict=True):
        file.write_text(text, encoding="utf-8", newline="\n")
    return [str(file) for file in files]


def need(program: str, remedy: str) -> None:
    """Skip the test where a program is missing; fail where HYBRIDLAB_REQUIRE, a list of names, has it."""
    if shutil.which(program) is None:
        required = program in os.environ.get("HYBRIDLAB_REQUIRE", "").split()
        (pytest.fail if required else pytest.skip)(f"{program} is not here: {remedy}")


_INSTALL = {
    "nix-instantiate": "install nix-bin (Debian)",
    "nixfmt": "no Debian package: run the tests in `nix develop`",
}


def _run(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    need(program, _INSTALL[program])
    return subprocess.run([program, *arguments], capture_output=True, text=True, check=False, timeout=300)
