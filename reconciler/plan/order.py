"""What must be done before what, and what cannot be done because something else cannot."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from reconciler.kinds import KINDS
from reconciler.model.address import Address, kind_of, name_of
from reconciler.model.inventory import Inventory
from reconciler.model.live import Live
from reconciler.model.plan import Action, Change
from reconciler.plan.drains import fellows, only_restores
from reconciler.plan.runs import chain_of

_HOST_RANK, _RUN_RANK, _DELETE_RANK = 15, 90, 100


def order(changes: Iterable[Change], inventory: Inventory, live: Live, unfit: dict[str, str]) -> tuple[Change, ...]:
    """The changes in the order in which they may be done, each with the keys of those that it waits for."""
    ranked = sorted(changes, key=lambda change: (_rank(change), change.address, change.action))
    by_address: dict[str, list[Change]] = {}
    for change in ranked:
        by_address.setdefault(change.address, []).append(change)
    done: list[Change] = []
    blocked: dict[str, str] = {}
    for change in ranked:
        before = _before(change, by_address, inventory, live)
        reason = change.blocked or _cannot(change, before, blocked, inventory, live, unfit)
        if reason:
            blocked[change.key] = change.address
        keys = tuple(sorted({item.key for item in before}))
        done.append(replace(change, depends_on=keys, blocked=reason, steps=() if reason else change.steps))
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


def _before(change: Change, by_address: dict[str, list[Change]], inventory: Inventory, live: Live) -> list[Change]:
    """The changes that must be done before this one."""
    if change.action is Action.DELETE:
        return _before_delete(change, by_address, live)
    wanted = [item for item in by_address.get(change.address, ()) if _rank(item) < _rank(change)]
    for where in _needs(change, inventory):
        wanted += [item for item in by_address.get(where, ()) if item.action not in (Action.DELETE, Action.RUN)]
    if kind_of(change.address) == "pool":
        wanted += _leaving(change, by_address)
    for where in fellows(change, live):
        wanted += [item for item in by_address.get(where, ()) if only_restores(item)]
    return [item for item in wanted if item.key != change.key]


def _needs(change: Change, inventory: Inventory) -> list[str]:
    kind, name = kind_of(change.address), name_of(change.address)
    resource = inventory.resources.get(Address(change.address))
    if resource is None:
        return []
    if change.action is Action.RUN:
        hosts = [f"host.{name_of(where)}" for where in chain_of(resource, inventory) if kind_of(where) == "proxy"]
        return [*chain_of(resource, inventory), *hosts, "smtp", f"organization.{resource.fields.get('organization')}"]
    if kind == "proxy":
        return [f"host.{name}", "certificate"]
    if kind == "pool":
        return [f"proxy.{member}" for member in resource.fields.get("members", ())]
    if kind == "repository":
        return [str(resource.fields.get("owner", ""))]
    if kind == "job":
        return [f"repository.{resource.fields.get('repository')}"]
    return []


def _leaving(change: Change, by_address: dict[str, list[Change]]) -> list[Change]:
    """A proxy is in one pool at the most: it leaves the old one before it joins this one."""
    joins = _members(change, "join")
    return [
        other
        for items in by_address.values()
        for other in items
        if other.key != change.key and kind_of(other.address) == "pool" and joins & _members(other, "leave")
    ]


def _members(change: Change, side: str) -> set[str]:
    found: set[str] = set()
    for step in change.steps:
        if step.verb == "pool.members":
            found |= set(step.params[side])
        elif step.verb == "create" and side == "join":
            found |= set(step.params["fields"].get("members", ()))
    return found


def _before_delete(change: Change, by_address: dict[str, list[Change]], live: Live) -> list[Change]:
    """What uses an object goes, or lets go of it, before the object is deleted."""
    users = []
    for items in by_address.values():
        for other in items:
            if other.key == change.key or other.action is Action.RUN:
                continue
            resource = live.resources.get(Address(other.address))
            if resource is not None and _uses(resource.fields, change.address):
                users.append(other)
    return users


def _uses(fields: object, where: str) -> bool:
    kind, name = kind_of(where), name_of(where)
    if not isinstance(fields, dict):
        return False
    if fields.get("owner") == where:
        return True
    if kind == "proxy" and isinstance(fields.get("members"), list):
        return name in fields["members"]
    return fields.get(kind) == name


def _cannot(
    change: Change,
    before: list[Change],
    blocked: dict[str, str],
    inventory: Inventory,
    live: Live,
    unfit: dict[str, str],
) -> str:
    """Why a change cannot be done though nothing is wrong with itself."""
    for item in before:
        if item.key in blocked:
            return f"it waits for {item.address}, which is blocked"
    kind, name = kind_of(change.address), name_of(change.address)
    if kind == "proxy" and change.action is Action.CREATE and name in unfit:
        return unfit[name]
    resource = inventory.resources.get(Address(change.address))
    if kind == "job" and resource is not None and change.action is Action.CREATE:
        organization = f"organization.{resource.fields.get('organization')}"
        if Address(organization) not in live.resources:
            return f"{organization} is not on the server"
    return ""
