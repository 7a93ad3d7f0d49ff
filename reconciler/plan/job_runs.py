"""Job runs: a job downstream of changes is started once and followed to its result."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.model.inventory import Resource
from reconciler.model.live import Live
from reconciler.model.plan import Action, Cause, Change, Reason
from reconciler.model.recall import Recall
from reconciler.model.steps import RunJob
from reconciler.model.value import digest
from reconciler.plan.maintenance import only_restores
from reconciler.plan.part import PlanPart
from reconciler.plan.passes import Inputs

PENDING = "(run)"
"""Recorded with a job from before its start until it has a result: the next apply resumes what was interrupted."""


def begun_after(last_run: object) -> str:
    """What is recorded under PENDING right before a job is started: its last run, as the server reports it. If it has
    another last run afterwards, the job was started although the response was lost."""
    return f"begun after {last_run or 'no run'}"


def plan_job_runs(inputs: Inputs, before: PlanPart) -> PlanPart:
    """A run for each job whose policy asks for one; `before` are the changes of all declared objects. Clearing
    maintenance mode alone changes nothing that a job works through."""
    inventory, live, recall, graph = inputs.inventory, inputs.live, inputs.recall, inputs.declared_graph
    done = (change for change in before.changes if change.action is not Action.DELETE and not only_restores(change))
    changed = {change.address for change in done}
    runs = []
    for job in inventory.of_kind("job"):
        moved = [part for part in graph.chain(job.address) if part in changed]
        why = "" if _is_disabled(job, live) else _why(job, moved, recall)
        follow = why != "" and not moved and _was_started(job, live, recall)
        if why:
            why = "the last apply started it, and was interrupted before it had a result" if follow else why
            cause = Cause(Reason.CHAIN, why, job.positions.get("run", job.position))
            step = RunJob(name=job.name, follow=follow)
            runs.append(Change(job.address, Action.RUN, (), cause, (step,), precondition=digest(None)))
    return PlanPart(tuple(runs))


def _is_disabled(job: Resource, live: Live) -> bool:
    """Whether a job is to be disabled, or is and may stay so: then no change of its path starts it."""
    found = live.resources.get(job.address)
    state = job.fields.get("enabled", found.fields.get("enabled") if found else None)
    return state is False and job.fields.get("run") != "always"


def _why(job: Resource, moved: Sequence[str], recall: Recall) -> str:
    policy = job.fields.get("run", "on-change")
    if policy == "never":
        return ""
    if policy == "always":
        return "started by every apply (run: always)"
    if moved:
        return f"downstream of changes to {', '.join(moved)}"
    if PENDING in recall.applied.get(job.address, {}):
        return "the last apply was interrupted before this job had a result"
    return ""


def _was_started(job: Resource, live: Live, recall: Recall) -> bool:
    """Whether an interrupted apply started it, so that its session can be followed."""
    mark = recall.applied.get(job.address, {}).get(PENDING, "")
    found = live.resources.get(job.address)
    if found is None or mark in ("", "pending"):
        return False
    return mark != begun_after(found.job.last_run)
