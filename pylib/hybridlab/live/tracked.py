"""Asks git which files a flake sees: in a repository, those that it tracks and no others."""

import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from hybridlab.errors import LiveError


def untracked(folder: Path, names: Iterable[str]) -> tuple[str, ...]:
    """Return those of these files, relative to `folder`, that git does not track; none outside a repository.

    Raises: LiveError if git can not be asked.
    """
    folder = folder.absolute()
    if not any((above / ".git").exists() for above in (folder, *folder.parents)):
        return ()
    if shutil.which("git") is None:
        raise LiveError("git is not installed, and Nix reads a flake in a repository with it")
    # All of the folder: an argument for each file could become too many, and would be a pattern.
    command = ["git", "-C", str(folder), "ls-files", "-z", "--cached", "."]
    run = subprocess.run(command, capture_output=True, text=True, errors="surrogateescape", check=False)
    if run.returncode:
        said = next((line for line in run.stderr.splitlines() if line.strip()), "it does not say why")
        raise LiveError(f"git can not list the files of {folder}: {said}")
    return tuple(sorted({*names} - {*run.stdout.split("\0")}))
