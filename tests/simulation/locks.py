"""What threads of a simulation wait for, in the place of the classes of `threading` and `queue`.

A thread may lose its turn at a lock that Python's own library did not make: so a seed gives the same in every version
of Python. Events, conditions and queues of the library take no locks here, since one thread runs at a time.
"""

from __future__ import annotations

import queue
import sys
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from types import CodeType
from typing import Any

from tests.simulation.scheduler import Task, scheduler

_LIBRARY = str(Path(threading.__file__).parent)
_OF_LIBRARY: dict[CodeType, bool] = {}


def _is_of_library(code: CodeType) -> bool:
    """Whether code belongs to Python itself, whose versions take their locks differently often."""
    if code not in _OF_LIBRARY:
        _OF_LIBRARY[code] = code.co_filename.startswith(_LIBRARY) and "site-packages" not in code.co_filename
    return _OF_LIBRARY[code]


def _wait(waiting: list[Task], task: Task, timeout: float | None) -> bool:
    """Until a thread takes `task` from those that are `waiting`. False after `timeout` seconds."""
    scheduler.check(task)
    task.woken = False
    waiting.append(task)
    if timeout is not None:
        scheduler.wake_later(task, timeout)
    try:
        scheduler.park(task)
    finally:
        if task in waiting:
            waiting.remove(task)
    return task.woken


def _wake(waiting: list[Task]) -> None:
    """The thread that has waited longest."""
    task = waiting.pop(0)
    task.woken = True
    scheduler.wake(task)


def _check() -> Task:
    """The thread that has the turn. Raises what interrupts it; who was killed still tidies up, if nothing is waited
    for."""
    task = scheduler.current
    if task.interrupt is not None and not task.processes[-1].is_dead:
        scheduler.check(task)
    return task


class SimLock:
    """In the place of `threading.Lock`."""

    __slots__ = ("__weakref__", "_is_held", "_preempts", "_waiting")

    def __init__(self, made_by: CodeType | None = None) -> None:
        self._preempts = not _is_of_library(made_by or sys._getframe(1).f_code)
        self._is_held = False
        self._waiting: list[Task] = []

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        task = scheduler.current
        if blocking and not task.processes[-1].is_dead:
            if task.interrupt is not None:
                scheduler.check(task)
            if self._preempts:
                scheduler.perhaps_switch()
        if not self._is_held:
            self._is_held = True
            return True
        if not blocking or timeout == 0:
            return False
        try:
            return _wait(self._waiting, task, timeout if timeout > 0 else None)
        except BaseException:
            if task.woken:
                self.release()
            raise

    def release(self) -> None:
        if not self._is_held:
            raise RuntimeError("release unlocked lock")
        if self._waiting:
            _wake(self._waiting)
        else:
            self._is_held = False

    def locked(self) -> bool:
        return self._is_held

    def _is_owned(self) -> bool:
        return self._is_held

    def _release_save(self) -> None:
        self.release()

    def _acquire_restore(self, _saved: None) -> None:
        self.acquire()

    def _at_fork_reinit(self) -> None:
        self._is_held = False

    def __enter__(self) -> bool:
        if self._is_held or (self._preempts and scheduler._ready) or scheduler.current.interrupt is not None:
            return self.acquire()
        self._is_held = True
        return True

    def __exit__(self, *_: object) -> None:
        if self._is_held and not self._waiting:
            self._is_held = False
        else:
            self.release()


