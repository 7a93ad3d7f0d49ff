"""What must be done before what, and what cannot be done because something else cannot.

First what a job works through, from the hosts up; then the jobs are started; what is no longer wanted goes last and
from the top down: jobs, repositories, pools, proxies. A proxy that others take over from goes once they have shown that
they can: after the jobs that were moved away from it have ended well.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter

from reconciler.kinds import KINDS
from reconciler.kinds.graph import Graph
from reconciler.model.address import Address, kind_of, name_of
from reconciler.model.inventory import Inventory
from reconciler.model.live import Live
from reconciler.model.plan import Action, Change, ChangeKey
from reconciler.model.steps import ChangePoolMembers, CreateObject
from reconciler.plan.batches import disrupts_proxy
from reconciler.plan.maintenance import only_restores
from reconciler.plan.usage import Claims, releases, stays

_HOST_RANK, _RUN_RANK, _DELETE_RANK = 15, 90, 200
_ENDING = (Action.DELETE, Action.REPLACE)


def order(
    changes: Iterable[Change], inventory: Inventory, live: Live, obstacles: Mapping[str, str]
) -> tuple[Change, ...]:
    """The changes in an order in which they may be done, each with the keys of those that it waits for. `obstacles` are
    reasons outside of a change that prevent it, by its key."""
    ranked = sorted(changes, key=lambda change: (_rank(change), change.address, change.action))
    needs = _Needs(ranked, inventory, live)
    before = {change.key: tuple(sorted({item.key for item in needs.of(change)})) for change in ranked}
    blocked = _break_circles(before)
    done: list[Change] = []
    for change in _by_need(ranked, before):
        reason = change.blocked or needs.kept(change) or blocked.get(change.key, "")
        reason = reason or _waits(before[change.key], blocked) or obstacles.get(change.key, "")
        if reason:
            blocked[change.key] = reason
        done.append(
            replace(change, depends_on=before[change.key], blocked=reason, steps=() if reason else change.steps)
        )
    return tuple(done)


def _rank(change: Change) -> int:
    kind = kind_of(change.address)
    if change.action is Action.DELETE:
        return _DELETE_RANK - KINDS[kind].rank
    if change.action is Action.RUN:
        return _RUN_RANK
    if kind == "host":
        return _HOST_RANK
    return KINDS[kind].rank - (2 if only_restores(change) else 1 if change.action is Action.UPGRADE else 0)


class _Needs:
    """What each change waits for, looked up instead of searched."""

    def __init__(self, changes: Sequence[Change], inventory: Inventory, live: Live) -> None:
        self._inventory, self._live = inventory, live
        self._declared, self._seen = Graph.of(inventory.resources), Graph.of(live.resources)
        self._claims = Claims(live)
        self._at: dict[str, list[Change]] = defaultdict(list)
        self._runs: dict[str, list[Change]] = defaultdict(list)
        self._leaving: dict[str, list[Change]] = defaultdict(list)
        for change in changes:
            self._at[change.address].append(change)
            if change.action is Action.RUN:
                for part in self._declared.chain(change.address):
                    self._runs[part].append(change)
            for member in _members(change, "leave"):
                self._leaving[member].append(change)

    def of(self, change: Change) -> list[Change]:
        if change.action is Action.DELETE:
            return self._releasing(change)
        found = [item for item in self._at[change.address] if _rank(item) < _rank(change)]
        for where in self._parts(change):
            found += [item for item in self._at.get(where, ()) if item.action not in (Action.DELETE, Action.RUN)]
        for member in _members(change, "join"):  # a proxy is in one pool at the most
            found += self._leaving[member]
        for member in self._pool_of(disrupts_proxy(change)):
            found += [item for item in self._at.get(member, ()) if only_restores(item)]
        if change.action is Action.CREATE:
            found += self._in_the_way(change)
        elif change.action is Action.REPLACE:
            found += self._releasing(change)
        return [item for item in found if item.key != change.key]

    def kept(self, change: Change) -> str:
        """Why an object cannot go: what uses it stays."""
        if change.action not in _ENDING:
            return ""
        joined = {f"pool.{step.name}" for step in change.steps if isinstance(step, ChangePoolMembers)}
        where = change.address
        left = [user for user in self._seen.users(where) if user not in joined and not self._release(user, where)]
        if left:
            return stays(left, self._inventory, self._live)
        hidden = [user for user in self._seen.hidden_users(where) if not self._release(user, where)]
        return f"it is not known whether {', '.join(sorted(hidden))} uses it" if hidden else ""

    def _pool_of(self, proxy: str) -> list[Address]:
        """The members of the pool of a proxy."""
        pools = self._seen.users(f"proxy.{proxy}", "pool")
        return [member for pool in pools for member in self._seen.uses(pool)]

    def _parts(self, change: Change) -> list[str]:
        """Addresses that the object of `change` is made of, or works through."""
        where = change.address
        if Address(where) not in self._inventory.resources:
            return []
        if change.action is Action.RUN:
            chain = self._declared.chain(where)
            hosts = [f"host.{name_of(part)}" for part in chain if kind_of(part) == "proxy"]
            return [*chain, *hosts, "smtp"]
        own = [f"host.{name_of(where)}", "certificate"] if kind_of(where) == "proxy" else []
        return [*own, *self._declared.uses(where)]

    def _release(self, user: str, where: str) -> list[Change]:
        """The changes after which `user` does not use `where` any more."""
        return [item for item in self._at.get(user, ()) if releases(item, where)]

    def _releasing(self, change: Change) -> list[Change]:
        """What lets go of the object of `change`, and the jobs that show whether that went well."""
        found: list[Change] = []
        for user in (*self._seen.users(change.address), *self._seen.hidden_users(change.address)):
            for item in self._release(user, change.address):
                found += [item, *(self._runs[user] if change.action is Action.DELETE else ())]
        return found

    def _in_the_way(self, change: Change) -> list[Change]:
        """Deletes of objects that have what only one may have."""
        resource = self._inventory.resources[Address(change.address)]
        holders = self._claims.in_the_way(resource.kind, resource.fields)
        return [item for where in holders for item in self._at.get(where, ()) if item.action is Action.DELETE]


def _members(change: Change, side: str) -> set[str]:
    found: set[str] = set()
    for step in change.steps:
        if isinstance(step, ChangePoolMembers) and kind_of(change.address) == "pool":
            found |= set(step.join if side == "join" else step.leave)
        elif isinstance(step, CreateObject) and side == "join":
            found |= set(step.fields.get("members", ()))
    return found


def _break_circles(before: dict[ChangeKey, tuple[ChangeKey, ...]]) -> dict[ChangeKey, str]:
    """Why the changes that wait for each other cannot be done, by key. Takes the waiting out of `before`."""
    found: dict[ChangeKey, str] = {}
    while True:
        try:
            TopologicalSorter(before).prepare()
        except CycleError as error:
            circle = dict.fromkeys(error.args[1])
            words = {key: f"{key.action} {key.address}" for key in circle if key.action != Action.RUN}
            for key in circle:
                others = ", ".join(sorted(words[other] for other in circle if other != key and other in words))
                hint = "; for another name of the same object say `formerly`" if key.action == Action.CREATE else ""
                found[key] = f"it and {others} wait for each other{hint}"
                before[key] = tuple(other for other in before[key] if other not in circle)
        else:
            return found


def _by_need(ranked: Sequence[Change], before: Mapping[ChangeKey, Sequence[ChangeKey]]) -> Iterable[Change]:
    """In the order of `ranked` as far as the needs allow."""
    places = {change.key: place for place, change in enumerate(ranked)}
    missing = {key: len(needs) for key, needs in before.items()}
    waiting: dict[ChangeKey, list[ChangeKey]] = defaultdict(list)
    for key, needs in before.items():
        for need in needs:
            waiting[need].append(key)
    ready = [places[key] for key, count in missing.items() if not count]
    heapq.heapify(ready)
    while ready:
        change = ranked[heapq.heappop(ready)]
        yield change
        for key in waiting[change.key]:
            missing[key] -= 1
            if not missing[key]:
                heapq.heappush(ready, places[key])


def _waits(needs: Iterable[ChangeKey], blocked: Mapping[ChangeKey, str]) -> str:
    stuck = [key for key in needs if key in blocked]
    if not stuck:
        return ""
    first = min(stuck, key=lambda key: (key.action == Action.RUN, key))
    return f"it waits for {first.address}, which is blocked"
