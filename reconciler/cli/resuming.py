"""Going on with a run that did not come to its end: what of its plan is still wanted, says the journal."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from reconciler.model.diagnostic import Diagnosed, Diagnostic
from reconciler.operations.request import PlanRequest

if TYPE_CHECKING:
    from reconciler.journal import Journal
    from reconciler.operations.session import Session


def resumed(request: PlanRequest, world: Session, run: str | None) -> PlanRequest:
    """The request as it is where no `run` is named; else for just those changes that the run was to do and did not.

    Those that it had begun may be half done, so of them less may be left than was approved. Its waivers hold on.
    Raises NotInJournal, and Diagnosed for a run that was no apply, or was for another inventory, server or world.
    """
    from reconciler.journal import ChangeState

    if run is None:
        return request
    run = run_id(world.journal, run, operation="apply")
    plan = world.journal.plan(run)
    record = world.journal.run(run)
    if record.operation != "apply":
        raise Diagnosed([_no_apply(run, record.operation)])
    place = (record.inventory, record.server, record.lab)
    if place != (world.inventory.name, world.access.server.host, world.lab is not None):
        raise Diagnosed([_of_another_world(run, *place)])
    left = {change.key: change.state for change in record.changes if change.state is not ChangeState.DONE}
    begun = frozenset(key for key, state in left.items() if state in (ChangeState.IN_FLIGHT, ChangeState.FAILED))
    waivers = {str(item["code"]): str(item["waiver"]) for item in plan.get("refusals", ()) if item.get("waiver")}
    return replace(
        request,
        approved=[change for change in plan["changes"] if change["key"] in left],
        in_progress=begun,
        resumes=run,
        waivers={**waivers, **request.waivers},
        batch=request.batch or str(plan.get("batch", "")),
    )


def run_id(journal: Journal, run: str, operation: str = "") -> str:
    """`last` stands for the latest run, of all operations or of one."""
    latest = journal.runs(1, operation) if run == "last" else []
    return latest[0].id if latest else run


def _no_apply(run: str, operation: str) -> Diagnostic:
    detail = f"Run {run} was a `{operation}`: there is no plan to go on with."
    return Diagnostic("run-foreign", "Not the run of an apply", detail, f"Give that command again: {operation}.")


def _of_another_world(run: str, inventory: str, server: str, lab: bool) -> Diagnostic:
    return Diagnostic(
        code="run-foreign",
        summary="Run of another world",
        detail=f"Run {run} was for the inventory {inventory} on {server}{' in the lab' if lab else ''}.",
        fix="Name that inventory, with --lab where it was rehearsed.",
    )
