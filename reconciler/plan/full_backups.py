"""The full backups that a plan starts: they take hours and much of the network, so reviewers see how many, and when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from reconciler.model.address import name_of
from reconciler.model.inventory import Policy
from reconciler.model.plan import Plan, Report
from reconciler.model.steps import RunJob
from reconciler.plan.guards.windows import described

CODE: Final = "full-backups"
_NAMED: Final = 5


def with_full_backups(plan: Plan, policy: Policy) -> Plan:
    """`plan` with a report of the full backups among its job runs."""
    runs = [change for change in plan.changes if not change.blocked and any(map(_is_run, change.steps))]
    full = [name_of(change.address) for change in runs if any(_is_first(step) for step in change.steps)]
    if not full:
        return plan
    when = f"in the change windows: {described(policy.windows)}" if policy.windows else "at any time: no change windows"
    detail = f"{_jobs(len(runs))} started, {len(full)} of them with a full backup ({_some(full)}), {when}"
    return replace(plan, reports=(*plan.reports, Report("plan", CODE, detail)))


def _is_run(step: object) -> bool:
    return isinstance(step, RunJob)


def _is_first(step: object) -> bool:
    return isinstance(step, RunJob) and step.first


def _jobs(count: int) -> str:
    return "1 job is" if count == 1 else f"{count} jobs are"


def _some(names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
