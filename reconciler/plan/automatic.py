"""Changes that need no person: what `policy.auto` allows of a plan. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from reconciler.model.address import Address, fits
from reconciler.model.inventory import AutomaticRule, Inventory
from reconciler.model.live import Live
from reconciler.model.plan import Action, Change, Plan, Refusal
from reconciler.plan.batches import DEFAULT, batched
from reconciler.plan.guards import GuardContext, guarded
from reconciler.plan.guards.windows import is_open
from reconciler.plan.maintenance import only_restores
from reconciler.plan.selection import independent_of

_DECIDES_DELETION: Final = ("retention.", "object_storage.immutability_")
"""Fields of repositories by which the server deletes backups: what differs there is left to a person."""
_ACTIONS: Final = (Action.CREATE, Action.UPDATE, Action.UPGRADE, Action.RUN)
"""The schema allows no others either: what destroys, or takes from another server, needs a person."""


def permitted(plan: Plan, inventory: Inventory, now: datetime, *, without: Collection[str] = ()) -> tuple[Change, ...]:
    """The changes that a rule of `policy.auto` allows now, apart from the keys `without`, and from what needs a change
    that is not among them. Maintenance mode that an interrupted apply left may be cleared in any case: there is no
    change without a rule."""
    policy = inventory.policy
    if not policy.automatic:
        return ()
    rules = [rule for rule in policy.automatic if _is_open(rule, now)]
    allowed = {change.key for change in plan.changes if _may(change, rules) and not _always_runs(change, inventory)}
    unwanted = {change.key for change in plan.changes if change.key not in allowed or change.key in without}
    return independent_of(plan.changes, unwanted)


def refusals(
    plan: Plan, changes: Sequence[Change], inventory: Inventory, live: Live, now: datetime
) -> tuple[Refusal, ...]:
    """The guards that an apply of exactly these changes would break: none of them is waived."""
    part = batched(replace(plan, changes=tuple(changes)), inventory, live, DEFAULT)
    return guarded(GuardContext(part, inventory, live, now), {}).refusals


def _may(change: Change, rules: Iterable[AutomaticRule]) -> bool:
    if change.blocked or change.action not in _ACTIONS:
        return False
    if change.action is Action.UPDATE:
        if only_restores(change):
            return True
        if any(item.path.startswith(_DECIDES_DELETION) for item in change.fields):
            return False
    return any(
        change.action.value in rule.actions and any(fits(change.address, pattern) for pattern in rule.addresses)
        for rule in rules
    )


def _always_runs(change: Change, inventory: Inventory) -> bool:
    """A job that every apply starts would be started again and again."""
    job = inventory.resources.get(Address(change.address))
    return change.action is Action.RUN and job is not None and job.fields.get("run") == "always"


def _is_open(rule: AutomaticRule, now: datetime) -> bool:
    """A window that cannot be computed is closed."""
    try:
        return not rule.windows or any(is_open(window, now) for window in rule.windows)
    except ValueError:
        return False
