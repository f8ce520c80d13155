"""Laws of writing generated files, over lives of a folder in which runs and people take turns.

Few paths and few contents are drawn, so that they meet: files of ours and of others at the same path, and
paths that are a file at one time and a folder at another.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from attrs import field, frozen
from hypothesis import assume, given
from hypothesis import strategies as st

from hybridlab.emit.file import FileSet, GeneratedFile
from hybridlab.errors import OutputError
from hybridlab.output.action import Edited
from hybridlab.output.apply import apply
from hybridlab.output.index import INDEX_PATH, Index
from hybridlab.output.plan import plan

# Paths of generated files and of those that people make: nested in each other, and next to the index.
paths = st.sampled_from(
    ["a", "b", "a/b", "a/b/c", "k8s/a", "k8s/b", "k8s/apps/a", "modules/a", "modules/generated/a"]
)

# Texts of generated files; none is ever a text that someone wrote by hand.
generated_texts = st.sampled_from(["", "generated 1\n", "generated 2\n"])

# Texts that someone wrote by hand.
own_texts = st.sampled_from(["mine 1\n", "mine 2"])


def _file_set(texts: dict[str, str]) -> FileSet:
    """Drop each path that lies below another one, as a FileSet must not hold both."""
    kept = [path for path in texts if not any(path.startswith(f"{other}/") for other in texts)]
    return FileSet.of(GeneratedFile(path, texts[path]) for path in kept)


# Sets of up to six generated files.
file_sets = st.dictionaries(paths, generated_texts, max_size=6).map(_file_set)


@frozen
class Run:
    """hybridlab writes these files, if it can."""

    files: FileSet
    force: bool


@frozen
class Write:
    """Someone writes a file: their own, or over one of ours."""

    path: str
    text: str


@frozen
class Delete:
    """Someone deletes a file, whoever wrote it."""

    path: str


Step = Run | Write | Delete
Life = tuple[list[Step], FileSet]

# One step in the life of a folder.
steps = st.one_of(
    st.builds(Run, file_sets, st.booleans()), st.builds(Write, paths, own_texts), st.builds(Delete, paths)
)

# Lives of a folder, each with a last set of files that is wanted now.
lives = st.tuples(st.lists(steps, max_size=12), file_sets)


@frozen
class Folder:
    """A folder and what we know of it: whose file is whose, without asking its index."""

    root: Path
    ours: dict[str, str] = field(factory=dict)
    theirs: dict[str, str] = field(factory=dict)

    def live(self, life: list[Step]) -> None:
        for step in life:
            match step:
                case Run(files, force):
                    self.run(files, force=force)
                case Write(path, text):
                    self.write(path, text)
                case Delete(path):
                    self.delete(path)

    def run(self, files: FileSet, *, force: bool) -> bool:
        """Whether a run could write `files`."""
        try:
            apply(plan(files, self.root), force=force)
        except OutputError:
            return False
        self.ours.clear()
        self.ours.update({str(file.path): file.text for file in files})
        return True

    def write(self, path: str, text: str) -> None:
        target = self.root / path
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
        except OSError:  # a file stands where a folder should, or the other way round
            return
        if path not in self.ours:
            self.theirs[path] = text

    def delete(self, path: str) -> None:
        target = self.root / path
        if target.is_file():
            target.unlink()
            self.theirs.pop(path, None)

    def tree(self) -> dict[str, str]:
        """Return the files that stand in the folder, without the index."""
        found = (path for path in self.root.rglob("*") if path.is_file() and path != self.root / INDEX_PATH)
        return {str(path.relative_to(self.root)): path.read_text() for path in found}

    def state(self) -> dict[Path, tuple[int, int, bytes]]:
        """Return everything that a write would change: inodes, times and contents."""
        return {
            path: (path.stat().st_ino, path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else b"")
            for path in (self.root, *self.root.rglob("*"))
        }


@contextmanager
def folder_after(life: list[Step]) -> Iterator[Folder]:
    """Make a folder and let it live; it is gone afterwards."""
    with tempfile.TemporaryDirectory() as name:
        folder = Folder(Path(name))
        folder.live(life)
        yield folder


def by_hand(folder: Folder) -> dict[str, str]:
    """Return every file with a text that someone wrote by hand, in their files or over ours."""
    return {path: text for path, text in folder.tree().items() if text.startswith("mine")}


@given(lives)
def test_second_run_does_nothing(life: Life) -> None:
    steps, wanted = life
    with folder_after(steps) as folder:
        assume(folder.run(wanted, force=True))
        before = folder.state()

        assert folder.run(wanted, force=False)

        assert folder.state() == before
        assert plan(wanted, folder.root).is_current


@given(lives)
def test_tree_is_what_is_generated_and_what_others_wrote(life: Life) -> None:
    steps, wanted = life
    with folder_after(steps) as folder:
        assume(folder.run(wanted, force=True))

        assert folder.tree() == {str(file.path): file.text for file in wanted} | folder.theirs
        assert (folder.root / INDEX_PATH).read_bytes() == Index.of(wanted).file.content


@given(lives)
def test_files_of_others_never_change(life: Life) -> None:
    steps, wanted = life
    with folder_after([]) as folder:
        for step in (*steps, Run(wanted, force=True)):
            folder.live([step])
            assert folder.tree().items() >= folder.theirs.items()


@given(lives)
def test_without_force_nothing_that_a_person_wrote_changes(life: Life) -> None:
    steps, wanted = life
    with folder_after(steps) as folder:
        before = by_hand(folder)

        folder.run(wanted, force=False)

        assert by_hand(folder) == before


@given(lives, st.booleans())
def test_refused_run_changes_nothing(life: Life, force: bool) -> None:
    steps, wanted = life
    with folder_after(steps) as folder:
        before = folder.state()
        if not folder.run(wanted, force=force):
            assert folder.state() == before


@given(lives)
def test_only_edits_of_our_files_give_way_to_force(life: Life) -> None:
    steps, wanted = life
    with folder_after(steps) as folder:
        conflicts = plan(wanted, folder.root).conflicts

        assert folder.run(wanted, force=True) == all(isinstance(conflict, Edited) for conflict in conflicts)
