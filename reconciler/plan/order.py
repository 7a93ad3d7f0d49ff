"""The order of changes: each follows its dependencies, and is blocked if one of them is.

First what a job works through, from the hosts up; then job runs; then deletes, from the top down: jobs, repositories,
pools, proxies. A proxy is deleted after the jobs that were moved away from it have succeeded elsewhere.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter

from reconciler.model.inventory import Inventory
from reconciler.model.live import Live
from reconciler.model.plan import Action, Change, ChangeKey
from reconciler.plan.dependencies import Dependencies, rank_of

_RENAME = "; to rename an object, declare its old name as `formerly`"


def order(
    changes: Iterable[Change], inventory: Inventory, live: Live, obstacles: Mapping[str, str]
) -> tuple[Change, ...]:
    """The changes in the order in which they are applied, each with the keys of its dependencies. `obstacles` are
    reasons outside of a change that prevent it, by its key."""
    ranked = sorted(changes, key=lambda change: (rank_of(change), change.address, change.action))
    dependencies = Dependencies(ranked, inventory, live)
    keyed = {change.key: change for change in ranked}
    before = {key: tuple(sorted({item.key for item in dependencies.of(change)})) for key, change in keyed.items()}
    blocked = _break_cycles(before)
    done: list[Change] = []
    for key, change in _by_need(keyed, before):
        reason = change.blocked or dependencies.kept(change) or blocked.get(key, "")
        reason = reason or _blocked_by(before[key], blocked) or obstacles.get(key, "")
        if reason:
            blocked[key] = reason
        done.append(replace(change, depends_on=before[key], blocked=reason, steps=() if reason else change.steps))
    return tuple(done)


def _break_cycles(before: dict[ChangeKey, tuple[ChangeKey, ...]]) -> dict[ChangeKey, str]:
    """Why the changes of cycles cannot be applied, by key. Removes the edges of the cycles from `before`."""
    found: dict[ChangeKey, str] = {}
    while True:
        try:
            TopologicalSorter({key: needs for key, needs in before.items() if needs}).prepare()
        except CycleError as error:
            cycle = dict.fromkeys(error.args[1])
            words = {key: f"{key.action} {key.address}" for key in cycle if key.action != Action.RUN}
            for key in cycle:
                others = ", ".join(sorted(words[other] for other in cycle if other != key and other in words))
                hint = _RENAME if key.action == Action.CREATE else ""
                found[key] = f"it and {others} depend on each other{hint}"
                before[key] = tuple(other for other in before[key] if other not in cycle)
        else:
            return found


def _by_need(
    ranked: Mapping[ChangeKey, Change], before: Mapping[ChangeKey, Sequence[ChangeKey]]
) -> Iterator[tuple[ChangeKey, Change]]:
    """In the order of `ranked`, except that each follows its dependencies."""
    keys = list(ranked)
    places = {key: place for place, key in enumerate(keys)}
    missing = {key: len(needs) for key, needs in before.items()}
    waiting: dict[ChangeKey, list[ChangeKey]] = defaultdict(list)
    for key, needs in before.items():
        for need in needs:
            waiting[need].append(key)
    ready = [place for place, key in enumerate(keys) if not missing[key]]  # ascending, so it is a heap
    while ready:
        done = keys[heapq.heappop(ready)]
        yield done, ranked[done]
        for key in waiting[done]:
            missing[key] -= 1
            if not missing[key]:
                heapq.heappush(ready, places[key])


def _blocked_by(needs: Iterable[ChangeKey], blocked: Mapping[ChangeKey, str]) -> str:
    stuck = [key for key in needs if key in blocked]
    if not stuck:
        return ""
    first = min(stuck, key=lambda key: (key.action == Action.RUN, key))
    return f"it depends on {first.address}, which is blocked"
