"""What may start now: dependencies first, disruptive changes in batches, no organization without a working proxy."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator
from itertools import count, islice
from typing import Final

from reconciler.apply.concurrency import is_alone
from reconciler.apply.health import HealthCheck
from reconciler.apply.rollout import Rollout, RolloutLimits
from reconciler.model.event import ChangeEnded, Outcome
from reconciler.model.plan import Change, ChangeKey, Plan

_FEW: Final = 64
"""Changes that are looked at first: one of them may nearly always start."""


class Schedule:
    """Decides which changes start, and has no threads. The engine asks it after every change that ended.

    It counts the dependencies that each change waits for, and keeps those that are ready by the limits that they share,
    so that a large plan costs no more than its dependencies.
    """

    def __init__(self, plan: Plan, limits: RolloutLimits, parallel: int, health: HealthCheck | None = None) -> None:
        self.blocked = [change for change in plan.changes if change.blocked]
        self._limits = limits
        self._parallel = parallel
        self._waiting = {change.key: change for change in plan.changes}
        self._running: dict[ChangeKey, Change] = {}
        self._hopeless: dict[ChangeKey, Change] = {}
        self._failures = 0
        self._open = {key: set[str](self._needs(change)) for key, change in self._waiting.items()}
        self._dependents: dict[str, list[ChangeKey]] = {}
        for key, needs in self._open.items():
            for need in sorted(needs):
                self._dependents.setdefault(need, []).append(key)
        self._uses = {key: limits.concurrency.of(change) for key, change in self._waiting.items()}
        self._used = Counter[str]()
        self._ready: dict[frozenset[str], dict[ChangeKey, int]] = {}
        self._numbers = count()
        for key in self._waiting:
            if not self._open[key]:
                self._become_ready(key)
        self.rollout = Rollout(plan, limits, health)

    def stop_reason(self) -> str:
        """Why nothing else is started; empty if more may start."""
        limit = self._limits.max_failures
        failures = self._failures + len(self.rollout.unhealthy)
        if limit is None or failures < limit or limit <= 0:
            return ""
        return f"{failures} {'change' if failures == 1 else 'changes'} failed, the maximum"

    def take(self) -> Iterator[Change]:
        """The changes to start now; each counts as running from here on."""
        self.rollout.forget_coverage()
        for _, key in heapq.merge(*(self._candidates(shared) for shared in list(self._ready))):
            if len(self._running) >= self._parallel:
                return
            change = self._waiting[key]
            if self._may_start(change) and not self.stop_reason():
                self._no_longer_ready(key)
                del self._waiting[key]
                self._running[key] = change
                self._used.update(self._uses[key])
                yield change

    def _candidates(self, shared: frozenset[str]) -> Iterator[tuple[int, ChangeKey]]:
        """Changes that are ready, as long as what they share is free: the longest ready first."""
        last = -1
        for most in (_FEW, None):
            for key, number in list(islice(self._ready[shared].items(), most)):
                if not self._limits.concurrency.are_free(shared, self._used):
                    return
                if number > last:
                    last = number
                    yield number, key

    def _become_ready(self, key: ChangeKey) -> None:
        self._ready.setdefault(self._shared(key), {})[key] = next(self._numbers)

    def _no_longer_ready(self, key: ChangeKey) -> None:
        self._ready.get(self._shared(key), {}).pop(key, None)

    def _shared(self, key: ChangeKey) -> frozenset[str]:
        return frozenset(limit for limit in self._uses[key] if not is_alone(limit))

    def end(self, end: ChangeEnded) -> list[tuple[Change, str]]:
        """Note an end. Returns the changes that are skipped because of it, with the reason."""
        if end.key in self._running:
            self._used.subtract(self._uses[end.key])
        change = next(found for found in (group.pop(end.key, None) for group in self._groups) if found is not None)
        self._no_longer_ready(end.key)
        self.rollout.ended(change, end.outcome)
        self._failures += end.outcome is Outcome.FAILED
        if end.outcome is Outcome.NOT_STARTED:
            return []  # the run is stopping, so its dependents are not started either
        dependents = self._dependents.get(end.key, ())
        waiting = [key for key in dependents if key in self._waiting and not self._waiting[key].blocked]
        if end.outcome is not Outcome.DONE:
            word = "failed" if end.outcome is Outcome.FAILED else "was not done"
            self._hopeless |= {key: self._waiting.pop(key) for key in waiting}
            return [(self._hopeless[key], f"{end.address} {word}") for key in waiting]
        for key in waiting:
            self._open[key].discard(end.key)
            if not self._open[key]:
                self._become_ready(key)
        return []

    def rest(self) -> list[tuple[Change, Outcome, str]]:
        """The changes that were never started: how each ends, and why."""
        self.rollout.forget_coverage()
        return [(change, *self.rollout.why_not(change)) for change in self._waiting.values()]

    @property
    def _groups(self) -> tuple[dict[ChangeKey, Change], ...]:
        return (self._running, self._waiting, self._hopeless)

    def _needs(self, change: Change) -> Iterator[str]:
        """The dependencies that are in the plan; others are done already."""
        return (key for key in change.depends_on if key in self._waiting)

    def _may_start(self, change: Change) -> bool:
        running = self._running.values()
        free = not change.blocked and self._limits.concurrency.are_free(self._uses[change.key], self._used)
        return free and self.rollout.may_start(change, running)
