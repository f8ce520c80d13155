"""Ask addresses whether they answer, with the system's ping; it does not know why one would not."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from attrs import frozen

from hybridlab.errors import LiveError
from hybridlab.spec.scalars import Address

_AT_ONCE = 32
_GRACE_SECONDS = 5
_NO_REPLY = 1  # ping(8) of iputils: received no packets; 2: any other error

_AVERAGE = re.compile(r"= [0-9.]+/([0-9.]+)/")


@frozen
class Answers:
    """At least one answer came; `milliseconds` is the average way there and back, if ping tells."""

    milliseconds: float | None


@frozen
class Silent:
    """Packets went out, no answer came."""


@frozen
class NotAsked:
    """No packet went out, or nobody knows: it says nothing about the machine."""

    reason: str


Result = Answers | Silent | NotAsked


def ping_all(addresses: Iterable[Address], *, count: int, timeout: int) -> Iterator[Result]:
    """Send `count` packets to every address and yield what came of each, in their order.

    `timeout` is how long the last packet's answer may take, in seconds. Raises: LiveError without a ping.
    """
    program = shutil.which("ping")
    if program is None:
        raise LiveError("can not look: there is no ping here; install it (Debian: iputils-ping)")
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        yield from pool.map(partial(_ping, program, count, timeout), addresses)


def _ping(program: str, count: int, timeout: int, address: Address) -> Result:
    arguments = [program, "-n", "-c", str(count), "-W", str(timeout), str(address)]
    try:
        run = subprocess.run(
            arguments,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            text=True,
            errors="replace",
            check=False,
            timeout=count + timeout + _GRACE_SECONDS,
            env={**os.environ, "LC_ALL": "C"},
        )
    except subprocess.TimeoutExpired:
        return NotAsked("ping did not come to an end")
    except OSError as error:
        return NotAsked(f"ping can not be run: {error.strerror}")
    if run.returncode == 0:
        average = _AVERAGE.search(run.stdout)
        return Answers(float(average[1]) if average else None)
    complaint = (run.stderr.strip() or f"ping ended with status {run.returncode}").splitlines()[-1]
    # Some versions of ping also end with 1 when they may not send at all, but then they complain.
    return Silent() if run.returncode == _NO_REPLY and not run.stderr.strip() else NotAsked(complaint)
