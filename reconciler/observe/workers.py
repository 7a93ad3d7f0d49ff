"""Threads that ask many hosts at a time."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Thread

from reconciler import waits


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
        closing = Thread(target=pool.shutdown, kwargs={"cancel_futures": True}, daemon=True)
        closing.start()
        waits.ended(closing)
        raise
    pool.shutdown()
