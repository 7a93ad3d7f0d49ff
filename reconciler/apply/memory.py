"""Remembering what was applied, change by change, so that a killed run loses nothing."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from threading import Lock
from typing import TYPE_CHECKING

from reconciler.apply.restores import Drains
from reconciler.journal import JournalError
from reconciler.model.address import Address
from reconciler.model.event import ChangeEnded, Event, Outcome, StepStarted
from reconciler.model.inventory import Inventory
from reconciler.model.live import Live
from reconciler.model.plan import Action, Plan
from reconciler.model.recall import Recall
from reconciler.plan.compare import applied_digests
from reconciler.plan.runs import PENDING, begun_after

if TYPE_CHECKING:
    from reconciler.journal import Memory


class Remember:
    """A listener. `begin` before an apply, then every event, then `settle` with the plan made afterwards.

    `begin` and `settle` raise JournalError. The start of a step does, where it has to be remembered before it is done:
    then it must not be done. Nothing else does: what cannot be written while changes are under way is kept, and written
    with what comes next. `live` is what the plan was made from.
    """

    def __init__(self, inventory: Inventory, live: Live, recall: Recall, memory: Memory, scope: str) -> None:
        self._inventory = inventory
        self._live = live
        self._recall = recall
        self._memory = memory
        self._scope = scope
        self._pending: dict[str, str] = {}
        self._writing = Lock()
        self._stored: dict[str, Mapping[str, str]] = dict(recall.applied)
        self._drains = Drains(memory, scope)
        self._unwritten: dict[str, Mapping[str, str] | None] = {}

    def begin(self, plan: Plan) -> None:
        """Mark the jobs that are to be started: the mark goes when they have a result."""
        self._drains.begin(plan)
        runs = [change.address for change in plan.changes if change.action is Action.RUN and not change.blocked]
        self._pending = dict.fromkeys(runs, "pending")
        self._write({where: {**self._stored.get(where, {}), PENDING: "pending"} for where in runs})

    def __call__(self, event: Event) -> None:
        self._drains(event)
        if isinstance(event, StepStarted) and event.key.startswith(f"{Action.RUN.value}:"):
            self._begin_run(event.key.partition(":")[2])
        if not isinstance(event, ChangeEnded):
            return
        with suppress(JournalError):
            if event.action == Action.RUN and event.outcome in (Outcome.DONE, Outcome.FAILED):
                self._pending.pop(event.address, None)
                self._store([event.address])
            elif event.action == Action.RUN and self._pending.get(event.address, "pending") != "pending":
                self._pending[event.address] = "pending"  # it was not begun after all
                self._write({event.address: {**self._stored.get(event.address, {}), PENDING: "pending"}})
            elif event.outcome is Outcome.DONE and event.action == Action.DELETE:
                self._write({event.address: None})
            elif event.outcome is Outcome.DONE:
                self._store([event.address])

    def _begin_run(self, where: str) -> None:
        found = self._live.resources.get(Address(where))
        self._pending[where] = begun_after(found.raw.get("lastRun") if found else None)
        self._write({where: {**self._stored.get(where, {}), PENDING: self._pending[where]}})

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
            mark = {PENDING: self._pending[where]} if where in self._pending else {}
            rows[where] = {**applied_digests(resource, self._recall), **mark}
        self._write({where: row for where, row in rows.items() if self._stored.get(where) != row})

    def _write(self, rows: Mapping[str, Mapping[str, str] | None]) -> None:
        """Write these rows, and those that could not be written before; None stands for a row that goes."""
        with self._writing:
            self._unwritten |= rows
            kept = {where: row for where, row in self._unwritten.items() if row is not None}
            self._memory.remember(self._scope, kept)
            for where in self._unwritten.keys() - kept.keys():
                self._memory.forget(self._scope, where)
                self._stored.pop(where, None)
            self._stored |= kept
            self._unwritten = {}
