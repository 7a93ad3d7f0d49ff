"""Guards of availability: organizations keep working proxies, after the plan and while it is applied."""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.kinds.graph import Graph
from reconciler.model.address import Address, address, kind_of, name_of
from reconciler.model.inventory import Inventory
from reconciler.model.live import Live
from reconciler.model.plan import Action, Change, Refusal
from reconciler.plan.batches import batches_of, in_batches, restored, shortfalls
from reconciler.plan.guards.context import ENDING, GuardContext
from reconciler.plan.organization_coverage import coverage_of


def last_proxy(context: GuardContext) -> Iterable[Refusal]:
    """No organization loses its last working proxy: those that process it now against those that will."""
    ending = [change for change in context.changes(*ENDING) if kind_of(change.address) in ("proxy", "pool")]
    if not ending:
        return
    known = coverage_of(context.inventory, context.live)
    for organization in sorted(known.unknown):
        detail = f"cannot determine which proxies process {organization}"
        yield Refusal("last-proxy", detail, tuple(change.address for change in ending))
    before = Graph.of(context.live.resources)
    after = _graph_after(context.plan.changes, context.inventory, context.live)
    going = {name_of(change.address) for change in ending if kind_of(change.address) == "proxy"}
    added = {name_of(change.address) for change in context.changes(Action.CREATE, Action.TAKEOVER)}
    for organization, now in known.serving.items():
        left = after.proxies(address("organization", organization)) - going
        counted = known.working | added if now & known.working else left
        touched = tuple(change.address for change in ending if now & before.proxies(change.address))
        if touched and not left & counted:
            yield Refusal("last-proxy", f"{organization} would lose its last working proxy", touched)


def coverage(context: GuardContext) -> Iterable[Refusal]:
    """Batches keep enough proxies of an organization working if it has enough; this refuses the plan if it has not."""
    try:
        changes = context.plan.changes
        known = coverage_of(context.inventory, context.live, changes).returned(restored(changes))
        batches = batches_of(context.plan) or in_batches(changes, known)
        short = shortfalls(batches, known)
    except ValueError as error:
        yield Refusal("coverage", f"the coverage cannot be computed: {error}")
        return
    if batches and known.unknown:
        hidden = ", ".join(sorted(known.unknown))
        everything = tuple(change.address for batch in batches for change in batch)
        yield Refusal("coverage", f"cannot determine which proxies process {hidden}", everything)
    touched = tuple(change.address for batch in batches for change in batch if set(short) & set(change.disrupts))
    if short:
        needed = context.inventory.policy.coverage
        yield Refusal("coverage", f"{', '.join(short)} would have fewer than {needed} working proxies", touched)


def _graph_after(changes: Iterable[Change], inventory: Inventory, live: Live) -> Graph:
    """The objects of the server after `changes`, of which blocked ones are not applied."""
    found = {str(where): dict(item.fields) for where, item in live.resources.items()}
    for change in changes:
        if change.blocked:
            continue
        declared = inventory.resources.get(Address(change.address))
        if change.action is Action.DELETE:
            found.pop(change.address, None)
        elif change.action in (Action.CREATE, Action.TAKEOVER) and declared is not None:
            found[change.address] = dict(declared.fields)
        elif change.address in found:
            found[change.address] |= {item.path: item.after for item in change.fields}
    return Graph(found)
