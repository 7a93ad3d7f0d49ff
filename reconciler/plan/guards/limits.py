"""How much at once: deletes, changes, everything."""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.model.address import kind_of
from reconciler.model.plan import Action, Change, Refusal
from reconciler.plan.guards.facts import ENDING, TOUCHING, Facts


def limit_of(limit: int | str, total: int) -> int:
    """`3` or `50%` of `total`, rounded down but at least 1, since a small fleet could never change otherwise; `0%` is
    0. Raises ValueError for anything else."""
    if isinstance(limit, int) and not isinstance(limit, bool):
        return limit
    text = str(limit).strip()
    if not text.endswith("%"):
        return int(text)
    percent = float(text[:-1])
    if not 0 <= percent <= 100:
        raise ValueError(f"{limit} is not between 0% and 100%")
    if total < 1:
        raise ValueError(f"{limit} of nothing is no number")
    return 0 if percent == 0 else max(1, int(total * percent / 100))


def max_deletes(facts: Facts) -> Iterable[Refusal]:
    return _too_many("max-deletes", "delete", facts.inventory.policy.max_deletes, facts.changes(*ENDING), facts.ours)


def max_changes(facts: Facts) -> Iterable[Refusal]:
    limit = facts.inventory.policy.max_changes
    return _too_many("max-changes", "change", limit, facts.changes(*TOUCHING), facts.ours)


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
        detail = f"it would {verb} {len(objects)} of {total} existing objects, and {limit} is allowed"
        yield Refusal(code, detail, tuple(objects))


def empty_inventory(facts: Facts) -> Iterable[Refusal]:
    declared = [found for found in facts.inventory.resources.values() if kind_of(found.address) != "organization"]
    going = facts.changes(Action.DELETE)
    if not declared and not facts.inventory.removed and (facts.ours or going):
        detail = f"the inventory declares nothing, and {max(facts.ours, len(going))} live objects are its own"
        yield Refusal("empty-inventory", detail, tuple(change.address for change in going))
