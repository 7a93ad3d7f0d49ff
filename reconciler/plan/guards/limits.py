"""Guards of numbers: deletes, changes, all objects of an inventory, and what could not be observed."""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.model.address import kind_of
from reconciler.model.plan import Action, Change, Refusal
from reconciler.plan.guards.context import ENDING, TOUCHING, GuardContext


def limit_of(limit: int | str, total: int) -> int:
    """`3` or `50%` of `total`, rounded down but at least 1, so that a small fleet can change at all; `0%` is 0. Raises
    ValueError for anything else."""
    if isinstance(limit, int) and not isinstance(limit, bool):
        return limit
    text = str(limit).strip()
    if not text.endswith("%"):
        return int(text)
    percent = float(text[:-1])
    if not 0 <= percent <= 100:
        raise ValueError(f"{limit} is not between 0% and 100%")
    if total < 1:
        raise ValueError(f"{limit} of 0 objects is undefined")
    return 0 if percent == 0 else max(1, int(total * percent / 100))


def max_deletes(context: GuardContext) -> Iterable[Refusal]:
    limit = context.inventory.policy.max_deletes
    return _too_many("max-deletes", "delete", limit, context.changes(*ENDING), context.ours)


def max_changes(context: GuardContext) -> Iterable[Refusal]:
    limit = context.inventory.policy.max_changes
    return _too_many("max-changes", "change", limit, context.changes(*TOUCHING), context.ours)


def _too_many(code: str, verb: str, limit: int | str, changes: list[Change], total: int) -> Iterable[Refusal]:
    objects = sorted({change.address for change in changes if kind_of(change.address) != "host"})
    if not objects:
        return
    try:
        allowed = limit_of(limit, total)
    except ValueError as error:
        yield Refusal(code, f"the limit cannot be computed: {error}", tuple(objects))
        return
    if len(objects) > allowed:
        detail = f"the plan would {verb} {len(objects)} of {total} existing objects (limit: {limit})"
        yield Refusal(code, detail, tuple(objects))


def empty_inventory(context: GuardContext) -> Iterable[Refusal]:
    declared = [found for found in context.inventory.resources.values() if kind_of(found.address) != "organization"]
    going = context.changes(Action.DELETE)
    if not declared and not context.inventory.removed and (context.ours or going):
        detail = f"the inventory declares no objects, but owns {max(context.ours, len(going))} live ones"
        yield Refusal("empty-inventory", detail, tuple(change.address for change in going))


def incomplete(context: GuardContext) -> Iterable[Refusal]:
    hidden = len(context.plan.unknown) + len(context.plan.problems)
    if context.complete and hidden:
        items = "1 item" if hidden == 1 else f"{hidden} items"
        yield Refusal("incomplete", f"a complete observation is required, but {items} could not be observed")
