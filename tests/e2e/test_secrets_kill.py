"""Whenever a command that changes secrets is killed, each sops file stands as it was or as it should be.

As in test_kill.py, a forked child kills itself right before its N-th change to the file system or its N-th
program, for every N until one survives. sops is real.
"""

import itertools
import os
import shutil
import signal
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from attrs import evolve

from hybridlab import Cluster, load_spec, resolve
from hybridlab.errors import LiveError
from hybridlab.live import secrets
from hybridlab.live.rekey import plan_rekey, rekey
from programs import built_programs
from sops_homelab import APP, Homelab

Change = Callable[[Cluster, Path], object]

MAIN, PODS, GUESTS = "secrets/secrets.yaml", "secrets/workloads.yaml", "secrets/homelab-guests.yaml"
UNUSED = APP.replace("env: {PASSWORD: {secret: app/password}}", "env: {}")
NOTHING = UNUSED.replace("volumes: {/key.pem: {secret: app/key}}", "")


def rekey_all(cluster: Cluster, folder: Path) -> None:
    rekey(plan_rekey(cluster, folder), folder)


def unset_one(cluster: Cluster, folder: Path) -> None:
    secrets.unset_secret(cluster, folder, "app/password")


def unset_all(cluster: Cluster, folder: Path) -> None:
    secrets.unset_secret(cluster, folder, "app")


def replace_value(cluster: Cluster, folder: Path) -> None:
    secrets.set_secret(cluster, folder, "app/key", "new", replace=True)


@pytest.fixture
def lab(befriended: Homelab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Homelab:
    """The same, with this process set up as its programs are."""
    monkeypatch.setenv("PATH", f"{os.environ['PATH']}{os.pathsep}{built_programs()}")
    monkeypatch.setenv("SOPS_AGE_KEY_FILE", str(befriended.keys / "admin"))
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    return befriended


def cluster_of(lab: Homelab) -> Cluster:
    return resolve(load_spec(lab.spec))


def is_moment(event: str, args: tuple[object, ...]) -> bool:
    """Whether an audit event announces a change on disk, or a program."""
    if event == "open":
        return bool(int(str(args[2])) & os.O_CREAT)
    return event in {"os.link", "os.rename", "os.remove", "os.chmod", "subprocess.Popen"}


def is_killed_at(number: int, action: Callable[[], object]) -> bool:
    """Whether `action`, run in a child, came to its moment `number` and was killed right before it."""
    with warnings.catch_warnings():
        # A parallel test runner has threads, which Python warns about; the child has none.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        count = itertools.count()

        def hook(event: str, args: tuple[object, ...]) -> None:
            if is_moment(event, args) and next(count) == number:
                os.kill(os.getpid(), signal.SIGKILL)

        try:
            sys.addaudithook(hook)
            action()
            os._exit(0)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return True
    assert os.WEXITSTATUS(status) == 0
    return False


def killed_everywhere(lab: Homelab, change: Change) -> Iterator[Homelab]:
    cluster = cluster_of(lab)
    for number in itertools.count():
        copy = evolve(lab, folder=lab.folder.with_name(f"killed-{number}"))
        shutil.copytree(lab.folder, copy.folder)
        if not is_killed_at(number, lambda: change(cluster, copy.folder)):  # noqa: B023 - it runs at once
            return
        yield copy
        shutil.rmtree(copy.folder)


@pytest.mark.parametrize(
    ("spec", "change", "values", "moments"),
    [
        pytest.param(UNUSED, unset_one, {"key": "one more"}, 5, id="unset"),
        pytest.param(NOTHING, unset_all, None, 3, id="unset all"),
        pytest.param(APP, replace_value, {"key": "new", "password": "one value"}, 5, id="set"),
    ],
)
def test_command_killed_at_any_moment(
    lab: Homelab, spec: str, change: Change, values: dict[str, str] | None, moments: int
) -> None:
    def is_done(copy: Homelab) -> bool:
        if not (copy.folder / PODS).exists():
            return values is None
        return values is not None and copy.decrypt(PODS, "admin") == {"app": values}

    lab.change(APP, spec)
    old, killed = lab.files(), 0
    for copy in killed_everywhere(lab, change):
        killed += 1
        standing = copy.files()
        assert (standing[MAIN], standing[GUESTS]) == (old[MAIN], old[GUESTS])
        if standing.get(PODS) == old[PODS]:
            change(cluster_of(copy), copy.folder)
        assert is_done(copy)
    assert killed >= moments


def test_rekey_killed_at_any_moment_is_finished_by_the_next(lab: Homelab) -> None:
    """A kill leaves drafts beside the files, and perhaps the rule with who is to read them: no secret."""
    files = (MAIN, PODS, GUESTS)
    values = {file: lab.decrypt(file, "admin") for file in files}
    secrets_known = (values[MAIN]["k8s"]["join-token"], "one value", "AGE-SECRET-KEY-")
    lab.drop("friend")
    old, partly = lab.files(), 0
    for copy in killed_everywhere(lab, rekey_all):
        standing = copy.files()
        texts = [*standing.values(), *(path.read_bytes() for path in Path(tempfile.gettempdir()).iterdir())]
        assert not any(secret.encode() in text for secret in secrets_known for text in texts)
        left = [change.file.name for change in plan_rekey(cluster_of(copy), copy.folder).changes]
        partly += 0 < len(left) < len(files)
        for file in files:
            if file in left:
                assert standing[file] == old[file]
            else:
                assert copy.decrypt(file, "admin") == values[file]
                assert not copy.can_decrypt(file, "friend")
        if partly:
            rekey_all(cluster_of(copy), copy.folder)
            assert plan_rekey(cluster_of(copy), copy.folder).changes == ()
            assert {file: copy.decrypt(file, "admin") for file in files} == values
    assert partly >= 3


@pytest.mark.parametrize("change", [rekey_all, unset_one, replace_value])
def test_a_file_that_somebody_changes_meanwhile_is_left_alone(
    lab: Homelab, change: Change, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sops that, before it does its work, lets somebody else write the file."""
    lab.drop("friend")
    lab.change(APP, UNUSED)
    shims = lab.keys / "bin"
    shims.mkdir()
    real = shutil.which("sops")
    shim = shims / "sops"
    mine = [lab.folder / file for file in (MAIN, PODS, GUESTS)]
    lines = "".join(f"echo '# mine' >>{path}\n" for path in mine)
    shim.write_text(f'#!/bin/sh\n{lines}exec {real} "$@"\n', encoding="utf-8")
    shim.chmod(0o755)
    monkeypatch.setenv("PATH", f"{shims}{os.pathsep}{os.environ['PATH']}")
    before = lab.files()
    with pytest.raises(LiveError, match="has been changed by somebody else meanwhile"):
        change(cluster_of(lab), lab.folder)
    after = lab.files()
    assert after.keys() == before.keys()
    assert all(after[str(path.relative_to(lab.folder))].endswith(b"# mine\n") for path in mine)
    assert all(yaml.safe_load(after[file])["sops"] for file in (MAIN, PODS, GUESTS))
