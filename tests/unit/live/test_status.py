"""Drift: of files, of what a flake sees, and what `kubectl diff` says of objects."""

import subprocess
from pathlib import Path

import pytest

import hybridlab
from hybridlab import Cluster
from hybridlab.cli.file_drift import file_drift, seen_by_flake
from hybridlab.live.drift import Drift
from hybridlab.live.manifest_drift import parse_difference
from hybridlab.live.session import Journal
from hybridlab.live.status import git_drift
from hybridlab.output.index import INDEX_PATH
from patched import cluster
from programs import need_program

FILE = "modules/generated/homelab/network.nix"
OBJECT = """\
diff -u -N /tmp/LIVE-1/apps.v1.Deployment.ollama.ollama /tmp/MERGED-2/apps.v1.Deployment.ollama.ollama
--- /tmp/LIVE-1/apps.v1.Deployment.ollama.ollama\t2026-11-25 13:00:00
+++ /tmp/MERGED-2/apps.v1.Deployment.ollama.ollama\t2026-11-25 13:00:00
@@ -6,7 +6,7 @@
     app: ollama
-  replicas: 2
+  replicas: 1
"""
NEW = """\
diff -u -N /tmp/LIVE-1/rbac.authorization.k8s.io.v1.ClusterRole..a.b /tmp/MERGED-2/rbac.authorization.k8s.io.v1.ClusterRole..a.b
--- /tmp/LIVE-1/rbac.authorization.k8s.io.v1.ClusterRole..a.b
+++ /tmp/MERGED-2/rbac.authorization.k8s.io.v1.ClusterRole..a.b
@@ -0,0 +1,2 @@
+apiVersion: rbac.authorization.k8s.io/v1
+kind: ClusterRole
\\ No newline at end of file
"""  # noqa: E501 - as kubectl writes it


@pytest.fixture(scope="module")
def lab() -> Cluster:
    return cluster("")


@pytest.fixture
def generated(lab: Cluster, tmp_path: Path) -> Path:
    """A folder in which nothing drifts."""
    hybridlab.apply(hybridlab.plan(hybridlab.emit_all(lab), tmp_path))
    return tmp_path


def told(found: list[Drift]) -> list[tuple[str, str]]:
    return [(one.item, one.state.value) for one in found]


def files(lab: Cluster, folder: Path) -> list[tuple[str, str]]:
    return told(list(file_drift(hybridlab.plan(hybridlab.emit_all(lab), folder))))


def test_files_as_they_should_be(lab: Cluster, generated: Path) -> None:
    assert files(lab, generated) == []


def test_a_file_is_missing(lab: Cluster, generated: Path) -> None:
    (generated / FILE).unlink()
    assert files(lab, generated) == [(FILE, "missing")]


def test_a_file_was_edited(lab: Cluster, generated: Path) -> None:
    (generated / FILE).write_text("{ }")
    assert files(lab, generated) == [(FILE, "changed")]


def test_files_of_another_spec_and_left_over(generated: Path) -> None:
    """Without its workload, its files are left over, and those that name it have changed."""
    less = cluster("{workloads: {ollama: null}}")
    found = dict(files(less, generated))
    assert found["k8s/ollama/deployment.yaml"] == "extra"
    assert found["k8s/kustomization.yaml"] == "changed"
    assert str(INDEX_PATH) not in found


def test_the_index_alone(lab: Cluster, generated: Path) -> None:
    (generated / INDEX_PATH).unlink()
    assert files(lab, generated) == [(str(INDEX_PATH), "missing")]


def test_a_file_out_of_reach_is_no_missing_one(lab: Cluster, generated: Path) -> None:
    (generated / FILE).unlink()
    (generated / FILE).mkdir()
    assert files(lab, generated) == [(FILE, "unreachable")]


def test_what_git_does_not_track(lab: Cluster, generated: Path) -> None:
    need_program("git")
    subprocess.run(["git", "-C", str(generated), "init", "--quiet"], check=True)
    subprocess.run(["git", "-C", str(generated), "add", "--all"], check=True)
    plan = hybridlab.plan(hybridlab.emit_all(lab), generated)
    assert list(git_drift(generated, seen_by_flake(plan))) == []
    subprocess.run(["git", "-C", str(generated), "rm", "--quiet", "--cached", FILE], check=True)
    assert told(list(git_drift(generated, seen_by_flake(plan)))) == [(FILE, "missing")]


def test_a_file_that_is_missing_is_not_untracked_too(lab: Cluster, generated: Path) -> None:
    (generated / FILE).unlink()
    assert FILE not in seen_by_flake(hybridlab.plan(hybridlab.emit_all(lab), generated))


def test_git_that_can_not_be_asked(generated: Path) -> None:
    need_program("git")
    (generated / ".git").write_text("gitdir: nowhere\n")
    [one] = git_drift(generated, (FILE,))
    assert (one.state.value, "git can not list" in one.detail) == ("unreachable", True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (OBJECT, [("Deployment ollama/ollama", "changed")]),
        (NEW, [("ClusterRole a.b", "missing")]),
        (OBJECT + NEW, [("Deployment ollama/ollama", "changed"), ("ClusterRole a.b", "missing")]),
        (
            f"{OBJECT}new, and so not compared: kinds that the manifests define",
            [("Deployment ollama/ollama", "changed"), ("other manifests", "changed")],
        ),
        ("somebody's own program for diffs\n", [("other manifests", "changed")]),
    ],
)
def test_objects_that_kubectl_shows(text: str, expected: list[tuple[str, str]]) -> None:
    assert told(list(parse_difference(text))) == expected


def test_the_last_lines_of_a_journal_unless_it_is_narrowed_down() -> None:
    assert Journal().words == ("journalctl", "--no-pager", "--lines=100")
    assert Journal(since="-1h").words == ("journalctl", "--no-pager", "--since=-1h")
    assert Journal(lines=3, this_boot=True).words == ("journalctl", "--no-pager", "--lines=3", "--boot")
