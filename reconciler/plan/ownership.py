"""Live objects that the inventory does not declare: its own are deleted, external ones are reported and left unchanged.

Its own are those with the mark of this inventory at the end of their description. Proxies are planned in `proxies/`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from reconciler.kinds import KINDS
from reconciler.model.address import Address, address, kind_of
from reconciler.model.inventory import Inventory, Resource
from reconciler.model.live import Live, LiveResource
from reconciler.model.plan import Action, Cause, Change, FieldChange, Reason, Report
from reconciler.model.recall import Recall
from reconciler.model.step import Step
from reconciler.model.steps import DeleteObject
from reconciler.model.value import UNKNOWN, known
from reconciler.plan.compare import precondition
from reconciler.plan.lookalikes import disputed, is_recorded, may_be, mistaken, suggestion, unrecorded
from reconciler.plan.passes import Inputs, PlanPart
from reconciler.plan.protection import unprotected
from reconciler.plan.repositories import LAST

NOT_OURS: Final = "not-ours"
"""The code of the report of an object that is not declared, and that this inventory did not create."""

_DEFAULT_REPOSITORY = "Default Backup Repository"
"""What the product creates on the server's own proxy when it is installed (facts, 5.2)."""


def plan_undeclared(inputs: Inputs, objects: PlanPart) -> PlanPart:
    """Deletes of the objects of this inventory, and reports of others. `objects` are the changes of declared ones: the
    last repository may be deleted if one is created."""
    inventory = inputs.inventory
    changes: list[Change] = []
    reports: list[Report] = [*unprotected(inputs)]
    obstacles: dict[str, str] = {}
    for where, found in inputs.live.resources.items():
        kind = KINDS[found.kind]
        if kind.singleton or not inputs.live.is_identified(where):
            continue
        if where in inventory.resources:
            reports += disputed(where, found, inputs)
        if kind.reference or kind.name == "proxy":
            continue
        if where in inventory.resources:
            reports += other_owner(inventory, where, found)
        elif found.owner != inventory.name or found.unmarked:
            reports += external(where, found)
        elif not is_recorded(found, inputs):
            reports.append(unrecorded(where))
        else:
            cause = delete_cause(where, found, None, inputs.recall)
            same = may_be(found, inputs, objects)
            reports += [suggestion(item, where, found) for item in same]
            obstacles |= {f"create:{item.address}": mistaken(item, where, found) for item in same}
            why = mistaken(same[0], where, found) if same else _why_kept(found, inputs, objects)
            changes.append(delete(where, found, cause, (delete_step(found),), why))
    kept = _keep_last_repository(changes, objects.changes, inputs.live)
    return PlanPart(tuple(kept), tuple(reports), obstacles=obstacles)


def _why_kept(found: LiveResource, inputs: Inputs, objects: PlanPart) -> str:
    """Why an object stays that is not declared: another one took its name, or it is a job that may be a declared one
    whose organization is not found by its name."""
    remembered = inputs.recall.memory.address_of(found.kind, found.id)
    if Address(remembered) in inputs.inventory.resources:
        return f"it was {remembered} at the last apply, which is declared: another object has that name now"
    if found.kind != "job":
        return ""
    name, organization = str(found.fields["name"]).lower(), address("organization", str(found.fields["organization"]))
    for change in objects.changes:
        why = change.blocked or objects.obstacles.get(change.key, "")
        if not why or change.action is not Action.CREATE or kind_of(change.address) != "job":
            continue
        wanted = inputs.inventory.resources[Address(change.address)]
        if str(wanted.fields.get("name", wanted.name)).lower() == name:
            return f"{change.address} is declared and cannot be created ({why}): this may be the same job"
    declared = inputs.inventory.of_kind("organization")
    missing = [item.address for item in declared if item.address not in inputs.live.resources]
    if missing and organization not in inputs.inventory.resources:
        return f"{missing[0]} is declared and not on the server: {organization} may be the same one under another name"
    return ""


def other_owner(inventory: Inventory, where: str, found: LiveResource) -> tuple[Report, ...]:
    """A report if another inventory created a declared object."""
    if found.owner in ("", inventory.name):
        return ()
    return (Report(where, "other-owner", f"declared here, but created by the inventory {found.owner}"),)


def external(where: str, found: LiveResource) -> tuple[Report, ...]:
    """A report of an external object, unless it came with the product."""
    if is_built_in(found):
        return ()
    if found.unmarked:
        detail = "created by this inventory, and its mark was removed: not declared here, left unchanged"
        return (Report(where, "unmarked", detail),)
    whose = f"external object, created by the inventory {found.owner}" if found.owner else "unmanaged object"
    return (Report(where, NOT_OURS, f"{whose}: not declared here, left unchanged"),)


def is_built_in(found: LiveResource) -> bool:
    """The server's own proxy, and the repository that comes with it."""
    return found.proxy.is_local or found.fields.get("name") == _DEFAULT_REPOSITORY


def delete_step(found: LiveResource, **more: Any) -> Step:
    mark = "" if found.unmarked else found.owner
    return DeleteObject(kind=found.kind, name=found.name, id=found.id, owner=mark, **more)


def delete(where: str, found: LiveResource, cause: Cause, steps: Sequence[Step], blocked: str = "") -> Change:
    """A delete with the fields that are lost."""
    shown = [(name, known(value)) for name, value in found.fields.items() if value not in (UNKNOWN, None, "")]
    return Change(
        address=where,
        action=Action.DELETE,
        fields=tuple(FieldChange(name, value, None) for name, value in shown),
        cause=cause,
        steps=() if blocked else tuple(steps),
        precondition=precondition(KINDS[found.kind], found),
        blocked=blocked,
    )


def delete_cause(where: str, found: LiveResource, absent: Resource | None, recall: Recall) -> Cause:
    """`absent` is the entry that declares the object absent, if there is one."""
    if absent is not None:
        return Cause(Reason.INVENTORY, "declared absent", absent.positions.get("state", absent.position))
    detail = "created by this inventory and no longer declared"
    if recall.applied and where not in recall.applied and found.kind != "proxy":  # a copied object has the same mark
        detail += "; no apply of it is recorded, so it may be a copy of a managed object"
    return Cause(Reason.INVENTORY, detail)


def _keep_last_repository(deletes: list[Change], others: Sequence[Change], live: Live) -> list[Change]:
    """The server keeps its last repository (facts, 5.2): if all would be deleted, one of the deletes is blocked."""
    existing = [found for found in live.resources.values() if found.kind == "repository"]
    deleted = [change.address for change in deletes if kind_of(change.address) == "repository"]
    created = any(
        change.action is Action.CREATE and change.steps and kind_of(change.address) == "repository" for change in others
    )
    if not deleted or created or len(deleted) < len(existing):
        return deletes
    last = max(deleted)
    return [replace(item, steps=(), blocked=LAST) if item.address == last else item for item in deletes]
