"""Guards of what cannot be undone: protected objects, replaces, takeovers, removal by force."""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.model.address import Address, fits, kind_of
from reconciler.model.live import Live
from reconciler.model.plan import Action, Change, Refusal
from reconciler.model.steps import AdoptObject, DeleteObject
from reconciler.plan.guards.context import ENDING, GuardContext


def protected(context: GuardContext) -> Iterable[Refusal]:
    patterns = context.inventory.policy.protect
    for change in context.changes(*ENDING, Action.TAKEOVER):
        names = _names(change, context.live)
        hit = next((item for item in patterns if any(fits(name, item) for name in names)), "")
        lost = [item for item in patterns if _may_mean(item, change, context)]
        if hit:
            yield Refusal("protected", f"{change.address} is protected ({hit})", (change.address,))
        elif lost:
            detail = f"{', '.join(lost)} is protected and no longer declared; {change.address} may be the same object"
            yield Refusal("protected", detail, (change.address,))


def _names(change: Change, live: Live) -> set[str]:
    """The addresses of an object that a pattern may match; a proxy that is not declared is known by its host."""
    kind, found = kind_of(change.address), live.resources.get(Address(change.address))
    host = (found.proxy.host or "").lower() if found is not None else ""
    return {change.address, *(f"{kind}.{name}" for name in (host, host.partition(".")[0]) if name)}


def _may_mean(pattern: str, change: Change, context: GuardContext) -> bool:
    """Whether a protected address that no object has anymore could be the object of `change`."""
    inventory, where = context.inventory, Address(change.address)
    if where in inventory.resources or where in inventory.removed or set(pattern) & set("*?["):
        return False
    known = (inventory.resources, inventory.removed, context.live.resources)
    return kind_of(pattern) == kind_of(where) and not any(Address(pattern) in objects for objects in known)


def takeover(context: GuardContext) -> Iterable[Refusal]:
    for change in context.changes(Action.TAKEOVER):
        yield Refusal("takeover", f"{change.address} may belong to another server", (change.address,))


def adopt(context: GuardContext) -> Iterable[Refusal]:
    for change in context.changes(Action.ADOPT):
        owners = [step.owner for step in change.steps if isinstance(step, AdoptObject)]
        if any(owners) or not owners:
            whose = f"belongs to the inventory {owners[0]}" if owners else "may belong to another inventory"
            yield Refusal("adopt", f"{change.address} {whose}", (change.address,))


def replaces(context: GuardContext) -> Iterable[Refusal]:
    for change in context.changes(Action.REPLACE):
        paths = ", ".join(item.path for item in change.fields)
        found = context.live.resources.get(Address(change.address))
        whose = (
            "" if found is not None and found.owner == context.inventory.name else "; this inventory did not create it"
        )
        detail = f"{change.address} would be removed and added again ({paths}){whose}"
        yield Refusal("replace", detail, (change.address,))


def force(context: GuardContext) -> Iterable[Refusal]:
    for change in context.changes(*ENDING):
        if any(isinstance(step, DeleteObject) and step.force and not step.begun for step in change.steps):
            detail = (
                f"{change.address} is not online: it can be removed by force only, which leaves its service on the host"
            )
            yield Refusal("force", detail, (change.address,))
