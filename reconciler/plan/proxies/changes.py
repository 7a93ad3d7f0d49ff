"""From decisions about proxies to their changes, with every step, and to reports."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from reconciler.kinds.proxy_names import normal
from reconciler.model.address import name_of
from reconciler.model.diagnostic import Diagnostic
from reconciler.model.inventory import Resource
from reconciler.model.live import LiveResource
from reconciler.model.plan import Action, Change, Report, UnknownField
from reconciler.model.step import Step
from reconciler.model.steps import ChangePoolMembers, CreateObject, TakeOver
from reconciler.plan.doubles import is_recorded, unrecorded
from reconciler.plan.hosts import host_part
from reconciler.plan.objects import changed, created
from reconciler.plan.ownership import delete, delete_cause, delete_step, external, other_owner
from reconciler.plan.part import PlanPart, joined
from reconciler.plan.passes import Inputs
from reconciler.plan.payload import create_step, update_steps
from reconciler.plan.proxies.decision import Decision, MaintenanceAction, RegistrationAction, ServiceAction, decide
from reconciler.plan.proxies.drain import cleared, drained, wait_step
from reconciler.plan.proxies.other_host import with_successors
from reconciler.plan.proxies.service import FIELD, upgrade_by_package, upgrade_by_server, with_install
from reconciler.plan.proxies.view import KIND, ProxyView, views

_DEPLOYING = (Action.CREATE, Action.TAKEOVER, Action.REPLACE)
"""What needs a host that meets every requirement."""


def plan_proxies(inputs: Inputs, _: PlanPart) -> PlanPart:
    """What happens to each proxy."""
    return joined(part for proxy in views(inputs) for part in _parts(proxy, decide(proxy)))


def _parts(proxy: ProxyView, decision: Decision) -> Iterator[PlanPart]:
    declared = proxy.declared
    if declared is None:
        yield _undeclared(proxy, decision)
        return
    unfit = ""
    if decision.host is not None:
        host = host_part(declared, decision.host, registered=proxy.live is not None, asleep=proxy.is_asleep)
        unfit = decision.host.unfit
        yield replace(host, changes=tuple(drained(change, declared, proxy) for change in host.changes))
    changes = list(_changes(declared, proxy, decision))
    yield PlanPart(
        changes=tuple(drained(change, declared, proxy) for change in changes),
        reports=(*proxy.seen.reports, *_reports(declared, proxy, decision)),
        unknown=(*proxy.seen.unknown, *_unknown(proxy, decision)),
        unchanged=int(decision.keeps_object),
        obstacles={change.key: unfit for change in changes if unfit and change.action in _DEPLOYING},
    )


def _changes(declared: Resource, proxy: ProxyView, decision: Decision) -> Iterator[Change]:
    registration = _registration(declared, proxy, decision)
    if decision.maintenance is MaintenanceAction.CLEAR and decision.registration is not RegistrationAction.UPDATE:
        yield cleared(None, declared, proxy)
    elif decision.maintenance is MaintenanceAction.CLEAR:
        registration = cleared(registration, declared, proxy)
    if registration is not None:
        yield registration
    if decision.service is ServiceAction.UPGRADE:
        yield upgrade_by_server(declared, proxy, decision.service_blocked)
    elif decision.service is ServiceAction.UPGRADE_PACKAGE:
        yield upgrade_by_package(declared, proxy, decision.service_blocked)


def _registration(declared: Resource, proxy: ProxyView, decision: Decision) -> Change | None:
    found, seen, inputs, blocked = proxy.live, proxy.seen, proxy.inputs, decision.registration_blocked
    if decision.registration is RegistrationAction.NONE:
        return None
    if found is None:
        return _new(declared, proxy, decision)
    if decision.registration is RegistrationAction.REPLACE:
        steps = _replace_steps(declared, found, proxy)
        return changed(Action.REPLACE, declared, found, seen, steps, blocked)
    if decision.registration is RegistrationAction.UPDATE:
        steps = update_steps(KIND, declared, found, seen.changes, inputs.recall, inputs.naming)
        return changed(Action.UPDATE, declared, found, seen, steps, blocked)
    return None


def _new(declared: Resource, proxy: ProxyView, decision: Decision) -> Change:
    change = created(KIND, declared, proxy.inputs)
    if decision.registration_blocked:
        change = replace(change, steps=(), blocked=decision.registration_blocked)
    if decision.service is ServiceAction.INSTALL:
        return with_install(change, declared, proxy)
    if decision.registration is RegistrationAction.TAKEOVER:
        return _takeover(change, proxy)
    return _resumed(change) if proxy.is_half_created else change


def _resumed(change: Change) -> Change:
    """The server attaches the service that it installed itself, before the apply that asked for it was interrupted."""
    detail = f"{change.cause.detail}; an interrupted apply began to create it, and its service is on the host"
    steps = (replace(step, attach=True) if isinstance(step, CreateObject) else step for step in change.steps)
    return replace(change, cause=replace(change.cause, detail=detail), steps=tuple(steps))


def _takeover(change: Change, proxy: ProxyView) -> Change:
    """The server adds a host that has a proxy service only if it is to attach that (facts, 2.4). A host does not say
    whose service it is, so the guard `takeover` refuses each one that is not waived."""
    version = str(proxy.service.get("version") or "")
    build = f" ({version})" if version else ""
    detail = (
        f"new (not on the server), but its host has a proxy service{build}: another server may use it, or it was left"
    )
    steps = tuple(
        TakeOver(kind=step.kind, name=step.name, fields=step.fields, attach=True)
        for step in change.steps
        if isinstance(step, CreateObject)
    )
    return replace(change, action=Action.TAKEOVER, cause=replace(change.cause, detail=detail), steps=steps)


def _replace_steps(declared: Resource, found: LiveResource, proxy: ProxyView) -> tuple[Step, ...]:
    """Delete and create again, and join the pools that it is declared to be a member of."""
    joins = (
        ChangePoolMembers(name=name_of(item.pool), join=[found.name], leave=[])
        for item in proxy.memberships
        if item.declared
    )
    return (
        wait_step(proxy),
        _delete_step(found, declared, proxy),
        create_step(KIND, declared, proxy.inputs.naming),
        *joins,
    )


def _delete_step(found: LiveResource, declared: Resource | None, proxy: ProxyView) -> Step:
    """The server uninstalls the service with the declared login; of a proxy that is offline it removes the object only,
    by force."""
    login = str(declared.fields.get("credentials", "")) if declared is not None else ""
    return delete_step(found, force=proxy.state.is_offline, credentials=login)


def _undeclared(proxy: ProxyView, decision: Decision) -> PlanPart:
    found, absent, recall = proxy.live, proxy.absent, proxy.inputs.recall
    if found is None:
        position = absent.position if absent is not None else None
        detail = "removed from the server: delete its entry from the inventory"
        return PlanPart(reports=(Report(proxy.address, "gone", detail, position),))
    if decision.registration is RegistrationAction.DELETE:
        step = _delete_step(found, absent, proxy)
        steps = (step,) if proxy.state.is_offline else (wait_step(proxy), step)
        cause = delete_cause(proxy.address, found, absent, recall)
        change = delete(proxy.address, found, cause, steps, decision.registration_blocked)
        return with_successors(PlanPart((change,)), proxy)
    if absent is not None:
        return PlanPart(problems=(_not_ours(absent),))
    if found.owner == proxy.inputs.inventory.name and not is_recorded(found, proxy.inputs):
        return PlanPart(reports=(unrecorded(proxy.address),))
    return PlanPart(reports=external(proxy.address, found))


def _reports(declared: Resource, proxy: ProxyView, decision: Decision) -> Iterator[Report]:
    if proxy.live is not None:
        yield from other_owner(proxy.inputs.inventory, proxy.address, proxy.live)
        yield from _other_name(declared, proxy)
    if decision.maintenance is MaintenanceAction.EXTERNAL:
        text = "in maintenance mode, which no apply of this inventory set: left unchanged"
        text += ", and not upgraded while it is off" if proxy.is_asleep else ""
        yield Report(proxy.address, "in-maintenance", text, declared.position)


def _other_name(declared: Resource, proxy: ProxyView) -> Iterator[Report]:
    """A report if the server has the proxy by another name than the declared one. A proxy cannot be renamed."""
    there, declared_as = proxy.state.host or "", str(declared.fields.get("host", ""))
    if there and declared_as and normal(there) != normal(declared_as):
        detail = f"registered on the server as {there}: the same proxy by another name of its host"
        yield Report(proxy.address, "registered-as", detail, declared.positions.get("host", declared.position))


def _unknown(proxy: ProxyView, decision: Decision) -> Iterator[UnknownField]:
    if decision.service is not ServiceAction.UNKNOWN:
        return
    if proxy.is_packaged:
        seen = proxy.host is not None and proxy.host.problem is None
        why = "the host does not report the version of its service" if seen else "the host could not be observed"
        yield UnknownField(proxy.address, FIELD, why)
    elif proxy.inputs.naming.rest >= 8:  # earlier versions never show it
        yield UnknownField(proxy.address, FIELD, "the server does not report it now")


def _not_ours(absent: Resource) -> Diagnostic:
    return Diagnostic(
        code="not-ours",
        summary="Not created by this inventory",
        detail=f"{absent.name!r} is declared absent, but the live proxy has no owner mark of this inventory.",
        fix="Remove it in the Veeam console, then delete the entry from the inventory.",
        position=absent.position,
        address=absent.address,
    )
