"""Coverage: which proxies process which organizations, and whether enough of them work while some do not.

A pool works as the product documents it: while its members differ in version, those that are behind work and the
upgraded ones wait; members in maintenance mode do not count. So the last one that is behind can be upgraded as soon as
it is in maintenance mode: then all others have one version, and work.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from reconciler.kinds.graph import Graph
from reconciler.model.address import kind_of, name_of
from reconciler.model.inventory import Inventory
from reconciler.model.live import Live
from reconciler.model.plan import Action, Change
from reconciler.model.state import ProxyState, Status
from reconciler.model.version import build_number


@dataclass(frozen=True, slots=True)
class Coverage:
    """`serving` has the proxies of each organization, members of pools one by one; `needed` is the policy (`1`, or a
    percentage of them). `working` are the proxies that are online and not in maintenance mode, `resting` those that are
    in it; `behind` are members of pools with an older version than the server. `going` are those that will be removed:
    they never count as working. `unknown` are organizations whose proxies cannot be determined."""

    serving: Mapping[str, frozenset[str]]
    working: frozenset[str]
    needed: int | str = 1
    of_proxy: Mapping[str, frozenset[str]] = field(default_factory=dict)
    pools: Mapping[str, frozenset[str]] = field(default_factory=dict)
    pool_of: Mapping[str, str] = field(default_factory=dict)
    behind: frozenset[str] = frozenset()
    resting: frozenset[str] = frozenset()
    going: frozenset[str] = frozenset()
    unknown: frozenset[str] = frozenset()

    def disrupted(self, proxies: Iterable[str]) -> tuple[str, ...]:
        """Organizations that any of `proxies` processes."""
        return tuple(sorted({name for proxy in proxies for name in self.of_proxy.get(proxy, ())}))

    def short(self, down: Iterable[str], *, of: str = "", failed: Iterable[str] = ()) -> tuple[str, ...]:
        """Organizations that would have too few working proxies while `down` are changed in maintenance mode, and pools
        that would have none, which the server refuses. One that has too few anyway is included only if `down` takes
        another one. With `of`, only organizations and pools of that proxy are checked. `failed` do not work either,
        but their pools go on waiting for those of them that are behind."""
        broken = frozenset(failed)
        away = frozenset(down) - broken
        asked = [of] if of else sorted(away)
        pools = sorted({self.pool_of[name] for name in asked if name in self.pool_of})
        found = [f"pool {name}" for name in pools if self._takes_all(self.pools[name], away | broken)]
        for organization in self.disrupted(asked):
            serving = self.serving[organization]
            left = self._active(serving - broken, away)
            if len(left) < self._needed(len(serving)) and self._active(serving, frozenset()) - left:
                found.append(organization)
        return tuple(found)

    def returned(self, proxies: Iterable[str]) -> Coverage:
        """The same after these were changed and work again."""
        back = frozenset(proxies)
        return replace(self, behind=self.behind - back, working=self.working | back, resting=self.resting - back)

    def observed(self, proxies: Mapping[str, ProxyState], build: str) -> Coverage:
        """The same mapping with the states of the proxies now, by name."""
        resting = frozenset(name for name, proxy in proxies.items() if proxy.in_maintenance)
        online = frozenset(name for name, proxy in proxies.items() if proxy.is_online)
        return replace(
            self,
            working=online - resting - self.going,
            resting=resting,
            behind=_behind(self.pools.values(), proxies, build),
        )

    def _takes_all(self, members: frozenset[str], away: frozenset[str]) -> bool:
        """Whether none is left that works, and not only because a single one could: one in maintenance mode that is
        changed meanwhile works afterwards."""
        working = members & self.working
        return bool(working) and working <= away and len(members & away & (working | self.resting)) > 1

    def _active(self, proxies: frozenset[str], away: frozenset[str]) -> frozenset[str]:
        left = (proxies & self.working) - away
        for pool in {self.pool_of[name] for name in left if name in self.pool_of}:
            members = self.pools[pool]
            if (members - away - self.resting) & self.behind:
                left -= members - self.behind
        return left

    def _needed(self, serving: int) -> int:
        text = str(self.needed)
        return math.ceil(serving * float(text[:-1]) / 100) if text.endswith("%") else int(text)


def coverage_of(inventory: Inventory, live: Live, changes: Iterable[Change] = ()) -> Coverage:
    """The mapping as it is live, every member of a pool one by one. What `changes` delete does not count as working."""
    graph = Graph.of(live.resources)
    pools = {name_of(where): graph.members(where) for where in live.resources if kind_of(where) == "pool"}
    serving: dict[str, frozenset[str]] = {}
    of_proxy: dict[str, set[str]] = {}
    unknown: set[str] = set()
    seen = {found.name: found.proxy for found in live.resources.values() if found.kind == "proxy"}
    silent = {name for name, proxy in seen.items() if proxy.status is Status.UNKNOWN}
    for where, found in live.resources.items():
        if found.kind != "organization":
            continue
        owners = graph.processors(where)
        names = frozenset(name_of(part) for part in graph.chain(*owners or ()) if kind_of(part) == "proxy")
        serving[found.name] = names
        hidden = owners is None or any(pools.get(name_of(owner), ()) is None for owner in owners)
        unknown |= {found.name} if live.gaps or hidden or names & silent else set()
        for proxy in names:
            of_proxy.setdefault(proxy, set()).add(found.name)
    frozen = {proxy: frozenset(names) for proxy, names in of_proxy.items()}
    known = {pool: frozenset(members) for pool, members in pools.items() if members is not None}
    pool_of = {member: pool for pool, members in known.items() for member in members}
    going = frozenset(name_of(change.address) for change in changes if _removes(change))
    mapping = Coverage(
        serving,
        frozenset(),
        inventory.policy.coverage,
        frozen,
        known,
        pool_of,
        going=going,
        unknown=frozenset(unknown),
    )
    return mapping.observed(seen, live.server.build)


def _removes(change: Change) -> bool:
    return change.action is Action.DELETE and kind_of(change.address) == "proxy" and not change.blocked


def _behind(pools: Iterable[frozenset[str]], proxies: Mapping[str, ProxyState], build: str) -> frozenset[str]:
    """Members that have an older version. One whose version is unknown counts as behind in a pool that has others: if
    it is, the pool waits for it."""
    newest = build_number(build)
    found: set[str] = set()
    for members in pools:
        versions = {name: proxies.get(name, ProxyState()).build for name in members}
        if any(version and version < newest for version in versions.values()):
            found |= {name for name, version in versions.items() if version < newest}
    return frozenset(found)
