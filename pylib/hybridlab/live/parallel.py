"""Runs jobs side by side, and hands out what each returns at once; it does not know what they do."""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from queue import SimpleQueue
from typing import TypeVar

T = TypeVar("T")


def in_parallel(jobs: Iterable[Callable[[], T]], *, at_once: int) -> Iterator[T]:
    """Run the jobs, which raise nothing, in at most `at_once` threads, and yield what they return.

    When the caller stops to listen, no further job begins, and nobody waits for those at work: an interrupted
    program ends at once.
    """
    waiting = deque(jobs)
    done: SimpleQueue[T] = SimpleQueue()

    def work() -> None:
        while True:
            try:
                job = waiting.popleft()
            except IndexError:
                return
            done.put(job())

    count = len(waiting)
    try:
        for _ in range(min(count, at_once)):
            threading.Thread(target=work, daemon=True).start()
        for _ in range(count):
            yield done.get()
    finally:
        waiting.clear()
