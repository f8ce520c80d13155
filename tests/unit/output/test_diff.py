"""Diffs: readable by `patch`-like tools, exact at the end of a file, harmless on a terminal."""

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

import pytest

from hybridlab.emit.file import FileSet, GeneratedFile
from hybridlab.output.action import Create, Edited, Foreign, Remove, Update
from hybridlab.output.apply import apply
from hybridlab.output.diff import diff_change, diff_conflict, diff_plan
from hybridlab.output.plan import plan

A = PurePosixPath("k8s/a")


def of(texts: Mapping[str, str]) -> FileSet:
    return FileSet.of(GeneratedFile(path, text) for path, text in texts.items())


def test_update() -> None:
    assert diff_change(Update(A, b"one\ntwo\n", b"one\nthree\n")) == (
        "--- a/k8s/a\n+++ b/k8s/a\n@@ -1,2 +1,2 @@\n one\n-two\n+three\n"
    )


def test_create() -> None:
    assert diff_change(Create(A, b"one\n")) == "--- /dev/null\n+++ b/k8s/a\n@@ -0,0 +1 @@\n+one\n"


def test_remove() -> None:
    assert diff_change(Remove(A, b"one\n")) == "--- a/k8s/a\n+++ /dev/null\n@@ -1 +0,0 @@\n-one\n"


def test_empty_file_is_shown_by_its_name() -> None:
    assert diff_change(Create(A, b"")) == "--- /dev/null\n+++ b/k8s/a\n"


def test_edit_by_hand_is_shown_from_what_is_generated_to_what_was_found() -> None:
    assert diff_conflict(Edited(A, b"mine\n", b"ours\n")) == (
        "--- a/k8s/a\tgenerated\n+++ b/k8s/a\ton disk\n@@ -1 +1 @@\n-ours\n+mine\n"
    )


def test_edited_file_that_is_no_longer_generated_is_shown_whole() -> None:
    assert diff_conflict(Edited(A, b"mine\n", None)) == (
        "--- /dev/null\n+++ b/k8s/a\ton disk, no longer generated\n@@ -0,0 +1 @@\n+mine\n"
    )


def test_file_of_someone_else() -> None:
    assert diff_conflict(Foreign(A, b"mine\n", b"ours\n")).endswith("-ours\n+mine\n")


def test_missing_end_of_line_is_a_difference() -> None:
    assert diff_change(Update(A, b"one", b"one\n")).endswith("-one\n\\ No newline at end of file\n+one\n")


def test_only_line_feeds_end_a_line() -> None:
    text = "one\rtwo\x0bthree\x85four\u2028five\n"

    shown = diff_change(Create(A, text.encode()))

    assert shown.endswith("@@ -0,0 +1 @@\n+one\\rtwo\\x0bthree\\x85four\\u2028five\n")


def test_nothing_in_a_diff_can_steer_a_terminal() -> None:
    shown = diff_change(
        Update(PurePosixPath("a\x1b[2J\nb"), b"\x1b]0;title\x07\xff\n", "\u202eevil\tä\n".encode())
    )

    assert shown == (
        "--- a/a\\x1b[2J\\nb\n+++ b/a\\x1b[2J\\nb\n@@ -1 +1 @@\n-\\x1b]0;title\\x07\\xff\n+\\u202eevil\tä\n"
    )


def test_plan_shows_every_change_and_not_the_index(tmp_path: Path) -> None:
    apply(plan(of({"a": "1\n", "b": "1\n", "c": "1\n"}), tmp_path))

    shown = diff_plan(plan(of({"a": "1\n", "b": "2\n", "d": "2\n"}), tmp_path))

    assert [line for line in shown.splitlines() if line.startswith(("---", "+++"))] == [
        "--- a/b", "+++ b/b", "--- a/c", "+++ /dev/null", "--- /dev/null", "+++ b/d",
    ]  # fmt: skip


@pytest.mark.skipif(not shutil.which("git"), reason="git is missing (Debian: git)")
def test_git_can_apply_the_diff_of_a_plan(tmp_path: Path) -> None:
    before = {"changed": "".join(f"{n}\n" for n in range(40)), "k8s/gone": "gone\nfor good"}
    after = {"changed": before["changed"].replace("7\n", "seven\n") + "end", "k8s/added": "one\ntwo\n"}
    apply(plan(of(before), tmp_path))
    shown = diff_plan(plan(of(after), tmp_path))

    subprocess.run(["git", "apply", "-"], cwd=tmp_path, input=shown.encode(), check=True)

    found = plan(of(after), tmp_path)
    assert found.changes == ()
    assert found.conflicts == ()
