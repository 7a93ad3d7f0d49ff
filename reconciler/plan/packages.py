"""Proxy services that are installed by package: carried to the host before the proxy is registered, and upgrades.

What is on the host is what the host itself says (`service` of its facts). Nothing is ever made older.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from reconciler.kinds.packages import build_in, file_name
from reconciler.model.build import build_number
from reconciler.model.inventory import Inventory, Resource
from reconciler.model.live import HostFacts, Live
from reconciler.model.plan import Action, Cause, Change, FieldChange, Reason, Step, UnknownField
from reconciler.model.value import digest
from reconciler.plan.objects import Findings

_FIELD = "service.version"


def is_packaged(proxy: Resource) -> bool:
    return proxy.fields.get("service.install") == "package" and "service.package" in proxy.fields


def plan_packages(inventory: Inventory, live: Live, findings: Findings) -> None:
    """Add the package to the changes that create a proxy, and an upgrade for each registered one that is behind."""
    creates = {change.address: index for index, change in enumerate(findings.changes) if change.action is Action.CREATE}
    for proxy in inventory.of_kind("proxy"):
        if not is_packaged(proxy):
            continue
        target = wanted_build(proxy)
        facts = live.hosts.get(proxy.name)
        refused = _refusal(proxy, target, live, facts)
        index = creates.get(proxy.address)
        if index is not None:
            findings.changes[index] = _installed_first(findings.changes[index], proxy, target, facts, refused)
        elif proxy.address in live.resources:
            _plan_registered(proxy, target, live, facts, refused, findings)


def wanted_build(proxy: Resource) -> str:
    """The build that the package holds: as it was said, or as its file name says."""
    said = str(proxy.fields.get(_FIELD, "server"))
    return build_in(proxy.fields["service.package"]["source"]) if said == "server" else said


def _service(facts: HostFacts | None) -> Mapping[str, Any]:
    found = facts.facts.get("service") if facts is not None else None
    return found if isinstance(found, Mapping) else {}


def _refusal(proxy: Resource, target: str, live: Live, facts: HostFacts | None) -> str:
    """Why this package is not installed now, whatever is on the host; empty where it may be."""
    package, server = file_name(proxy.fields["service.package"]["source"]), live.server.build
    if build_number(target) > build_number(server) > ():
        return f"{package} holds {target}, and the server runs {server}: the server is upgraded before its proxies"
    have = str(_service(facts).get("version") or "")
    if build_number(have) > build_number(target):
        return f"the host has {have}, which is newer than {target}: nothing is ever made older"
    if proxy.fields.get(_FIELD, "server") == "server" and build_number(target) != build_number(server) > ():
        return f"{package} holds {target}, and the server runs {server}: name the package of that build"
    return ""


def _installed_first(change: Change, proxy: Resource, target: str, facts: HostFacts | None, refused: str) -> Change:
    """A new proxy whose service is on its host before the server is told.

    A service that was there before, and that is not ours, belongs to somebody: it stays as it is, and it is the server
    that says whether it may be added.
    """
    service = _service(facts)
    if change.blocked or (service.get("installed") and not service.get("unregistered") and not refused):
        return change
    if refused:
        return replace(change, blocked=refused, steps=())
    field = FieldChange(_FIELD, service.get("version"), target, cause=_cause(proxy, _told(proxy)))
    steps = []
    for step in change.steps:
        attach = {**step.params, "attach": True} if step.verb == "create" else step.params
        steps.append(replace(step, params=attach))
    return replace(
        change,
        cause=replace(change.cause, detail=f"{change.cause.detail}; {_told(proxy)}"),
        fields=(*change.fields, field),
        steps=(
            *_package_steps(proxy, target, fresh=True),
            *steps,
            Step("package.registered", {"host": proxy.name, "os": _os(proxy)}),
        ),
    )


def _plan_registered(
    proxy: Resource, target: str, live: Live, facts: HostFacts | None, refused: str, findings: Findings
) -> None:
    service, existing = _service(facts), live.resources[proxy.address]
    have = service.get("version")
    if facts is None or facts.problem is not None:
        findings.unknown.append(UnknownField(proxy.address, _FIELD, "the host could not be asked"))
        return
    if build_number(str(have or "")) == build_number(target) and not service.get("unfinished"):
        return
    cut_off = "an installation was cut off; " if service.get("unfinished") else ""
    cause = _cause(proxy, cut_off + _told(proxy))
    findings.changes.append(
        Change(
            address=proxy.address,
            action=Action.UPGRADE,
            fields=(FieldChange(_FIELD, have, target, cause=cause),),
            cause=cause,
            steps=() if refused else _package_steps(proxy, target, fresh=False),
            precondition=digest({"id": existing.id, "version": have}),
            blocked=refused,
        )
    )


def _package_steps(proxy: Resource, target: str, *, fresh: bool) -> tuple[Step, ...]:
    package = proxy.fields["service.package"]
    about = {"host": proxy.name, "os": _os(proxy), "sha256": package["sha256"]}
    return (
        Step("package.upload", {**about, "source": package["source"], "file": file_name(package["source"])}),
        Step("package.install", {**about, "kind": _kind(package["source"]), "version": target, "fresh": fresh}),
    )


def _told(proxy: Resource) -> str:
    package = proxy.fields["service.package"]
    return f"installed by package {file_name(package['source'])} (SHA-256 {package['sha256'][:12]}…)"


def _kind(source: str) -> str:
    return file_name(source).rpartition(".")[2].lower()


def _os(proxy: Resource) -> str:
    return str(proxy.fields.get("os", "windows"))


def _cause(proxy: Resource, detail: str) -> Cause:
    return Cause(Reason.INVENTORY, detail, proxy.positions.get("service.package", proxy.position))
