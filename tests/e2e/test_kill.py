"""Whenever a run is killed, the old tree stands, or the new one, or a tree that passes for neither.

A run happens in a forked child that kills itself right before its N-th change to the file system, for every N
until one survives; Python's audit events say when. More are killed by the clock, to hit what has no event.
"""

import errno
import itertools
import os
import random
import shutil
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

import pytest

from hybridlab.emit.file import FileSet, GeneratedFile
from hybridlab.errors import OutputError
from hybridlab.output.apply import apply
from hybridlab.output.index import INDEX_PATH, Index
from hybridlab.output.plan import plan
from hybridlab.output.staging import STAGING_PATH

Tree = dict[str, bytes]

MINE: Tree = {"mine": b"mine", "k8s/mine": b"mine\xff", "modules/mine/deep": b""}


def of(texts: Mapping[str, str]) -> FileSet:
    return FileSet.of(GeneratedFile(path, text) for path, text in texts.items())


NOTHING = of({})
OLD = of({"kept": "k", "changed": "1", "k8s/changed": "1", "k8s/old/gone": "1", "gone": "1", "place": "1"})
OTHER = of({"kept": "k", "changed": "2", "k8s/changed": "2", "other/added": "2", "place/file": "2"})
NEW = of(
    {"kept": "k", "changed": "3", "k8s/changed": "2", "k8s/new/added": "3", "place/file": "3", "other": "3"}
)


def write(root: Path, files: FileSet) -> None:
    apply(plan(files, root))


def tree_of(files: FileSet) -> Tree:
    """Return the whole tree, index included, that these generated files make."""
    return {str(file.path): file.content for file in (*files, Index.of(files).file)}


def standing_tree(root: Path) -> Tree:
    """Return what stands in `root`: without what is staged, and without the files of someone else."""
    paths = (path for path in root.rglob("*") if path.is_file() and path.parent != root / STAGING_PATH)
    tree = {str(path.relative_to(root)): path.read_bytes() for path in paths}
    assert tree.items() >= MINE.items()
    return {path: content for path, content in tree.items() if path not in MINE}


def agrees_with_its_index(tree: Tree) -> bool:
    """Whether every file that the index lists is there with the hash it lists: what Nix checks."""
    if str(INDEX_PATH) not in tree:
        return False
    index = Index.parse(tree[str(INDEX_PATH)])
    return all(str(path) in tree and index.names(path, tree[str(path)]) for path in index.hashes)


def check_after_kill(root: Path, candidates: tuple[FileSet, ...], wanted: FileSet) -> None:
    """Hold a tree against the law of this module, then let one more run make it what is wanted."""
    standing = standing_tree(root)
    if standing not in [tree_of(files) for files in candidates]:
        assert not agrees_with_its_index(standing)
    for files in candidates:
        if plan(files, root).is_current:
            assert standing == tree_of(files)

    write(root, wanted)

    assert standing_tree(root) == tree_of(wanted)
    everything = [root / path for path in (*tree_of(wanted), *MINE)]
    needed = {folder for path in everything for folder in path.parents if folder.is_relative_to(root)} - {
        root
    }
    assert {path for path in root.rglob("*") if path.is_dir()} == needed
    assert plan(wanted, root).is_current


def make_root(root: Path, files: FileSet | None) -> None:
    """Make a folder that holds someone else's files and, unless None, a generated tree."""
    if files is not None:
        write(root, files)
    for path, content in MINE.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)


def fork(action: Callable[[], None]) -> int:
    """Run `action` in a child, which ends with status 0 if it succeeds, and return the child's id."""
    with warnings.catch_warnings():
        # A parallel test runner has threads, which Python warns about; the child has none.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        try:
            action()
            os._exit(0)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)
    return child


def was_killed(child: int) -> bool:
    """Wait for the end of a child that succeeds or is killed."""
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.WEXITSTATUS(status) == 0
    return False


def is_change(event: str, args: tuple[object, ...]) -> bool:
    """Whether an audit event announces a change on disk; between two of them all moments are alike."""
    if event == "open":
        return bool(int(str(args[2])) & os.O_CREAT)
    return event in {"os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.chmod"}


def killed_at(number: int, action: Callable[[], None]) -> bool:
    """Whether `action`, run in a child, came to its change `number` and was killed right before it."""
    count = itertools.count()

    def hook(event: str, args: tuple[object, ...]) -> None:
        if is_change(event, args) and next(count) == number:
            os.kill(os.getpid(), signal.SIGKILL)

    def run() -> None:
        sys.addaudithook(hook)
        action()

    return was_killed(fork(run))


def copies_killed_everywhere(start: Path, action: Callable[[Path], None]) -> Iterator[Path]:
    """Yield a copy of `start` for each change that `action` makes, with `action` killed right before it."""
    for number in itertools.count():
        root = start.with_name(f"{start.name}-{number}")
        shutil.copytree(start, root)
        if not killed_at(number, partial(action, root)):
            return
        yield root
        shutil.rmtree(root)


