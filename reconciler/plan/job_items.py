"""The items of a job in a plan: the steps that reconcile them one by one, and names that mean no object, or several."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from reconciler.kinds.field import UNMANAGED
from reconciler.kinds.item_changes import ItemChanges, item_changes
from reconciler.kinds.item_types import plain_name, reference, shown_name
from reconciler.kinds.job_items import ALL, Item, items_of, value_of
from reconciler.kinds.naming import Naming
from reconciler.model.diagnostic import Diagnostic
from reconciler.model.inventory import Resource
from reconciler.model.live import Live, LiveResource, LookUp
from reconciler.model.plan import FieldChange
from reconciler.model.sentences import quoted
from reconciler.model.step import Step
from reconciler.model.steps import AddJobItem, ChangeJobItem, RemoveJobItem
from reconciler.plan.passes import Inputs

FIELDS = ("items", "exclude")


class ItemSteps(NamedTuple):
    """`put` are the fields that a PUT sets; `before` and `after` are the steps around it."""

    put: Sequence[str] = ()
    before: Sequence[Step] = ()
    after: Sequence[Step] = ()


def job_item_steps(job: Resource, live: LiveResource, changed: Collection[str], naming: Naming) -> ItemSteps:
    """What was left out is taken in first, and what is left out comes last. Items are added before others are removed,
    so that a job is never empty. Only between the whole organization and a selection a job is changed by its PUT."""
    left_out = _changes("exclude", job, live, changed)
    before = _steps(RemoveJobItem, job, left_out.removed, naming, exclude=True)
    after = _steps(AddJobItem, job, left_out.added, naming, exclude=True)
    after += _steps(ChangeJobItem, job, [new for _, new in left_out.changed], naming, exclude=True)
    if "items" in changed and ALL in (job.fields["items"], live.fields["items"]):
        return ItemSteps(("items",), before, after)
    found = _changes("items", job, live, changed)
    before += _steps(AddJobItem, job, found.added, naming)
    before += _steps(ChangeJobItem, job, [new for _, new in found.changed], naming)
    before += _steps(RemoveJobItem, job, found.removed, naming)
    return ItemSteps((), before, after)


def _changes(field: str, job: Resource, live: LiveResource, changed: Collection[str]) -> ItemChanges:
    return item_changes(live.fields[field], job.fields[field]) if field in changed else ItemChanges()


def _steps(
    kind: type[AddJobItem], job: Resource, items: Sequence[Item], naming: Naming, *, exclude: bool = False
) -> list[Step]:
    new = kind is AddJobItem
    sent = [_looked_up(job, item, naming) if new else item for item in items]
    return [kind(name=job.name, title=str(item), item=value_of([item]), exclude=exclude) for item in sent]


def looked_up(job: Resource, value: Any, naming: Naming) -> Any:
    """A selection with the object of each item, as requests name it."""
    found = [_looked_up(job, item, naming) for item in items_of(value)]
    return value_of(found) if isinstance(value, list) else value


def _looked_up(job: Resource, item: Item, naming: Naming) -> Item:
    """Without an observation, as between two inventories, the object is unknown."""
    found = naming.directory.get(_key(job, item), LookUp())
    if not item.type.holder or len(found.objects) != 1:
        return item
    return replace(item, object=reference(item.type, found.objects[0]))


def _key(job: Resource, item: Item) -> tuple[str, str, str]:
    return str(job.fields.get("organization", "")), item.word, plain_name(item.name)


def why_no_items(job: Resource, inputs: Inputs) -> str:
    """Why a job cannot be created: what it is to back up is not known. Empty if it is."""
    if job.fields.get("items") == UNMANAGED:
        return "it is not on the server, and `items: unmanaged` does not say what to back up"
    return _unresolved(job, inputs.live)


def why_items_unresolved(job: Resource, _: LiveResource, changes: Sequence[FieldChange], inputs: Inputs) -> str:
    return _unresolved(job, inputs.live) if any(change.path in FIELDS for change in changes) else ""


def _unresolved(job: Resource, live: Live) -> str:
    return "; ".join(problem.detail.rstrip(".") for problem in item_problems(job, live))


def item_problems(job: Resource, live: Live) -> Iterator[Diagnostic]:
    """The declared items whose name means no object of the organization, or several."""
    for field in FIELDS:
        for item in items_of(job.fields.get(field)):
            found = live.directory.get(_key(job, item)) if item.type.holder else None
            if found is not None and len(found.objects) != 1:
                yield _problem(job, field, item, found)


def _problem(job: Resource, field: str, item: Item, found: LookUp) -> Diagnostic:
    what, organization = f"{item.word.capitalize()} {quoted(item.name)}", quoted(str(job.fields["organization"]))
    if found.problem:
        code, summary = "item-unreadable", "Object of an item cannot be looked up"
        detail, fix = f"{what} cannot be looked up in {organization}: {found.problem}.", ""
    elif not found.objects:
        code, summary = "item-missing", "No such object in the organization"
        detail = f"{what} is not in {organization}."
        fix = f"Did you mean {quoted(found.near)}?" if found.near else f"Correct it, or remove it from `{field}`."
    else:
        code, summary = "item-ambiguous", "Name of several objects"
        names = ", ".join(f"{shown_name(item.type, seen)} ({seen.get('id')})" for seen in found.objects)
        detail = f"{what} is the name of several objects in {organization}: {names}."
        fix = "Write the unique name, or the id."
    place = job.positions.get(field, job.position)
    return Diagnostic(code, summary, detail, fix, position=place, address=job.address)
