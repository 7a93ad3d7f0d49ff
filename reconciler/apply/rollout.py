"""Disruptive changes in batches, with a gate after each: what was changed is well before anything else is disrupted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from reconciler.apply.concurrency import ConcurrencyLimits
from reconciler.apply.health_gate import Look
from reconciler.model.event import Outcome
from reconciler.model.plan import Action, Change, Plan
from reconciler.plan.batches import DEFAULT, batches_of, come_back, disrupts_proxy, in_batches
from reconciler.plan.coverage import Coverage
from reconciler.plan.maintenance import restored


@dataclass(frozen=True, slots=True)
class Limits:
    """How an apply holds back. After `max_failures` failed changes nothing else is started; without it one failure in a
    batch keeps the later batches from being begun. `coverage` is what must keep working; without it nothing is checked.
    `lanes` are how much may be under way at a time. `batch` is sizes of batches for a plan that brings none."""

    batch: str = DEFAULT
    max_failures: int | None = None
    coverage: Coverage | None = None
    lanes: ConcurrencyLimits = field(default_factory=ConcurrencyLimits)


class Rollout:
    """Batches of disruptive changes. Without a `look` at the live world, changes are believed when they say they are
    done. `unhealthy` is what was done and found not to work afterwards, by key."""

    def __init__(self, plan: Plan, limits: Limits, look: Look | None) -> None:
        self.unhealthy: dict[str, str] = {}
        self._look = look
        self._is_strict = look is not None and limits.max_failures is None
        self._coverage = (limits.coverage or Coverage({}, frozenset())).returned(restored(plan.changes))
        self._seen: Coverage | None = None
        self._batches = batches_of(plan) or in_batches(plan.changes, self._coverage, limits.batch)
        self._batch_of = {change.key: number for number, batch in enumerate(self._batches) for change in batch}
        self._part_of = self._batch_of | _runs_after(plan.changes, self._batch_of)
        self._left = Counter(self._part_of.values())
        self._done: set[str] = set()
        self._down: set[str] = set()
        self._trouble: dict[int, str] = {}
        self._passed = 0

    def look_again(self) -> None:
        """What was seen is old now."""
        self._seen = None

    def may_start(self, change: Change, running: Iterable[Change]) -> bool:
        """Whether a change that waits for nothing else may start beside those that are running."""
        batch = self._batch_of.get(change.key)
        if batch is None:
            return True
        while self._passed < batch and not self._left[self._passed]:
            self._pass()
        return self._passed >= batch and not self._held(batch) and not self._short(change, running)

    def ended(self, change: Change, outcome: Outcome) -> None:
        number = self._part_of.get(change.key)
        if number is None:
            return
        self._left[number] -= 1
        if outcome is Outcome.DONE and change.key in self._batch_of:
            self._done.add(change.key)
            self._coverage = self._coverage.returned(come_back([change]))
        elif outcome is Outcome.FAILED:
            self._trouble.setdefault(number, f"{change.address} failed")
            self._down |= {disrupts_proxy(change)} - {""}

    def why_not(self, change: Change) -> tuple[Outcome, str]:
        """How a change that was never started ends: skipped where organizations would have too few working proxies, not
        started where something before it went wrong."""
        batch = self._batch_of.get(change.key, 0)
        if self._held(batch):
            return Outcome.NOT_STARTED, self._held(batch)
        short = self._short(change, ()) if change.key in self._batch_of else ()
        if short:
            return Outcome.SKIPPED, f"{', '.join(short)} would have too few working proxies meanwhile"
        return Outcome.NOT_STARTED, "what it waits for was not done"

    def finish(self) -> None:
        """Look at what no later batch was waiting for: the last one, as a rule."""
        while self._passed < len(self._batches):
            self._pass()

    def _pass(self) -> None:
        """The gate after a batch. A proxy that is not well is taken to be down from here on."""
        batch = [change for change in self._batches[self._passed] if change.key in self._done]
        found = self._look.unhealthy(batch) if self._look is not None and batch else {}
        self.unhealthy |= found
        for change in batch:
            if change.key in found:
                self._trouble.setdefault(self._passed, f"{change.address}: {found[change.key]}")
                self._down.add(disrupts_proxy(change))
        self._passed += 1

    def _held(self, batch: int) -> str:
        """Why a batch is not begun: an earlier one did not end well, and nobody said how many failures are allowed."""
        earlier = [text for number, text in sorted(self._trouble.items()) if number < batch]
        return f"an earlier batch did not end well: {earlier[0]}" if earlier and self._is_strict else ""

    def _short(self, change: Change, running: Iterable[Change]) -> tuple[str, ...]:
        """Organizations that would be left with too few proxies if `change` started now. A proxy whose disruptive
        change failed is taken to be down: nobody has seen it work since."""
        proxy = disrupts_proxy(change)
        if self._look is not None and self._seen is None:
            self._seen = self._look.coverage(self._coverage)
            if self._seen is None:
                return ("nobody knows which proxies work, so some organizations",)
        down = {disrupts_proxy(item) for item in running} | self._down | {proxy}
        return (self._seen or self._coverage).short(down - {""}, of=proxy)


def _runs_after(changes: Iterable[Change], batch_of: Mapping[str, int]) -> dict[str, int]:
    """For each run of a job the last batch that it waits for: it is the session that shows that the batch is well."""
    reach: dict[str, int] = {}
    for change in changes:
        before = [reach.get(key, -1) for key in change.depends_on]
        reach[change.key] = max([batch_of.get(change.key, -1), *before])
    return {
        change.key: reach[change.key]
        for change in changes
        if change.action is Action.RUN and not change.blocked and reach[change.key] >= 0
    }
