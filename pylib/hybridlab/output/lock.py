"""One run at a time in a folder: a lock that leaves no file behind and dies with its process."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from hybridlab.output.folder import reported


@contextmanager
def locked(folder: Path, on_wait: Callable[[], object] | None = None) -> Iterator[None]:
    """Hold `folder` against every other run; if one holds it, call `on_wait` and wait for its end."""
    with reported("lock", folder):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with reported("lock", folder):
            held = _try_lock(descriptor)
        if not held:
            if on_wait is not None:
                on_wait()
            with reported("lock", folder):
                fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
