"""What may start now: dependencies first, disruptive changes in batches, no organization without a working proxy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from reconciler.model.event import ChangeEnded, Outcome
from reconciler.model.plan import Change, Plan
from reconciler.plan.batches import come_back, disrupts_proxy, in_batches
from reconciler.plan.coverage import Coverage
from reconciler.plan.drains import given_back


@dataclass(frozen=True, slots=True)
class Limits:
    """How an apply holds back. `batch` is sizes of batches of disruptive changes (`1,25%,100%`). After `max_failures`
    failed changes nothing else is started. `coverage` is what must keep working; without it nothing is checked, which
    is for plans whose guard `coverage` was waived."""

    batch: str = "1,25%,100%"
    max_failures: int | None = None
    coverage: Coverage | None = None


class Schedule:
    """Decides; knows nothing of threads. Asked after every change that ended, and told what was taken.

    Counts what each change waits for, so that a plan of many thousand changes costs no more than its dependencies.
    """

    def __init__(self, plan: Plan, limits: Limits, parallel: int) -> None:
        self.blocked = [change for change in plan.changes if change.blocked]
        self._limits = limits
        self._parallel = parallel
        self._waiting = {change.key: change for change in plan.changes}
        self._running: dict[str, Change] = {}
        self._hopeless: dict[str, Change] = {}
        self._down: set[str] = set()
        self._failures = 0
        self._open = {key: set(self._needs(change)) for key, change in self._waiting.items()}
        self._dependents: dict[str, list[str]] = {}
        for key, needs in self._open.items():
            for need in sorted(needs):
                self._dependents.setdefault(need, []).append(key)
        self._ready = {key: change for key, change in self._waiting.items() if not self._open[key]}
        self._coverage = (limits.coverage or Coverage({}, frozenset())).returned(given_back(plan.changes))
        batches = in_batches(plan.changes, self._coverage, limits.batch)
        self._batch_of = {change.key: number for number, batch in enumerate(batches) for change in batch}
        self._left_in_batch = Counter(self._batch_of.values())

    def stop_reason(self) -> str:
        """Why nothing else is started at all."""
        limit = self._limits.max_failures
        if limit is None or self._failures < limit or limit <= 0:
            return ""
        return f"{self._failures} changes failed, and {limit} are allowed"

    def take(self) -> Iterator[Change]:
        """Changes to start now; each of them counts as running from here on."""
        for key, change in list(self._ready.items()):
            if len(self._running) >= self._parallel:
                return
            if self._may_start(change):
                del self._ready[key], self._waiting[key]
                self._running[key] = change
                yield change

    def end(self, end: ChangeEnded) -> list[tuple[Change, str]]:
        """Take note of an end. Gives the changes that will never be done because of it, with the reason."""
        change = next(found for found in (group.pop(end.key, None) for group in self._groups) if found is not None)
        self._ready.pop(end.key, None)
        if end.key in self._batch_of:
            self._left_in_batch[self._batch_of[end.key]] -= 1
        if end.outcome is Outcome.FAILED:
            self._failures += 1
            self._down |= {disrupts_proxy(change)} if end.key in self._batch_of else set()
        elif end.outcome is Outcome.DONE and end.key in self._batch_of:
            self._coverage = self._coverage.returned(come_back([change]))
        if end.outcome is Outcome.NOT_STARTED:
            return []  # the run is stopping: what waits for this one is not started either
        waiting = [key for key in self._dependents.get(end.key, ()) if key in self._waiting]
        if end.outcome is not Outcome.DONE:
            word = "failed" if end.outcome is Outcome.FAILED else "was not done"
            self._hopeless |= {key: self._waiting.pop(key) for key in waiting}
            return [(self._hopeless[key], f"{end.address} {word}") for key in waiting]
        for key in waiting:
            self._open[key].discard(end.key)
            if not self._open[key]:
                self._ready[key] = self._waiting[key]
        return []

    def rest(self) -> list[tuple[Change, str]]:
        """What was never started, with the reason where organizations would have too few working proxies."""
        found = []
        for change in self._waiting.values():
            short = self._short(change) if change.key in self._batch_of else ()
            reason = f"{', '.join(short)} would have too few working proxies meanwhile" if short else ""
            found.append((change, reason))
        return found

    @property
    def _groups(self) -> tuple[dict[str, Change], ...]:
        return (self._running, self._waiting, self._hopeless)

    def _needs(self, change: Change) -> Iterator[str]:
        """Dependencies that are in the plan; others were dealt with by somebody else."""
        return (key for key in change.depends_on if key in self._waiting)

    def _may_start(self, change: Change) -> bool:
        batch = self._batch_of.get(change.key)
        if batch is None:
            return not change.blocked
        earlier = any(self._left_in_batch[number] for number in range(batch))
        return not earlier and not self._short(change)

    def _short(self, change: Change) -> tuple[str, ...]:
        """Organizations that would be left with too few proxies if `change` started now. A proxy whose disruptive
        change failed is taken to be down: nobody has seen it work since."""
        down = {disrupts_proxy(item) for item in self._running.values()} | self._down | {disrupts_proxy(change)}
        return self._coverage.short(down - {""}, of=disrupts_proxy(change))
