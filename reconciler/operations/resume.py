"""Resuming a run that did not finish: the journal knows which of its changes are left."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from reconciler.model.diagnostic import Diagnosed, Diagnostic
from reconciler.model.step import Step
from reconciler.model.steps import VerifyInterrupted
from reconciler.operations.request import PlanRequest, adopts

if TYPE_CHECKING:
    from reconciler.journal import FirstRead, Journal
    from reconciler.operations.session import Session


def resumed(request: PlanRequest, session: Session, run: str) -> PlanRequest:
    """The request for those changes of `run` that are not done. Its waivers hold, and its sizes of batches.

    Changes that were in progress may be done in part, so less of them may be left than was approved. Raises
    NotInJournal, and Diagnosed for a run that was no apply, or of another inventory, server or lab.
    """
    from reconciler.journal import ChangeState

    run = find_run(session.journal, run, operation="apply")
    plan = session.journal.plan(run)
    record = session.journal.run(run)
    if record.operation != "apply":
        raise Diagnosed([_no_apply(run, record.operation)])
    place = (record.inventory, record.server, record.lab)
    if place != (session.inventory.name, session.access.server.host, session.lab is not None):
        raise Diagnosed([_other_place(run, *place)])
    left = {change.key: change.state for change in record.changes if change.state is not ChangeState.DONE}
    begun = frozenset(key for key, state in left.items() if state in (ChangeState.IN_FLIGHT, ChangeState.FAILED))
    approved = [change for change in plan["changes"] if change["key"] in left]
    waivers = {str(item["code"]): str(item["waiver"]) for item in plan.get("refusals", ()) if item.get("waiver")}
    return replace(
        request,
        approved=approved,
        in_progress=begun,
        resumes=run,
        unverified=unverified(approved, session.journal.first_reads(run)),
        waivers={**waivers, **request.waivers},
        batch=request.batch or str(plan.get("batch", "")),
        adopt=adopts(plan["changes"]),
    )


def unverified(changes: Iterable[Mapping[str, Any]], reads: Iterable[FirstRead]) -> dict[str, list[Step]]:
    """The steps, by the key of their change, that verify what a run sent and did not read back. That run may have been
    resumed from another, and have the same steps."""
    found: dict[str, list[Step]] = {}
    for change in changes:
        sent = [step["params"]["of"] if step["verb"] == VerifyInterrupted.verb else step for step in change["steps"]]
        for read in reads:
            if read.step in sent:
                found.setdefault(change["key"], []).append(VerifyInterrupted(read=read.key, of=read.step))
    return found


def find_run(journal: Journal, run: str, operation: str = "", inventory: str = "") -> str:
    """The id of a run. `last` stands for the latest, of all operations and inventories or of one."""
    latest = journal.runs(1, operation, inventory) if run == "last" else []
    return latest[0].id if latest else run


def _no_apply(run: str, operation: str) -> Diagnostic:
    detail = f"Run {run} was a `{operation}`: it has no plan to resume."
    return Diagnostic("run-foreign", "Not the run of an apply", detail, f"Repeat that command: {operation}.")


def _other_place(run: str, inventory: str, server: str, lab: bool) -> Diagnostic:
    return Diagnostic(
        code="run-foreign",
        summary="Run of another inventory or server",
        detail=f"Run {run} was for the inventory {inventory} on {server}{' in the lab' if lab else ''}.",
        fix="Give that inventory, with --lab if it was applied in the lab.",
    )
