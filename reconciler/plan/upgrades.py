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


def plan_upgrades(inventory: Inventory, live: Live, findings: Findings) -> None:
    """Add an upgrade for each declared proxy that is behind the version it shall have."""
    for proxy in inventory.of_kind("proxy"):
        existing = live.resources.get(proxy.address)
        if existing is None or existing.raw.get("type") == "Local" or is_packaged(proxy):
            continue
        wanted = str(proxy.fields.get("service.version", "server"))
        target = live.server.build if wanted == "server" else wanted
        have = existing.raw.get("version")
        word = existing.raw.get("outdated")
        if have is None and word is None:
            if live.server.rest >= 8:
                findings.unknown.append(
                    UnknownField(proxy.address, "service.version", "the server does not know it now")
                )
            continue
        if _is_behind(str(have or ""), target, word):
            findings.changes.append(_upgrade(proxy, existing, have, target))


def _is_behind(have: str, target: str, word: Any) -> bool:
    """The server's own word decides where it was asked; else a lower build is behind."""
    if word is not None:
        return bool(word)
    return bool(build_number(have)) and build_number(have) < build_number(target)


def _upgrade(proxy: Resource, existing: LiveResource, have: Any, target: str) -> Change:
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
        steps=(Step("proxy.upgrade", params),),
        precondition=digest({"id": existing.id, "version": have}),
    )
