"""What may start now: dependencies first, disruptive changes in batches, no organization without a working proxy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from reconciler.model.event import ChangeEnded, Outcome
from reconciler.model.plan import Change, Plan
from reconciler.plan.batches import Coverage, disrupts_proxy, in_batches


@dataclass(frozen=True, slots=True)
class Limits:
    """How an apply holds back. `batch` is sizes of batches of disruptive changes (`1,25%,100%`). After `max_failures`
    failed changes nothing else is started. `coverage` is what must keep working; without it nothing is checked, which
    is for plans whose guard `coverage` was waived."""

    batch: str = "1,25%,100%"
    max_failures: int | None = None
    coverage: Coverage | None = None


class Schedule:
    """Decides; knows nothing of threads. Asked after every change that ended."""

    def __init__(self, plan: Plan, limits: Limits) -> None:
        self._limits = limits
        empty = Coverage({}, frozenset())
        batches = in_batches(plan.changes, limits.coverage or empty, limits.batch)
        self._batch_of = {change.key: number for number, batch in enumerate(batches) for change in batch}

    def skip_reason(self, change: Change, ends: Mapping[str, ChangeEnded]) -> str:
        """Why a change will never be done in this run; empty where it may still be."""
        if change.blocked:
            return change.blocked
        for key in change.depends_on:
            end = ends.get(key)
            if end is not None and end.outcome is not Outcome.DONE:
                return f"{end.address} {'failed' if end.outcome is Outcome.FAILED else 'was not done'}"
        return ""

    def stop_reason(self, ends: Mapping[str, ChangeEnded]) -> str:
        """Why nothing else is started at all."""
        failed = sum(1 for end in ends.values() if end.outcome is Outcome.FAILED)
        limit = self._limits.max_failures
        return f"{failed} changes failed, and {limit} are allowed" if limit is not None and failed >= limit > 0 else ""

    def may_start(
        self,
        change: Change,
        waiting: Mapping[str, Change],
        running: Iterable[Change],
        ends: Mapping[str, ChangeEnded],
    ) -> bool:
        active = list(running)
        pending = {*waiting, *(item.key for item in active)}
        if any(key in pending for key in change.depends_on):
            return False
        batch = self._batch_of.get(change.key)
        if batch is None:
            return True
        earlier = any(self._batch_of.get(key, batch) < batch for key in pending)
        return not earlier and not self.short(change, active, ends)

    def short(self, change: Change, running: Sequence[Change], ends: Mapping[str, ChangeEnded]) -> tuple[str, ...]:
        """Organizations that would be left with too few proxies if `change` started now. A proxy whose disruptive
        change failed is taken to be down: nobody has seen it work since."""
        if self._limits.coverage is None:
            return ()
        down = {disrupts_proxy(item) for item in running}
        down |= {
            end.address.partition(".")[2]
            for end in ends.values()
            if end.key in self._batch_of and end.outcome is Outcome.FAILED
        }
        return self._limits.coverage.short({*down, disrupts_proxy(change)} - {""})
