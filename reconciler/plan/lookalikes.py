"""Objects that may be mistaken for others: renames without `formerly`, copies with the mark of this inventory, names
that other objects have now. What may be a declared object is not deleted."""

from __future__ import annotations

from reconciler.kinds import KINDS
from reconciler.kinds.matching import is_like
from reconciler.model.address import Address, kind_of, name_of
from reconciler.model.inventory import Resource
from reconciler.model.live import LiveResource
from reconciler.model.plan import Action, FieldChange, Report, ReportLevel
from reconciler.model.recall import Recall
from reconciler.plan.compare import compare
from reconciler.plan.passes import Inputs, PlanPart


def may_be(found: LiveResource, inputs: Inputs, objects: PlanPart) -> list[Resource]:
    """The declared objects that are to be created and may be this one, which is not declared."""
    creates = (Address(change.address) for change in objects.changes if change.action is Action.CREATE)
    declared = (inputs.inventory.resources[where] for where in creates if kind_of(where) == found.kind)
    return [item for item in declared if _may_be(item, found, inputs)]


def _may_be(declared: Resource, found: LiveResource, inputs: Inputs) -> bool:
    """An object that the journal knows is not one that it knows as another."""
    recall, kind = inputs.recall, KINDS[found.kind]
    if declared.fields.get("organization") not in (None, found.fields.get("organization")):
        return False
    was_applied = declared.address in recall.applied
    if was_applied and recall.memory.address_of(found.kind, found.id):
        return False
    like = is_like(kind, declared, found.fields.__getitem__, inputs.naming)
    return like or (was_applied and all(item.path == "name" for item in _differences(declared, found, inputs)))


def _differences(declared: Resource, found: LiveResource, inputs: Inputs) -> tuple[FieldChange, ...]:
    return compare(KINDS[found.kind], declared, found, Recall(), inputs.naming).changes


def mistaken(declared: Resource, where: str, found: LiveResource) -> str:
    """Why neither of them is deleted or created."""
    return f"{where} may be {declared.address} under another name: declare `formerly: {_name(found)}` if it is"


def suggestion(declared: Resource, where: str, found: LiveResource) -> Report:
    """The line that makes a rename of a delete and a create."""
    place = f" (at {declared.position})" if declared.position is not None else ""
    return Report(
        declared.address,
        "renamed",
        f"it is not on the server, and {where}, which is not declared, is like it: neither is changed",
        declared.position,
        ReportLevel.WARNING,
        f"If it is the same object, add to {declared.name}{place}:\n  formerly: {yaml_text(_name(found))}\n"
        f"If it is not, apply once without {declared.address}.",
    )


def yaml_text(name: str) -> str:
    """A name as a value of YAML."""
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _name(found: LiveResource) -> str:
    return str(found.fields.get("name", found.name))


def is_recorded(found: LiveResource, inputs: Inputs) -> bool:
    """Whether the journal knows the object; true if it knows none at all, since then it is new, or was lost."""
    memory = inputs.recall.memory
    return not memory.identities or bool(memory.address_of(found.kind, found.id))


def unrecorded(where: str) -> Report:
    """An object with the mark of this inventory that no apply made."""
    return Report(
        where,
        "not-recorded",
        "it carries the mark of this inventory, but no apply of it is recorded: it may be a copy of a managed object; "
        "left unchanged",
        None,
        ReportLevel.WARNING,
        "Remove the mark from its description, or delete it in the console. To manage it, declare it.",
    )


def disputed(where: str, found: LiveResource, inputs: Inputs) -> tuple[Report, ...]:
    """A report if another object than the declared one is what the journal remembers."""
    known = inputs.recall.identities.get(where)
    if known is None or not known.id or known.id.lower() == found.id.lower():
        return ()
    other = next(
        (
            address
            for address, item in inputs.live.resources.items()
            if item.kind == found.kind and item.id.lower() == known.id.lower()
        ),
        "",
    )
    if not other:
        return ()
    detail = f"recognised by its name; the object that it was at the last apply is {other} now"
    fix = f"If it is to be the other object, rename both on the server: {name_of(where)} is taken by another one."
    return (Report(where, "other-identity", detail, None, ReportLevel.WARNING, fix),)
