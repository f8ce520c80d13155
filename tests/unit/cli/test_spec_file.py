"""Which spec is taken."""

import os
from pathlib import Path

import click
import pytest

from hybridlab.cli.spec_file import find_spec


def test_named_one_is_taken_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "lab.yaml").touch()
    (tmp_path / "link").symlink_to("lab.yaml")
    for name in ("lab.yaml", "link"):
        assert find_spec(tmp_path / name) == tmp_path / name


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("missing.yaml", "missing.yaml does not exist"),
        ("dangling.yaml", "dangling.yaml does not exist"),
        ("lab.yaml/below", "below does not exist"),
        (".", "is a folder; name the spec in it"),
        ("inner", "is a folder; name the spec in it: --spec .*/inner/cluster.yaml"),
        ("pipe", "is a pipe or device; save the spec as a file"),
    ],
)
def test_named_one_is_a_file(tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / "inner").mkdir()
    for file in ("lab.yaml", "inner/cluster.yaml"):
        (tmp_path / file).touch()
    (tmp_path / "dangling.yaml").symlink_to("gone.yaml")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(click.UsageError, match=said):
        find_spec(tmp_path / name)


@pytest.mark.parametrize(
    ("here", "found"),
    [("", "cluster.yaml"), ("a", "../cluster.yaml"), ("a/b", "../../cluster.yaml"), ("near", "cluster.yaml")],
)
def test_nearest_one_upward(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, here: str, found: str) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "near").mkdir()
    for folder in ("", "near"):
        (tmp_path / folder / "cluster.yaml").touch()
    monkeypatch.chdir(tmp_path / here)

    assert find_spec(None) == Path(found)


def test_none_says_where_was_looked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(click.UsageError, match=f"no cluster.yaml in {tmp_path} or a folder above it"):
        find_spec(None)


def test_folder_that_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()

    with pytest.raises(click.UsageError, match="does not exist any more"):
        find_spec(None)
