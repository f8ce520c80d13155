"""The example's whole tree, as it is committed: the golden files are the repository's own.

To accept what changed: `./just generate`, and look at the diff.
"""

import difflib
from pathlib import Path

import pytest
import yaml
from ruamel.yaml import YAML

from hybridlab import check, emit_all, load_spec, plan, resolve
from nix_programs import assert_nix_parses, assert_nixfmt_keeps, nix_reads_all

ROOT = Path(__file__).parents[2]
CLUSTER = resolve(load_spec(ROOT / "cluster.yaml"))
FILES = emit_all(CLUSTER)
NIX = [file for file in FILES if file.path.suffix == ".nix"]
MANIFESTS = [file for file in FILES if file.path.suffix == ".yaml"]


def test_example_has_no_findings() -> None:
    assert check(CLUSTER).diagnostics == ()


@pytest.mark.parametrize("file", list(FILES), ids=lambda file: str(file.path))
def test_file_is_as_committed(file) -> None:
    path = ROOT / file.path
    committed = path.read_text(encoding="utf-8") if path.exists() else ""
    diff = "\n".join(difflib.unified_diff(committed.splitlines(), file.text.splitlines(), lineterm=""))
    assert committed == file.text, f"run `./just generate` if this is meant:\n{diff}"


def test_nothing_else_is_committed() -> None:
    assert plan(FILES, ROOT).is_current


def test_every_nix_file_parses_and_is_formatted() -> None:
    texts = [file.text for file in NIX]
    assert_nix_parses(texts)
    assert_nixfmt_keeps(texts)


def test_every_nix_file_evaluates() -> None:
    # Paths are relative to the file and would be looked for elsewhere: `imports`, and the sops file.
    plain = [file.text for file in NIX if file.path.name not in ("default.nix", "secrets.nix")]
    assert all(nix_reads_all([(f"builtins.isAttrs ({text})", True) for text in plain]))


@pytest.mark.parametrize("file", MANIFESTS, ids=lambda file: str(file.path))
def test_yaml_readers_of_both_versions_agree(file) -> None:
    assert yaml.safe_load(file.text) == YAML(typ="safe", pure=True).load(file.text)
