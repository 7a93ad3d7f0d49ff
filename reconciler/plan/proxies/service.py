"""Changes of the proxy service: installed or upgraded by package, or upgraded by the server."""

from __future__ import annotations

from dataclasses import replace

from reconciler.kinds.packages import file_name, wanted_build
from reconciler.model.inventory import Resource
from reconciler.model.plan import Action, Cause, Change, FieldChange, Reason
from reconciler.model.step import Step
from reconciler.model.steps import CreateObject, InstallPackage, MarkRegistered, TakeOver, UpgradeProxy, UploadPackage
from reconciler.model.value import digest
from reconciler.plan.proxies.view import ProxyView

FIELD = "service.version"


def with_install(change: Change, declared: Resource, proxy: ProxyView) -> Change:
    """A create that installs the package first, and then has the server attach what it finds on the host."""
    target, detail = wanted_build(declared), _by_package(declared)
    field = FieldChange(FIELD, proxy.service.get("version"), target, cause=_package_cause(declared, detail))
    attach = (replace(step, attach=True) for step in change.steps if isinstance(step, CreateObject))
    return replace(
        change,
        cause=replace(change.cause, detail=f"{change.cause.detail}; {detail}"),
        fields=(*change.fields, field),
        steps=(
            *_package_steps(declared, target, fresh=True),
            *attach,
            MarkRegistered(host=declared.name, os=os_of(declared)),
        ),
    )


def resumed(change: Change) -> Change:
    """The server attaches the service that it installed itself, before the apply that asked for it was interrupted."""
    detail = f"{change.cause.detail}; an interrupted apply began to create it, and its service is on the host"
    steps = (replace(step, attach=True) if isinstance(step, CreateObject) else step for step in change.steps)
    return replace(change, cause=replace(change.cause, detail=detail), steps=tuple(steps))


def takeover(change: Change, proxy: ProxyView) -> Change:
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


def upgrade_by_package(declared: Resource, proxy: ProxyView, blocked: str) -> Change:
    target = wanted_build(declared)
    unfinished = "an earlier installation was interrupted; " if proxy.service.get("unfinished") else ""
    cause = _package_cause(declared, unfinished + _by_package(declared))
    steps = _package_steps(declared, target, fresh=False)
    return _upgrade(proxy, proxy.service.get("version"), target, cause, steps, blocked)


def upgrade_by_server(declared: Resource, proxy: ProxyView, blocked: str) -> Change:
    """A separate change: REST has no operation for it."""
    target = proxy.inputs.live.server.build
    position = declared.positions.get(FIELD, declared.position)
    begun = "; an interrupted apply began to upgrade it" if proxy.was_upgrading else ""
    cause = Cause(Reason.DRIFT, f"the server runs {target}{begun}", position)
    step = UpgradeProxy(
        name=declared.name,
        host=proxy.state.host,
        to=target,
        os=os_of(declared),
        credentials=declared.fields.get("credentials", ""),
    )
    return _upgrade(proxy, proxy.state.version, target, cause, (step,), blocked)


def _upgrade(
    proxy: ProxyView, installed: str | None, target: str, cause: Cause, steps: tuple[Step, ...], blocked: str
) -> Change:
    return Change(
        address=proxy.address,
        action=Action.UPGRADE,
        fields=(FieldChange(FIELD, installed, target, unknown=installed is None, cause=cause),),
        cause=cause,
        steps=() if blocked else steps,
        precondition=digest({"id": proxy.live.id if proxy.live is not None else None, "version": installed}),
        blocked=blocked,
    )


def _package_steps(declared: Resource, target: str, *, fresh: bool) -> tuple[Step, ...]:
    from reconciler.inventory.masking import masked_properties

    package = declared.fields["service.package"]
    source, file = package["source"], file_name(package["source"])
    about = {"host": declared.name, "os": os_of(declared), "sha256": package["sha256"]}
    kind = file.rpartition(".")[2].lower()
    properties = masked_properties(package.get("properties", {})) or None
    return (
        UploadPackage(**about, source=source, file=file),
        InstallPackage(**about, kind=kind, version=target, fresh=fresh, properties=properties),
    )


def _by_package(declared: Resource) -> str:
    package = declared.fields["service.package"]
    return f"installed by package {file_name(package['source'])} (SHA-256 {package['sha256'][:12]}…)"


def _package_cause(declared: Resource, detail: str) -> Cause:
    return Cause(Reason.INVENTORY, detail, declared.positions.get("service.package", declared.position))


def os_of(declared: Resource) -> str:
    return str(declared.fields.get("os", "windows"))
