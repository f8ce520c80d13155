"""What has to happen so that a folder holds exactly a set of generated files; it reads and never writes.

Whose a file is decides: ours is what the index, or the journal of a killed run, names with its present hash.
"""

import stat
from collections.abc import Collection, Iterable
from contextlib import suppress
from pathlib import Path, PurePosixPath

from attrs import evolve, frozen

from hybridlab.emit.file import FileSet, GeneratedFile
from hybridlab.errors import OutputError
from hybridlab.output.action import (
    Action,
    Blocked,
    Change,
    Conflict,
    Create,
    Edited,
    Foreign,
    Keep,
    Remove,
    Update,
)
from hybridlab.output.folder import Found, Missing, Obstacle, ObstacleKind, Unreadable, look, reported
from hybridlab.output.index import INDEX_PATH, Index
from hybridlab.output.staging import STAGING_PATH, Staging


@frozen
class Plan:
    """One action for each path that is or was generated, in order of paths, and what becomes of the index.

    `interrupted` says that an earlier run was killed, or that one is at work right now. `emptied` are folders
    that lose a generated file and get none, deepest first: the empty ones among them are removed in the end.
    """

    files: FileSet
    root: Path
    actions: tuple[Action, ...]
    index: Create | Update | Keep
    interrupted: bool
    emptied: tuple[PurePosixPath, ...]

    @property
    def changes(self) -> tuple[Change, ...]:
        return tuple(action for action in self.actions if isinstance(action, Change))

    @property
    def conflicts(self) -> tuple[Conflict, ...]:
        return tuple(action for action in self.actions if isinstance(action, Conflict))

    @property
    def is_current(self) -> bool:
        """Whether the folder holds the generated files and their index, and no trace of a killed run."""
        settled = all(isinstance(action, Keep) for action in (*self.actions, self.index))
        return settled and not self.interrupted

    @property
    def forced(self) -> "Plan":
        """The plan that gives up every edit by hand; all other conflicts stay."""
        return evolve(self, actions=tuple(a.forced if isinstance(a, Edited) else a for a in self.actions))


def plan(files: FileSet, root: Path) -> Plan:
    """Compare `root`, which need not exist, with what it should hold.

    Raises OutputError if the index or a journal is damaged or out of reach, ValueError if a generated file
    takes the place of the index or of the staging folder.
    """
    root = _resolved(root)
    index = Index.of(files).file
    staying = {file.path for file in files | FileSet.of((index, GeneratedFile(STAGING_PATH, "")))}
    interrupted = Staging(root).exists()
    old_index, past = _look_back(root)

    leaving = sorted(past.paths - staying)
    emptied = _emptied(leaving, staying)
    departures = [action for path in leaving if (action := _departure(past, path))]
    vacated = {action.path for action in departures} | set(emptied)
    arrivals = [_arrival(past, file, vacated) for file in files]
    return Plan(
        files=files,
        root=root,
        actions=tuple(sorted((*departures, *arrivals), key=lambda action: action.path)),
        index=_change(INDEX_PATH, old_index, index.content),
        interrupted=interrupted,
        emptied=emptied,
    )


def _resolved(root: Path) -> Path:
    try:
        with reported("read", root), suppress(FileNotFoundError):
            root = root.resolve()
            if not stat.S_ISDIR(root.stat().st_mode):
                raise OutputError(f"can not write into {root}: it is not a folder")
    except RuntimeError as error:  # how Python before 3.13 reports a loop of symbolic links
        raise OutputError(f"can not read {root}: its symbolic links form a loop") from error
    return root


@frozen
class _Past:
    """What earlier runs wrote into `root`: those that ended, by the index, and those that were killed."""

    root: Path
    recorded: Index
    journals: tuple[Index, ...]

    @property
    def paths(self) -> frozenset[PurePosixPath]:
        return frozenset().union(*(index.hashes for index in (self.recorded, *self.journals)))

    def wrote(self, path: PurePosixPath, content: bytes) -> bool:
        return any(index.names(path, content) for index in (self.recorded, *self.journals))


def _look_back(root: Path) -> tuple[Missing | Found, _Past]:
    """Return the index as it stands in the folder, and everything known of earlier runs."""
    journals = Staging(root).journals()
    place = root / INDEX_PATH
    match look(root, INDEX_PATH):
        case Missing() as missing:
            return missing, _Past(root, Index({}), journals)
        case Found(content) as found:
            try:
                return found, _Past(root, Index.parse(content), journals)
            except ValueError as error:
                raise OutputError(
                    f"{place} is damaged: {error}; restore it from version control, or delete it: "
                    f"then files that are not as they would be generated count as yours"
                ) from error
        case unusable:
            raise OutputError(f"the index {place} is out of reach: {unusable.reason}")


def _departure(past: _Past, path: PurePosixPath) -> Remove | Edited | Blocked | None:
    """Return what becomes of a file that is no longer generated; None if it is gone, or no longer ours."""
    match look(past.root, path):
        case Found(content) if past.wrote(path, content):
            return Remove(path, content)
        case Found(content) if path in past.recorded.hashes:
            return Edited(path, content, wanted=None)
        case Unreadable(reason):
            return Blocked(path, reason)
        case _:
            return None


def _arrival(past: _Past, file: GeneratedFile, vacated: Collection[PurePosixPath]) -> Action:
    """Return what becomes of a generated file; files and folders in `vacated` leave before it comes."""
    match look(past.root, file.path):
        case Found(content) if content != file.content and not past.wrote(file.path, content):
            if file.path in past.recorded.hashes:
                return Edited(file.path, content, file.content)
            return Foreign(file.path, content, file.content)
        case Missing() | Found() as sight:
            return _change(file.path, sight, file.content)
        case Obstacle() as obstacle if _gives_way(past.root, obstacle, vacated):
            return Create(file.path, file.content)
        case (Obstacle() | Unreadable()) as unusable:
            return Blocked(file.path, unusable.reason)


def _change(path: PurePosixPath, sight: Missing | Found, wanted: bytes) -> Create | Update | Keep:
    match sight:
        case Missing():
            return Create(path, wanted)
        case Found(content) if content == wanted:
            return Keep(path)
        case Found(content):
            return Update(path, content, wanted)


def _gives_way(root: Path, obstacle: Obstacle, vacated: Collection[PurePosixPath]) -> bool:
    """Whether the obstacle is a file of ours that leaves, or a folder that holds nothing else."""
    if obstacle.at not in vacated:
        return False
    match obstacle.kind:
        case ObstacleKind.FILE:
            return True
        case ObstacleKind.FOLDER:
            folder = root / obstacle.at
            with reported("read", folder):
                return all(PurePosixPath(child.relative_to(root)) in vacated for child in folder.rglob("*"))
        case _:
            return False


def _emptied(leaving: Iterable[PurePosixPath], staying: Iterable[PurePosixPath]) -> tuple[PurePosixPath, ...]:
    lost = {folder for path in leaving for folder in path.parents[:-1]}
    kept = {folder for path in staying for folder in path.parents}
    return tuple(sorted(lost - kept, key=lambda folder: (-len(folder.parts), folder)))
