"""Doing the changes of a plan in the order of their dependencies, several at a time.

A failed change skips those that wait for it; the rest goes on. Every change ends in exactly one of four outcomes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from reconciler.apply.schedule import Limits, Schedule
from reconciler.apply.site import Site
from reconciler.apply.steps import STEPS, StepFailed, describe
from reconciler.model.diagnostic import Diagnosed
from reconciler.model.errors import ReconcileError, RemoteError
from reconciler.model.event import ChangeEnded, ChangeStarted, Listener, Outcome, Progress, StepDone, StepStarted
from reconciler.model.plan import Change, Plan


@dataclass(frozen=True, slots=True)
class Result:
    """How every change ended, by key, in the order of the plan."""

    outcomes: Mapping[str, ChangeEnded] = field(default_factory=dict)
    interrupted: bool = False

    @property
    def failed(self) -> bool:
        return any(end.outcome is not Outcome.DONE for end in self.outcomes.values())


def apply(
    plan: Plan,
    site: Site,
    *,
    listen: Listener,
    parallel: int = 8,
    limits: Limits | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Result:
    """Carry out `plan`. Blocked changes are skipped with their reason. Never raises for what goes wrong remotely."""
    engine = _Engine(plan, site, listen, clock, Schedule(plan, limits or Limits()))
    with ThreadPoolExecutor(max_workers=max(1, parallel), thread_name_prefix="apply") as pool:
        interrupted = engine.run(pool)
    return Result({change.key: engine.ends[change.key] for change in plan.changes}, interrupted)


class _Engine:
    def __init__(
        self, plan: Plan, site: Site, listen: Listener, clock: Callable[[], float], schedule: Schedule
    ) -> None:
        self.waiting = {change.key: change for change in plan.changes}
        self.running: dict[Future[ChangeEnded], Change] = {}
        self.ends: dict[str, ChangeEnded] = {}
        self.site = site
        self.listen = listen
        self.clock = clock
        self.schedule = schedule

    def run(self, pool: ThreadPoolExecutor) -> bool:
        """True where the run was interrupted: what was in flight has been finished, the rest is not started."""
        stopped = ""
        interrupted = False
        while self.waiting or self.running:
            try:
                stopped = stopped or self.schedule.stop_reason(self.ends)
                if not stopped:
                    self._start_ready(pool)
                if not self.running:
                    break
                done, _ = wait(self.running, return_when=FIRST_COMPLETED)
            except KeyboardInterrupt:
                if interrupted:
                    raise
                interrupted, stopped = True, "the run was interrupted"
                self.site.stop.set()
                continue
            for future in done:
                self._end(self._outcome(future, self.running.pop(future)))
        self._leave_the_rest(stopped)
        return interrupted

    def _start_ready(self, pool: ThreadPoolExecutor) -> None:
        progressed = True
        while progressed:
            progressed = False
            for change in list(self.waiting.values()):
                reason = self.schedule.skip_reason(change, self.ends)
                others = {key: item for key, item in self.waiting.items() if key != change.key}
                if reason:
                    self._end(_ended(change, Outcome.SKIPPED, reason))
                    progressed = True
                elif self.schedule.may_start(change, others, self.running.values(), self.ends):
                    del self.waiting[change.key]
                    self.running[pool.submit(self._do, change)] = change

    def _leave_the_rest(self, stopped: str) -> None:
        """What was never started: because the run stopped, or because no organization may lose its last proxy."""
        for change in list(self.waiting.values()):
            short = self.schedule.short(change, (), self.ends)
            if stopped or not short:
                self._end(_ended(change, Outcome.NOT_STARTED, stopped or "what it waits for was not done"))
            else:
                reason = f"{', '.join(short)} would have too few working proxies meanwhile"
                self._end(_ended(change, Outcome.SKIPPED, reason))

    def _end(self, end: ChangeEnded) -> None:
        self.waiting.pop(end.key, None)
        self.ends[end.key] = end
        self.listen(end)

    def _do(self, change: Change) -> ChangeEnded:
        start = self.clock()
        self.listen(ChangeStarted(change.key, change.address, change.action.value))
        detail = ""

        def tell(line: str) -> None:
            self.listen(Progress(change.key, line))

        try:
            for index, step in enumerate(change.steps):
                text = describe(step)
                began = self.clock()
                self.listen(StepStarted(change.key, index, text))
                told = STEPS[step.verb](self.site, step.params, tell)
                detail = told or detail
                self.listen(StepDone(change.key, index, text, self.clock() - began))
        except StepFailed as error:
            return _ended(change, Outcome.FAILED, str(error), self.clock() - start, log=error.log)
        except Diagnosed as error:
            first = error.diagnostics[0]
            return _ended(change, Outcome.FAILED, first.detail, self.clock() - start, hint=first.fix)
        except RemoteError as error:
            return _ended(change, Outcome.FAILED, str(error), self.clock() - start, hint=error.hint)
        except ReconcileError as error:
            return _ended(change, Outcome.FAILED, str(error), self.clock() - start, hint=getattr(error, "hint", ""))
        return _ended(change, Outcome.DONE, detail, self.clock() - start)

    def _outcome(self, future: Future[ChangeEnded], change: Change) -> ChangeEnded:
        """A bug in one step must not take the other changes with it: it fails its own change, and says so."""
        error = future.exception()
        if error is None:
            return future.result()
        text = f"This is a bug in vbo-reconcile: {type(error).__name__} in {change.address}"
        return _ended(change, Outcome.FAILED, text)


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
