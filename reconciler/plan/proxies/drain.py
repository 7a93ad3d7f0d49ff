"""Draining around every change that disrupts a proxy, as steps of that change, and maintenance mode that is cleared.

A member of a pool (REST v8) is put into maintenance mode: its work moves to the others, and it gets no new work. Any
other proxy is waited for until it runs no session, and so is the last member at work: the server refuses to put it into
maintenance mode. Afterwards the proxy is verified.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from reconciler.model.inventory import Policy, Resource
from reconciler.model.plan import Action, Cause, Change, FieldChange, Reason
from reconciler.model.step import Step
from reconciler.model.steps import ClearMaintenance, EnterMaintenance, VerifyProxy, WaitForSessions
from reconciler.plan.batches import disrupts_proxy
from reconciler.plan.compare import precondition
from reconciler.plan.maintenance import MAINTENANCE
from reconciler.plan.proxies.service import FIELD, os_of
from reconciler.plan.proxies.view import KIND, ProxyView

_DRAINED_FOR = (Action.UPDATE, Action.UPGRADE)
"""A proxy that is removed, replaced or taken over is not in service afterwards, or not the same."""


def drained(change: Change, declared: Resource, proxy: ProxyView) -> Change:
    """`change` with the steps that drain the proxy before it and verify it afterwards, if it disrupts the proxy."""
    if proxy.live is None or change.blocked or change.action not in _DRAINED_FOR or not disrupts_proxy(change):
        return change
    target = next((str(item.after) for item in change.fields if item.path == FIELD), "")
    verify = VerifyProxy(name=declared.name, version=target, pool=proxy.pool)
    if proxy.state.is_offline and not proxy.state.in_maintenance:
        return replace(change, steps=(*change.steps, verify))  # no session can run there
    before = tuple(step for step in change.steps if step.prepares)
    steps = tuple(step for step in change.steps if not step.prepares)
    if not proxy.is_pooled or proxy.is_last_at_work:
        return replace(change, steps=(*before, wait_step(proxy), *steps, verify))
    if proxy.state.in_maintenance and not proxy.drained_by_us:
        return replace(change, steps=(*change.steps, verify))  # users drained it, and it stays so
    enter = EnterMaintenance(**_login(declared, proxy), **_limits(proxy.inputs.inventory.policy))
    leave = ClearMaintenance(**_login(declared, proxy))
    return replace(change, steps=(*before, enter, *steps, verify, leave, verify))


def wait_step(proxy: ProxyView) -> Step:
    """Wait until the proxy runs no session."""
    return WaitForSessions(name=proxy.name, **_limits(proxy.inputs.inventory.policy))


def cleared(update: Change | None, declared: Resource, proxy: ProxyView) -> Change:
    """`update` with maintenance mode cleared, or an update that does only this."""
    cause = Cause(Reason.DRIFT, "left in maintenance mode by an interrupted apply", declared.position)
    field = FieldChange(MAINTENANCE, True, False, cause=cause)
    step = ClearMaintenance(**_login(declared, proxy))
    if update is not None:
        steps = () if update.blocked else (*update.steps, step)
        return replace(update, fields=(*update.fields, field), steps=steps)
    return Change(
        address=proxy.address,
        action=Action.UPDATE,
        fields=(field,),
        cause=cause,
        steps=(step,),
        precondition=precondition(KIND, proxy.live) if proxy.live is not None else "",
    )


def _limits(policy: Policy) -> dict[str, Any]:
    """How long a step waits for the sessions of a proxy, and what it does then."""
    return {"deadline": policy.drain.deadline, "then": policy.drain.then}


def _login(declared: Resource, proxy: ProxyView) -> dict[str, Any]:
    return {
        "name": declared.name,
        "host": proxy.state.host,
        "os": os_of(declared),
        "credentials": declared.fields.get("credentials", ""),
    }
