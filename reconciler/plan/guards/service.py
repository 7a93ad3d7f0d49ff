"""Organizations keep their working proxies: for good, and while a plan is being done."""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.kinds.graph import Graph
from reconciler.model.address import address, kind_of, name_of
from reconciler.model.plan import Action, Refusal
from reconciler.plan.batches import batches_of, in_batches, shortfalls
from reconciler.plan.coverage import coverage_of
from reconciler.plan.guards.facts import ENDING, Facts
from reconciler.plan.maintenance import restored
from reconciler.plan.serving import graph_after


def last_proxy(facts: Facts) -> Iterable[Refusal]:
    """No organization loses its last working proxy: those that process it now against those that will."""
    ending = [change for change in facts.changes(*ENDING) if kind_of(change.address) in ("proxy", "pool")]
    if not ending:
        return
    known = coverage_of(facts.inventory, facts.live)
    for organization in sorted(known.unknown):
        detail = f"it is not known which proxies process {organization}"
        yield Refusal("last-proxy", detail, tuple(change.address for change in ending))
    before = Graph.of(facts.live.resources)
    after = graph_after(facts.plan.changes, facts.inventory, facts.live)
    going = {name_of(change.address) for change in ending if kind_of(change.address) == "proxy"}
    added = {name_of(change.address) for change in facts.changes(Action.CREATE, Action.TAKEOVER)}
    for organization, now in known.serving.items():
        left = after.proxies(address("organization", organization)) - going
        counted = known.working | added if now & known.working else left
        touched = tuple(change.address for change in ending if now & before.proxies(change.address))
        if touched and not left & counted:
            yield Refusal("last-proxy", f"{organization} would lose its last working proxy", touched)


def coverage(facts: Facts) -> Iterable[Refusal]:
    """Batches keep organizations served where there is anybody else to serve them; here there is nobody."""
    try:
        known = coverage_of(facts.inventory, facts.live, facts.plan.changes).returned(restored(facts.plan.changes))
        batches = batches_of(facts.plan) or in_batches(facts.plan.changes, known)
        short = shortfalls(batches, known)
    except ValueError as error:
        yield Refusal("coverage", f"the coverage cannot be computed: {error}")
        return
    if batches and known.unknown:
        hidden = ", ".join(sorted(known.unknown))
        everything = tuple(change.address for batch in batches for change in batch)
        yield Refusal("coverage", f"it is not known which proxies process {hidden}", everything)
    touched = tuple(change.address for batch in batches for change in batch if set(short) & set(change.disrupts))
    if short:
        needed = facts.inventory.policy.coverage
        yield Refusal("coverage", f"{', '.join(short)} would have fewer than {needed} working proxies", touched)
