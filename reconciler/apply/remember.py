"""Remembering what was applied, change by change, so that a killed run loses nothing."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from reconciler.apply.drain import Drains
from reconciler.journal import JournalError
from reconciler.model.address import Address
from reconciler.model.event import ChangeEnded, Event, Outcome
from reconciler.model.inventory import Inventory
from reconciler.model.plan import Action, Plan
from reconciler.model.recall import Recall
from reconciler.plan.compare import applied_digests
from reconciler.plan.runs import PENDING

if TYPE_CHECKING:
    from reconciler.journal import Memory


class Remember:
    """A listener. `begin` before an apply, then every event, then `settle` with the plan made afterwards.

    `begin` and `settle` raise JournalError. An event never does: what cannot be written while changes are under way is
    kept, and written with what comes next.
    """

    def __init__(self, inventory: Inventory, recall: Recall, memory: Memory, scope: str) -> None:
        self._inventory = inventory
        self._recall = recall
        self._memory = memory
        self._scope = scope
        self._pending: set[str] = set()
        self._stored: dict[str, Mapping[str, str]] = dict(recall.applied)
        self._drains = Drains(memory, scope)
        self._unwritten: dict[str, Mapping[str, str] | None] = {}

    def begin(self, plan: Plan) -> None:
        """Mark the jobs that are to be started: the mark goes when they have a result."""
        self._drains.begin(plan)
        runs = [change.address for change in plan.changes if change.action is Action.RUN and not change.blocked]
        self._pending = set(runs)
        self._write({where: {**self._stored.get(where, {}), PENDING: "pending"} for where in runs})

    def __call__(self, event: Event) -> None:
        self._drains(event)
        if not isinstance(event, ChangeEnded):
            return
        with suppress(JournalError):
            if event.action == Action.RUN and event.outcome in (Outcome.DONE, Outcome.FAILED):
                self._pending.discard(event.address)
                self._store([event.address])
            elif event.outcome is Outcome.DONE and event.action == Action.DELETE:
                self._write({event.address: None})
            elif event.outcome is Outcome.DONE:
                self._store([event.address])

    def settle(self, plan: Plan) -> None:
        """Everything that the new plan finds as declared is a baseline for telling drift from new wishes."""
        self._drains.settle(plan, self._recall)
        differs = {change.address for change in plan.changes} | {item.address for item in plan.problems}
        self._store([where for where in self._inventory.resources if where not in differs])

    def _store(self, addresses: list[Address] | list[str]) -> None:
        rows: dict[str, dict[str, str]] = {}
        for where in addresses:
            resource = self._inventory.resources.get(Address(where))
            if resource is None:
                continue
            mark = {PENDING: "pending"} if where in self._pending else {}
            rows[where] = {**applied_digests(resource, self._recall), **mark}
        self._write({where: row for where, row in rows.items() if self._stored.get(where) != row})

    def _write(self, rows: Mapping[str, Mapping[str, str] | None]) -> None:
        """Write these rows, and those that could not be written before; None stands for a row that goes."""
        self._unwritten |= rows
        self._memory.remember(self._scope, {where: row for where, row in self._unwritten.items() if row is not None})
        for where in [where for where, row in self._unwritten.items() if row is None]:
            self._memory.forget(self._scope, where)
            self._stored.pop(where, None)
        self._stored |= {where: row for where, row in self._unwritten.items() if row is not None}
        self._unwritten = {}
