"""What happens to each proxy, decided in one place, and from that its changes, with every step, and its reports."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum, StrEnum, auto

from reconciler.kinds.packages import wanted_build
from reconciler.kinds.proxy_matching import normal
from reconciler.model.address import name_of
from reconciler.model.diagnostic import Diagnostic
from reconciler.model.inventory import Resource
from reconciler.model.live import LiveResource
from reconciler.model.plan import Action, Change, Report, UnknownField
from reconciler.model.step import Step
from reconciler.model.steps import ChangePoolMembers
from reconciler.model.version import build_number
from reconciler.plan.hosts import HostState, host_part, state_of
from reconciler.plan.lookalikes import is_recorded, unrecorded
from reconciler.plan.objects import changed, create_step, created, refused_values, update_steps
from reconciler.plan.ownership import delete, delete_cause, delete_step, external, other_owner
from reconciler.plan.passes import Inputs, PlanPart, joined
from reconciler.plan.proxies import refusals
from reconciler.plan.proxies.drain import cleared, drained, wait_step
from reconciler.plan.proxies.other_host import with_successors
from reconciler.plan.proxies.service import (
    FIELD,
    resumed,
    takeover,
    upgrade_by_package,
    upgrade_by_server,
    with_install,
)
from reconciler.plan.proxies.view import KIND, ProxyView, views

_DEPLOYING = (Action.CREATE, Action.TAKEOVER, Action.REPLACE)
"""What needs a host that meets every requirement."""


class RegistrationAction(StrEnum):
    """What happens to the object on the server."""

    NONE = "none"
    """Neither declared nor on the server: it was declared absent, and is gone. Or the server's own, and not listed."""
    KEEP = "keep"
    EXTERNAL = "external"
    """Neither declared nor created by this inventory: it is left unchanged."""
    CREATE = "create"
    TAKEOVER = "takeover"
    UPDATE = "update"
    REPLACE = "replace"
    DELETE = "delete"


class ServiceAction(Enum):
    """What happens to the proxy service on the host, besides what the server does when it registers the proxy."""

    KEEP = auto()
    UNKNOWN = auto()
    """Its version is not observed, so nothing is done."""
    INSTALL = auto()
    """By package, before the proxy is registered."""
    UPGRADE = auto()
    """By the server."""
    UPGRADE_PACKAGE = auto()


class MaintenanceAction(Enum):
    """What happens to the maintenance mode in which the proxy is observed."""

    NONE = auto()
    CLEAR = auto()
    """An interrupted apply of this inventory set it."""
    EXTERNAL = auto()
    """It was set by others: it is left unchanged."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What happens to one proxy. Each part is done unless its `..._blocked` says why it cannot be done."""

    registration: RegistrationAction
    registration_blocked: str
    service: ServiceAction
    service_blocked: str
    maintenance: MaintenanceAction
    host: HostState | None
    """Its host against the requirements; None if the proxy is not declared or its host was not probed."""

    @property
    def keeps_object(self) -> bool:
        """Whether the object on the server remains as it is. An upgrade changes the service only."""
        clears = self.maintenance is MaintenanceAction.CLEAR
        return self.registration is RegistrationAction.KEEP and not clears


def plan_proxies(inputs: Inputs, _: PlanPart) -> PlanPart:
    """What happens to each proxy."""
    return joined(part for proxy in views(inputs) for part in _parts(proxy, decide(proxy)))


def decide(proxy: ProxyView) -> Decision:
    registration = _registration_action(proxy)
    blocked = _registration_blocked(proxy, registration)
    service = _service_action(proxy, registration, blocked)
    return Decision(
        registration,
        blocked,
        service,
        _service_blocked(proxy, service),
        _maintenance_action(proxy),
        _host_state(proxy),
    )


def _registration_action(proxy: ProxyView) -> RegistrationAction:
    if proxy.declared is None:
        if proxy.live is None:
            return RegistrationAction.NONE
        certain = is_recorded(proxy.live, proxy.inputs) and not proxy.live.unmarked
        ours = proxy.live.owner == proxy.inputs.inventory.name and (certain or proxy.absent is not None)
        return RegistrationAction.DELETE if ours and not proxy.state.is_local else RegistrationAction.EXTERNAL
    if proxy.live is None and proxy.declared.is_local:
        return RegistrationAction.NONE
    if proxy.live is None:
        # an interrupted apply installed our package, and the proxy is not registered yet
        ours = proxy.is_half_created or (proxy.is_packaged and bool(proxy.service.get("unregistered")))
        foreign = proxy.service.get("installed") is True and not ours
        return RegistrationAction.TAKEOVER if foreign else RegistrationAction.CREATE
    if not proxy.seen.changes:
        return RegistrationAction.KEEP
    return RegistrationAction.REPLACE if proxy.seen.create_only else RegistrationAction.UPDATE


