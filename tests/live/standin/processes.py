"""The processes of a machine, as its own kernel numbers them."""

import os
from pathlib import Path


def members(pid: int) -> list[int]:
    """Return the processes of the session that a unit's main process began: its control group."""
    found = []
    for file in Path("/standin/proc").glob("[0-9]*/stat"):
        try:
            fields = file.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == pid and fields[0] != "Z":
            found.append(int(file.parent.name))
    return found


def send(pid: int, number: int) -> None:
    """Send a signal to a process, if it is still there."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def is_there(pid: int) -> bool:
    """Whether it has not ended."""
    file = Path(f"/standin/proc/{pid}/stat")
    return file.exists() and file.read_text().rpartition(")")[2].split()[0] != "Z"
