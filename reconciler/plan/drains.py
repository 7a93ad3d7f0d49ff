"""Draining around every change that disrupts a proxy, as steps of that change, and drains that were left behind.

A member of a pool (REST v8) goes into maintenance: its work moves to the others, and it gets no new work. Any other
proxy is waited for until it runs no session. Afterwards the proxy must be seen to work.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from reconciler.kinds import KINDS
from reconciler.model.address import Address, name_of
from reconciler.model.inventory import Inventory, Resource
from reconciler.model.live import Live, LiveResource
from reconciler.model.plan import Action, Cause, Change, FieldChange, Reason, Report, Step
from reconciler.model.recall import Recall
from reconciler.plan.batches import disrupts_proxy
from reconciler.plan.objects import Findings, precondition

DRAINED = "(drain)"
"""Remembered with a proxy from before it goes into maintenance until it is out again: what a killed apply leaves behind
is ours to undo, and what somebody else put into maintenance is not."""

MARK, MAINTENANCE = "drain", "maintenance"

_PREPARING = ("package.upload",)
"""Steps that disrupt nothing and may take long: they come before the drain."""

_DRAINED_FOR = (Action.UPDATE, Action.UPGRADE)
"""A proxy that is removed, replaced or taken over is not given back afterwards."""


def is_ours(recall: Recall, proxy: str) -> bool:
    """Whether an apply of this inventory put the proxy into maintenance and did not get to the end of it."""
    return DRAINED in recall.applied.get(mark_of(proxy), {})


def mark_of(proxy: str) -> str:
    """Where the mark is remembered: apart from the fields of the proxy, which are written as a whole."""
    return f"{MARK}.{proxy}"


def restores(change: Change) -> bool:
    """Whether the change takes a proxy out of maintenance that was left in it."""
    return any(item.path == MAINTENANCE for item in change.fields)


def only_restores(change: Change) -> bool:
    """Such a change is done first: it needs nothing, and the other members of the pool need the proxy."""
    return restores(change) and len(change.fields) == 1


def given_back(changes: Iterable[Change]) -> list[str]:
    """The proxies that come back before anything else is disrupted."""
    return [name_of(change.address) for change in changes if only_restores(change) and not change.blocked]


def in_maintenance(live: LiveResource | None) -> bool:
    return live is not None and live.raw.get("maintenanceModeState") in ("Enabling", "Enabled")


def with_drains(changes: Iterable[Change], inventory: Inventory, live: Live, recall: Recall) -> tuple[Change, ...]:
    """The changes, those that disrupt a proxy with the steps that drain it, verify it and give it back."""
    pools = {found.id: found.name for found in live.resources.values() if found.kind == "pool"}
    return tuple(_drained(change, inventory, live, recall, pools) for change in changes)


def _drained(change: Change, inventory: Inventory, live: Live, recall: Recall, pools: Mapping[str, str]) -> Change:
    where = Address(f"proxy.{disrupts_proxy(change)}")
    declared, existing = inventory.resources.get(where), live.resources.get(where)
    if declared is None or existing is None or change.blocked or change.action not in _DRAINED_FOR:
        return change
    login = _login(declared, existing)
    target = next((str(item.after) for item in change.fields if item.path == "service.version"), "")
    about = {"version": target, "pool": pools.get(str(existing.raw.get("proxyPoolId")), "")}
    verify = Step("proxy.verify", {"name": declared.name, **{key: value for key, value in about.items() if value}})
    if existing.raw.get("status") != "Online" and not in_maintenance(existing):
        return replace(change, steps=(*change.steps, verify))  # nothing runs there, and nobody answers
    before = tuple(step for step in change.steps if step.verb in _PREPARING)
    steps = tuple(step for step in change.steps if step.verb not in _PREPARING)
    pooled = live.server.rest >= KINDS["pool"].since and bool(existing.raw.get("proxyPoolId"))
    if not pooled:
        wait = Step("sessions.wait", {"name": declared.name, **patience(inventory)})
        return replace(change, steps=(*before, wait, *steps, verify))
    if in_maintenance(existing) and not is_ours(recall, declared.name):
        return replace(change, steps=(*change.steps, verify))  # somebody drained it, and wants it to stay so
    on = Step("maintenance.on", {**login, **patience(inventory)})
    return replace(change, steps=(*before, on, *steps, verify, Step("maintenance.off", login), verify))


def patience(inventory: Inventory) -> dict[str, Any]:
    """How long a step waits for the work of a proxy to end, and what then."""
    return {"deadline": inventory.policy.drain.deadline, "then": inventory.policy.drain.then}


def _login(declared: Resource, existing: LiveResource) -> dict[str, Any]:
    return {
        "name": declared.name,
        "host": existing.raw.get("hostName"),
        "os": declared.fields.get("os", "windows"),
        "credentials": declared.fields.get("credentials", ""),
    }


def plan_restores(inventory: Inventory, live: Live, recall: Recall, findings: Findings) -> None:
    """Take out of maintenance what an apply that was killed left in it; tell of what somebody else put there."""
    for declared in inventory.of_kind("proxy"):
        existing = live.resources.get(declared.address)
        if existing is None or not in_maintenance(existing):
            continue
        if not is_ours(recall, declared.name):
            text = "it is in maintenance mode, which no apply of this inventory switched on; it is left alone"
            findings.reports.append(Report(declared.address, "in-maintenance", text, declared.position))
            continue
        cause = Cause(Reason.DRIFT, "left in maintenance by an apply that did not end", declared.position)
        field = FieldChange(MAINTENANCE, True, False, cause=cause)
        step = Step("maintenance.off", _login(declared, existing))
        _add(findings, declared, existing, field, step)


def _add(findings: Findings, declared: Resource, existing: LiveResource, field: FieldChange, step: Step) -> None:
    """To the update of the proxy where there is one, else as one."""
    for index, change in enumerate(findings.changes):
        if change.address == declared.address and change.action is Action.UPDATE:
            steps = () if change.blocked else (*change.steps, step)
            findings.changes[index] = replace(change, fields=(*change.fields, field), steps=steps)
            return
    findings.changes.append(
        Change(
            address=declared.address,
            action=Action.UPDATE,
            fields=(field,),
            cause=field.cause or Cause(Reason.DRIFT),
            steps=(step,),
            precondition=precondition(KINDS["proxy"], existing),
        )
    )
    findings.unchanged -= 1
