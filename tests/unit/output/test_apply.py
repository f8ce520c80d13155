"""Carrying out a plan: what stands on disk afterwards, and what is refused."""

import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from hybridlab.emit.file import FileSet, GeneratedFile
from hybridlab.errors import OutputError
from hybridlab.output.apply import apply
from hybridlab.output.index import INDEX_PATH, Index
from hybridlab.output.plan import Plan, plan
from hybridlab.output.staging import Staging


@pytest.fixture(autouse=True)
def usual_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def of(texts: Mapping[str, str]) -> FileSet:
    return FileSet.of(GeneratedFile(path, text) for path, text in texts.items())


def write(root: Path, texts: Mapping[str, str], *, force: bool = False) -> Plan:
    return apply(plan(of(texts), root), force=force)


def tree(root: Path) -> dict[str, str]:
    """Return every file below `root` but the index, by its path."""
    paths = (path for path in root.rglob("*") if not path.is_dir() and path != root / INDEX_PATH)
    return {str(path.relative_to(root)): path.read_text() for path in paths}


def folders(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_dir()}


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_first_run_makes_the_folder_the_files_and_the_index(tmp_path: Path) -> None:
    root = tmp_path / "deep" / "root"
    files = of({"a": "ä\n", "k8s/apps/b": ""})

    carried_out = apply(plan(files, root))

    assert [str(change.path) for change in carried_out.changes] == ["a", "k8s/apps/b"]
    assert tree(root) == {"a": "ä\n", "k8s/apps/b": ""}
    assert (root / INDEX_PATH).read_bytes() == Index.of(files).file.content
    assert folders(root) == {"k8s", "k8s/apps", "modules", "modules/generated"}


def test_modes_follow_the_umask(tmp_path: Path) -> None:
    write(tmp_path, {"k8s/a": "1"})

    assert [mode(tmp_path / path) for path in ("k8s", "k8s/a", INDEX_PATH)] == [0o755, 0o644, 0o644]


def test_mode_of_a_changed_file_stays(tmp_path: Path) -> None:
    write(tmp_path, {"a": "1"})
    (tmp_path / "a").chmod(0o600)
    (tmp_path / INDEX_PATH).chmod(0o640)

    write(tmp_path, {"a": "2"})

    assert tree(tmp_path) == {"a": "2"}
    assert [mode(tmp_path / path) for path in ("a", INDEX_PATH)] == [0o600, 0o640]


def test_second_run_writes_nothing(tmp_path: Path) -> None:
    write(tmp_path, {"a": "1", "k8s/b": "1"})
    before = {path: path.stat().st_ctime_ns for path in (tmp_path, *tmp_path.rglob("*"))}

    carried_out = write(tmp_path, {"a": "1", "k8s/b": "1"})

    assert carried_out.is_current
    assert {path: path.stat().st_ctime_ns for path in (tmp_path, *tmp_path.rglob("*"))} == before


def test_file_no_longer_generated_goes_with_the_folders_it_leaves_empty(tmp_path: Path) -> None:
    write(tmp_path, {"a": "1", "k8s/apps/deep/b": "1"})

    write(tmp_path, {"a": "1"})

    assert tree(tmp_path) == {"a": "1"}
    assert folders(tmp_path) == {"modules", "modules/generated"}


def test_folder_with_other_things_stays(tmp_path: Path) -> None:
    write(tmp_path, {"k8s/apps/b": "1"})
    (tmp_path / "k8s/mine").write_text("mine")

    write(tmp_path, {})

    assert tree(tmp_path) == {"k8s/mine": "mine"}
    assert folders(tmp_path) == {"k8s", "modules", "modules/generated"}


def test_empty_folder_behind_a_link_is_not_ours_to_remove(tmp_path: Path) -> None:
    root, moved = tmp_path / "root", tmp_path / "moved"
    write(root, {"k8s/apps/a": "1"})
    (root / "k8s").rename(moved)
    (moved / "apps/a").unlink()
    (root / "k8s").symlink_to(moved)

    write(root, {})

    assert (moved / "apps").is_dir()
    assert (root / "k8s").is_symlink()


def test_folder_whose_files_are_all_replaced_stays_the_same_folder(tmp_path: Path) -> None:
    write(tmp_path, {"k8s/a": "1"})
    before = (tmp_path / "k8s").stat().st_ino

    write(tmp_path, {"k8s/b": "1"})

    assert (tmp_path / "k8s").stat().st_ino == before


def test_file_of_someone_else_at_a_path_no_longer_generated_is_left_alone(tmp_path: Path) -> None:
    write(tmp_path, {"k8s/a": "1"})
    (tmp_path / "k8s/a").unlink()
    (tmp_path / "k8s/a").symlink_to("/dev/null")

    write(tmp_path, {})

    assert (tmp_path / "k8s/a").is_symlink()


@pytest.mark.parametrize("force", [False, True])
def test_file_of_someone_else_is_never_overwritten(tmp_path: Path, force: bool) -> None:
    (tmp_path / "b").write_text("mine")

    with pytest.raises(OutputError, match=r"nothing was written to .*: b: was not written by hybridlab$"):
        write(tmp_path, {"a": "1", "b": "1"}, force=force)

    assert list(tmp_path.iterdir()) == [tmp_path / "b"]
    assert tree(tmp_path) == {"b": "mine"}


@pytest.mark.parametrize("force", [False, True])
def test_nothing_is_written_through_a_link(tmp_path: Path, force: bool) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    outside.mkdir()
    root.mkdir()
    (root / "k8s").symlink_to(outside)

    with pytest.raises(OutputError, match="k8s/a: k8s is a symbolic link"):
        write(root, {"k8s/a": "1"}, force=force)

    assert list(outside.iterdir()) == []
    assert list(root.iterdir()) == [root / "k8s"]


