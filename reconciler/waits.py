"""Waits of the main thread for other threads.

Python calls a signal handler in the main thread alone. A wait without an end does not notice a signal on Windows, and
on Linux none that comes in the moment before it. These waits look for one every TURN seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Condition, Thread
from typing import TypeVar

T = TypeVar("T")

TURN = 1.0


def result(future: Future[T]) -> T:
    """The result of a future. Raises what it raises."""
    while not future.done():
        wait((future,), timeout=TURN)
    return future.result()


def completed(futures: Iterable[Future[T]]) -> Iterator[Future[T]]:
    """The futures in the order in which they end."""
    left = set(futures)
    while left:
        done, left = wait(left, timeout=TURN, return_when=FIRST_COMPLETED)
        yield from done


def taken(queue: SimpleQueue[T]) -> T:
    """The next item of a queue."""
    while True:
        with suppress(Empty):
            return queue.get(timeout=TURN)


def until(changed: Condition, is_met: Callable[[], bool]) -> None:
    """Return once `is_met`. The caller holds the lock of `changed`."""
    while not changed.wait_for(is_met, timeout=TURN):
        pass


def ended(thread: Thread) -> None:
    """Return once a thread has ended."""
    while thread.is_alive():
        thread.join(TURN)
