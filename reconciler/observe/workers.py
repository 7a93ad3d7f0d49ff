"""Threads that ask many hosts at a time."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import Final, TypeVar

T = TypeVar("T")

_TURN: Final = 0.25
"""Seconds after which a thread that waits looks for a signal: on Windows a wait without an end does not notice one."""


@contextmanager
def workers(parallel: int, name: str) -> Iterator[ThreadPoolExecutor]:
    """A pool of `parallel` threads. At the end all of them have ended. After an interrupt they are not waited
    for, and what has not begun does not begin."""
    pool = ThreadPoolExecutor(max_workers=max(1, parallel), thread_name_prefix=name)
    try:
        yield pool
    except KeyboardInterrupt:
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    except BaseException:
        pool.shutdown(cancel_futures=True)
        raise
    pool.shutdown()


def result(future: Future[T]) -> T:
    """The result of a future, which an interrupt need not wait for."""
    while not future.done():
        wait((future,), timeout=_TURN)
    return future.result()
