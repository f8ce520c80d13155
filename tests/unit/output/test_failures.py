"""When the operating system refuses: the error names the place and the reason, and the old files stand.

Each run happens in a forked child, which is the way to take rights or space from a run and not from the test.
"""

import errno
import itertools
import os
import resource
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from hybridlab.emit.file import FileSet, GeneratedFile
from hybridlab.errors import OutputError
from hybridlab.output.apply import apply
from hybridlab.output.plan import plan

NOBODY = 65534
MINE = {"mine": "mine", "k8s/mine": "mine"}
OLD = {"kept": "1", "changed": "1", "k8s/old/gone": "1", "place": "1", "folder/file": "1"}
NEW = {"kept": "1", "changed": "2", "k8s/new/added": "2", "place/file": "2"}
EVENTS = {"open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.chmod", "os.listdir", "os.scandir"}


def of(texts: Mapping[str, str]) -> FileSet:
    return FileSet.of(GeneratedFile(path, text) for path, text in texts.items())


def write(root: Path, texts: Mapping[str, str]) -> None:
    apply(plan(of(texts), root))


def old_tree(root: Path) -> None:
    """Make a tree that holds our old files, and files of someone else."""
    write(root, OLD)
    for path, text in MINE.items():
        (root / path).write_text(text)


def tree(root: Path) -> dict[str, str]:
    """Return every file below `root` but the index and what is staged, by its path."""
    paths = (path for path in root.rglob("*") if path.is_file() and path.name != "index.json")
    texts = {str(path.relative_to(root)): path.read_text() for path in paths}
    return {path: text for path, text in texts.items() if not path.startswith(".hybridlab-staging/")}


def error_in_child(action: Callable[[], None]) -> str:
    """Run `action` in a forked child and return its OutputError; the empty text if it succeeds."""
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        # A parallel test runner has threads, which Python warns about; the child has none.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        message = ""
        try:
            action()
        except OutputError as error:
            message = str(error)
        except BaseException:
            message = "crash: " + traceback.format_exc()
        finally:
            os.write(writing, message.encode())
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        message = pipe.read()
    os.waitpid(child, 0)
    assert not message.startswith("crash"), message
    return message


class FullOnce:
    """An audit hook by which only the file system operation with one number fails, counted from 0."""

    def __init__(self, number: int) -> None:
        self.number, self.count, self.struck = number, 0, False

    def __call__(self, event: str, args: tuple[object, ...]) -> None:
        if self.concerns(event, args):
            self.count += 1
            if self.fails():
                self.struck = True
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def concerns(self, event: str, args: tuple[object, ...]) -> bool:
        return event in EVENTS

    def fails(self) -> bool:
        return self.count - 1 == self.number


class FullForGood(FullOnce):
    """An audit hook by which every operation fails that needs space, from one number on."""

    def concerns(self, event: str, args: tuple[object, ...]) -> bool:
        return event == "os.mkdir" or (event == "open" and bool(int(str(args[2])) & os.O_CREAT))

    def fails(self) -> bool:
        return self.count - 1 >= self.number


# No file takes the place of a folder in the second case: to go back, that folder would need its space again.
@pytest.mark.parametrize(
    ("full_disk", "wanted"), [(FullOnce, NEW | {"folder": "2"}), (FullForGood, NEW | {"folder/file": "2"})]
)
def test_full_disk_at_any_moment_leaves_the_old_files(
    tmp_path: Path, full_disk: type[FullOnce], wanted: dict[str, str]
) -> None:
    for number in itertools.count():
        root = tmp_path / str(number)
        old_tree(root)
        disk = full_disk(number)

        def run(root: Path = root, disk: FullOnce = disk) -> None:
            sys.addaudithook(disk)
            write(root, wanted)
            if not disk.struck:
                raise OutputError("the disk was large enough")

        error = error_in_child(run)
        if error == "the disk was large enough":
            break
        if error:
            assert str(root) in error
            assert "No space left on device" in error
            assert "going back failed" not in error
        else:
            assert tree(root) == wanted | MINE
        if tree(root) != wanted | MINE:
            assert tree(root) == OLD | MINE
            assert plan(of(OLD), root).is_current
        write(root, wanted)
        assert tree(root) == wanted | MINE
        assert plan(of(wanted), root).is_current
    assert number >= 10


def test_file_that_the_system_refuses_to_write(tmp_path: Path) -> None:
    old_tree(tmp_path)

    def run() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
        write(tmp_path, NEW | {"k8s/large": "x" * 20_000})

    error = error_in_child(run)

    assert error == f"can not write {tmp_path}/k8s/large: File too large; nothing was changed"
    assert tree(tmp_path) == OLD | MINE
    assert plan(of(OLD), tmp_path).is_current


def test_root_below_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(OutputError, match=r"can not read .*/file/root: Not a directory"):
        write(tmp_path / "file/root", NEW)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user can reach, unlike those of pytest."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        closed = [above for above in folder.parents if not above.stat().st_mode & 0o001]
        if closed and os.geteuid() == 0:
            pytest.skip(f"only root reaches {closed[0]}: set TMPDIR to a folder that others reach")
        yield folder


def without_rights(root: Path, texts: Mapping[str, str]) -> str:
    """Return the error of a run by a user who is not root."""

    def run() -> None:
        if os.geteuid() == 0:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
        write(root, texts)

    return error_in_child(run)


def give_away(root: Path) -> None:
    """Let the user of `without_rights` own everything below `root`."""
    if os.geteuid() == 0:
        for path in (root, *root.rglob("*")):
            os.chown(path, NOBODY, NOBODY)


def test_folder_without_the_right_to_write(open_folder: Path) -> None:
    root = open_folder / "root"
    old_tree(root)
    give_away(root)
    root.chmod(0o555)

    error = without_rights(root, NEW)

    root.chmod(0o755)
    assert error == f"can not create {root}/.hybridlab-staging: Permission denied; nothing was changed"
    assert tree(root) == OLD | MINE


def test_right_that_is_missing_halfway_takes_the_first_half_back(open_folder: Path) -> None:
    root = open_folder / "root"
    old_tree(root)
    give_away(root)
    before = {path: path.stat().st_mode for path in root.rglob("*")}
    (root / "k8s").chmod(0o555)

    error = without_rights(root, {"changed": "2", "k8s/new": "2"})

    (root / "k8s").chmod(0o755)
    assert error == f"can not write {root}/k8s/new: Permission denied; nothing was changed"
    assert tree(root) == OLD | MINE
    assert plan(of(OLD), root).is_current
    assert {path: path.stat().st_mode for path in root.rglob("*")} == before


def test_folder_without_the_right_to_read(open_folder: Path) -> None:
    root = open_folder / "root"
    old_tree(root)
    give_away(root)
    (root / "k8s").chmod(0)

    error = without_rights(root, NEW)

    (root / "k8s").chmod(0o755)
    assert f"nothing was written to {root}" in error
    assert "k8s/new/added: can not be read: Permission denied" in error
    assert tree(root) == OLD | MINE
