"""Moves (REST v8) of repositories to another owner, and of proxies out of their pool: why one cannot be done.

Product facts: 2.9 and 4.3. Only object storage moves without its data being copied, and both ends have to be reached.
"""

from __future__ import annotations

from dataclasses import replace

from reconciler.kinds.graph import Graph
from reconciler.model.address import Address
from reconciler.model.live import Live
from reconciler.model.plan import Action, Change, FieldChange
from reconciler.plan.drains import in_maintenance
from reconciler.plan.objects import Findings

_BY_POWERSHELL = "on the server, Start-VBORepositoryOwnerChangeSession -IgnoreConnectionTroublesToSourceLocation can"


def plan_moves(live: Live, findings: Findings) -> None:
    """Block the moves that cannot be done."""
    for index, change in enumerate(findings.changes):
        if change.action is not Action.UPDATE or change.blocked:
            continue
        owner = next((item for item in change.fields if item.path == "owner"), None)
        blocked = _cannot_leave(change, live) if owner is None else _cannot_move(change, owner, live)
        if blocked:
            findings.changes[index] = replace(change, steps=(), blocked=blocked)


def _cannot_move(change: Change, owner: FieldChange, live: Live) -> str:
    source, target = owner.before, owner.after
    if live.server.rest < 8:
        return f"REST v{live.server.rest} cannot move a repository to another proxy"
    if not live.resources[Address(change.address)].fields.get("object_storage"):
        return "only repositories on object storage can move to another proxy; this one is on a disk of its proxy"
    if not _answers(source, live):
        return f"{source} is not online, and REST cannot move a repository away from there; {_BY_POWERSHELL}"
    if Address(target) in live.resources and not _answers(target, live):
        return f"{target} is not online"
    return ""


def _cannot_leave(change: Change, live: Live) -> str:
    """A proxy in maintenance can be removed, but it cannot leave its pool."""
    leaving = [name for step in change.steps if step.verb == "pool.members" for name in step.params["leave"]]
    resting = [name for name in leaving if in_maintenance(live.resources.get(Address(f"proxy.{name}")))]
    return f"{', '.join(resting)} cannot leave the pool while in maintenance" if resting else ""


def _answers(owner: str, live: Live) -> bool:
    """Whether a proxy, or one member of a pool, is online."""
    found = live.resources.get(Address(owner))
    if found is None:
        return False
    if found.kind == "proxy":
        return found.raw.get("status") == "Online"
    return any(_answers(member, live) for member in Graph.of(live.resources).uses(owner))
