"""What happens to one proxy, decided in one place: from its view to a value that `changes` makes changes of."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum, auto

from reconciler.kinds.packages import wanted_build
from reconciler.model.inventory import Resource
from reconciler.model.version import build_number
from reconciler.plan.doubles import is_recorded
from reconciler.plan.hosts import HostState, state_of
from reconciler.plan.proxies import refusals
from reconciler.plan.proxies.view import ProxyView


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


def decide(proxy: ProxyView) -> Decision:
    registration = _registration(proxy)
    blocked = _registration_blocked(proxy, registration)
    service = _service(proxy, registration, blocked)
    return Decision(
        registration,
        blocked,
        service,
        _service_blocked(proxy, service),
        _maintenance(proxy),
        _host(proxy),
    )


def _registration(proxy: ProxyView) -> RegistrationAction:
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
    refused = refusals.of_values(proxy.declared, proxy)
    if registration is RegistrationAction.REPLACE:
        return refused or refusals.of_replace(proxy.declared, proxy)
    if registration is RegistrationAction.CREATE and proxy.is_packaged:
        return refused or refusals.of_package(proxy.declared, proxy)
    return refused


def _service(proxy: ProxyView, registration: RegistrationAction, blocked: str) -> ServiceAction:
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
    if proxy.state.version is None and (proxy.state.outdated is None or proxy.is_asleep):
        return ServiceAction.UNKNOWN
    wanted = str(declared.fields.get("service.version", "server"))
    as_wanted = wanted != "server" and build_number(wanted) == proxy.state.build
    if as_wanted or replaced:
        return ServiceAction.KEEP
    compared = bool(build_number(proxy.inputs.live.server.build))
    refused = compared and refusals.of_upgrade(declared, proxy)
    return ServiceAction.UPGRADE if proxy.is_behind or refused else ServiceAction.KEEP


def _service_blocked(proxy: ProxyView, service: ServiceAction) -> str:
    if proxy.declared is None:
        return ""
    if service is ServiceAction.UPGRADE_PACKAGE:
        return refusals.of_package(proxy.declared, proxy)
    return refusals.of_upgrade(proxy.declared, proxy) if service is ServiceAction.UPGRADE else ""


def _maintenance(proxy: ProxyView) -> MaintenanceAction:
    if proxy.declared is None or not proxy.state.in_maintenance:
        return MaintenanceAction.NONE
    return MaintenanceAction.CLEAR if proxy.drained_by_us else MaintenanceAction.EXTERNAL


def _host(proxy: ProxyView) -> HostState | None:
    if proxy.declared is None or proxy.host is None:
        return None
    playbook = proxy.inputs.playbooks[str(proxy.declared.fields.get("os", "windows"))]
    return state_of(proxy.declared, proxy.host, playbook, proxy.inputs.live.server.build)
