"""Carry out a plan: the only code that writes generated files, one run at a time, and never half a tree.

Everything new is staged, then a journal promises it, then files change by renames, then the index, then the
staging folder goes. A run that fails goes back; the one that follows a killed run goes on, by planning anew.
"""

import stat
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path, PurePosixPath

from attrs import field, frozen

from hybridlab.errors import OutputError
from hybridlab.output.action import Change, Create, Edited, Keep, Remove, Update
from hybridlab.output.folder import (
    Found,
    Missing,
    Unreadable,
    is_empty_folder,
    look,
    reported,
    sync_folder,
    write_durably,
)
from hybridlab.output.index import Index
from hybridlab.output.lock import locked
from hybridlab.output.plan import Plan
from hybridlab.output.plan import plan as plan_anew
from hybridlab.output.staging import Staging


def apply(plan: Plan, *, force: bool = False, on_wait: Callable[[], object] | None = None) -> Plan:
    """Make the folder hold the files of `plan`, and return the plan that was carried out.

    The folder is looked at again under the lock, for which `on_wait` is called before waiting. Any conflict
    is an OutputError, and nothing is written; `force` gives up edits by hand, but only such as `plan` shows.
    An error of the operating system is an OutputError as well, and the old files stand.
    """
    with reported("create", plan.root):
        plan.root.mkdir(parents=True, exist_ok=True)
    with locked(plan.root, on_wait):
        fresh = plan_anew(plan.files, plan.root)
        if force:
            _refuse_unseen(plan, fresh)
            fresh = fresh.forced
        _refuse_conflicts(fresh)
        if not fresh.is_current:
            _carry_out(fresh)
    return fresh


def _refuse_unseen(plan: Plan, fresh: Plan) -> None:
    for conflict in fresh.conflicts:
        if isinstance(conflict, Edited) and conflict not in plan.conflicts:
            raise OutputError(
                f"{plan.root / conflict.path} was edited while this run was under way: look at its diff again"
            )


def _refuse_conflicts(plan: Plan) -> None:
    if plan.conflicts:
        obstacles = "; ".join(f"{conflict.path}: {conflict.reason}" for conflict in plan.conflicts)
        raise OutputError(f"nothing was written to {plan.root}: {obstacles}")


def _carry_out(plan: Plan) -> None:
    run = _Run(plan, Staging(plan.root))
    try:
        run.prepare()
        run.replace_files()
        run.replace_index()
    except OutputError as error:
        run.go_back(error)
        raise OutputError(f"{error}; nothing was changed") from error
    run.staging.drop()


@frozen
class _Run:
    """One run at work; `undo` takes it back, last step first.

    Only an OutputError is taken back. Any other exception (an interrupt from the keyboard) is like being
    killed: what was begun stays, and the journal with it, for the next run.
    """

    plan: Plan
    staging: Staging
    undo: list[Callable[[], object]] = field(factory=list)

    @property
    def index_change(self) -> tuple[Change, ...]:
        return () if isinstance(self.plan.index, Keep) else (self.plan.index,)

    def prepare(self) -> None:
        """Put all that is needed on disk, while running out of space harms nothing yet; the journal last."""
        self.staging.open()
        for change in (*self.plan.changes, *self.index_change):
            self._stage(change)
        self.staging.write_journal(Index.of(self.plan.files))

    def _stage(self, change: Change) -> None:
        target = self.plan.root / change.path
        with reported("write", target):
            match change:
                case Create(path, wanted):
                    write_durably(self.staging.new(path), wanted)
                case Update(path, found, wanted):
                    mode = stat.S_IMODE(target.lstat().st_mode)
                    write_durably(self.staging.new(path), wanted, mode)
                    write_durably(self.staging.old(path), found, mode)
                case Remove():
                    pass  # the file itself moves into the staging folder

    def replace_files(self) -> None:
        """Remove first, that makes room; then update, which belies the old index; then add, and tidy up."""
        changes = self.plan.changes
        for kind in (Remove, Update, Create):
            self._replace(change for change in changes if isinstance(change, kind))
        self._remove_empty_folders(PurePosixPath())
        self._sync(changes)

    def replace_index(self) -> None:
        """Make the index true: from here on the new tree stands."""
        self._replace(self.index_change)
        self._sync(self.index_change)

    def go_back(self, error: OutputError) -> None:
        """Undo every step after `error`; the journals of earlier, killed runs stay in force."""
        try:
            with reported("restore", self.plan.root):
                while self.undo:
                    self.undo.pop()()
            if not self.plan.interrupted:
                self.staging.drop()
        except OutputError as worse:
            raise OutputError(f"{error}; going back failed too: {worse}; run it again to repair") from error

    def _replace(self, changes: Iterable[Change]) -> None:
        for change in changes:
            target = self.plan.root / change.path
            new, old = self.staging.new(change.path), self.staging.old(change.path)
            if isinstance(change, Create):
                self._remove_empty_folders(change.path)
            self._check_unchanged(change)
            with reported("write", target):
                match change:
                    case Create():
                        self._make_folder(target.parent)
                        new.replace(target)
                        self.undo.append(target.unlink)
                    case Update():
                        new.replace(target)
                        self.undo.append(partial(old.replace, target))
                    case Remove():
                        target.replace(old)
                        self.undo.append(partial(old.replace, target))

    def _check_unchanged(self, change: Change) -> None:
        """Look once more, right before the file goes: staging takes a while, and someone may be editing."""
        before = Missing() if isinstance(change, Create) else Found(change.found)
        match look(self.plan.root, change.path):
            case Unreadable(reason):
                raise OutputError(f"{self.plan.root / change.path} {reason}")
            case sight if sight != before:
                raise OutputError(f"{self.plan.root / change.path} changed while it was about to be written")

    def _make_folder(self, folder: Path) -> None:
        if not folder.exists():
            self._make_folder(folder.parent)
            folder.mkdir()
            self.undo.append(folder.rmdir)

    def _remove_empty_folders(self, top: PurePosixPath) -> None:
        """Remove emptied folders at `top` and below: all in the end, for going back might need the space."""
        for emptied in self.plan.emptied:
            folder = self.plan.root / emptied
            with reported("remove", folder):
                if emptied.is_relative_to(top) and is_empty_folder(self.plan.root, emptied):
                    mode = stat.S_IMODE(folder.stat().st_mode)
                    folder.rmdir()
                    self.undo.append(partial(_remake, folder, mode))

    def _sync(self, changes: Iterable[Change]) -> None:
        folders = {self.plan.root / folder for change in changes for folder in change.path.parents}
        for folder in filter(Path.is_dir, sorted(folders)):  # others were emptied and removed
            with reported("write", folder):
                sync_folder(folder)


def _remake(folder: Path, mode: int) -> None:
    folder.mkdir()
    folder.chmod(mode)
