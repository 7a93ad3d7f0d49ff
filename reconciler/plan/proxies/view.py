"""What planning knows of one proxy: as it is declared, on the server, on its host, and as it is remembered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.kinds import KINDS
from reconciler.kinds.packages import is_packaged
from reconciler.model.address import Address, name_of
from reconciler.model.inventory import Resource
from reconciler.model.live import HostFacts, LiveResource
from reconciler.model.state import ProxyState
from reconciler.model.version import build_number
from reconciler.plan.compare import Comparison, compare
from reconciler.plan.interrupted import CREATING, DELETING, was_begun
from reconciler.plan.maintenance import is_ours, was_upgrading
from reconciler.plan.passes import Inputs

KIND = KINDS["proxy"]


@dataclass(frozen=True, slots=True)
class Membership:
    """A pool that the proxy is a member of. `declared` says whether it is meant to be, `covered` whether another member
    works."""

    pool: Address
    declared: bool
    covered: bool


@dataclass(frozen=True, slots=True)
class ProxyView:
    """One proxy that is declared, declared absent, or on the server. `seen` compares the declared with the live one;
    `pool` is the name of its pool on the server."""

    address: Address
    declared: Resource | None
    absent: Resource | None
    live: LiveResource | None
    host: HostFacts | None
    seen: Comparison
    pool: str
    inputs: Inputs

    @property
    def name(self) -> str:
        return name_of(self.address)

    @property
    def state(self) -> ProxyState:
        """As the server reports it; unknown if it is not registered."""
        return self.live.proxy if self.live is not None else ProxyState()

    @property
    def is_behind(self) -> bool:
        """The server's own answer decides if there is one; else a lower build is behind."""
        if self.state.outdated is not None:
            return self.state.outdated
        return () < self.state.build < build_number(self.inputs.live.server.build)

    @property
    def is_packaged(self) -> bool:
        return self.declared is not None and is_packaged(self.declared)

    @property
    def is_pooled(self) -> bool:
        return self.inputs.live.server.rest >= KINDS["pool"].since and bool(self.state.pool)

    @property
    def is_last_at_work(self) -> bool:
        """Whether it works, and no other member of its pool does, or will once the maintenance mode of an interrupted
        apply is cleared."""
        return self.state.is_working and any(
            not item.covered and not self._is_drained_by_us(item.pool) for item in self.memberships
        )

    def _is_drained_by_us(self, pool: Address) -> bool:
        """Whether an interrupted apply left another member in maintenance mode."""
        live, recall = self.inputs.live, self.inputs.recall
        others = (where for where in self.inputs.live_graph.uses(pool) if where != self.address)
        return any(
            where in live.resources and live.resources[where].proxy.in_maintenance and is_ours(recall, name_of(where))
            for where in others
        )

    @property
    def is_asleep(self) -> bool:
        """Whether its host is off on purpose."""
        return self.name in self.inputs.asleep

    @property
    def is_half_created(self) -> bool:
        """Whether an interrupted apply was creating it, and its service is on its host already."""
        return (
            self.live is None
            and self.service.get("installed") is True
            and was_begun(self.inputs.recall, CREATING, self.name)
        )

    @property
    def is_half_deleted(self) -> bool:
        """Whether an interrupted apply was deleting it: its service may be gone, so that it looks offline."""
        return self.state.is_offline and was_begun(self.inputs.recall, DELETING, self.name)

    @property
    def drained_by_us(self) -> bool:
        return is_ours(self.inputs.recall, self.name)

    @property
    def was_upgrading(self) -> bool:
        """Whether an interrupted apply began to upgrade it, and its version cannot be seen."""
        return self.state.version is None and was_upgrading(self.inputs.recall, self.name)

    @property
    def memberships(self) -> tuple[Membership, ...]:
        return _memberships(self.address, self.inputs)

    @property
    def service(self) -> Mapping[str, Any]:
        """What the host reports of the proxy service; empty if it is not known."""
        found = self.host.facts.get("service") if self.host is not None else None
        return found if isinstance(found, Mapping) else {}


def views(inputs: Inputs) -> Iterator[ProxyView]:
    """Every proxy, in order of address."""
    inventory, live = inputs.inventory, inputs.live
    declared = {item.address: item for item in inventory.of_kind("proxy")}
    seen = ((where, found) for where, found in live.resources.items() if found.kind == "proxy")
    existing = {where: found for where, found in seen if live.is_identified(where)}
    pools = {found.id: found.name for found in live.resources.values() if found.kind == "pool"}
    for where in sorted({*declared, *inventory.removed, *existing}):
        wanted, found = declared.get(where), existing.get(where)
        yield ProxyView(
            address=where,
            declared=wanted,
            absent=inventory.removed.get(where),
            live=found,
            host=live.hosts.get(name_of(where)),
            seen=_compared(wanted, found, inputs),
            pool=pools.get(found.proxy.pool, "") if found is not None else "",
            inputs=inputs,
        )


def _compared(declared: Resource | None, found: LiveResource | None, inputs: Inputs) -> Comparison:
    if declared is None or found is None:
        return Comparison()
    return compare(KIND, declared, found, inputs.recall, inputs.naming)


def _memberships(where: Address, inputs: Inputs) -> tuple[Membership, ...]:
    declared = inputs.declared_graph.users(where, "pool")
    return tuple(
        Membership(pool, pool in declared, _works_without(where, pool, inputs))
        for pool in inputs.live_graph.users(where, "pool")
    )


def _works_without(proxy: Address, pool: Address, inputs: Inputs) -> bool:
    """Whether another member of the pool works."""
    others = (inputs.live.resources.get(member) for member in inputs.live_graph.uses(pool) if member != proxy)
    return any(found is not None and found.proxy.is_working for found in others)
