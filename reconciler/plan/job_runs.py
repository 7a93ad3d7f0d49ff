"""Job runs: a job downstream of changes is started once and followed to its result."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Final

from reconciler.kinds import KINDS
from reconciler.kinds.graph import Graph
from reconciler.model.address import address, kind_of
from reconciler.model.inventory import Inventory, Resource
from reconciler.model.live import Live
from reconciler.model.plan import Action, Cause, Change, Plan, Reason
from reconciler.model.recall import Recall
from reconciler.model.steps import RunJob
from reconciler.model.value import digest
from reconciler.plan.passes import Inputs, PlanPart
from reconciler.plan.repository_states import words_of
from reconciler.plan.repository_sync import synchronized_by
from reconciler.plan.selection import NO_RUN

PENDING = "(run)"
"""Recorded with a job from before its start until it has a result: the next apply resumes what was interrupted."""

LEFT_OUT: Final = "left out"
"""What is recorded under PENDING of a job that is downstream of what an apply changes, but not selected itself."""


_NEW_WAYS: Final = (Action.CREATE, Action.REPLACE, Action.TAKEOVER, Action.UPGRADE)
"""Actions after which data takes another way, whatever their fields."""


def begun_after(last_run: object) -> str:
    """What is recorded under PENDING right before a job is started: its last run, as the server reports it. If it has
    another last run afterwards, the job was started although the response was lost."""
    return f"begun after {last_run or 'no run'}"


def plan_job_runs(inputs: Inputs, before: PlanPart) -> PlanPart:
    """A run for each job whose policy asks for one; `before` are the changes of all declared objects."""
    inventory, live, recall, graph = inputs.inventory, inputs.live, inputs.recall, inputs.declared_graph
    reasons: dict[str, list[Change]] = defaultdict(list)
    for change in before.changes:
        if starts_jobs(change):
            reasons[change.address].append(change)
    runs, synchronized = [], synchronized_by(before.changes)
    for job in (*inventory.of_kind("job"), *inventory.of_kind("copy_job")):
        moved = [part for part in graph.chain(job.address) if part in reasons]
        why = "" if _is_disabled(job, live) else _why(job, moved, reasons.get(job.address, ()), recall)
        follow = why != "" and not moved and _was_started(job, live, recall)
        if why:
            why = "the last apply started it, and was interrupted before it had a result" if follow else why
            full = not follow and job.kind == "job" and _is_first(job, reasons)
            why += _expected(job, inputs, synchronized)
            cause = Cause(Reason.CHAIN, why, job.positions.get("run", job.position))
            step = RunJob(kind=job.kind, name=job.name, follow=follow, first=full)
            runs.append(Change(job.address, Action.RUN, (), cause, (step,), precondition=digest(None)))
    return PlanPart(tuple(runs))


def starts_jobs(change: Change) -> bool:
    """Whether the jobs that work through the object of `change` are started: it alters where data goes or who moves
    it."""
    if change.action is not Action.UPDATE:
        return change.action in _NEW_WAYS
    kind = KINDS.get(kind_of(change.address))
    starting = {field.name for field in kind.fields if field.starts_jobs} if kind is not None else set()
    return any(item.path in starting for item in change.fields)


def runs_left_out(plan: Plan, inventory: Inventory) -> list[str]:
    """The jobs that work through what `plan` changes, whose starts are needed and will not happen: they are blocked,
    not selected, or were not approved. None with --no-run, which leaves jobs to their schedules."""
    if any(report.code == NO_RUN for report in plan.reports):
        return []
    changed = {change.address for change in plan.changes if not change.blocked and starts_jobs(change)}
    graph = Graph.of(inventory.resources)
    left = {key.address for key in (*plan.not_selected, *plan.not_approved) if key.action == Action.RUN}
    left |= {change.address for change in plan.changes if change.action is Action.RUN and change.blocked}
    return [where for where in sorted(left) if changed.intersection((where, *graph.chain(where)))]


def _is_first(job: Resource, reasons: Mapping[str, Sequence[Change]]) -> bool:
    """Whether the repository of the job holds no backup of it: then the session is a full backup."""
    store = reasons.get(address("repository", str(job.fields.get("repository"))), ())
    moves = any(item.path == "repository" for own in reasons.get(job.address, ()) for item in own.fields)
    return moves or any(change.action in (Action.CREATE, Action.REPLACE) for change in store)


def _is_disabled(job: Resource, live: Live) -> bool:
    """Whether a job is to be disabled, or is and may stay so: then no change of its path starts it."""
    found = live.resources.get(job.address)
    state = job.fields.get("enabled", found.fields.get("enabled") if found else None)
    return state is False and job.fields.get("run") != "always"


def _why(job: Resource, moved: Sequence[str], own: Sequence[Change], recall: Recall) -> str:
    policy = job.fields.get("run", "on-change")
    if policy == "never":
        return ""
    if policy == "always":
        return "started by every apply (run: always)"
    if any(change.action is Action.CREATE for change in own):
        return "the job is new (not on the server)"
    if moved:
        return f"downstream of changes to {', '.join(moved)}"
    mark = recall.applied.get(job.address, {}).get(PENDING)
    if mark == LEFT_OUT:
        return "an earlier apply changed what it works through, and it was not selected"
    if mark is not None:
        return "an earlier apply was to start it, and has no result of it"
    return ""


def _expected(job: Resource, inputs: Inputs, synchronized: Collection[str]) -> str:
    """That the session is expected to fail, if its repository is in a state that keeps its jobs from running."""
    for where in inputs.declared_graph.chain(job.address):
        found = inputs.live.resources.get(where)
        if found is None or found.kind != "repository":
            continue
        state = replace(found.repository, is_out_of_sync=False) if where in synchronized else found.repository
        if words := words_of(state):
            return f"; {where} is {words}, so its session is expected to fail until that is mended"
    return ""


def _was_started(job: Resource, live: Live, recall: Recall) -> bool:
    """Whether an interrupted apply started it, so that its session can be followed."""
    mark = recall.applied.get(job.address, {}).get(PENDING, "")
    found = live.resources.get(job.address)
    if found is None or mark in ("", "pending", LEFT_OUT):
        return False
    return mark != begun_after(found.job.last_run)
