"""What must not end without somebody saying so: protected objects, replaces, takeovers, removing by force."""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.model.address import Address, fits, kind_of
from reconciler.model.live import Live
from reconciler.model.plan import Action, Change, Refusal
from reconciler.plan.guards.facts import ENDING, Facts


def protected(facts: Facts) -> Iterable[Refusal]:
    patterns = facts.inventory.policy.protect
    for change in facts.changes(*ENDING, Action.TAKEOVER):
        names = _names(change, facts.live)
        hit = next((item for item in patterns if any(fits(name, item) for name in names)), "")
        lost = [item for item in patterns if _may_mean(item, change, facts)]
        if hit:
            yield Refusal("protected", f"{change.address} is protected ({hit})", (change.address,))
        elif lost:
            detail = f"{', '.join(lost)} is protected and no longer declared, and {change.address} may be just that"
            yield Refusal("protected", detail, (change.address,))


def _names(change: Change, live: Live) -> set[str]:
    """The addresses that a pattern may mean an object by: a proxy that is no longer declared is known by its host."""
    kind, found = kind_of(change.address), live.resources.get(Address(change.address))
    host = str(found.raw.get("hostName", "")).lower() if found is not None and kind == "proxy" else ""
    return {change.address, *(f"{kind}.{name}" for name in (host, host.partition(".")[0]) if name)}


def _may_mean(pattern: str, change: Change, facts: Facts) -> bool:
    """Whether a protected address that nothing goes by any more could be the object of `change`."""
    inventory, where = facts.inventory, Address(change.address)
    if where in inventory.resources or where in inventory.removed or set(pattern) & set("*?["):
        return False
    known = (inventory.resources, inventory.removed, facts.live.resources)
    return kind_of(pattern) == kind_of(where) and not any(Address(pattern) in objects for objects in known)


def takeover(facts: Facts) -> Iterable[Refusal]:
    for change in facts.changes(Action.TAKEOVER):
        yield Refusal("takeover", f"{change.address} belongs to another server", (change.address,))


def replaces(facts: Facts) -> Iterable[Refusal]:
    for change in facts.changes(Action.REPLACE):
        paths = ", ".join(item.path for item in change.fields)
        found = facts.live.resources.get(Address(change.address))
        whose = (
            "" if found is not None and found.owner == facts.inventory.name else "; this inventory did not create it"
        )
        detail = f"{change.address} would be removed and added again ({paths}){whose}"
        yield Refusal("replace", detail, (change.address,))


def force(facts: Facts) -> Iterable[Refusal]:
    for change in facts.changes(*ENDING):
        if any(step.params.get("force") for step in change.steps):
            detail = f"{change.address} is not online: the server removes it by force only, and its service stays there"
            yield Refusal("force", detail, (change.address,))