def test_edit_by_hand_is_kept_and_reported_with_all_others(tmp_path: Path) -> None:
    write(tmp_path, {"a": "1", "b": "1", "c": "1"})
    (tmp_path / "a").write_text("mine")
    (tmp_path / "c").write_text("mine")

    with pytest.raises(OutputError, match="a: was edited by hand since hybridlab wrote it; c: was edited"):
        write(tmp_path, {"a": "2", "b": "2"})

    assert tree(tmp_path) == {"a": "mine", "b": "1", "c": "mine"}


def test_edit_by_hand_is_given_up_by_force(tmp_path: Path) -> None:
    write(tmp_path, {"a": "1", "b": "1", "k8s/c": "1"})
    (tmp_path / "a").write_text("mine")
    (tmp_path / "k8s/c").write_text("mine")

    carried_out = write(tmp_path, {"a": "1", "b": "1"}, force=True)

    assert [str(change.path) for change in carried_out.changes] == ["a", "k8s/c"]
    assert tree(tmp_path) == {"a": "1", "b": "1"}
    assert "k8s" not in folders(tmp_path)


def test_force_does_not_reach_edits_that_the_plan_does_not_show(tmp_path: Path) -> None:
    write(tmp_path, {"a": "1"})
    (tmp_path / "a").write_text("seen")
    seen = plan(of({"a": "1"}), tmp_path)
    (tmp_path / "a").write_text("unseen")

    with pytest.raises(OutputError, match="a was edited while this run was under way"):
        apply(seen, force=True)

    assert tree(tmp_path) == {"a": "unseen"}


def test_outdated_plan_does_not_overwrite_what_came_meanwhile(tmp_path: Path) -> None:
    outdated = plan(of({"a": "1"}), tmp_path)
    (tmp_path / "a").write_text("mine")

    with pytest.raises(OutputError, match="a: was not written by hybridlab"):
        apply(outdated)

    assert tree(tmp_path) == {"a": "mine"}


def test_outdated_plan_still_leads_to_its_files(tmp_path: Path) -> None:
    outdated = plan(of({"a": "1"}), tmp_path)
    write(tmp_path, {"a": "2", "b": "2"})

    apply(outdated)

    assert tree(tmp_path) == {"a": "1"}


def test_equal_file_is_adopted_and_later_removed_as_ours(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    before = (tmp_path / "a").stat().st_ino

    write(tmp_path, {"a": "1"})
    assert (tmp_path / "a").stat().st_ino == before
    write(tmp_path, {})

    assert tree(tmp_path) == {}


def test_link_to_the_root_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")

    write(tmp_path / "link", {"a": "1"})

    assert tree(tmp_path / "real") == {"a": "1"}
    assert (tmp_path / "link").is_symlink()


@pytest.mark.parametrize(
    ("before", "after"),
    [({"a": "1"}, {"a/b/c": "1"}), ({"a/b/c": "1"}, {"a": "1"}), ({"a/b": "1"}, {"a": "1"})],
)
def test_files_and_folders_change_places(
    tmp_path: Path, before: Mapping[str, str], after: Mapping[str, str]
) -> None:
    write(tmp_path, before)

    write(tmp_path, after)

    assert tree(tmp_path) == after


def test_hard_link_to_a_file_of_ours_keeps_its_content(tmp_path: Path) -> None:
    write(tmp_path / "root", {"a": "1"})
    os.link(tmp_path / "root/a", tmp_path / "backup")

    write(tmp_path / "root", {"a": "2"})

    assert (tmp_path / "backup").read_text() == "1"


@pytest.mark.parametrize("desired", [{"a": "2", "new/b": "2"}, {"a": "1"}, {"a": "3", "new": "3"}, {}])
def test_run_after_a_killed_one_leads_to_whatever_is_wanted_now(
    tmp_path: Path, desired: Mapping[str, str]
) -> None:
    write(tmp_path, {"a": "1"})
    staging = Staging(tmp_path)
    staging.open()
    staging.write_journal(Index.of(of({"a": "2", "new/b": "2"})))
    (staging.folder / "leftover.new").write_text("2")
    (tmp_path / "a").write_text("2")
    (tmp_path / "new").mkdir()
    (tmp_path / "new/b").write_text("2")

    write(tmp_path, desired)

    assert tree(tmp_path) == desired
    assert plan(of(desired), tmp_path).is_current


def test_unfinished_preparation_is_thrown_away(tmp_path: Path) -> None:
    write(tmp_path, {"a": "1"})
    Staging(tmp_path).open()
    (Staging(tmp_path).folder / "half.part").write_text("{")

    write(tmp_path, {"a": "1"})

    assert tree(tmp_path) == {"a": "1"}
    assert plan(of({"a": "1"}), tmp_path).is_current


def test_staging_folder_is_private_and_hidden_from_git(tmp_path: Path) -> None:
    staging = Staging(tmp_path)
    staging.open()

    assert mode(staging.folder) == 0o700
    assert (staging.folder / ".gitignore").read_text() == "*\n"


def test_file_that_no_run_made_stays_in_the_staging_folder(tmp_path: Path) -> None:
    Staging(tmp_path).open()
    (Staging(tmp_path).folder / "mine").write_text("mine")

    with pytest.raises(OutputError, match=r"can not remove .*: Directory not empty"):
        write(tmp_path, {"a": "1"})

    assert tree(tmp_path) == {"a": "1", ".hybridlab-staging/mine": "mine"}
