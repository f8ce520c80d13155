"""Runs jobs side by side, and hands out what each returns at once; it does not know what they do."""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from queue import SimpleQueue
from typing import NoReturn, TypeVar

T = TypeVar("T")


def in_parallel(jobs: Iterable[Callable[[], T]], *, at_once: int) -> Iterator[T]:
    """Run the jobs in at most `at_once` threads, and yield what they return.

    What a job raises is raised here, and ends all: nobody waits for a result that never comes. When the
    caller stops to listen, no further job begins, and nobody waits for those at work: an interrupted program
    ends at once.
    """
    waiting = deque(jobs)
    done: SimpleQueue[Callable[[], T]] = SimpleQueue()

    def work() -> None:
        while True:
            try:
                job = waiting.popleft()
            except IndexError:
                return
            done.put(_outcome(job))

    count = len(waiting)
    try:
        for _ in range(min(count, at_once)):
            threading.Thread(target=work, daemon=True).start()
        for _ in range(count):
            yield done.get()()
    finally:
        waiting.clear()


def _outcome(job: Callable[[], T]) -> Callable[[], T]:
    """Run a job, and return what returns, or raises, what it did."""
    try:
        result = job()
    except BaseException as error:
        return partial(_raise, error)
    return lambda: result


def _raise(error: BaseException) -> NoReturn:
    raise error
