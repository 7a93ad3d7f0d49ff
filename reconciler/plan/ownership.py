"""Live objects that the inventory does not want: ours are deleted, those of others are left alone and reported.

Ours is what carries the mark of this inventory at the end of its description.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from reconciler.kinds import KINDS
from reconciler.model.diagnostic import Diagnostic
from reconciler.model.inventory import Inventory, Resource
from reconciler.model.live import Live, LiveResource
from reconciler.model.plan import Action, Cause, Change, FieldChange, Reason, Report, Step
from reconciler.model.recall import Recall
from reconciler.model.value import UNKNOWN
from reconciler.plan.drains import patience
from reconciler.plan.objects import Findings, precondition

_DEFAULT_REPOSITORY = "Default Backup Repository"
"""What the product creates on the server's own proxy when it is installed (facts, 5.2)."""


def plan_undeclared(inventory: Inventory, live: Live, recall: Recall, findings: Findings) -> None:
    """Deletes of what is ours and not wanted any more, and a word on what is somebody else's."""
    for where, found in live.resources.items():
        kind = KINDS[found.kind]
        if kind.reference or kind.singleton:
            continue
        gone = inventory.removed.get(where)
        if where in inventory.resources:
            findings.reports += _of_another(inventory, where, found)
        elif found.owner == inventory.name:
            findings.changes.append(_delete(where, found, gone, inventory, recall))
        elif gone is not None:
            findings.problems.append(_not_ours(gone))
        elif not _is_built_in(found):
            findings.reports.append(Report(where, "not-ours", f"not declared, and {_whose(found)}: left alone"))
    findings.reports += [
        Report(where, "gone", "it is gone: its entry can be taken out of the inventory", resource.position)
        for where, resource in inventory.removed.items()
        if where not in live.resources
    ]
    _keep_last_repository(live, findings)


def _of_another(inventory: Inventory, where: str, found: LiveResource) -> Iterator[Report]:
    if found.owner not in ("", inventory.name):
        yield Report(where, "other-owner", f"declared here, and created by the inventory {found.owner}")


def _whose(found: LiveResource) -> str:
    return f"created by the inventory {found.owner}" if found.owner else "not created by this inventory"


def _is_built_in(found: LiveResource) -> bool:
    """The server's own proxy, and the repository that comes with it."""
    return found.raw.get("type") == "Local" or bool(found.raw.get("isDefault")) or found.name == _DEFAULT_REPOSITORY


def _delete(where: str, found: LiveResource, gone: Resource | None, inventory: Inventory, recall: Recall) -> Change:
    wait: tuple[Step, ...] = ()
    params: dict[str, Any] = {"kind": found.kind, "name": found.name, "id": found.id, "owner": found.owner}
    blocked = ""
    if found.kind == "proxy":
        params |= removal(found, gone)
        blocked = "" if params["force"] else without_login(found, gone)
        wait = () if params["force"] else (Step("sessions.wait", {"name": found.name, **patience(inventory)}),)
    shown = [(name, value) for name, value in found.fields.items() if value not in (UNKNOWN, None, "")]
    return Change(
        address=where,
        action=Action.DELETE,
        fields=tuple(FieldChange(name, value, None) for name, value in shown),
        cause=_cause(where, found, gone, recall),
        steps=() if blocked else (*wait, Step("delete", params)),
        precondition=precondition(KINDS[found.kind], found),
        blocked=blocked,
    )


def _cause(where: str, found: LiveResource, gone: Resource | None, recall: Recall) -> Cause:
    if gone is not None:
        return Cause(Reason.INVENTORY, "declared as absent", gone.positions.get("state", gone.position))
    detail = "created by this inventory and no longer declared"
    if recall.applied and where not in recall.applied and found.kind != "proxy":  # who copies an object copies its mark
        detail += "; it is not remembered here, so it may be a copy of something that was"
    return Cause(Reason.INVENTORY, detail)


def removal(found: LiveResource, told: Resource | None) -> dict[str, Any]:
    """What removing a proxy takes besides its id. A proxy that is not known to be online is removed by force or not at
    all; the guard `force` speaks up."""
    login = str(told.fields.get("credentials", "")) if told else ""
    return {"force": found.raw.get("status") != "Online", "credentials": login}


def without_login(found: LiveResource, told: Resource | None) -> str:
    """Why the server cannot uninstall the service: it keeps the login of domain proxies only (facts, 2.4 and 3.1)."""
    if found.fields.get("type") == "domain" and found.fields.get("os") != "linux":
        return ""
    if told is not None and "credentials" in told.fields:
        return ""
    return (
        "the server needs an account of its host to uninstall the service, and the inventory names none: "
        "keep the proxy declared with its `credentials` and `state: absent` until it is gone"
    )


def _keep_last_repository(live: Live, findings: Findings) -> None:
    """The server keeps its last repository (facts, 5.2): one of those that would go is blocked."""
    there = [found for found in live.resources.values() if found.kind == "repository"]
    going = [change for change in findings.changes if change.action is Action.DELETE]
    going = [change for change in going if change.address.startswith("repository.")]
    coming = [change for change in findings.changes if change.action is Action.CREATE and change.steps]
    if going and len(going) == len(there) and not any(item.address.startswith("repository.") for item in coming):
        last = max(going, key=lambda change: change.address)
        reason = "it is the last repository, and the server keeps that"
        findings.changes[findings.changes.index(last)] = replace(last, steps=(), blocked=reason)


def _not_ours(gone: Resource) -> Diagnostic:
    return Diagnostic(
        code="not-ours",
        summary="Not created by this inventory",
        detail=f"{gone.name!r} is declared as absent, and the live proxy does not carry the mark of this inventory.",
        fix="Remove it in the console, then take the entry out of the inventory.",
        position=gone.position,
        address=gone.address,
    )
