"""Replaces: what cannot be changed in place is deleted and created again, where that can be done in one go.

Whatever would leave it half done is found here, before anything is touched: then the change is blocked and says what
to do instead. The guard `replace` stands before those that are left.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from reconciler.kinds import KINDS, Mode
from reconciler.model.address import Address
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
        pools = _pools_of(found.name, live)
        blocked = _why_not_proxy(found, wanted, pools, live)
        before = (Step("sessions.wait", {"name": found.name, **patience(inventory)}),)
        after = tuple(
            Step("pool.members", {"name": pool.name, "join": [found.name], "leave": []})
            for pool in pools
            if found.name in _declared_members(pool, inventory)
        )
    else:
        blocked = _why_not_repository(change, live)
    steps = () if blocked else (*before, Step("delete", params), *change.steps, *after)
    return replace(change, steps=steps, blocked=blocked)


def _why_not_proxy(found: LiveResource, wanted: Resource, pools: list[LiveResource], live: Live) -> str:
    if found.fields.get("type") == "local":
        return "it is the server's own proxy, which cannot be removed"
    if is_packaged(wanted):
        return "its service is installed by package: let it go first (`state: absent`), then declare it anew"
    if found.raw.get("status") != "Online":
        return "it is not online, and the server would remove it by force only"
    for pool in pools:
        others = [name for name in pool.fields["members"] if name != found.name and _works(name, live)]
        if not others:
            return f"it is the last working member of {pool.kind}.{pool.name}, and a pool keeps one"
    return without_login(found, wanted)


def _works(proxy: str, live: Live) -> bool:
    found = live.resources.get(Address(f"proxy.{proxy}"))
    if found is None:
        return False
    return found.raw.get("status") == "Online" and found.raw.get("maintenanceModeState") in (None, "Disabled")


def _pools_of(proxy: str, live: Live) -> list[LiveResource]:
    pools = [found for found in live.resources.values() if found.kind == "pool"]
    return [pool for pool in pools if isinstance(pool.fields.get("members"), list) and proxy in pool.fields["members"]]


def _declared_members(pool: LiveResource, inventory: Inventory) -> list[str]:
    declared = inventory.resources.get(Address(f"pool.{pool.name}"))
    return list(declared.fields.get("members", ())) if declared is not None else []


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
