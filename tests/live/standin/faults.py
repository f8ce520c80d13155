"""Faults that a test plants in a machine: which call of which program they befall, and what happens then."""

import fcntl
import json
import re
from pathlib import Path
from typing import Any, NamedTuple


class Fault(NamedTuple):
    """What befalls a call of `program` whose words, joined by blanks, match the regular expression `words`.

    The program `session` is what ssh was asked to run, as one word; `times` None: each call; the first `skip`
    of them are spared. `does`:

    - `fail`: it does nothing, writes `stderr`, and ends with `status`;
    - `disk-full`: it does nothing, and says so as a full disk makes it;
    - `hang`: it does nothing, for `seconds` (or until it is ended);
    - `slow`: it does what it does after `seconds`;
    - `cut`: the connection is cut, and nothing done; `lost`: it is cut when all is done, before the answer;
      `cut-later`: it is cut after `seconds`, whatever the program is at then;
    - `freeze`: the connection stays, but nothing gets through any more;
    - `kill`: it is killed before it does anything;
    - `reboot`: the machine reboots, and nothing is done; `reboot-after`: when all is done.
    """

    program: str
    words: str = ""
    does: str = "fail"
    status: int = 1
    stderr: str = "planted by the test\n"
    seconds: float = 3600
    times: int | None = 1
    skip: int = 0

    def befalls(self, program: str, words: list[str]) -> bool:
        """Whether it is about this call."""
        return program == self.program and re.search(self.words, " ".join(words)) is not None


def plant(folder: Path, *faults: Fault) -> None:
    """Add faults to those of the machine whose folder this is; none: take all away."""
    with (folder / "faults").open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        _write(file, [*_read(file), *faults] if faults else [])


def take(folder: Path, program: str, words: list[str]) -> Fault | None:
    """Return the first fault that befalls this call, which is one time less then."""
    file_path = folder / "faults"
    if not file_path.exists() or not file_path.stat().st_size:
        return None
    with file_path.open("r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        faults = _read(file)
        for number, fault in enumerate(faults):
            if not fault.befalls(program, words):
                continue
            if fault.skip:
                faults[number] = fault._replace(skip=fault.skip - 1)
                _write(file, faults)
                continue
            if fault.times is not None:
                faults[number] = fault._replace(times=fault.times - 1)
                _write(file, [fault for fault in faults if fault.times != 0])
            return fault
    return None


def _read(file: Any) -> list[Fault]:
    file.seek(0)
    return [Fault(**fault) for fault in json.loads(file.read() or "[]")]


def _write(file: Any, faults: list[Fault]) -> None:
    """In place: who waits for the lock has it open. An empty file says fast that there are none."""
    file.seek(0)
    file.truncate()
    if faults:
        json.dump([fault._asdict() for fault in faults], file)
    file.flush()
