"""The batches of a whole plan: what is shown to reviewers is what is done."""

from __future__ import annotations

from dataclasses import replace

from reconciler.model.inventory import Inventory
from reconciler.model.live import Live
from reconciler.model.plan import Change, Plan
from reconciler.plan.batches import DEFAULT, in_batches
from reconciler.plan.coverage import coverage_of
from reconciler.plan.drains import given_back


def batched(plan: Plan, inventory: Inventory, live: Live, batch: str = DEFAULT) -> Plan:
    """The plan with its batches. It has none where the coverage cannot be computed: the guard `coverage` refuses it."""
    try:
        known = coverage_of(inventory, live, plan.changes).returned(given_back(plan.changes))
        found = in_batches(plan.changes, known, batch)
    except ValueError:
        found = []
    return replace(plan, batch=batch, batches=tuple(tuple(change.key for change in group) for group in found))


def batches_of(plan: Plan) -> list[list[Change]]:
    """The batches of a plan as changes."""
    named = {change.key: change for change in plan.changes}
    return [[named[key] for key in batch] for batch in plan.batches]
