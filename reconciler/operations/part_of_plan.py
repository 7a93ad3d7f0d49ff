"""The plan of a part of an inventory, for commands that change nothing: what takes a request for each object is read of
the selected objects only."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from reconciler.model.plan import Action

if TYPE_CHECKING:
    from reconciler.operations.request import PlanRequest
    from reconciler.operations.session import PlanResult, Session

_NEEDS_NONE: Final = (Action.RUN, Action.DELETE)


def plan_of_part(session: Session, request: PlanRequest) -> PlanResult:
    """The plan of what is selected. The items of other jobs are not read (v8: a request for each job), unless a
    selected change depends on a change of one of them; a difference of items alone is not among what was left out."""
    from reconciler.observe.items import without_items
    from reconciler.plan.selection import outside

    chosen, whole = request.selection, session.inventory
    is_outside = outside(chosen.targets, chosen.excludes, whole.groups)
    unread = {job.address for job in whole.of_kind("job") if is_outside(job.address)}
    if not unread:
        return session.plan(request)
    part = replace(session, inventory=without_items(whole, lambda where: where not in unread))
    found = part.plan(request)
    if all(change.address not in unread or change.action in _NEEDS_NONE for change in found.plan.changes):
        return found
    return session.plan(request)
