"""The plan of what REST shows: hosts are not asked, and what they would say is not compared."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from reconciler.kinds import KINDS, Mode
from reconciler.model.plan import Action
from reconciler.plan.repository_states import STATE

if TYPE_CHECKING:
    from reconciler.model.connection import Access
    from reconciler.model.inventory import Inventory, Resource
    from reconciler.model.plan import Change
    from reconciler.operations.request import PlanRequest
    from reconciler.operations.session import PlanResult, Session


def plan_of_server(session: Session, inventory: Inventory, request: PlanRequest | None = None) -> PlanResult:
    """The plan of an inventory against the server of a session. It cannot be approved."""
    lab, access = session.lab, _of_server(inventory.access)
    resources = {where: item for where, item in inventory.resources.items() if is_of_rest(item)}
    planned = replace(
        session,
        inventory=replace(inventory, resources=resources),
        access=lab.redirect(access) if lab else access,
    )
    return planned.plan(request, kept=False)


def is_of_rest(item: Resource) -> bool:
    """The certificate of the server is read over WinRM."""
    return item.kind != "certificate"


def is_of_secrets(change: Change) -> bool:
    """Whether a change sends secrets only, which no server shows."""
    return bool(change.fields) and all(is_hidden(change, item.path) for item in change.fields)


def is_of_state(change: Change) -> bool:
    """Whether a change mends a state only, which no inventory declares: what is out of date or out of sync."""
    return change.action is Action.UPGRADE or (
        bool(change.fields) and all(item.path == STATE for item in change.fields)
    )


def is_hidden(change: Change, path: str) -> bool:
    """Whether no server shows this field."""
    return path != STATE and KINDS[change.address.partition(".")[0]].field(path).mode is Mode.WRITE_ONLY


def _of_server(access: Access) -> Access:
    return replace(access, connections={}, server=replace(access.server, powershell=None))
