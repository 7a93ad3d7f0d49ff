"""Disruptive changes go in batches, so that every organization keeps enough working proxies at every moment.

Pure: from the changes and the mapping of organizations to proxies. The engine checks the same rule again, with what is
really working, before it starts each change.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from reconciler.model.address import Address, kind_of, name_of
from reconciler.model.inventory import Inventory
from reconciler.model.live import Live
from reconciler.model.plan import Action, Change

_REDEPLOYS = {"port", "credentials"}
"""Fields whose change makes the server deploy the proxy anew (the console's Edit; facts, 2.3)."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """Which proxies process which organization: `serving` by organization, members of pools counted one by one.
    `working` are the proxies that answer now; `needed` is the policy (`1`, or a percent of those that serve)."""

    serving: Mapping[str, frozenset[str]]
    working: frozenset[str]
    needed: int | str = 1
    of_proxy: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def disrupted(self, proxies: Iterable[str]) -> tuple[str, ...]:
        """Organizations that any of `proxies` processes."""
        return tuple(sorted({name for proxy in proxies for name in self.of_proxy.get(proxy, ())}))

    def short(self, down: Iterable[str]) -> tuple[str, ...]:
        """Organizations that would have too few working proxies while `down` do not work. One that has too few anyway
        is only named where `down` takes another one from it."""
        away = frozenset(down)
        found = []
        for organization in self.disrupted(away):
            serving = self.serving[organization]
            left = (serving & self.working) - away
            if len(left) < self._needed(len(serving)) and serving & self.working & away:
                found.append(organization)
        return tuple(found)

    def _needed(self, serving: int) -> int:
        text = str(self.needed)
        return math.ceil(serving * float(text[:-1]) / 100) if text.endswith("%") else int(text)


def coverage_of(inventory: Inventory, live: Live) -> Coverage:
    """The mapping as it is live: organization <- job -> repository -> proxy, or every member of a pool."""
    pools = {found.name: found.fields.get("members") for found in live.resources.values() if found.kind == "pool"}
    serving: dict[str, frozenset[str]] = {}
    for found in live.resources.values():
        if found.kind != "organization":
            continue
        owners = found.fields.get("proxies")
        names: set[str] = set()
        for owner in owners if isinstance(owners, list) else ():
            members = pools.get(owner)
            names |= set(members) if isinstance(members, list) else {owner}
        serving[found.name] = frozenset(names)
    working = frozenset(
        found.name for found in live.resources.values() if found.kind == "proxy" and found.raw.get("status") == "Online"
    )
    of_proxy: dict[str, set[str]] = {}
    for organization, proxies in serving.items():
        for proxy in proxies:
            of_proxy.setdefault(proxy, set()).add(organization)
    frozen = {proxy: frozenset(names) for proxy, names in of_proxy.items()}
    return Coverage(serving, working, inventory.policy.coverage, frozen)


def disrupts_proxy(change: Change) -> str:
    """The proxy that does not work while `change` is done; empty where it works on."""
    if kind_of(change.address) != "proxy":
        return ""
    if change.action in (Action.UPGRADE, Action.REPLACE, Action.DELETE, Action.TAKEOVER):
        return name_of(change.address)
    if change.action is Action.UPDATE and any(item.path in _REDEPLOYS for item in change.fields):
        return name_of(change.address)
    return ""


def sizes(text: str, total: int) -> list[int]:
    """`1,25%,100%` of `total` to sizes of batches: each is a count or a percent of all, the last one repeats.

    Raises ValueError for a part that is neither.
    """
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not parts:
        raise ValueError("no batch sizes: write for example 1,25%,100%")
    wanted: list[int] = []
    left = total
    while left > 0:
        part = parts[min(len(wanted), len(parts) - 1)]
        size = math.floor(total * float(part[:-1]) / 100) if part.endswith("%") else int(part)
        if size < 0:
            raise ValueError(f"{part} is not the size of a batch")
        wanted.append(max(1, min(size, left)))
        left -= wanted[-1]
    return wanted


def in_batches(changes: Sequence[Change], coverage: Coverage, batch: str = "1,25%,100%") -> list[list[Change]]:
    """The disruptive ones of `changes` in batches: as large as `batch` says, smaller where coverage asks for it.

    A change that leaves an organization short all by itself gets a batch of its own; the guard `coverage` speaks up.
    """
    waiting = [change for change in changes if disrupts_proxy(change) and not change.blocked]
    batches: list[list[Change]] = []
    limits = sizes(batch, len(waiting)) if waiting else []
    while waiting:
        limit = limits[min(len(batches), len(limits) - 1)]
        taken: list[Change] = []
        for change in waiting:
            proxies = {disrupts_proxy(other) for other in [*taken, change]}
            if len(taken) < limit and (not taken or not coverage.short(proxies)):
                taken.append(change)
        batches.append(taken)
        waiting = [change for change in waiting if change not in taken]
    return batches


def with_disruptions(changes: Iterable[Change], inventory: Inventory, live: Live) -> tuple[Change, ...]:
    """The changes with the organizations that each of them disrupts."""
    coverage = coverage_of(inventory, live)
    marked = []
    for change in changes:
        proxy = disrupts_proxy(change)
        known = Address(change.address) in live.resources
        marked.append(replace(change, disrupts=coverage.disrupted([proxy])) if proxy and known else change)
    return tuple(marked)
