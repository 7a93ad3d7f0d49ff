"""Applies the changes of a plan in the order of their dependencies, several at a time.

A failed change skips those that depend on it; the others continue. Every change ends in exactly one of four outcomes,
except those that are still running when a run is abandoned (`Result.in_flight`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from queue import SimpleQueue

from reconciler import timing, waits
from reconciler.apply.context import ApplyContext
from reconciler.apply.health import HealthCheck
from reconciler.apply.notifier import Notifier
from reconciler.apply.retry import with_retry
from reconciler.apply.rollout import RolloutLimits
from reconciler.apply.schedule import Schedule
from reconciler.apply.steps import RUN, NotBegun, NotFollowed, NotStarted, StepFailed, StillRunning
from reconciler.journal import JournalError, LeaseLost
from reconciler.model.diagnostic import Diagnosed
from reconciler.model.errors import BadAnswer, ConnectionLost, DeadlineExceeded, ReconcileError, Unavailable
from reconciler.model.event import (
    ChangeEnded,
    ChangeStarted,
    Due,
    Listener,
    Outcome,
    Permit,
    Progress,
    StepDone,
    StepStarted,
    Stopping,
)
from reconciler.model.plan import Change, ChangeKey, Plan
from reconciler.model.step import Step


@dataclass(frozen=True, slots=True)
class Result:
    """How every change ended, by key, in the order of the plan.

    `unhealthy` has what failed verification after apply. `error` is what stopped the run: a journal that cannot be
    written, or a lost lock. `in_flight` has the changes that were running when the run ended, with the step of each:
    jobs that continue on the server after an interrupt, and everything that was `abandoned` at a second interrupt.
    `failed_listeners` has the errors of listeners that were dropped.
    """

    outcomes: Mapping[str, ChangeEnded] = field(default_factory=dict)
    interrupted: bool = False
    abandoned: bool = False
    error: JournalError | None = None
    in_flight: Mapping[ChangeKey, str] = field(default_factory=dict)
    unhealthy: Mapping[ChangeKey, str] = field(default_factory=dict)
    failed_listeners: tuple[Exception, ...] = ()

    @property
    def failed(self) -> bool:
        return bool(self.unhealthy) or any(end.outcome is not Outcome.DONE for end in self.outcomes.values())


class StopSignal:
    """Asks a run to end: after the first request it starts nothing else, after the second it abandons what runs."""

    def __init__(self) -> None:
        self.calls: SimpleQueue[Future[ChangeEnded | None] | None] = SimpleQueue()

    def request(self) -> None:
        """May be called in a signal handler: putting into this kind of queue is reentrant."""
        self.calls.put(None)


def apply(
    plan: Plan,
    context: ApplyContext,
    *,
    permits: Sequence[Permit] = (),
    listeners: Sequence[Listener] = (),
    limits: RolloutLimits | None = None,
    parallel: int = 8,
    stop: StopSignal | None = None,
    health: HealthCheck | None = None,
    clock: Callable[[], float] = timing.monotonic,
) -> Result:
    """Apply `plan`. Blocked changes are skipped with their reason. Never raises for remote errors.

    `permits` are called before every step, in order: if one raises JournalError the step is not done and nothing else
    is started. `listeners` are notified of every event; one that raises is dropped and changes nothing.
    """
    schedule = Schedule(plan, limits or RolloutLimits(), max(1, parallel), health)
    engine = _Engine(context, permits, Notifier(listeners), clock, schedule, stop or StopSignal())
    pool = ThreadPoolExecutor(max_workers=max(1, parallel), thread_name_prefix="apply")
    try:
        engine.run(pool)
    finally:
        pool.shutdown(wait=not engine.abandoned, cancel_futures=True)
    return engine.result(plan)


class _Engine:
    def __init__(
        self,
        context: ApplyContext,
        permits: Sequence[Permit],
        notify: Notifier,
        clock: Callable[[], float],
        schedule: Schedule,
        stop: StopSignal,
    ) -> None:
        self.abandoned = False
        self._running: dict[Future[ChangeEnded | None], Change] = {}
        self._continuing: list[Change] = []
        self._ends: dict[ChangeKey, ChangeEnded] = {}
        self._step_of: dict[ChangeKey, str] = {}
        self._error: JournalError | None = None
        self._stop_requests = 0
        self._stopped = ""
        self._context = context
        self._permits = permits
        self._notify = notify
        self._clock = clock
        self._schedule = schedule
        self._calls = stop.calls

    def run(self, pool: ThreadPoolExecutor) -> None:
        """Until nothing is left to do, or `abandoned` is true: then some changes are still running."""
        for change in self._schedule.blocked:
            if change.key not in self._ends:  # else it depends on another blocked change
                self._end(_ended(change, Outcome.SKIPPED, change.blocked))
        while True:
            self._stop(self._schedule.stop_reason())
            if not self._stopped:
                self._start(pool)
                self._stop(self._schedule.stop_reason())  # verification after a batch may have found failures
            if not self._running:
                break
            self._take(waits.taken(self._calls))
            if self.abandoned:
                break
        if not self._stopped:
            self._schedule.rollout.finish()
        for change, outcome, reason in self._schedule.rest():
            self._note(_ended(change, Outcome.NOT_STARTED if self._stopped else outcome, self._stopped or reason))

    def result(self, plan: Plan) -> Result:
        keys = [change.key for change in plan.changes]
        open_keys = {change.key for change in (*self._continuing, *self._running.values())}
        return Result(
            outcomes={key: self._ends[key] for key in keys if key in self._ends},
            interrupted=self._stop_requests > 0,
            abandoned=self.abandoned,
            error=self._error,
            in_flight={key: self._step_of.get(key, "") for key in keys if key in open_keys},
            unhealthy=self._schedule.rollout.unhealthy,
            failed_listeners=tuple(self._notify.errors),
        )

    def _start(self, pool: ThreadPoolExecutor) -> None:
        for change in self._schedule.take():
            future = pool.submit(self._do, change)
            self._running[future] = change
            future.add_done_callback(self._calls.put)

    def _take(self, call: Future[ChangeEnded | None] | None) -> None:
        if call is not None:
            change = self._running.pop(call)
            end = self._outcome(call, change)
            if end is None:
                self._continuing.append(change)
            else:
                self._end(end)
            return
        self._stop_requests += 1
        self.abandoned = self._stop_requests > 1
        self._stop("the run was interrupted")
        self._context.stop.set()

    def _stop(self, reason: str) -> None:
        """Only the first reason to start nothing else counts."""
        reason = _short(self._error) or reason
        if reason and not self._stopped:
            self._stopped = reason
            self._notify(Stopping(reason, len(self._running), self._stop_requests > 0))

    def _end(self, end: ChangeEnded) -> None:
        """Note an end, and the ends of the changes that are skipped because of it."""
        ends = [end]
        for item in ends:
            self._note(item)
            ends += [_ended(change, Outcome.SKIPPED, reason) for change, reason in self._schedule.end(item)]

    def _note(self, end: ChangeEnded) -> None:
        self._ends[end.key] = end
        self._notify(end)

    def _do(self, change: Change) -> ChangeEnded | None:
        """How it ended; None if the server continues it."""
        start = self._clock()
        self._notify(ChangeStarted(change.key, change.address, change.action.value))
        detail, index = "", 0
        try:
            for index, step in enumerate(change.steps):
                began = self._clock()
                if not self._may_begin(change, index):
                    return self._cut(change, index, began - start)
                detail = self._step(change, index, step) or detail
        except NotBegun as error:
            return _ended(change, Outcome.NOT_STARTED, str(error))
        except StillRunning as error:
            self._notify(Progress(change.key, str(error)))
            return None
        except JournalError as error:  # right before a request that changes something: the step may have sent others
            self._error = self._error or error
            return self._stopped_at(change, index, f"stopped in: {change.steps[index].text}", self._clock() - start)
        except ReconcileError as error:
            return _failure(change, error, self._clock() - start, self._undo(change, index))
        except BaseException:
            self._undo(change, index)
            raise
        return _ended(change, Outcome.DONE, detail, self._clock() - start)

    def _step(self, change: Change, index: int, step: Step) -> str | None:
        def report(line: str) -> None:
            self._notify(Progress(change.key, line))

        began = self._clock()
        run = RUN[step.verb]
        result = with_retry(self._context, step, lambda: run(self._context, step, report), report)
        self._notify(StepDone(change.key, index, step.text, self._clock() - began))
        return result

    def _undo(self, change: Change, failed: int) -> str:
        """Undo what the steps up to `failed` left open, even if the journal cannot be written. Returns what could not
        be undone."""
        problems = []
        for index in left_open(change.steps, failed):
            step = change.steps[index]
            try:
                with suppress(JournalError):
                    self._permit(StepStarted(change.key, index, step.text))
                self._step(change, index, step)
            except ReconcileError as error:
                problems.append(f"could not {step.text}: {error}")
        return "; ".join(problems)

    def _permit(self, event: StepStarted) -> None:
        """Raises JournalError if the step must not be done."""
        for permit in self._permits:
            permit(event)
        self._notify(event)

    def _may_begin(self, change: Change, index: int) -> bool:
        text = change.steps[index].text
        if self._error is not None or self.abandoned:
            return False
        try:
            self._permit(StepStarted(change.key, index, text))
        except JournalError as error:
            self._error = self._error or error
            return False
        self._step_of[change.key] = text
        return True

    def _cut(self, change: Change, index: int, seconds: float) -> ChangeEnded:
        """Stopped between two steps. If the lock is lost another run may be working on this proxy, so a drain is left
        to the next plan."""
        if index == 0:
            return _ended(change, Outcome.NOT_STARTED, self._why())
        return self._stopped_at(change, index - 1, f"stopped before: {change.steps[index].text}", seconds)

    def _stopped_at(self, change: Change, last: int, where: str, seconds: float) -> ChangeEnded:
        """After the step `last` was begun."""
        may_undo = not self.abandoned and not isinstance(self._error, LeaseLost)
        problems = self._undo(change, last) if may_undo else ""
        return _ended(change, Outcome.FAILED, "; ".join(filter(None, (f"{where} ({self._why()})", problems))), seconds)

    def _why(self) -> str:
        return _short(self._error) or "the run was abandoned"

    def _outcome(self, future: Future[ChangeEnded | None], change: Change) -> ChangeEnded | None:
        """A bug in a step fails its own change only."""
        error = future.exception()
        if error is None:
            return future.result()
        text = f"This is a bug in vbo-reconcile: {type(error).__name__} in {change.address}"
        return _ended(change, Outcome.FAILED, text)


def left_open(steps: Sequence[Step], failed: int) -> list[int]:
    """The indexes of the steps that undo what the steps up to `failed` (included) began."""
    undoing = {step.undone_by for step in steps[: failed + 1] if step.undone_by is not None}
    return [index for index, step in enumerate(steps) if index > failed and type(step) in undoing]


def _short(error: JournalError | None) -> str:
    """A few words for every change that is not started; the whole error is printed once, with the result."""
    if error is None:
        return ""
    return "the lock is lost" if isinstance(error, LeaseLost) else "the journal cannot be written"


def _failure(change: Change, error: ReconcileError, seconds: float, problems: str) -> ChangeEnded:
    """The end of a change that failed with `error`; `problems` is what could not be undone."""
    first = error.diagnostics[0] if isinstance(error, Diagnosed) else None
    detail = first.detail if first else str(error)
    hint = first.fix if first else getattr(error, "hint", "")
    log = error.log if isinstance(error, StepFailed) else ()
    end = _ended(change, Outcome.FAILED, "; ".join(filter(None, (detail, problems))), seconds, hint=hint, log=log)
    unclear = isinstance(error, (NotFollowed, BadAnswer, ConnectionLost, DeadlineExceeded, Unavailable))
    due = Due.START if isinstance(error, NotStarted) else Due.RESULT if unclear else Due.NOTHING
    return replace(end, due=due)


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
