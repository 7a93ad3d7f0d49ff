"""Batches of disruptive changes, so that every organization keeps enough working proxies at every moment.

Computed from the changes and the mapping of organizations to proxies. The engine checks the same rule with the observed
state before it starts each change.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from reconciler.model.address import Address, kind_of, name_of
from reconciler.model.inventory import Inventory
from reconciler.model.live import Live
from reconciler.model.plan import Action, Change, Plan
from reconciler.model.steps import ChangeHost
from reconciler.plan.maintenance import restores
from reconciler.plan.organization_coverage import Coverage, coverage_of

DEFAULT = "1,25%,100%"
"""Sizes of batches: one proxy as a canary, then a quarter of all, then the rest."""

_SIZE = re.compile(r"[1-9][0-9]{0,5}|(?:[1-9][0-9]?|100)%")

_REDEPLOYS = {"port", "credentials"}
"""Fields whose change makes the server deploy the proxy again (Edit in the console; facts, 2.3)."""


def disrupts_proxy(change: Change) -> str:
    """The proxy that does not work while `change` is applied; empty if it does. A delete follows the moves away from
    its proxy, so it disrupts nothing."""
    if any(isinstance(step, ChangeHost) and step.restart for step in change.steps):
        return name_of(change.address)
    if kind_of(change.address) != "proxy":
        return ""
    if change.action in (Action.UPGRADE, Action.REPLACE, Action.TAKEOVER):
        return name_of(change.address)
    if change.action is Action.UPDATE and any(item.path in _REDEPLOYS for item in change.fields):
        return name_of(change.address)
    return ""


def come_back(changes: Iterable[Change]) -> list[str]:
    """The proxies that work again after `changes`."""
    return [disrupts_proxy(change) for change in changes if change.action is not Action.DELETE]


def restores_first(change: Change) -> bool:
    """Whether it clears maintenance mode that an interrupted apply left, and does not disrupt the proxy. What
    disrupts a member of the pool waits for such a change: the pool needs the proxy."""
    return restores(change) and not disrupts_proxy(change)


def restored(changes: Iterable[Change]) -> list[str]:
    """The proxies that work again before any other change disrupts one."""
    return [name_of(change.address) for change in changes if restores_first(change) and not change.blocked]


def sizes(text: str, total: int) -> list[int]:
    """`1,25%,100%` of `total` to sizes of batches: each is a count or a percent of all, the last one repeats.

    Raises ValueError for a part that is neither.
    """
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not parts:
        raise ValueError("no batch sizes: use for example 1,25%,100%")
    for part in parts:
        if not _SIZE.fullmatch(part):
            raise ValueError(f"{part} is not a batch size")
    wanted: list[int] = []
    left = total
    while left > 0:
        part = parts[min(len(wanted), len(parts) - 1)]
        size = math.floor(total * float(part[:-1]) / 100) if part.endswith("%") else int(part)
        wanted.append(max(1, min(size, left)))
        left -= wanted[-1]
    return wanted


def in_batches(changes: Sequence[Change], coverage: Coverage, batch: str = DEFAULT) -> list[list[Change]]:
    """The disruptive ones of `changes` in batches of proxies: as large as `batch` says, smaller if coverage requires
    it. All changes of a proxy are in one batch; members of a pool follow each other, so that its upgrade is short.

    A proxy that alone leaves an organization short has a separate batch; the guard `coverage` refuses it.
    """
    waiting = _by_proxy(changes, coverage)
    batches: list[list[Change]] = []
    limits = sizes(batch, len(waiting)) if waiting else []
    while waiting:
        limit = limits[min(len(batches), len(limits) - 1)]
        taken: dict[str, list[Change]] = {}
        for proxy, items in waiting.items():
            if len(taken) == limit:
                break
            if not taken or not coverage.short({*taken, proxy}, of=proxy):
                taken[proxy] = items
        batches.append([change for items in taken.values() for change in items])
        coverage = coverage.returned(come_back(batches[-1]))
        waiting = {proxy: items for proxy, items in waiting.items() if proxy not in taken}
    return batches


def _by_proxy(changes: Sequence[Change], coverage: Coverage) -> dict[str, list[Change]]:
    found: dict[str, list[Change]] = {}
    for change in changes:
        if disrupts_proxy(change) and not change.blocked:
            found.setdefault(disrupts_proxy(change), []).append(change)
    first: dict[str, int] = {}
    for number, proxy in enumerate(found):
        first.setdefault(coverage.pool_of.get(proxy, f"proxy.{proxy}"), number)

    def place(proxy: str) -> tuple[int, bool]:
        """What is in maintenance mode comes first in its pool: that takes nothing from it."""
        return first[coverage.pool_of.get(proxy, f"proxy.{proxy}")], proxy not in coverage.resting

    return {proxy: found[proxy] for proxy in sorted(found, key=place)}


def shortfalls(batches: Sequence[Sequence[Change]], coverage: Coverage) -> tuple[str, ...]:
    """Organizations and pools with too few working proxies while one of `batches` is applied, one after the other."""
    found: set[str] = set()
    for batch in batches:
        down: set[str] = set()
        for proxy in dict.fromkeys(disrupts_proxy(change) for change in batch):
            down.add(proxy)
            found |= set(coverage.short(down, of=proxy))
        coverage = coverage.returned(come_back(batch))
    return tuple(sorted(found))


def with_disruptions(changes: Iterable[Change], inventory: Inventory, live: Live) -> tuple[Change, ...]:
    """The changes with the organizations that each of them disrupts."""
    coverage = coverage_of(inventory, live)
    marked = []
    for change in changes:
        proxy = disrupts_proxy(change)
        known = Address(f"proxy.{proxy}") in live.resources
        marked.append(replace(change, disrupts=coverage.disrupted([proxy])) if proxy and known else change)
    return tuple(marked)


def batched(plan: Plan, inventory: Inventory, live: Live, batch: str = DEFAULT) -> Plan:
    """The plan with its batches: what reviewers see is what is done. It has none if the coverage cannot be computed:
    then the guard `coverage` refuses it."""
    try:
        known = coverage_of(inventory, live, plan.changes).returned(restored(plan.changes))
        found = in_batches(plan.changes, known, batch)
    except ValueError:
        found = []
    return replace(plan, batch=batch, batches=tuple(tuple(change.key for change in group) for group in found))


def as_approved(plan: Plan, approved: Sequence[Sequence[str]]) -> Plan:
    """The plan with the batches that were approved, without what is not done anymore. What was in none of them comes
    after them, in batches as in the plan."""
    waiting = {key for batch in plan.batches for key in batch}
    known = {key for batch in approved for key in batch}
    groups = [tuple(key for key in batch if key in waiting) for batch in approved]
    groups += [tuple(key for key in batch if key not in known) for batch in plan.batches]
    return replace(plan, batches=tuple(group for group in groups if group))


def batches_of(plan: Plan) -> list[list[Change]]:
    """The batches of a plan as changes."""
    named: dict[str, Change] = {change.key: change for change in plan.changes}
    return [[named[key] for key in batch] for batch in plan.batches]
