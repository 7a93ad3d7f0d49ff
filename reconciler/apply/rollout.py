"""Disruptive changes in batches, each verified before the next one starts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from reconciler.apply.concurrency import ConcurrencyLimits
from reconciler.apply.health import HealthCheck
from reconciler.model.event import Outcome
from reconciler.model.plan import Action, Change, ChangeKey, Plan
from reconciler.plan.batches import DEFAULT, batches_of, come_back, disrupts_proxy, in_batches, restored
from reconciler.plan.organization_coverage import Coverage


@dataclass(frozen=True, slots=True)
class RolloutLimits:
    """After `max_failures` failed changes nothing else is started; without it a failure in a batch stops the later
    batches. `coverage` is what must keep working; without it nothing is checked."""

    max_failures: int | None = None
    coverage: Coverage | None = None
    concurrency: ConcurrencyLimits = field(default_factory=ConcurrencyLimits)


class Rollout:
    """Batches of disruptive changes. Without a `health` check a change that is done counts as working. `unhealthy` has
    what failed verification after apply, by key."""

    def __init__(self, plan: Plan, limits: RolloutLimits, health: HealthCheck | None) -> None:
        self.unhealthy: dict[ChangeKey, str] = {}
        self._health = health
        self._is_strict = health is not None and limits.max_failures is None
        self._coverage = (limits.coverage or Coverage({}, frozenset())).returned(restored(plan.changes))
        self._seen: Coverage | None = None
        self._batches = batches_of(plan) or in_batches(plan.changes, self._coverage, plan.batch or DEFAULT)
        self._batch_of: dict[str, int] = {
            change.key: number for number, batch in enumerate(self._batches) for change in batch
        }
        self._part_of = self._batch_of | _runs_after(plan.changes, self._batch_of)
        self._open = Counter(self._part_of.values())
        self._done: set[str] = set()
        self._down: set[str] = set()
        self._failures: dict[int, str] = {}
        self._passed = 0

    def forget_coverage(self) -> None:
        """The coverage that was observed is out of date."""
        self._seen = None

    def may_start(self, change: Change, running: Iterable[Change]) -> bool:
        """Whether a change whose dependencies are done may start beside those that are running."""
        batch = self._batch_of.get(change.key)
        if batch is None:
            return True
        while self._passed < batch and not self._open[self._passed]:
            self._pass()
        return self._passed >= batch and not self._held(batch) and not self._short(change, running)

    def ended(self, change: Change, outcome: Outcome) -> None:
        number = self._part_of.get(change.key)
        if number is None:
            return
        self._open[number] -= 1
        if outcome is Outcome.DONE and change.key in self._batch_of:
            self._done.add(change.key)
            self._coverage = self._coverage.returned(come_back([change]))
        elif outcome is Outcome.FAILED:
            self._failures.setdefault(number, f"{change.address} failed")
            self._down.add(disrupts_proxy(change))

    def why_not(self, change: Change) -> tuple[Outcome, str]:
        """How a change that was never started ends: skipped if organizations would have too few working proxies, not
        started if something before it failed."""
        batch = self._batch_of.get(change.key, 0)
        if self._held(batch):
            return Outcome.NOT_STARTED, self._held(batch)
        short = self._short(change, ()) if change.key in self._batch_of else ()
        if short:
            return Outcome.SKIPPED, f"{', '.join(short)} would have too few working proxies during it"
        return Outcome.NOT_STARTED, "its dependencies were not done"

    def finish(self) -> None:
        """Verify the batches that no later one waited for: usually the last."""
        while self._passed < len(self._batches):
            self._pass()

    def _pass(self) -> None:
        """Verify a batch. An unhealthy proxy counts as down from here on."""
        batch = [change for change in self._batches[self._passed] if change.key in self._done]
        found = self._health.unhealthy(batch) if self._health is not None and batch else {}
        self.unhealthy |= found
        for change in batch:
            if change.key in found:
                self._failures.setdefault(self._passed, f"{change.address}: {found[change.key]}")
                self._down.add(disrupts_proxy(change))
        self._passed += 1

    def _held(self, batch: int) -> str:
        """Why a batch is not started: an earlier one had failures, and `max_failures` is not set."""
        earlier = [text for number, text in sorted(self._failures.items()) if number < batch]
        return f"an earlier batch failed: {earlier[0]}" if earlier and self._is_strict else ""

    def _short(self, change: Change, running: Iterable[Change]) -> tuple[str, ...]:
        """Organizations that would have too few proxies if `change` started now. A proxy whose disruptive change failed
        counts as down, since it has not been verified."""
        proxy = disrupts_proxy(change)
        if self._health is not None and self._seen is None:
            self._seen = self._health.coverage(self._coverage)
            if self._seen is None:
                return ("the server does not report which proxies work, so some organizations",)
        down = {disrupts_proxy(item) for item in running} | {proxy}
        return (self._seen or self._coverage).short(down - {""}, of=proxy, failed=self._down - {proxy})


def _runs_after(changes: Iterable[Change], batch_of: Mapping[str, int]) -> dict[str, int]:
    """For each run of a job the last batch that it waits for: its session verifies that batch."""
    reach: dict[str, int] = {}
    for change in changes:
        before = [reach.get(key, -1) for key in change.depends_on]
        reach[change.key] = max([batch_of.get(change.key, -1), *before])
    return {
        change.key: reach[change.key]
        for change in changes
        if change.action is Action.RUN and not change.blocked and reach[change.key] >= 0
    }
