"""Threads that run one at a time, in an order and a time that a seed decides.

Every thread of a simulation is a greenlet, all of them in one thread of the machine. A turn ends where a thread sleeps,
waits for a lock or ends; now and then before it takes a lock. If no thread can run, time jumps to the moment at which
one wakes up.
"""

from __future__ import annotations

import heapq
import sys
import threading
from collections.abc import Callable
from contextvars import Context
from random import Random
from typing import Any, Self, cast

from greenlet import getcurrent, greenlet

EPOCH = 1_800_000_000.0
"""When a simulation begins, in seconds since 1970."""
_PREEMPTED = 0.05
"""How often a thread loses its turn before it takes a lock that is free."""


class Killed(BaseException):
    """The process of a thread was killed: whatever the thread does from here on reaches nothing."""


class Stuck(AssertionError):
    """No thread can run, and none will wake up."""


class Process:
    """What a kill ends: some threads, and what they send. Until `stands_until` none of them runs."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_dead = False
        self.stands_until = 0.0
        self.tasks = 0


class Task:
    """A thread. `processes` are those it works for now, the innermost last: a request is served by the server's.
    `thread` is what `threading` shows of it."""

    __slots__ = ("interrupt", "is_ready", "name", "processes", "strand", "thread", "wait", "woken")

    def __init__(self, name: str, process: Process, strand: greenlet) -> None:
        self.name = name
        self.processes = [process]
        self.strand = strand
        self.thread: Any = self
        self.wait = 0
        self.is_ready = False
        self.woken = False
        self.interrupt: BaseException | None = None

    @property
    def process(self) -> Process:
        return self.processes[-1]


class _Caught:
    """Takes what a thread raises, which has no caller: the simulation ends with it, unless the thread was killed."""

    error: BaseException | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        self.error = None if isinstance(error, Killed) else error
        return True


class _Worker:
    """A greenlet, and what it is to do next. It begins with the first turn of its task."""

    def __init__(self, life: Callable[[_Worker], None]) -> None:
        self.strand = greenlet(lambda: life(self))
        self.task: Task | None = None
        self.work: Callable[[], Any] | None = None

    def take(self) -> Callable[[], Any]:
        work, self.work = cast("Callable[[], Any]", self.work), None
        return work


class Scheduler:
    def __init__(self) -> None:
        self.random = Random(0)
        self.now = 0.0
        self.skew = 0.0
        self.switches = 0
        self._pinned = 0
        self._ready: list[Task] = []
        self._sleeping: list[tuple[float, int, int, Task]] = []
        self._count = 0
        self._living: list[Task] = []
        self._idle: list[_Worker] = []
        self.main = Process("simulation")
        self.failure: BaseException | None = None
        self.current = self._root = Task("main", self.main, getcurrent())
        """The thread that has the turn."""
        self._root.thread = threading.main_thread()
        self._living.append(self._root)

    def reset(self, seed: int) -> None:
        """Begin anew: no thread but this one is left."""
        if len(self._living) > 1:
            raise Stuck(f"threads are left: {[task.name for task in self._living]}")
        self.random = Random(seed)
        self.now = self.skew = 0.0
        self.switches = self._pinned = 0
        self._sleeping.clear()
        self._root.interrupt = None
        self.failure = None

    def pin(self, change: int) -> None:
        """No thread loses its turn for chance while this is above zero: it holds a lock of SQLite."""
        self._pinned = max(0, self._pinned + change)

    # the clock (`reconciler.timing.Clock`)

    def monotonic(self) -> float:
        return self.now

    def epoch(self) -> float:
        return EPOCH + self.now + self.skew

    def sleep(self, seconds: float) -> None:
        task = self.current
        self.check(task)
        self.wake_later(task, max(0.0, seconds))
        self.park(task)

    # turns

    def check(self, task: Task) -> None:
        """Raises what ends this thread."""
        if task.processes[-1].is_dead:
            raise Killed
        if task.interrupt is not None:
            error, task.interrupt = task.interrupt, None
            raise error

    def perhaps_switch(self) -> None:
        """A thread may lose its turn here."""
        if self._ready and not self._pinned and self.random.random() < _PREEMPTED:
            self.switch()

    def switch(self) -> None:
        task = self.current
        self.wake(task)
        self.park(task, prepared=True)

    def wake_later(self, task: Task, seconds: float) -> None:
        self._count += 1
        heapq.heappush(self._sleeping, (self.now + seconds, self._count, task.wait + 1, task))

    def wake(self, task: Task) -> None:
        """It can run again, unless it can already."""
        if not task.is_ready:
            task.is_ready = True
            task.wait += 1
            self._ready.append(task)

    def park(self, task: Task, *, prepared: bool = False) -> None:
        """Give up the turn until something wakes this thread. Raises Killed."""
        if not prepared:
            task.wait += 1
        following = self._next()
        if following is not task:
            self.switches += 1
            self.current = following
            following.strand.switch()
        if task.interrupt is not None or task.processes[-1].is_dead:
            self.check(task)

    def _next(self) -> Task:
        while True:
            task = self._drawn()
            home = task.processes[0]
            if home.stands_until <= self.now or home.is_dead:
                return task
            self._count += 1
            heapq.heappush(self._sleeping, (home.stands_until, self._count, task.wait, task))

    def _drawn(self) -> Task:
        while not self._ready:
            if not self._sleeping:
                self._stuck()
                return self._root
            moment, _, wait, task = heapq.heappop(self._sleeping)
            if task.wait == wait:
                self.now = max(self.now, moment)
                self.wake(task)
        ready = self._ready
        if len(ready) > 1:
            index = self.random.randrange(len(ready))
            ready[index], ready[-1] = ready[-1], ready[index]
        task = ready.pop()
        task.is_ready = False
        return task

    def _stuck(self) -> None:
        lines = []
        for task in self._living:
            where: list[str] = []
            walked: Any = task.strand.gr_frame or sys._getframe()
            while walked is not None and len(where) < 25:
                if "simulation" not in walked.f_code.co_filename and "threading" not in walked.f_code.co_filename:
                    where.append(f"{walked.f_code.co_filename.rpartition('/')[2]}:{walked.f_lineno}")
                walked = walked.f_back
            lines.append(f"{task.name}: {' < '.join(where[:8])}")
        self._root.interrupt = Stuck("every thread waits without an end:\n" + "\n".join(sorted(lines)))

    # threads

    def spawn(self, name: str, work: Callable[[], Any], process: Process | None = None) -> Task:
        """A thread of `process`, by default of the process of the thread that starts it."""
        worker = self._idle.pop() if self._idle else None
        if worker is None:
            worker = _Worker(self._work)
        task = Task(name, process or self.current.process, worker.strand)
        task.process.tasks += 1
        self._living.append(task)
        worker.task, worker.work = task, work
        self.wake(task)
        return task

    def _work(self, worker: _Worker) -> None:
        """The life of a greenlet: it is one task after the other."""
        while True:
            task = cast("Task", worker.task)
            home = task.process
            with _Caught() as caught:
                if not home.is_dead:
                    Context().run(worker.take())
            self.failure = self.failure or caught.error
            worker.task = worker.work = None  # deletions have effects: they come before another thread runs
            del caught
            home.tasks -= 1
            self._living.remove(task)
            del task
            self._idle.append(worker)
            self.current = self._next()
            self.current.strand.switch()

    def kill(self, process: Process) -> None:
        """End a process at once. Returns when its threads have noticed."""
        process.is_dead = True
        for task in list(self._living):
            if task.process is process and task is not self.current:
                self.wake(task)
        while process.tasks and self.current.process is not process:
            self.switch()

    def interrupt(self, task: Task, error: BaseException) -> None:
        """Let a thread raise `error` where it waits."""
        task.interrupt = error
        if task is not self.current:
            self.wake(task)


scheduler = Scheduler()