@pytest.mark.parametrize(
    ("before", "after", "changes"),
    [
        pytest.param(None, NEW, 20, id="first run"),
        pytest.param(OLD, NEW, 35, id="files are added, changed and removed"),
        pytest.param(OLD, NOTHING, 20, id="all files are removed"),
    ],
)
def test_run_killed_at_any_change(
    tmp_path: Path, before: FileSet | None, after: FileSet, changes: int
) -> None:
    start = tmp_path / "start"
    make_root(start, before)
    killed = 0

    for root in copies_killed_everywhere(start, partial(write, files=after)):
        killed += 1
        check_after_kill(root, (before or NOTHING, after), after)

    assert killed >= changes


@pytest.mark.parametrize("wanted", [OLD, NEW], ids=["back", "on"])
def test_repair_killed_at_any_change(tmp_path: Path, wanted: FileSet) -> None:
    make_root(tmp_path / "whole", OLD)
    mixed: list[Path] = []
    for root in copies_killed_everywhere(tmp_path / "whole", partial(write, files=OTHER)):
        if standing_tree(root) not in (tree_of(OLD), tree_of(OTHER)):
            mixed.append(shutil.copytree(root, tmp_path / f"mixed-{len(mixed)}"))
    assert len(mixed) >= 10

    for half in (mixed[len(mixed) // 2], mixed[-1]):
        for root in copies_killed_everywhere(half, partial(write, files=wanted)):
            check_after_kill(root, (OLD, OTHER, NEW), wanted)


def test_failing_run_killed_on_its_way_back(tmp_path: Path) -> None:
    make_root(tmp_path / "start", OLD)

    def fail_at_the_index(event: str, args: tuple[object, ...]) -> None:
        if event == "os.rename" and str(args[1]).endswith(str(INDEX_PATH)):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def run(root: Path) -> None:
        sys.addaudithook(fail_at_the_index)
        with pytest.raises(OutputError, match="No space left on device"):
            write(root, NEW)
        assert plan(OLD, root).is_current

    for root in copies_killed_everywhere(tmp_path / "start", run):
        check_after_kill(root, (OLD, NEW), NEW)


def test_run_killed_by_the_clock(tmp_path: Path) -> None:
    many = [of({f"k8s/{n % 7}/{n}": f"{n * version}\n" * 500 for n in range(30)}) for version in (1, 2)]
    before, after = (files | common for files, common in zip(many, (OLD, NEW), strict=True))
    make_root(tmp_path / "start", before)
    shutil.copytree(tmp_path / "start", tmp_path / "whole")
    started = time.monotonic()
    assert not was_killed(fork(lambda: write(tmp_path / "whole", after)))
    duration = time.monotonic() - started

    for number in range(20):
        root = tmp_path / str(number)
        shutil.copytree(tmp_path / "start", root)
        child = fork(partial(write, root, after))
        time.sleep(random.uniform(0, duration))
        os.kill(child, signal.SIGKILL)
        was_killed(child)
        check_after_kill(root, (before, after), after)


def test_second_run_says_that_it_waits_and_then_has_its_way(tmp_path: Path) -> None:
    root = tmp_path / "root"
    make_root(root, OLD)
    (started, start), (released, release) = os.pipe(), os.pipe()

    def stop_halfway(event: str, args: tuple[object, ...]) -> None:
        if event == "os.rename" and str(args[1]) == str(root / "changed"):
            os.write(start, b"!")
            os.read(released, 1)

    def first_run() -> None:
        os.close(release)
        sys.addaudithook(stop_halfway)
        write(root, OTHER)

    first = fork(first_run)
    os.close(start)
    assert os.read(started, 1) == b"!"
    assert plan(OTHER, root).interrupted

    waiting, wait = os.pipe()

    def second_run() -> None:
        apply(plan(NEW, root), on_wait=lambda: os.write(wait, b"!"))

    second = fork(second_run)
    os.close(wait)
    assert os.read(waiting, 1) == b"!"
    os.write(release, b"!")
    os.close(release)

    assert not was_killed(first)
    assert not was_killed(second)
    assert standing_tree(root) == tree_of(NEW)
    assert plan(NEW, root).is_current


def test_lock_of_a_killed_run_holds_nobody_up(tmp_path: Path) -> None:
    make_root(tmp_path, OLD)
    waited: list[bool] = []
    assert killed_at(20, lambda: write(tmp_path, NEW))

    apply(plan(NEW, tmp_path), on_wait=lambda: waited.append(True))

    assert not waited
    assert standing_tree(tmp_path) == tree_of(NEW)


def test_runs_that_race_leave_the_tree_of_one_of_them(tmp_path: Path) -> None:
    for number in range(20):
        root = tmp_path / str(number)
        make_root(root, OLD)

        children = [fork(partial(write, root, files)) for files in (OTHER, NEW)]

        assert [was_killed(child) for child in children] == [False, False]
        assert standing_tree(root) in (tree_of(OTHER), tree_of(NEW))
        assert not (root / STAGING_PATH).exists()
