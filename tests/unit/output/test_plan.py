"""What a plan sees: one kind of action per state of a path, and nothing is ever written."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath

import pytest

from hybridlab.emit.file import FileSet, GeneratedFile
from hybridlab.errors import OutputError
from hybridlab.output.action import Action, Blocked, Create, Edited, Foreign, Keep, Remove, Update
from hybridlab.output.apply import apply
from hybridlab.output.index import INDEX_PATH, Index
from hybridlab.output.plan import Plan, plan
from hybridlab.output.staging import Staging


def file_set(**texts: str) -> FileSet:
    """Make a FileSet of files named like the keywords."""
    return of(texts)


def of(texts: Mapping[str, str]) -> FileSet:
    return FileSet.of(GeneratedFile(path, text) for path, text in texts.items())


def write(root: Path, texts: Mapping[str, str]) -> None:
    apply(plan(of(texts), root))


def action(found: Plan, path: str) -> Action:
    (only,) = (action for action in found.actions if action.path == PurePosixPath(path))
    return only


def test_nothing_there_yet(tmp_path: Path) -> None:
    found = plan(file_set(a="one"), tmp_path / "new")

    assert found.actions == (Create(PurePosixPath("a"), b"one"),)
    assert isinstance(found.index, Create)
    assert not found.is_current
    assert not (tmp_path / "new").exists()


def test_own_files_are_updated_removed_and_kept(tmp_path: Path) -> None:
    write(tmp_path, {"kept": "1", "changed": "1", "gone": "1"})

    found = plan(file_set(kept="1", changed="2", added="2"), tmp_path)

    assert found.actions == (
        Create(PurePosixPath("added"), b"2"),
        Update(PurePosixPath("changed"), b"1", b"2"),
        Remove(PurePosixPath("gone"), b"1"),
        Keep(PurePosixPath("kept")),
    )
    assert found.conflicts == ()
    assert not found.is_current


def test_everything_as_it_should_be(tmp_path: Path) -> None:
    write(tmp_path, {"a": "1", "k8s/b": "1"})

    assert plan(of({"a": "1", "k8s/b": "1"}), tmp_path).is_current


def test_missing_file_of_ours_is_created_again_and_counts_as_a_difference(tmp_path: Path) -> None:
    write(tmp_path, {"a": "1"})
    (tmp_path / "a").unlink()

    found = plan(file_set(a="1"), tmp_path)

    assert found.actions == (Create(PurePosixPath("a"), b"1"),)
    assert isinstance(found.index, Keep)
    assert not found.is_current


def test_missing_file_that_is_no_longer_generated_needs_nothing_but_the_index(tmp_path: Path) -> None:
    write(tmp_path, {"a": "1"})
    (tmp_path / "a").unlink()

    found = plan(file_set(), tmp_path)

    assert found.actions == ()
    assert isinstance(found.index, Update)
    assert not found.is_current


def test_edit_by_hand(tmp_path: Path) -> None:
    write(tmp_path, {"changed": "1", "gone": "1"})
    (tmp_path / "changed").write_bytes(b"mine\xff")
    (tmp_path / "gone").write_text("mine")

    found = plan(file_set(changed="1"), tmp_path)

    assert found.conflicts == (
        Edited(PurePosixPath("changed"), b"mine\xff", b"1"),
        Edited(PurePosixPath("gone"), b"mine", None),
    )
    assert found.changes == ()
    assert found.forced.changes == (
        Update(PurePosixPath("changed"), b"mine\xff", b"1"),
        Remove(PurePosixPath("gone"), b"mine"),
    )


def test_edit_that_anticipates_what_is_generated_is_no_conflict(tmp_path: Path) -> None:
    write(tmp_path, {"a": "1"})
    (tmp_path / "a").write_text("2")

    found = plan(file_set(a="2"), tmp_path)

    assert found.actions == (Keep(PurePosixPath("a")),)
    assert not found.is_current  # the index still has the old hash


def test_file_of_someone_else_is_not_ours_even_by_force(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("mine")

    found = plan(file_set(a="1"), tmp_path)

    assert found.conflicts == (Foreign(PurePosixPath("a"), b"mine", b"1"),)
    assert found.forced.conflicts == found.conflicts


def test_file_of_someone_else_that_equals_ours_is_adopted(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")

    found = plan(file_set(a="1"), tmp_path)

    assert found.actions == (Keep(PurePosixPath("a")),)
    assert isinstance(found.index, Create)


def test_file_outside_the_plan_is_not_looked_at(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")

    assert plan(file_set(), tmp_path).actions == ()


def make_link(place: Path) -> None:
    place.symlink_to(place.parent / "elsewhere")


def make_folder(place: Path) -> None:
    place.mkdir()


def make_pipe(place: Path) -> None:
    os.mkfifo(place)


@pytest.mark.parametrize(
    ("obstruct", "reason"),
    [
        (make_link, "k8s/a is a symbolic link"),
        (make_folder, "k8s/a is a folder"),
        (make_pipe, "k8s/a is neither a file nor a folder"),
    ],
)
def test_something_else_at_the_path(tmp_path: Path, obstruct: Callable[[Path], object], reason: str) -> None:
    (tmp_path / "k8s").mkdir()
    obstruct(tmp_path / "k8s/a")

    assert plan(of({"k8s/a": "1"}), tmp_path).conflicts == (Blocked(PurePosixPath("k8s/a"), reason),)


def test_link_to_a_file_with_our_content_is_not_adopted(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("1")
    (tmp_path / "a").symlink_to("real")

    assert plan(file_set(a="1"), tmp_path).conflicts == (Blocked(PurePosixPath("a"), "a is a symbolic link"),)


def test_link_in_place_of_a_folder(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    (outside / "deep").mkdir(parents=True)
    root.mkdir()
    (root / "k8s").symlink_to(outside)

    found = plan(of({"k8s/deep/a": "1"}), root)

    assert found.conflicts == (Blocked(PurePosixPath("k8s/deep/a"), "k8s is a symbolic link"),)


def test_file_in_place_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "k8s").write_text("mine")

    found = plan(of({"k8s/deep/a": "1"}), tmp_path)

    assert found.conflicts == (Blocked(PurePosixPath("k8s/deep/a"), "k8s is a file, not a folder"),)


def test_path_that_the_system_refuses(tmp_path: Path) -> None:
    long_name = "a" * 300

    (conflict,) = plan(of({long_name: "1"}), tmp_path).conflicts

    assert isinstance(conflict, Blocked)
    assert conflict.reason == "can not be read: File name too long"


def test_own_file_whose_folder_became_a_link_is_no_longer_ours(tmp_path: Path) -> None:
    root, moved = tmp_path / "root", tmp_path / "moved"
    write(root, {"k8s/a": "1"})
    (root / "k8s").rename(moved)
    (root / "k8s").symlink_to(moved)

    assert plan(file_set(), root).actions == ()


def test_own_file_makes_room_for_a_folder(tmp_path: Path) -> None:
    write(tmp_path, {"a": "1"})

    found = plan(of({"a/b": "1"}), tmp_path)

    assert found.actions == (Remove(PurePosixPath("a"), b"1"), Create(PurePosixPath("a/b"), b"1"))


def test_own_folder_makes_room_for_a_file(tmp_path: Path) -> None:
    write(tmp_path, {"a/b/c": "1"})

    found = plan(file_set(a="1"), tmp_path)

    assert found.actions == (Create(PurePosixPath("a"), b"1"), Remove(PurePosixPath("a/b/c"), b"1"))


def test_folder_with_other_things_makes_no_room_for_a_file(tmp_path: Path) -> None:
    write(tmp_path, {"a/b": "1"})
    (tmp_path / "a/mine").mkdir()

    assert action(plan(file_set(a="1"), tmp_path), "a") == Blocked(PurePosixPath("a"), "a is a folder")


def test_link_to_a_folder_of_ours_makes_no_room_for_a_file(tmp_path: Path) -> None:
    write(tmp_path, {"a/b": "1"})
    (tmp_path / "a").rename(tmp_path / "moved")
    (tmp_path / "a").symlink_to("moved")

    assert action(plan(file_set(a="1"), tmp_path), "a") == Blocked(PurePosixPath("a"), "a is a symbolic link")


@pytest.mark.parametrize("path", [str(INDEX_PATH), "modules", ".hybridlab-staging/a", ".hybridlab-staging"])
def test_generated_file_can_not_take_a_reserved_place(tmp_path: Path, path: str) -> None:
    with pytest.raises(ValueError, match="generated file"):
        plan(of({path: "1"}), tmp_path)


def test_damaged_index_says_what_to_do(tmp_path: Path) -> None:
    write(tmp_path, {"a": "1"})
    (tmp_path / INDEX_PATH).write_text("<<<<<<< HEAD\n")

    with pytest.raises(
        OutputError, match=r"index\.json is damaged: .*; restore it from version control, or delete it"
    ):
        plan(file_set(a="1"), tmp_path)


def test_index_behind_a_link_is_out_of_reach(tmp_path: Path) -> None:
    root = tmp_path / "root"
    write(root, {"a": "1"})
    (root / "modules").rename(tmp_path / "elsewhere")
    (root / "modules").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(OutputError, match="out of reach: modules is a symbolic link"):
        plan(file_set(a="1"), root)


def test_without_an_index_equal_files_are_adopted_and_others_are_not_ours(tmp_path: Path) -> None:
    write(tmp_path, {"a": "1", "b": "1", "c": "1"})
    (tmp_path / INDEX_PATH).unlink()

    found = plan(file_set(a="1", b="2"), tmp_path)

    assert found.actions == (Keep(PurePosixPath("a")), Foreign(PurePosixPath("b"), b"1", b"2"))


def test_root_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "root").write_text("mine")

    with pytest.raises(OutputError, match=r"can not write into .*: it is not a folder"):
        plan(file_set(a="1"), tmp_path / "root")


def test_root_that_is_a_loop_of_links(tmp_path: Path) -> None:
    (tmp_path / "root").symlink_to("root")

    with pytest.raises(OutputError, match=r"can not (be )?read"):
        plan(file_set(a="1"), tmp_path / "root")


def leave_journal(root: Path, files: FileSet) -> None:
    """Leave the folder as a run does that is killed right after its promise."""
    staging = Staging(root)
    staging.open()
    staging.write_journal(Index.of(files))


def test_killed_run_is_noticed_even_if_nothing_is_left_to_do(tmp_path: Path) -> None:
    write(tmp_path, {"a": "1"})
    Staging(tmp_path).open()

    found = plan(file_set(a="1"), tmp_path)

    assert found.interrupted
    assert found.changes == ()
    assert not found.is_current


def test_what_a_killed_run_wrote_is_ours(tmp_path: Path) -> None:
    write(tmp_path, {"a": "1", "b": "1"})
    leave_journal(tmp_path, file_set(a="2", b="2", c="2"))
    (tmp_path / "a").write_text("2")
    (tmp_path / "c").write_text("2")

    found = plan(file_set(a="3", b="3"), tmp_path)

    assert found.actions == (
        Update(PurePosixPath("a"), b"2", b"3"),
        Update(PurePosixPath("b"), b"1", b"3"),
        Remove(PurePosixPath("c"), b"2"),
    )


def test_what_several_killed_runs_wrote_is_ours(tmp_path: Path) -> None:
    for text in "123":
        leave_journal(tmp_path, file_set(a=text))
    for text in "123":
        (tmp_path / "a").write_text(text)
        assert plan(file_set(a="4"), tmp_path).actions == (Update(PurePosixPath("a"), text.encode(), b"4"),)


def test_file_that_someone_made_where_a_killed_run_wanted_one_is_not_ours(tmp_path: Path) -> None:
    leave_journal(tmp_path, file_set(a="1", b="1"))
    (tmp_path / "a").write_text("mine")
    (tmp_path / "b").write_text("mine")

    found = plan(file_set(a="1"), tmp_path)

    assert found.actions == (Foreign(PurePosixPath("a"), b"mine", b"1"),)


def test_damaged_journal_says_what_to_do(tmp_path: Path) -> None:
    leave_journal(tmp_path, file_set(a="1"))
    (journal,) = Staging(tmp_path).folder.glob("*.journal")
    journal.write_text("{")

    with pytest.raises(OutputError, match=r"journal is damaged: .*; delete it"):
        plan(file_set(a="1"), tmp_path)


@pytest.mark.parametrize("obstruct", [make_link, Path.touch])
def test_something_else_in_place_of_the_staging_folder(
    tmp_path: Path, obstruct: Callable[[Path], object]
) -> None:
    obstruct(Staging(tmp_path).folder)

    with pytest.raises(OutputError, match="hybridlab needs that name"):
        plan(file_set(a="1"), tmp_path)
