"""Doing the changes of a plan in the order of their dependencies, several at a time.

A failed change skips those that wait for it; the rest goes on. Every change ends in exactly one of four outcomes, but
for those that were left alone in the middle because somebody could not wait (`Result.in_flight`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from queue import SimpleQueue

from reconciler.apply.context import ApplyContext
from reconciler.apply.health_gate import Look
from reconciler.apply.restores import left_open
from reconciler.apply.retry import patiently
from reconciler.apply.rollout import Limits
from reconciler.apply.schedule import Schedule
from reconciler.apply.steps import STEPS, NotBegun, StepFailed, StillRunning, describe
from reconciler.journal import JournalError, LeaseLost
from reconciler.model.diagnostic import Diagnosed
from reconciler.model.errors import ReconcileError
from reconciler.model.event import (
    ChangeEnded,
    ChangeStarted,
    Listener,
    Outcome,
    Progress,
    StepDone,
    StepStarted,
    Stopping,
)
from reconciler.model.plan import Change, Plan


@dataclass(frozen=True, slots=True)
class Result:
    """How every change ended, by key, in the order of the plan; `unhealthy` is what failed verification
    after apply. `error` is what stopped the run: a journal that cannot be written, or a lock that is lost.
    `in_flight` has the changes that were under way when it ended, by key, with the step that each was at: jobs that go
    on at the server after an interrupt, and whatever was `abandoned` at a second one."""

    outcomes: Mapping[str, ChangeEnded] = field(default_factory=dict)
    interrupted: bool = False
    abandoned: bool = False
    error: JournalError | None = None
    in_flight: Mapping[str, str] = field(default_factory=dict)
    unhealthy: Mapping[str, str] = field(default_factory=dict)

    @property
    def failed(self) -> bool:
        return bool(self.unhealthy) or any(end.outcome is not Outcome.DONE for end in self.outcomes.values())


class StopSignal:
    """How a run is asked to end: rung once it starts nothing else, rung again it leaves what is under way."""

    def __init__(self) -> None:
        self.calls: SimpleQueue[Future[ChangeEnded | None] | None] = SimpleQueue()

    def ring(self) -> None:
        """May be called in a signal handler: putting into this kind of queue is reentrant."""
        self.calls.put(None)


def apply(
    plan: Plan,
    site: ApplyContext,
    *,
    listen: Listener,
    parallel: int = 8,
    limits: Limits | None = None,
    bell: StopSignal | None = None,
    look: Look | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Result:
    """Carry out `plan`. Blocked changes are skipped with their reason. Never raises for what goes wrong remotely.

    `listen` is told of every step before it is done; where it raises JournalError the step is not done, and nothing
    else is started.
    """
    schedule = Schedule(plan, limits or Limits(), max(1, parallel), look)
    engine = _Engine(site, listen, clock, schedule, bell or StopSignal())
    pool = ThreadPoolExecutor(max_workers=max(1, parallel), thread_name_prefix="apply")
    try:
        engine.run(pool)
    finally:
        pool.shutdown(wait=not engine.abandoned, cancel_futures=True)
    ends = {change.key: engine.ends[change.key] for change in plan.changes if change.key in engine.ends}
    going_on = [change.key for change in (*engine.going_on, *engine.running.values())]
    in_flight = {change.key: engine.step_of.get(change.key, "") for change in plan.changes if change.key in going_on}
    return Result(ends, engine.rung > 0, engine.abandoned, engine.error, in_flight, schedule.rollout.unhealthy)


class _Engine:
    def __init__(
        self, site: ApplyContext, listen: Listener, clock: Callable[[], float], schedule: Schedule, bell: StopSignal
    ) -> None:
        self.running: dict[Future[ChangeEnded | None], Change] = {}
        self.going_on: list[Change] = []
        self.ends: dict[str, ChangeEnded] = {}
        self.step_of: dict[str, str] = {}
        self.error: JournalError | None = None
        self.rung = 0
        self.abandoned = False
        self._stopped = ""
        self._site = site
        self._listen = listen
        self._clock = clock
        self._schedule = schedule
        self._bell = bell

    def run(self, pool: ThreadPoolExecutor) -> None:
        """Until nothing is left to do, or `left` is true: then some changes are still running."""
        for change in self._schedule.blocked:
            if change.key in self.ends:  # it waits for another one that is blocked
                continue
            self._end(_ended(change, Outcome.SKIPPED, change.blocked))
        while True:
            self._stop(self._schedule.stop_reason())
            if not self._stopped:
                self._start(pool)
                self._stop(self._schedule.stop_reason())  # a gate may have counted failures on the way
            if not self.running:
                break
            self._take(self._bell.calls.get())
            if self.abandoned:
                return
        if not self._stopped:
            self._schedule.rollout.finish()
        for change, outcome, reason in self._schedule.rest():
            self._note(_ended(change, Outcome.NOT_STARTED if self._stopped else outcome, self._stopped or reason))

    def _start(self, pool: ThreadPoolExecutor) -> None:
        for change in self._schedule.take():
            future = pool.submit(self._do, change)
            self.running[future] = change
            future.add_done_callback(self._bell.calls.put)

    def _take(self, call: Future[ChangeEnded | None] | None) -> None:
        if call is not None:
            change = self.running.pop(call)
            end = self._outcome(call, change)
            if end is None:
                self.going_on.append(change)
            else:
                self._end(end)
            return
        self.rung += 1
        self.abandoned = self.rung > 1
        self._stop("the run was interrupted")
        self._site.stop.set()

    def _stop(self, reason: str) -> None:
        """The first reason to start nothing else is the one that counts."""
        reason = _short(self.error) or reason
        if reason and not self._stopped:
            self._stopped = reason
            self._listen(Stopping(reason, len(self.running)))

    def _end(self, end: ChangeEnded) -> None:
        """Take note of an end, and of the changes that will never be done because of it."""
        ends = [end]
        for item in ends:
            self._note(item)
            ends += [_ended(change, Outcome.SKIPPED, reason) for change, reason in self._schedule.end(item)]

    def _note(self, end: ChangeEnded) -> None:
        self.ends[end.key] = end
        self._listen(end)

    def _do(self, change: Change) -> ChangeEnded | None:
        """How it ended, or None where the server goes on with it."""
        start = self._clock()
        self._listen(ChangeStarted(change.key, change.address, change.action.value))
        detail, index = "", 0
        try:
            for index, step in enumerate(change.steps):
                began = self._clock()
                if not self._may_begin(change, index, describe(step)):
                    return self._cut(change, index, began - start)
                detail = self._step(change, index) or detail
        except NotBegun as error:
            return _ended(change, Outcome.NOT_STARTED, str(error))
        except StillRunning as error:
            self._listen(Progress(change.key, str(error)))
            return None
        except ReconcileError as error:
            return _failure(change, error, self._clock() - start, self._restore(change, index))
        except BaseException:
            self._restore(change, index)
            raise
        return _ended(change, Outcome.DONE, detail, self._clock() - start)

    def _step(self, change: Change, index: int) -> str | None:
        def tell(line: str) -> None:
            self._listen(Progress(change.key, line))

        step = change.steps[index]
        began = self._clock()
        do = STEPS[step.verb]
        told = patiently(self._site, step.verb, lambda: do(self._site, step.params, tell), tell)
        self._listen(StepDone(change.key, index, describe(step), self._clock() - began))
        return told

    def _restore(self, change: Change, failed: int) -> str:
        """Close what the steps up to `failed` left open, also where nothing can be written down any more. A sentence
        about what could not be closed."""
        left = []
        for index in left_open(change.steps, failed):
            text = describe(change.steps[index])
            try:
                with suppress(JournalError):
                    self._listen(StepStarted(change.key, index, text))
                self._step(change, index)
            except ReconcileError as error:
                left.append(f"could not {text}: {error}")
        return "; ".join(left)

    def _may_begin(self, change: Change, index: int, text: str) -> bool:
        """Whether the step may be done: it is written down by now, and the lock is ours."""
        if self.error is not None or self.abandoned:
            return False
        try:
            self._listen(StepStarted(change.key, index, text))
        except JournalError as error:
            self.error = self.error or error
            return False
        self.step_of[change.key] = text
        return True

    def _cut(self, change: Change, index: int, seconds: float) -> ChangeEnded:
        """Stopped between two steps. Where the lock is lost somebody else may be at work on this proxy by now, so then
        a drain is left to whoever plans next."""
        reason = _short(self.error) or "the run was left"
        if index == 0:
            return _ended(change, Outcome.NOT_STARTED, reason)
        may_restore = not self.abandoned and not isinstance(self.error, LeaseLost)
        aside = self._restore(change, index - 1) if may_restore else ""
        detail = f"stopped before: {describe(change.steps[index])} ({reason})"
        return _ended(change, Outcome.FAILED, "; ".join(filter(None, (detail, aside))), seconds)

    def _outcome(self, future: Future[ChangeEnded | None], change: Change) -> ChangeEnded | None:
        """A bug in one step must not take the other changes with it: it fails its own change, and says so."""
        error = future.exception()
        if error is None:
            return future.result()
        text = f"This is a bug in vbo-reconcile: {type(error).__name__} in {change.address}"
        return _ended(change, Outcome.FAILED, text)


def _short(error: JournalError | None) -> str:
    """A few words for every change that is not started; the whole error is told once, with the result."""
    if error is None:
        return ""
    return "the lock is lost" if isinstance(error, LeaseLost) else "the journal cannot be written"


def _failure(change: Change, error: ReconcileError, seconds: float, aside: str) -> ChangeEnded:
    """The end of a change that failed with `error`; `aside` is what else went wrong on the way out."""
    first = error.diagnostics[0] if isinstance(error, Diagnosed) else None
    detail = first.detail if first else str(error)
    hint = first.fix if first else getattr(error, "hint", "")
    log = error.log if isinstance(error, StepFailed) else ()
    return _ended(change, Outcome.FAILED, "; ".join(filter(None, (detail, aside))), seconds, hint=hint, log=log)


def _ended(
    change: Change,
    outcome: Outcome,
    detail: str = "",
    seconds: float = 0.0,
    *,
    hint: str = "",
    log: tuple[str, ...] = (),
) -> ChangeEnded:
    return ChangeEnded(change.key, change.address, change.action.value, outcome, seconds, detail, hint, log)
