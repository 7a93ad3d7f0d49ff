"""Puts the scheduler in the place of threads and locks. Import it before anything that imports `threading`'s names."""

from __future__ import annotations

import itertools
import queue
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from tests.simulation.locks import SimCondition, SimEvent, SimLock, SimQueue, SimRLock, SimSemaphore
from tests.simulation.scheduler import scheduler


class SimThread:
    """In the place of `threading.Thread`."""

    _made = 0

    def __init__(
        self,
        group: None = None,
        target: Callable[..., Any] | None = None,
        name: str | None = None,
        args: Iterable[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        *,
        daemon: bool | None = None,
    ) -> None:
        SimThread._made += 1
        self._number = SimThread._made
        self.name = name or f"thread-{self._number}"
        self.daemon = bool(daemon)
        self.ident: int | None = None
        self._work = (target, tuple(args), dict(kwargs or {}))
        self._ended = threading.Event()

    def __hash__(self) -> int:
        """Sets of threads are walked through in an order that no address of memory decides."""
        return self._number

    def start(self) -> None:
        scheduler.spawn(self.name, self._begin)

    def _begin(self) -> None:
        self.ident = self._number
        scheduler.current.thread = self
        try:
            self.run()
        finally:
            self._ended.set()

    def run(self) -> None:
        target, args, kwargs = self._work
        if target is not None:
            target(*args, **kwargs)

    def join(self, timeout: float | None = None) -> None:
        self._ended.wait(timeout)

    def is_alive(self) -> bool:
        return self.ident is not None and not self._ended.is_set()


class SimTimer(SimThread):
    """In the place of `threading.Timer`."""

    def __init__(self, interval: float, function: Callable[..., Any]) -> None:
        super().__init__(target=function)
        self._interval = interval
        self._cancelled = threading.Event()

    def cancel(self) -> None:
        self._cancelled.set()

    def run(self) -> None:
        if not self._cancelled.wait(self._interval):
            super().run()


def install() -> None:
    module: Any = threading
    module.Lock = module._allocate_lock = SimLock
    module._CRLock = None
    module.Event, module.Condition, module.Semaphore = SimEvent, SimCondition, SimSemaphore
    module.RLock = module._PyRLock = SimRLock
    module.Thread, module.Timer = SimThread, SimTimer
    module._time = scheduler.monotonic
    module.current_thread = lambda: scheduler.current.thread
    queues: Any = queue
    queues.SimpleQueue = SimQueue
    queues.time = scheduler.monotonic
    number_futures()


def number_futures() -> None:
    """The standard library keeps futures in sets, and locks several of them in the order of their addresses."""
    from concurrent.futures import _base

    base: Any = _base
    count = itertools.count(1)
    begin = base.Future.__init__

    def init(self: Any) -> None:
        begin(self)
        self._number = next(count)

    def acquire(self: Any, futures: Iterable[Any]) -> None:
        self.futures = sorted(futures, key=hash)

    base.Future.__init__, base.Future.__hash__ = init, lambda self: self._number
    base._AcquireFutures.__init__ = acquire
