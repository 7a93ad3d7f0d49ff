"""Replaces: what cannot be changed in place is deleted and created again, where that can be done in one go.

Whatever would leave it half done is found here, before anything is touched: then the change is blocked and says what
to do instead. The guard `replace` stands before those that are left.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from reconciler.kinds import KINDS, Mode
from reconciler.kinds.graph import Graph
from reconciler.model.address import Address, address, name_of
from reconciler.model.inventory import Inventory, Resource
from reconciler.model.live import Live, LiveResource
from reconciler.model.plan import Action, Change, Step
from reconciler.plan.drains import patience
from reconciler.plan.objects import Findings
from reconciler.plan.ownership import removal, without_login
from reconciler.plan.packages import is_packaged


def plan_replaces(inventory: Inventory, live: Live, findings: Findings) -> None:
    """Complete the changes that `plan_objects` found: what goes first, and what has to follow the create."""
    replaced = set()
    for index, change in enumerate(findings.changes):
        if change.action is not Action.REPLACE or change.blocked:
            continue
        where = Address(change.address)
        made = _complete(change, inventory.resources[where], live.resources[where], inventory, live)
        findings.changes[index] = made
        replaced |= set() if made.blocked else {made.address}
    # what is deployed anew has the version of the server
    findings.changes = [
        change for change in findings.changes if change.action is not Action.UPGRADE or change.address not in replaced
    ]


def _complete(change: Change, wanted: Resource, found: LiveResource, inventory: Inventory, live: Live) -> Change:
    params: dict[str, Any] = {"kind": found.kind, "name": found.name, "id": found.id, "owner": found.owner}
    before: tuple[Step, ...] = ()
    after: tuple[Step, ...] = ()
    if found.kind == "proxy":
        params |= removal(found, wanted)
        where = Address(change.address)
        pools, declared = (
            Graph.of(live.resources).users(where, "pool"),
            Graph.of(inventory.resources).users(where, "pool"),
        )
        blocked = _why_not_proxy(found, wanted, live)
        before = (Step("sessions.wait", {"name": found.name, **patience(inventory)}),)
        after = tuple(
            Step("pool.members", {"name": name_of(pool), "join": [found.name], "leave": []})
            for pool in pools
            if pool in declared
        )
    else:
        blocked = _why_not_repository(change, live)
    steps = () if blocked else (*before, Step("delete", params), *change.steps, *after)
    return replace(change, steps=steps, blocked=blocked)


def _why_not_proxy(found: LiveResource, wanted: Resource, live: Live) -> str:
    if found.fields.get("type") == "local":
        return "it is the server's own proxy, which cannot be removed"
    if is_packaged(wanted):
        return "its service is installed by package: let it go first (`state: absent`), then declare it anew"
    if found.raw.get("status") != "Online":
        return "it is not online, and the server would remove it by force only"
    where, graph = address("proxy", found.name), Graph.of(live.resources)
    for pool in graph.users(where, "pool"):
        if not any(member != where and _works(member, live) for member in graph.uses(pool)):
            return f"it is the last working member of {pool}, and a pool keeps one"
    return without_login(found, wanted)


def _works(proxy: Address, live: Live) -> bool:
    found = live.resources.get(proxy)
    if found is None:
        return False
    return found.raw.get("status") == "Online" and found.raw.get("maintenanceModeState") in (None, "Disabled")


def _why_not_repository(change: Change, live: Live) -> str:
    """The data stays where it is when a repository is deleted (facts, 5.2)."""
    kind = KINDS["repository"]
    fixed = {item.path for item in change.fields if kind.field(item.path).mode is Mode.CREATE_ONLY}
    if not fixed & {"path", "object_storage"}:
        return (
            f"{', '.join(sorted(fixed))} cannot be changed after creation, and whether the product takes a place again "
            "that holds backups of the other kind is not documented; declare a new repository in another place"
        )
    if sum(item.kind == "repository" for item in live.resources.values()) == 1:
        return "it is the last repository, and the server keeps that"
    return ""
