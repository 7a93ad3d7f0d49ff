"""Work that goes on after an answer was given: sessions, maintenance, probes of proxies."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Lock, Thread, current_thread
from typing import Any, TypeVar

T = TypeVar("T")
R = TypeVar("R")
log = logging.getLogger(__name__)


class Background:
    """Threads that end when the server stops. What goes wrong in them is kept in `bugs`, never lost."""

    def __init__(self) -> None:
        self.stopping = Event()
        self.bugs: list[BaseException] = []
        self._threads: set[Thread] = set()
        self._lock = Lock()
        self._pool: ThreadPoolExecutor | None = None

    @property
    def pool(self) -> ThreadPoolExecutor:
        """For short parallel work: asking proxies."""
        with self._lock:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(max_workers=16, thread_name_prefix="lab-probe")
            return self._pool

    def spawn(self, work: Callable[..., None], *args: Any) -> None:
        thread = Thread(target=self._run, args=(work, args), name=f"lab-{work.__name__}", daemon=True)
        with self._lock:
            self._threads.add(thread)
            thread.start()  # `stop` finds only threads that run

    def _run(self, work: Callable[..., None], args: tuple[Any, ...]) -> None:
        try:
            work(*args)
        except Exception as error:  # a thread has no caller: keep it for `bugs` and the log
            log.exception("the lab's server failed in the background")
            self.bugs.append(error)
        finally:
            with self._lock:
                self._threads.discard(current_thread())

    def each(self, work: Callable[[T], R], items: Sequence[T]) -> list[R]:
        """Do long work for all items at the same time, apart from `pool`. Results in the order of the items."""
        if not items:
            return []
        with ThreadPoolExecutor(max_workers=min(8, len(items)), thread_name_prefix="lab-work") as pool:
            return list(pool.map(work, items))

    def _running(self) -> set[Thread]:
        with self._lock:
            return set(self._threads)

    def wait(self, seconds: float) -> bool:
        """Sleep, but not beyond the end of the server. True where the server stops."""
        return self.stopping.wait(seconds)

    def stop(self, grace: float = 10.0) -> None:
        """Ask everything to end and wait for it, and for what it begins before it ends."""
        self.stopping.set()
        awaited: set[Thread] = set()
        while threads := self._running() - awaited:
            for thread in threads:
                thread.join(grace)
            awaited |= threads
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=True, cancel_futures=True)
