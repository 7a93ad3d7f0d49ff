"""What a plan leaves undone because the answers of the server miss something that must be there (`Live.gaps`)."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.model.address import kind_of, name_of
from reconciler.model.diagnostic import Diagnostic, Severity
from reconciler.model.live import INCOMPLETE, Gap
from reconciler.model.plan import Action, Change
from reconciler.plan.passes import Inputs, PlanPart

_NEVER = (Action.DELETE, Action.REPLACE, Action.TAKEOVER)


def plan_incomplete(inputs: Inputs, before: PlanPart) -> PlanPart:
    """A problem for each gap, and an obstacle for each of the changes in `before` that one is in the way of."""
    gaps = inputs.live.gaps
    reasons = ((change.key, _reason(change, gaps)) for change in before.changes)
    return PlanPart(
        problems=tuple(_problem(gap) for gap in {gap.detail: gap for gap in reversed(gaps)}.values()),
        obstacles={key: f"the observation is incomplete: {why}" for key, why in reasons if why},
    )


def _reason(change: Change, gaps: Sequence[Gap]) -> str:
    """With a gap nothing is deleted, replaced or taken over, and nothing is created that may be there already."""
    for gap in gaps:
        created = change.action is Action.CREATE and gap.covers(kind_of(change.address), _name(change))
        if change.action in _NEVER or created or change.address == gap.address:
            return gap.detail
    return ""


def _name(change: Change) -> str:
    """The name that an object will have on the server."""
    return next((str(item.after) for item in change.fields if item.path == "name"), name_of(change.address))


def _problem(gap: Gap) -> Diagnostic:
    return Diagnostic(
        code=INCOMPLETE,
        summary="Observation incomplete",
        detail=f"{gap.detail[:1].upper()}{gap.detail[1:]}. Nothing is deleted, replaced or taken over.",
        fix=gap.fix or "Check the server (vbo-reconcile doctor shows its health), then plan again.",
        severity=Severity.WARNING if gap.aside else Severity.ERROR,
        address=gap.address,
    )
