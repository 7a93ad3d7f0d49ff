"""Why a repository cannot be created, changed, moved to another owner, or replaced.

Product facts: 2.9, 4.3 and 5.2. Only object storage moves without its data being copied, and both owners must be
reachable. The data stays where it is when a repository is deleted.
"""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.kinds.storage_settings import PLACE, PREFIX, is_on_object_storage
from reconciler.model.address import Address
from reconciler.model.inventory import Resource
from reconciler.model.live import Live, LiveResource
from reconciler.model.plan import FieldChange
from reconciler.plan.object_storage import why_not_changed
from reconciler.plan.passes import Inputs

LAST = "it is the last repository, which the server does not delete"

_BY_POWERSHELL = "on the server, Start-VBORepositoryOwnerChangeSession -IgnoreConnectionTroublesToSourceLocation can"


def why_not_moved(found: LiveResource, changes: Sequence[FieldChange], inputs: Inputs) -> str:
    owner = next((item for item in changes if item.path == "owner"), None)
    if owner is None:
        return ""
    source, target, live = owner.before, owner.after, inputs.live
    if live.server.rest < 8:
        return f"REST v{live.server.rest} cannot move a repository to another proxy"
    if not is_on_object_storage(found.fields):
        return "only repositories on object storage can move to another proxy; this one is on a disk of its proxy"
    if not is_reachable(source, inputs):
        return f"{source} is not online, and REST cannot move a repository from there; {_BY_POWERSHELL}"
    if Address(target) in live.resources and not is_reachable(target, inputs):
        return f"{target} is not online"
    return ""


def why_not_updated(declared: Resource, found: LiveResource, changes: Sequence[FieldChange], inputs: Inputs) -> str:
    return why_not_moved(found, changes, inputs) or why_not_changed(declared, found, changes, inputs)


def why_not_replaced(create_only: Sequence[str], live: Live) -> str:
    if not {"path", f"{PREFIX}name", *PLACE} & set(create_only):
        return (
            f"{', '.join(sorted(create_only))} cannot be changed after creation, and the product does not document "
            "whether it accepts a location with backups of the other kind; declare a new repository elsewhere"
        )
    if sum(item.kind == "repository" for item in live.resources.values()) == 1:
        return LAST
    return ""


def is_reachable(owner: str, inputs: Inputs) -> bool:
    """Whether a proxy, or one member of a pool, is online."""
    found = inputs.live.resources.get(Address(owner))
    if found is None:
        return False
    if found.kind == "proxy":
        return found.proxy.is_online
    return any(is_reachable(member, inputs) for member in inputs.live_graph.uses(owner))