def _registration_blocked(proxy: ProxyView, registration: RegistrationAction) -> str:
    if registration is RegistrationAction.DELETE:
        return refusals.of_delete(proxy)
    if proxy.declared is None or registration is RegistrationAction.KEEP:
        return ""
    ours = proxy.state.in_maintenance and proxy.drained_by_us  # then it may look offline, and is changed all the same
    if registration is RegistrationAction.UPDATE and proxy.state.is_offline and not ours:
        return refusals.OFFLINE
    refused = refused_values(KIND, proxy.declared, proxy.inputs.naming)
    if registration is RegistrationAction.REPLACE:
        return refused or refusals.of_replace(proxy.declared, proxy)
    if registration is RegistrationAction.CREATE and proxy.is_packaged:
        return refused or refusals.of_package(proxy.declared, proxy)
    return refused


def _service_action(proxy: ProxyView, registration: RegistrationAction, blocked: str) -> ServiceAction:
    if proxy.declared is None or proxy.declared.is_local or registration is RegistrationAction.TAKEOVER:
        return ServiceAction.KEEP
    if registration is RegistrationAction.CREATE:
        return ServiceAction.INSTALL if proxy.is_packaged and not blocked else ServiceAction.KEEP
    if proxy.is_packaged:
        return _packaged_service(proxy.declared, proxy)
    return _pushed_service(proxy.declared, proxy, replaced=registration is RegistrationAction.REPLACE and not blocked)


def _packaged_service(declared: Resource, proxy: ProxyView) -> ServiceAction:
    """The host reports what is installed. A service whose version it does not report is left as it is."""
    if proxy.host is None or proxy.host.problem is not None:
        return ServiceAction.UNKNOWN
    installed, is_there = build_number(str(proxy.service.get("version") or "")), proxy.service.get("installed")
    if not proxy.service.get("unfinished") and (not isinstance(is_there, bool) or (is_there and not installed)):
        return ServiceAction.UNKNOWN
    if installed == build_number(wanted_build(declared)) and not proxy.service.get("unfinished"):
        return ServiceAction.KEEP
    return ServiceAction.UPGRADE_PACKAGE


def _pushed_service(declared: Resource, proxy: ProxyView, *, replaced: bool) -> ServiceAction:
    """The server reports what is installed: it upgrades proxies to its own build, and replaces them with it."""
    if proxy.state.is_local:
        return ServiceAction.KEEP
    if proxy.state.version is None and (proxy.state.outdated is None or proxy.is_asleep) and not proxy.was_upgrading:
        return ServiceAction.UNKNOWN
    wanted = str(declared.fields.get("service.version", "server"))
    as_wanted = wanted != "server" and build_number(wanted) == proxy.state.build
    if as_wanted or replaced:
        return ServiceAction.KEEP
    compared = bool(build_number(proxy.inputs.live.server.build))
    refused = compared and refusals.of_upgrade(declared, proxy)
    behind = proxy.is_behind or proxy.was_upgrading
    return ServiceAction.UPGRADE if behind or refused else ServiceAction.KEEP


def _service_blocked(proxy: ProxyView, service: ServiceAction) -> str:
    if proxy.declared is None:
        return ""
    if service is ServiceAction.UPGRADE_PACKAGE:
        return refusals.of_package(proxy.declared, proxy)
    if service is ServiceAction.UPGRADE:
        refused = refusals.of_upgrade(proxy.declared, proxy) or refusals.without_powershell(proxy)
        return refused or refusals.while_away(proxy)
    return ""


def _maintenance_action(proxy: ProxyView) -> MaintenanceAction:
    if proxy.declared is None or not proxy.state.in_maintenance:
        return MaintenanceAction.NONE
    return MaintenanceAction.CLEAR if proxy.drained_by_us else MaintenanceAction.EXTERNAL


def _host_state(proxy: ProxyView) -> HostState | None:
    if proxy.declared is None or proxy.host is None:
        return None
    playbook = proxy.inputs.playbooks[str(proxy.declared.fields.get("os", "windows"))]
    return state_of(proxy.declared, proxy.host, playbook, proxy.inputs.live.server.build)


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
    upgrade = None
    if decision.service is ServiceAction.UPGRADE:
        upgrade = upgrade_by_server(declared, proxy, decision.service_blocked)
    elif decision.service is ServiceAction.UPGRADE_PACKAGE:
        upgrade = upgrade_by_package(declared, proxy, decision.service_blocked)
    if decision.maintenance is MaintenanceAction.CLEAR and decision.registration is not RegistrationAction.UPDATE:
        yield cleared(None, declared, proxy)
    elif decision.maintenance is MaintenanceAction.CLEAR and upgrade is not None and not upgrade.blocked:
        upgrade = cleared(upgrade, declared, proxy)  # the server refuses to change it before
    elif decision.maintenance is MaintenanceAction.CLEAR:
        registration = cleared(registration, declared, proxy)
    if registration is not None:
        yield registration
    if upgrade is not None:
        yield upgrade


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
        return takeover(change, proxy)
    return resumed(change) if proxy.is_half_created else change


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
    return delete_step(found, force=proxy.state.is_offline, credentials=login, begun=proxy.is_half_deleted or None)


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
        if proxy.is_half_deleted:
            cause = replace(cause, detail=f"{cause.detail}; an interrupted apply began to delete it")
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
        fix = "If its host is off on purpose, declare it:\n  sleep: allowed" if proxy.is_asleep else ""
        yield Report(proxy.address, "in-maintenance", text, declared.position, fix=fix)


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
