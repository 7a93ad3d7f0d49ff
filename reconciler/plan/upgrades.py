"""Upgrades of the proxy service: a change of its own, since REST has no operation for it."""

from __future__ import annotations

from typing import Any

from reconciler.model.build import build_number
from reconciler.model.inventory import Inventory, Resource
from reconciler.model.live import Live, LiveResource
from reconciler.model.plan import Action, Cause, Change, FieldChange, Reason, Step, UnknownField
from reconciler.model.value import digest
from reconciler.plan.objects import Findings
from reconciler.plan.packages import is_packaged

_PUBLIC = 3
"""Parts of a build that tell releases apart; private fixes differ in the fourth (facts of the product's versions)."""


def plan_upgrades(inventory: Inventory, live: Live, findings: Findings) -> None:
    """Add an upgrade for each declared proxy that is behind the version it shall have."""
    for proxy in inventory.of_kind("proxy"):
        existing = live.resources.get(proxy.address)
        if existing is None or existing.raw.get("type") == "Local" or is_packaged(proxy):
            continue
        have, word = existing.raw.get("version"), existing.raw.get("outdated")
        if have is None and word is None:
            if live.server.rest >= 8:
                findings.unknown.append(
                    UnknownField(proxy.address, "service.version", "the server does not know it now")
                )
            continue
        build, wanted = live.server.build, str(proxy.fields.get("service.version", "server"))
        if wanted != "server" and build_number(wanted) == build_number(str(have or "")):
            continue
        refused = _refusal(wanted, str(have or ""), build, word)
        if refused or _is_behind(str(have or ""), build, word):
            findings.changes.append(_upgrade(proxy, existing, have, build, refused))


def _refusal(wanted: str, have: str, build: str, word: Any) -> str:
    """Why the server cannot bring this proxy to what is wanted; empty where it can, or need not."""
    mine = build_number(have)
    if wanted != "server" and build_number(wanted) != build_number(build):
        return f"the server brings proxies to its own build, {build}, and {wanted} is wanted: name it as a package"
    if word is not False and mine[:_PUBLIC] > build_number(build)[:_PUBLIC]:
        return f"the proxy has {have}, which is newer than {build} of the server: nothing is ever made older"
    return ""


def _is_behind(have: str, target: str, word: Any) -> bool:
    """The server's own word decides where it was asked; else a lower build is behind."""
    if word is not None:
        return bool(word)
    return bool(build_number(have)) and build_number(have) < build_number(target)


def _upgrade(proxy: Resource, existing: LiveResource, have: Any, target: str, refused: str) -> Change:
    position = proxy.positions.get("service.version", proxy.position)
    cause = Cause(Reason.DRIFT, f"the server runs {target}", position)
    params = {
        "name": proxy.name,
        "host": existing.raw.get("hostName"),
        "to": target,
        "os": proxy.fields.get("os", "windows"),
    }
    params["credentials"] = proxy.fields.get("credentials", "")
    return Change(
        address=proxy.address,
        action=Action.UPGRADE,
        fields=(FieldChange("service.version", have, target, cause=cause),),
        cause=cause,
        steps=() if refused else (Step("proxy.upgrade", params),),
        precondition=digest({"id": existing.id, "version": have}),
        blocked=refused,
    )
