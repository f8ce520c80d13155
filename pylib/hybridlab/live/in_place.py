"""Makes, changes and removes a file so that it stands as it was or as it should be, also after a kill.

What is in a file, and which program changes it, is not known here.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hybridlab.errors import LiveError


def create(path: Path, text: str) -> None:
    """Write a new file, for all to read; never in the place of one that has come into being meanwhile."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with _draft(path) as draft:
        draft.write_text(text, encoding="utf-8")
        draft.chmod(0o644)
        try:
            os.link(draft, path)  # unlike a rename it does not replace
        except FileExistsError:
            raise LiveError(f"{path} has been made by somebody else meanwhile; it is left alone") from None


@contextmanager
def changed(path: Path) -> Iterator[Path]:
    """Yield a copy of a file to change, and put it in the place of the file if all went well.

    If the copy is removed, so is the file. Raises: LiveError when somebody changed the file meanwhile.
    """
    before = path.read_bytes()
    with _draft(path) as draft:
        draft.write_bytes(before)
        yield draft
        if path.read_bytes() != before:
            raise LiveError(f"{path} has been changed by somebody else meanwhile; it is left alone")
        if not draft.exists():
            path.unlink()
            return
        _own_alike(path, draft)
        with draft.open("rb") as file:
            os.fsync(file.fileno())
        draft.replace(path)


def _own_alike(path: Path, draft: Path) -> None:
    """Give a draft the owner of the file that it replaces, as far as this user may, and its mode."""
    owner = path.stat()
    with suppress(PermissionError):
        os.chown(draft, owner.st_uid, owner.st_gid)
    shutil.copymode(path, draft)  # after the owner, whose change would take bits away


@contextmanager
def _draft(path: Path) -> Iterator[Path]:
    """Yield an empty file beside `path`, which is gone afterwards."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=".yaml", dir=path.parent)
    os.close(descriptor)
    draft = Path(name)
    try:
        yield draft
    finally:
        draft.unlink(missing_ok=True)
