"""Changes to the declared objects of the server: create, update, replace. Proxies are planned in `proxies/`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from reconciler.kinds import KINDS, Kind, Mode
from reconciler.model.diagnostic import Diagnostic
from reconciler.model.inventory import Resource
from reconciler.model.live import LiveResource
from reconciler.model.plan import Action, Cause, Change, FieldChange, Reason, Report, UnknownField
from reconciler.model.step import Step
from reconciler.model.value import digest
from reconciler.plan.compare import Comparison, compare, new_fields, wanted_fields
from reconciler.plan.doubles import yaml_text
from reconciler.plan.job_items import item_problems, why_items_unresolved, why_no_items
from reconciler.plan.mail import mail_state
from reconciler.plan.object_storage import why_not_created
from reconciler.plan.ownership import delete_step
from reconciler.plan.part import PlanPart, joined
from reconciler.plan.passes import Inputs
from reconciler.plan.payload import create_steps, precondition, refused_values, update_steps
from reconciler.plan.pools import why_no_member_leaves
from reconciler.plan.repositories import why_not_replaced, why_not_updated
from reconciler.plan.repository_states import repository_states

_UPDATE_REFUSALS: Mapping[str, Callable[[Resource, LiveResource, Sequence[FieldChange], Inputs], str]] = {
    "job": why_items_unresolved,
    "pool": why_no_member_leaves,
    "repository": why_not_updated,
}
"""By kind, why an update cannot be made as the live objects are."""
_SUGGESTED: Final = 5
"""Names of objects that a diagnostic suggests."""


def plan_objects(inputs: Inputs, _: PlanPart) -> PlanPart:
    """Every declared object against the live one, except for proxies."""
    declared = (item for item in inputs.inventory.resources.values() if item.kind != "proxy")
    parts = [_plan_object(KINDS[item.kind], item, inputs) for item in declared]
    return joined([*parts, repository_states(inputs), mail_state(inputs)])


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
        precondition=digest(None),
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
