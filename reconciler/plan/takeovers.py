"""Takeovers: a proxy that is new to the server and whose host has a proxy service already.

The server refuses to add such a host unless it is told to take the service over (`attachUsedProxy`; facts, 2.4). A host
does not tell whose service it is, so nobody is asked: the guard `takeover` stands before every one of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from reconciler.model.address import kind_of, name_of
from reconciler.model.inventory import Inventory
from reconciler.model.live import HostFacts, Live
from reconciler.model.plan import Action, Change, Step
from reconciler.plan.objects import Findings
from reconciler.plan.packages import is_packaged


def plan_takeovers(inventory: Inventory, live: Live, findings: Findings) -> None:
    """Make takeovers of those creates. A package that we installed and that no server knows yet is our own work."""
    packaged = {item.address for item in inventory.of_kind("proxy") if is_packaged(item)}
    for index, change in enumerate(findings.changes):
        if change.action is not Action.CREATE or kind_of(change.address) != "proxy":
            continue
        service = _service(live.hosts.get(name_of(change.address)))
        ours = change.address in packaged and bool(service.get("unregistered"))
        if service.get("installed") is True and not ours:
            findings.changes[index] = _takeover(change, str(service.get("version") or ""))


def _service(host: HostFacts | None) -> Mapping[str, Any]:
    found = host.facts.get("service") if host is not None else None
    return found if isinstance(found, Mapping) else {}


def _takeover(change: Change, version: str) -> Change:
    build = f" ({version})" if version else ""
    detail = (
        f"declared and not on the server, and its host has a proxy service{build}: another server's, or left behind"
    )
    steps = tuple(Step("takeover", {**step.params, "attach": True}) for step in change.steps)
    return replace(change, action=Action.TAKEOVER, cause=replace(change.cause, detail=detail), steps=steps)
