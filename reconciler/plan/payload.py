"""What is sent to the server for one object: the declared fields, and the steps that create or update it with them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from reconciler.kinds import Kind, Mode
from reconciler.kinds.naming import Naming
from reconciler.kinds.object_storage import LINKED_FIELDS, unlike_declared
from reconciler.kinds.storage_settings import INSIDE
from reconciler.model.inventory import Resource
from reconciler.model.live import LiveResource
from reconciler.model.plan import FieldChange
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
from reconciler.model.value import UNKNOWN, digest, known
from reconciler.plan.compare import wanted_fields
from reconciler.plan.job_items import ItemSteps, job_item_steps, looked_up

_SEPARATE: Final = (Mode.CREATE_ONLY, Mode.ITEMS, Mode.KEY, Mode.MOVE)
"""Modes of fields that a PUT omits."""


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
    changed = [change.path for change in changes]
    wanted = wanted_fields(resource, recall)
    steps: list[Step] = []
    items = ItemSteps()
    put = [name for name in changed if kind.field(name).mode in (Mode.MUTABLE, Mode.WRITE_ONLY, Mode.KEY)]
    if kind.name == "pool" and "members" in changed:
        steps.append(_pool_step(resource, live, wanted))
    elif kind.name == "repository" and "owner" in changed:
        steps.append(MoveRepository(name=resource.name, to=wanted["owner"]))
    elif kind.name == "job":
        items = job_item_steps(resource, live, changed, naming)
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
    if kind.name in ("copy_job", "job") and "enabled" in changed:
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


def precondition(kind: Kind, live: LiveResource) -> str:
    """Fingerprint of the observed object, without its volatile fields. It covers what is unknown, too: an approval is
    for the object as it was, understood or not."""
    fields = ((item.name, live.fields.get(item.name)) for item in kind.fields)
    shown = {name: known(value) for name, value in fields if value is not UNKNOWN}
    unknown = {"unknown": dict(live.unknown)} if live.unknown else {}
    return digest({"id": live.id, "fields": shown, **unknown})