class SimRLock:
    """In the place of `threading.RLock`."""

    __slots__ = ("__weakref__", "_count", "_lock", "_owner")

    def __init__(self, made_by: CodeType | None = None) -> None:
        self._lock = SimLock(made_by or sys._getframe(1).f_code)
        self._owner: Task | None = None
        self._count = 0

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        task = scheduler.current
        if self._owner is task:
            self._count += 1
            return True
        if not self._lock.acquire(blocking, timeout):
            return False
        self._owner, self._count = task, 1
        return True

    def release(self) -> None:
        if self._owner is not scheduler.current:
            raise RuntimeError("cannot release un-acquired lock")
        self._count -= 1
        if not self._count:
            self._owner = None
            self._lock.release()

    def _release_save(self) -> tuple[int, Task | None]:
        saved = (self._count, self._owner)
        self._count, self._owner = 0, None
        self._lock.release()
        return saved

    def _acquire_restore(self, saved: tuple[int, Task | None]) -> None:
        self._lock.acquire()
        self._count, self._owner = saved

    def _is_owned(self) -> bool:
        return self._owner is scheduler.current

    def _at_fork_reinit(self) -> None:
        self._lock._at_fork_reinit()
        self._owner, self._count = None, 0

    def __enter__(self) -> bool:
        task = scheduler.current
        if self._owner is task:
            self._count += 1
            return True
        self._lock.__enter__()
        self._owner, self._count = task, 1
        return True

    def __exit__(self, *_: object) -> None:
        self.release()


class SimEvent:
    """In the place of `threading.Event`."""

    __slots__ = ("__weakref__", "_is_set", "_waiting")

    def __init__(self) -> None:
        self._is_set = False
        self._waiting: list[Task] = []

    def is_set(self) -> bool:
        return self._is_set

    def set(self) -> None:
        _check()
        self._is_set = True
        while self._waiting:
            _wake(self._waiting)

    def clear(self) -> None:
        _check()
        self._is_set = False

    def wait(self, timeout: float | None = None) -> bool:
        task = _check()
        if self._is_set or (timeout is not None and timeout <= 0):
            return self._is_set
        return _wait(self._waiting, task, timeout)


class SimCondition:
    """In the place of `threading.Condition`."""

    def __init__(self, lock: Any = None) -> None:
        self._lock = SimRLock(_OWN) if lock is None else lock
        self.acquire, self.release = self._lock.acquire, self._lock.release
        self._waiting: list[Task] = []

    def wait(self, timeout: float | None = None) -> bool:
        self._check_owned()
        task = _check()
        saved = self._lock._release_save()
        try:
            return (timeout is None or timeout > 0) and _wait(self._waiting, task, timeout)
        finally:
            self._lock._acquire_restore(saved)

    def wait_for(self, predicate: Callable[[], Any], timeout: float | None = None) -> Any:
        end = None if timeout is None else scheduler.now + timeout
        while not (found := predicate()):
            left = None if end is None else end - scheduler.now
            if left is not None and left <= 0:
                break
            self.wait(left)
        return found

    def notify(self, n: int = 1) -> None:
        self._check_owned()
        while self._waiting and n > 0:
            _wake(self._waiting)
            n -= 1

    def notify_all(self) -> None:
        self.notify(len(self._waiting))

    def _check_owned(self) -> None:
        if not self._lock._is_owned():
            raise RuntimeError("un-acquired lock")

    def __enter__(self) -> bool:
        entered: bool = self._lock.__enter__()
        return entered

    def __exit__(self, *error: object) -> None:
        self._lock.__exit__(*error)


_OWN = threading.Condition.__init__.__code__


class SimSemaphore:
    """In the place of `threading.Semaphore`."""

    def __init__(self, value: int = 1) -> None:
        self._value = value
        self._waiting: list[Task] = []

    def acquire(self, blocking: bool = True, timeout: float | None = None) -> bool:
        task = _check()
        end = None if timeout is None else scheduler.now + timeout
        while not self._value:
            left = None if end is None else end - scheduler.now
            if not blocking or (left is not None and left <= 0):
                return False
            _wait(self._waiting, task, left)
        self._value -= 1
        return True

    def release(self, n: int = 1) -> None:
        _check()
        self._value += n
        for _ in range(min(n, len(self._waiting))):
            _wake(self._waiting)

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()


class SimQueue:
    """In the place of `queue.SimpleQueue`."""

    def __init__(self) -> None:
        self._items: deque[Any] = deque()
        self._count = SimSemaphore(0)

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        del block, timeout
        self._items.append(item)
        self._count.release()

    put_nowait = put

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        if not self._count.acquire(block, timeout):
            raise queue.Empty
        return self._items.popleft()

    def get_nowait(self) -> Any:
        return self.get(block=False)

    def empty(self) -> bool:
        return not self._items

    def qsize(self) -> int:
        return len(self._items)
