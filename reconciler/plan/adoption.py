"""Adoption: declared objects that another hand made get the mark of this inventory. A plan of adoptions has no other
change, so it touches no other field and runs no job."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from reconciler.kinds import KINDS
from reconciler.kinds.codec import marked
from reconciler.model.address import Address, kind_of
from reconciler.model.inventory import Inventory, Resource
from reconciler.model.live import Live, LiveResource
from reconciler.model.plan import Action, Cause, Change, FieldChange, Plan, Reason, Report
from reconciler.model.steps import AdoptObject
from reconciler.model.value import UNKNOWN
from reconciler.plan.compare import precondition
from reconciler.plan.ownership import is_built_in
from reconciler.plan.proxies.refusals import OFFLINE
from reconciler.plan.repository_states import why_not_edited


def adopting(plan: Plan, inventory: Inventory, live: Live, targets: Sequence[str] = ()) -> Plan:
    """`plan` with adoptions in place of its changes, which are then not selected. A report says of each address among
    `targets` why it is not adopted."""
    found = {change.address: change for change in _adoptions(inventory, live)}
    left = tuple(where for where in targets if where not in found and Address(where) in inventory.resources)
    reports = (Report(where, "not-adopted", _why_not(where, inventory, live)) for where in left)
    return replace(
        plan,
        changes=tuple(found.values()),
        reports=(*plan.reports, *reports),
        not_selected=tuple(change.key for change in plan.changes),
    )


def _adoptions(inventory: Inventory, live: Live) -> Iterator[Change]:
    declared = sorted(inventory.resources.values(), key=lambda item: (KINDS[item.kind].rank, item.address))
    for item in declared:
        found = live.resources.get(item.address)
        if found is not None and not _why_not(item.address, inventory, live):
            yield _adoption(item, found, inventory, live)


def _why_not(where: str, inventory: Inventory, live: Live) -> str:
    """Why a declared object is not adopted; empty if it is."""
    found, kind = live.resources.get(Address(where)), KINDS[kind_of(where)]
    if kind.reference or kind.singleton:
        return f"not adopted: {kind.section} have no owner"
    if found is None:
        return "not adopted: it is not on the server, and `apply` creates it"
    if is_built_in(found):
        return "not adopted: it came with the product"
    if found.owner == inventory.name and not found.unmarked:
        return "not adopted: this inventory manages it already"
    return ""


def _adoption(declared: Resource, found: LiveResource, inventory: Inventory, live: Live) -> Change:
    kind = KINDS[found.kind]
    before = found.fields.get("description", UNKNOWN)
    owner = "" if found.unmarked else found.owner
    text = "" if before is UNKNOWN else before  # servers leave out what is null (facts, 2.2)
    shown = marked(text, owner) if owner else before
    fields = [FieldChange("description", shown, marked(text, inventory.name))] if kind.is_marked else []
    detail = "declared here, and created by hand"
    if owner:
        detail = f"declared here, and created by the inventory {owner}"
    elif found.unmarked:
        detail = "created by this inventory, and its mark was removed"
    if not kind.is_marked:
        detail += "; it has no description for a mark, so only the journal records it"
    blocked = _why_blocked(found, live)
    described = before is not UNKNOWN
    step = AdoptObject(kind=found.kind, name=found.name, id=found.id, owner=owner, described=described)
    return Change(
        address=declared.address,
        action=Action.ADOPT,
        fields=tuple(fields),
        cause=Cause(Reason.INVENTORY, detail, declared.position),
        steps=() if blocked else (step,),
        precondition=precondition(kind, found),
        blocked=blocked,
    )


def _why_blocked(found: LiveResource, live: Live) -> str:
    """The mark is written as any other change of the object is."""
    where = f"{found.kind}.{found.name}"
    gap = next((gap for gap in live.gaps if gap.address == where), None)
    if gap is not None:
        return f"the observation is incomplete: {gap.detail}"
    if found.proxy.is_offline:
        return OFFLINE
    return why_not_edited(found.repository)
