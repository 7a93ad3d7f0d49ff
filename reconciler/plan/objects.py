"""Changes to the declared objects of the server: create, update, replace, with their steps and what these send. What
happens to a proxy is decided in `proxies/`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from reconciler.kinds import KINDS, Kind, Mode
from reconciler.kinds.naming import Naming
from reconciler.kinds.object_storage import LINKED_FIELDS, unlike_declared
from reconciler.kinds.storage_settings import INSIDE
from reconciler.model.diagnostic import Diagnostic
from reconciler.model.inventory import Resource
from reconciler.model.live import LiveResource
from reconciler.model.plan import Action, Cause, Change, FieldChange, Reason, Report, UnknownField
from reconciler.model.recall import Recall
from reconciler.model.step import Step
from reconciler.model.steps import (
    ChangeObjectStorage,
    ChangePoolMembers,
    CreateObject,
    MoveRepository,
    SetCertificate,
    SwitchJob,
    UpdateObject,
)
from reconciler.model.value import UNKNOWN, digest
from reconciler.plan.compare import Comparison, compare, new_fields, precondition, wanted_fields
from reconciler.plan.job_items import (
    ItemSteps,
    item_problems,
    job_item_steps,
    looked_up,
    why_items_unresolved,
    why_no_items,
)
from reconciler.plan.lookalikes import yaml_text
from reconciler.plan.mail import mail_state
from reconciler.plan.object_storage import why_not_created
from reconciler.plan.ownership import delete_step
from reconciler.plan.passes import Inputs, PlanPart, joined
from reconciler.plan.pools import why_no_member_leaves
from reconciler.plan.repositories import why_not_replaced, why_not_updated
from reconciler.plan.repository_sync import with_states
from reconciler.plan.repository_upgrades import repository_upgrades

_UPDATE_REFUSALS: Mapping[str, Callable[[Resource, LiveResource, Sequence[FieldChange], Inputs], str]] = {
    "job": why_items_unresolved,
    "pool": why_no_member_leaves,
    "repository": why_not_updated,
}
"""By kind, why an update cannot be made as the live objects are."""
_SEPARATE: Final = (Mode.CREATE_ONLY, Mode.ITEMS, Mode.KEY, Mode.MOVE)
"""Modes of fields that a PUT omits."""
_NOT_THERE: Final = digest(None)
"""The precondition of a create."""

_SUGGESTED: Final = 5
"""Names of objects that a diagnostic suggests."""


def plan_objects(inputs: Inputs, _: PlanPart) -> PlanPart:
    """Every declared object against the live one, except for proxies."""
    declared = (item for item in inputs.inventory.resources.values() if item.kind != "proxy")
    parts = [_plan_object(KINDS[item.kind], item, inputs) for item in declared]
    return joined([with_states(joined(parts), inputs), repository_upgrades(inputs), mail_state(inputs)])


def _plan_object(kind: Kind, declared: Resource, inputs: Inputs) -> PlanPart:
    if not kind.in_version(inputs.naming.rest):
        return PlanPart(problems=(_not_in_version(kind, declared, inputs.naming.rest),))
    found = inputs.live.resources.get(declared.address)
    if found is None:
        return _plan_missing(kind, declared, inputs)
    seen = compare(kind, declared, found, inputs.recall, inputs.naming)
    if not seen.changes or kind.reference:
        by_key = kind.certain in declared.fields and declared.fields.get("name") == declared.name  # no name is declared
        reports = (*seen.reports, *(_other_name(declared, item) for item in seen.changes if not by_key))
        return PlanPart(unknown=seen.unknown, reports=reports, unchanged=1)
    make = _replace if seen.create_only else _update
    change = make(kind, declared, found, seen, inputs)
    return PlanPart((change,), seen.reports, seen.unknown, _item_problems(kind, declared, inputs))


def _other_name(declared: Resource, change: FieldChange) -> Report:
    """A reference is never changed, and its name on the server is only what people see."""
    return Report(
        declared.address,
        "display-name",
        f"it is called {change.before} on the server, and {change.after} is declared; left unchanged",
        declared.position,
        fix=f"Declare the name that it has there:\n  name: {yaml_text(str(change.before))}",
    )


def _plan_missing(kind: Kind, declared: Resource, inputs: Inputs) -> PlanPart:
    if kind.reference:
        return PlanPart(problems=(_missing_reference(kind, declared, inputs),))
    if kind.singleton:
        names = (item for item in wanted_fields(declared, inputs.recall) if kind.field(item).mode is not Mode.LOCAL)
        hidden = (UnknownField(declared.address, name, "the server could not be queried") for name in names)
        return PlanPart(unknown=tuple(hidden))
    change = created(kind, declared, inputs)
    organization = f"organization.{declared.fields.get('organization')}"
    if kind.name == "job" and organization not in inputs.live.resources:
        return PlanPart((change,), obstacles={change.key: f"{organization} is not on the server"})
    return PlanPart((change,), problems=_item_problems(kind, declared, inputs))


def _item_problems(kind: Kind, declared: Resource, inputs: Inputs) -> tuple[Diagnostic, ...]:
    return tuple(item_problems(declared, inputs.live)) if kind.name == "job" else ()


def created(kind: Kind, declared: Resource, inputs: Inputs) -> Change:
    """The change that creates a declared object."""
    refused = refused_values(kind, declared, inputs.naming) or _why_not_created(declared, inputs)
    return Change(
        address=declared.address,
        action=Action.CREATE,
        fields=new_fields(kind, declared, inputs.recall, inputs.naming),
        cause=Cause(Reason.INVENTORY, "new (not on the server)", declared.position),
        steps=() if refused else create_steps(kind, declared, inputs.naming),
        precondition=_NOT_THERE,
        blocked=refused,
    )


def _update(kind: Kind, declared: Resource, found: LiveResource, seen: Comparison, inputs: Inputs) -> Change:
    refused = refused_values(kind, declared, inputs.naming)
    if not refused and kind.name in _UPDATE_REFUSALS:
        refused = _UPDATE_REFUSALS[kind.name](declared, found, seen.changes, inputs)
    steps = update_steps(kind, declared, found, seen.changes, inputs.recall, inputs.naming)
    return changed(Action.UPDATE, declared, found, seen, steps, refused)


def _replace(kind: Kind, declared: Resource, found: LiveResource, seen: Comparison, inputs: Inputs) -> Change:
    """Only repositories have fields that are set at creation, besides proxies."""
    refused = (
        refused_values(kind, declared, inputs.naming)
        or _why_not_created(declared, inputs)
        or why_not_replaced(seen.create_only, inputs.live)
    )
    steps = (delete_step(found), *create_steps(kind, declared, inputs.naming))
    return changed(Action.REPLACE, declared, found, seen, steps, refused)


def _why_not_created(declared: Resource, inputs: Inputs) -> str:
    """Repositories and jobs refer to what no inventory declares."""
    if declared.kind == "job":
        return why_no_items(declared, inputs)
    return why_not_created(declared, inputs) if declared.kind == "repository" else ""


def changed(
    action: Action, declared: Resource, found: LiveResource, seen: Comparison, steps: tuple[Step, ...], blocked: str
) -> Change:
    """A change of a live object; one that is `blocked` has no steps."""
    return Change(
        address=declared.address,
        action=action,
        fields=seen.changes,
        cause=seen.cause,
        steps=() if blocked else steps,
        precondition=precondition(KINDS[found.kind], found),
        blocked=blocked,
    )


def _not_in_version(kind: Kind, declared: Resource, rest: int) -> Diagnostic:
    return Diagnostic(
        code="kind-not-in-version",
        summary="Not in this REST version",
        detail=f"The server uses REST v{rest}, which has no {kind.section}; they exist since v{kind.since}.",
        fix=f"Remove it from the inventory, or upgrade the server to a build with REST v{kind.since}.",
        position=declared.position,
        address=declared.address,
    )


def _missing_reference(kind: Kind, declared: Resource, inputs: Inputs) -> Diagnostic:
    name = str(declared.fields.get("name", declared.name))
    found = [item for where, item in inputs.live.resources.items() if where not in inputs.inventory.resources]
    others = sorted(str(item.fields["name"]) for item in found if item.kind == kind.name)
    lines = "".join(f"\n  name: {yaml_text(other)}" for other in others[:_SUGGESTED])
    hint = f" If it is called otherwise on the server, declare its name:{lines}" if others else ""
    return Diagnostic(
        code=f"{kind.name}-missing",
        summary=f"{kind.name.capitalize()} not on the server",
        detail=f"{name!r} is not on the server, and adding an {kind.name} requires an interactive sign-in.",
        fix=f"Add it in the Veeam console, or correct its name.{hint}",
        position=declared.position,
        address=declared.address,
    )


def create_step(kind: Kind, resource: Resource, naming: Naming) -> CreateObject:
    return CreateObject(kind=kind.name, name=resource.name, fields=sent_fields(kind, resource, naming))


def create_steps(kind: Kind, resource: Resource, naming: Naming) -> tuple[Step, ...]:
    """The step that creates an object, and one for what it links to and is not as declared."""
    step = create_step(kind, resource, naming)
    other = unlike_declared(naming, resource.fields) if kind.name == "repository" else {}
    if not other:
        return (step,)
    return step, ChangeObjectStorage(name=resource.name, fields=other, changed=sorted(other))


def update_steps(
    kind: Kind,
    resource: Resource,
    live: LiveResource,
    changes: tuple[FieldChange, ...],
    recall: Recall,
    naming: Naming,
) -> tuple[Step, ...]:
    """The steps that make `changes` to an object: a separate operation for what a PUT cannot do, then the PUT."""
    paths = [change.path for change in changes]
    wanted = wanted_fields(resource, recall)
    steps: list[Step] = []
    items = ItemSteps()
    put = [name for name in paths if kind.field(name).mode in (Mode.MUTABLE, Mode.WRITE_ONLY, Mode.KEY)]
    if kind.name == "pool" and "members" in paths:
        steps.append(_pool_step(resource, live, wanted))
    elif kind.name == "repository" and "owner" in paths:
        steps.append(MoveRepository(name=resource.name, to=wanted["owner"]))
    elif kind.name == "job":
        items = job_item_steps(resource, live, paths, naming)
        put += items.put
        steps += items.before
    elif kind.name == "certificate":
        certificate = resource.fields["certificate"]
        steps.append(SetCertificate(certificate=certificate, thumbprint=wanted["thumbprint"]))
    if kind.name == "repository" and naming.rest < INSIDE:
        linked = [name for name in put if name in LINKED_FIELDS]
        put = [name for name in put if name not in linked]
        values = {name: wanted[name] for name in linked}
        steps += [ChangeObjectStorage(name=resource.name, fields=values, changed=linked)] if linked else []
    if put and kind.collection:
        fields = sent_fields(kind, resource, naming, only=put)
        if "description" in put:  # of an object that lost its mark it may not be declared
            fields.setdefault("description", live.fields.get("description"))
        steps.append(UpdateObject(kind=kind.name, name=resource.name, fields=fields, changed=put))
    steps += items.after
    if kind.name in ("copy_job", "job") and "enabled" in paths:
        steps.append(SwitchJob(kind=kind.name, name=resource.name, enabled=wanted["enabled"]))
    return tuple(steps)


def _pool_step(resource: Resource, live: LiveResource, wanted: Mapping[str, Any]) -> ChangePoolMembers:
    want, have = set(wanted["members"]), set(live.fields["members"])
    return ChangePoolMembers(name=resource.name, join=sorted(want - have), leave=sorted(have - want))


def sent_fields(kind: Kind, resource: Resource, naming: Naming, only: list[str] | None = None) -> dict[str, Any]:
    """The declared fields that go to the server. A PUT omits a login unless it changed: sending one may make the server
    deploy the service again (facts, U6)."""
    fields = {}
    linked = LINKED_FIELDS if kind.name == "repository" and naming.rest < INSIDE else ()
    for declared in kind.fields:
        if declared.name not in resource.fields or not declared.in_version(naming.rest) or declared.name in linked:
            continue
        if declared.mode is Mode.LOCAL or resource.fields[declared.name] is UNKNOWN:
            continue
        if not declared.applies_to(resource.fields):
            continue
        secret = declared.mode is Mode.WRITE_ONLY and not declared.on_put
        if only is not None and secret and not {declared.name, *declared.sent_with} & set(only):
            continue
        if only is not None and declared.mode in _SEPARATE and not declared.on_put and declared.name not in only:
            continue
        value = resource.fields[declared.name]
        fields[declared.name] = looked_up(resource, value, naming) if declared.mode is Mode.ITEMS else value
    return fields


def refused_values(kind: Kind, resource: Resource, naming: Naming) -> str:
    """Why this REST version does not take the declared values; empty if it does."""
    reasons = [
        field.refuses(resource.fields[field.name], naming.rest)
        for field in kind.fields
        if field.refuses is not None and field.name in resource.fields
    ]
    return "; ".join(reason for reason in reasons if reason)
