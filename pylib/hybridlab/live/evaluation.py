"""Asks Nix which system a flake makes of a machine, and builds nothing; it knows no machine that runs."""

import re
import subprocess
from pathlib import Path

from hybridlab.errors import LiveError
from hybridlab.live import nix

# In its errors, what is the matter comes last, after the places that led there.
_ERROR = re.compile(r"^\s*error:\s*(\S.*)$", re.MULTILINE)


def system_of(folder: Path, machine: str) -> str:
    """Return the store path of the system that the flake in `folder` has for a machine.

    It takes seconds, and needs what the flake needs. Raises: LiveError.
    """
    nix.check_ready(folder)
    # The flake is `.` because a folder's name may hold what a flake reference reads as something else.
    attribute = f".#nixosConfigurations.{machine}.config.system.build.toplevel.outPath"
    command = [*nix.NIX, "eval", "--raw", attribute]
    try:
        run = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
        )
    except OSError as error:
        raise LiveError(f"can not run nix: {error.strerror}") from error
    if run.returncode:
        errors = _ERROR.findall(run.stderr) or run.stderr.split("\n")
        raise LiveError(f"nix can not tell what the flake makes of {machine}: {errors[-1].strip()}")
    return run.stdout.strip()
