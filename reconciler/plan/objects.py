"""Changes to the objects of the server that are declared: create, update, replace."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.kinds import KINDS, Kind, Mode
from reconciler.kinds.naming import Naming
from reconciler.model.diagnostic import Diagnostic
from reconciler.model.inventory import Inventory, Resource
from reconciler.model.live import Live, LiveResource
from reconciler.model.plan import Action, Cause, Change, FieldChange, Reason, Report, Step, UnknownField
from reconciler.model.recall import Recall
from reconciler.model.value import UNKNOWN, digest
from reconciler.plan.compare import Comparison, compare, new_fields, wanted_fields


@dataclass(slots=True)
class Findings:
    """What the parts of the planner gather; the planner makes a Plan of it."""

    changes: list[Change] = field(default_factory=list)
    reports: list[Report] = field(default_factory=list)
    unknown: list[UnknownField] = field(default_factory=list)
    problems: list[Diagnostic] = field(default_factory=list)
    unchanged: int = 0


def plan_objects(inventory: Inventory, live: Live, recall: Recall, naming: Naming) -> Findings:
    """Every declared object against the live one."""
    findings = Findings()
    for resource in inventory.resources.values():
        kind = KINDS[resource.kind]
        if not kind.in_version(naming.rest):
            findings.problems.append(_not_in_version(kind, resource, naming.rest))
            continue
        existing = live.resources.get(resource.address)
        if existing is None:
            _plan_missing(kind, resource, recall, naming, findings)
        else:
            _plan_existing(kind, resource, existing, recall, naming, findings)
    return findings


def _plan_missing(kind: Kind, resource: Resource, recall: Recall, naming: Naming, findings: Findings) -> None:
    if kind.reference:
        findings.problems.append(_missing_reference(kind, resource))
        return
    if kind.singleton:
        names = (name for name in wanted_fields(resource, recall) if kind.field(name).mode is not Mode.LOCAL)
        findings.unknown += [UnknownField(resource.address, name, "the server could not be asked") for name in names]
        return
    refused = _refused_values(kind, resource, naming)
    sent = {"kind": kind.name, "name": resource.name, "fields": _sent(kind, resource, naming)}
    findings.changes.append(
        Change(
            address=resource.address,
            action=Action.CREATE,
            fields=new_fields(kind, resource, recall, naming),
            cause=Cause(Reason.INVENTORY, "declared, and not on the server", resource.position),
            steps=() if refused else (Step("create", sent),),
            precondition=digest(None),
            blocked=refused,
        )
    )


def _plan_existing(
    kind: Kind, resource: Resource, live: LiveResource, recall: Recall, naming: Naming, findings: Findings
) -> None:
    seen = compare(kind, resource, live, recall, naming)
    findings.unknown += seen.unknown
    for name in seen.foreign:
        detail = f"`{name}` is not in REST v{naming.rest}, so it is neither compared nor set"
        findings.reports.append(Report(resource.address, "not-in-version", detail, resource.positions.get(name)))
    if not seen.changes or kind.reference:
        findings.unchanged += 1
        return
    findings.changes.append(_change(kind, resource, live, seen, recall, naming))


def _change(
    kind: Kind, resource: Resource, live: LiveResource, seen: Comparison, recall: Recall, naming: Naming
) -> Change:
    fixed = [change.path for change in seen.changes if kind.field(change.path).mode is Mode.CREATE_ONLY]
    blocked = _refused_values(kind, resource, naming)
    if not fixed and kind.name == "proxy" and live.raw.get("status") == "Offline":
        blocked = "the proxy is offline, and the server refuses to change it until it answers"
    create = Step("create", {"kind": kind.name, "name": resource.name, "fields": _sent(kind, resource, naming)})
    steps = (create,) if fixed else _update_steps(kind, resource, live, seen.changes, recall, naming)
    return Change(
        address=resource.address,
        action=Action.REPLACE if fixed else Action.UPDATE,
        fields=seen.changes,
        cause=_main_cause(seen.changes),
        steps=() if blocked else steps,
        precondition=precondition(kind, live),
        blocked=blocked,
    )


def _main_cause(changes: tuple[FieldChange, ...]) -> Cause:
    """Why the object changes at all: the first reason that is more than a default of the tool."""
    causes = [change.cause for change in changes if change.cause is not None]
    said = [cause for cause in causes if cause.reason is not Reason.DEFAULT]
    return next(iter(said or causes), Cause(Reason.INVENTORY))


def _refused_values(kind: Kind, resource: Resource, naming: Naming) -> str:
    reasons = [
        field.refuses(resource.fields[field.name], naming.rest)
        for field in kind.fields
        if field.refuses is not None and field.name in resource.fields
    ]
    return "; ".join(reason for reason in reasons if reason)


def _update_steps(
    kind: Kind,
    resource: Resource,
    live: LiveResource,
    changes: tuple[FieldChange, ...],
    recall: Recall,
    naming: Naming,
) -> tuple[Step, ...]:
    changed = [change.path for change in changes]
    wanted = wanted_fields(resource, recall)
    steps = []
    put = [name for name in changed if kind.field(name).mode in (Mode.MUTABLE, Mode.WRITE_ONLY, Mode.KEY)]
    if kind.name == "pool" and "members" in changed:
        steps.append(_pool_step(resource, live, wanted))
    elif kind.name == "repository" and "owner" in changed:
        steps.append(Step("repository.move", {"name": resource.name, "to": wanted["owner"]}))
    elif kind.name == "certificate":
        params = {"certificate": resource.fields["certificate"], "thumbprint": wanted["thumbprint"]}
        steps.append(Step("certificate.set", params))
    if put and kind.collection:
        fields = _sent(kind, resource, naming, only=put)
        steps.append(Step("update", {"kind": kind.name, "name": resource.name, "fields": fields, "changed": put}))
    return tuple(steps)


def _pool_step(resource: Resource, live: LiveResource, wanted: Mapping[str, Any]) -> Step:
    want, have = set(wanted["members"]), set(live.fields["members"])
    return Step("pool.members", {"name": resource.name, "join": sorted(want - have), "leave": sorted(have - want)})


def _sent(kind: Kind, resource: Resource, naming: Naming, only: list[str] | None = None) -> dict[str, Any]:
    """The declared fields that go to the server. A PUT leaves a login out unless it changed: sending one may make the
    server deploy anew (facts, U6)."""
    fields = {}
    for declared in kind.fields:
        if declared.name not in resource.fields or not declared.in_version(naming.rest):
            continue
        if declared.mode is Mode.LOCAL or resource.fields[declared.name] is UNKNOWN:
            continue
        secret = declared.mode is Mode.WRITE_ONLY and not kind.singleton
        if only is not None and secret and not {declared.name, *declared.sent_with} & set(only):
            continue
        if only is not None and declared.mode in (Mode.CREATE_ONLY, Mode.KEY, Mode.MOVE) and not declared.on_put:
            continue
        fields[declared.name] = resource.fields[declared.name]
    return fields


def precondition(kind: Kind, live: LiveResource) -> str:
    """Fingerprint of what was observed of an object, without what moves by itself."""
    shown = {item.name: live.fields.get(item.name) for item in kind.fields if live.fields.get(item.name) is not UNKNOWN}
    return digest({"id": live.id, "fields": shown})


def _not_in_version(kind: Kind, resource: Resource, rest: int) -> Diagnostic:
    return Diagnostic(
        code="kind-not-in-version",
        summary="Not in this REST version",
        detail=f"The server speaks REST v{rest}, which has no {kind.section}; they came with v{kind.since}.",
        fix=f"Remove it from the inventory, or let the server be upgraded to a build with REST v{kind.since}.",
        position=resource.position,
        address=resource.address,
    )


def _missing_reference(kind: Kind, resource: Resource) -> Diagnostic:
    return Diagnostic(
        code=f"{kind.name}-missing",
        summary=f"{kind.name.capitalize()} not on the server",
        detail=f"The server does not know {resource.name!r}, and adding an {kind.name} needs a person to sign in.",
        fix="Add it in the console, or correct its name.",
        position=resource.position,
        address=resource.address,
    )
