"""Repositories that are out of date, invalid or out of sync (facts, 5.2 and 14): jobs on them stand still, and the
repository cannot be edited while it is out of date. Nothing here changes that; it is reported, and is drift."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from reconciler.model.address import name_of
from reconciler.model.inventory import Resource
from reconciler.model.plan import Action, Cause, Change, FieldChange, Plan, Reason, Report, ReportLevel
from reconciler.model.state import RepositoryState
from reconciler.plan.passes import Inputs, PlanPart

OUTDATED: Final = "repository-out-of-date"
INVALID: Final = "repository-invalid"
OUT_OF_SYNC: Final = "repository-out-of-sync"
STATE: Final = "state"
"""The field that drift shows a state as."""
_READY: Final = "ready"

_WORDS: Final[Mapping[str, str]] = {OUTDATED: "out of date", INVALID: "invalid", OUT_OF_SYNC: "out of sync"}
_FIXES: Final[Mapping[str, str]] = {
    OUTDATED: (
        "Upgrade it: in the Veeam console, Backup Repositories, Upgrade; or on the server, "
        "Start-VBORepositoryUpgradeSession."
    ),
    INVALID: "Resolve the reason, then rescan the repository in the Veeam console, Backup Repositories.",
    OUT_OF_SYNC: "Synchronize it: in the Veeam console, Backup Repositories, Synchronize.",
}


def repository_states(inputs: Inputs) -> PlanPart:
    """A report of each state of a declared repository that keeps its jobs from running."""
    reports: list[Report] = []
    for repository in inputs.inventory.of_kind("repository"):
        found = inputs.live.resources.get(repository.address)
        if found is not None:
            jobs = sorted(name_of(user) for user in inputs.live_graph.users(repository.address))
            reports += [_report(repository, code, found.repository, jobs) for code in _codes(found.repository)]
    return PlanPart(reports=tuple(reports))


def _codes(state: RepositoryState) -> Iterator[str]:
    flags = {OUTDATED: state.is_outdated, INVALID: state.is_invalid, OUT_OF_SYNC: state.is_out_of_sync}
    return (code for code, flag in flags.items() if flag)


def _report(repository: Resource, code: str, state: RepositoryState, jobs: Sequence[str]) -> Report:
    because = f" ({state.reason})" if code == INVALID and state.reason else ""
    verb = "stand" if len(jobs) > 1 else "stands"
    still = f"{', '.join(jobs)} {verb} still" if jobs else "no job uses it"
    detail = f"the repository is {_WORDS[code]}{because}: {still}"
    return Report(repository.address, code, detail, repository.position, ReportLevel.WARNING, _FIXES[code])


def why_not_edited(state: RepositoryState) -> str:
    """Why the server refuses any change of a repository."""
    if not state.is_outdated:
        return ""
    return "the repository is out of date, and the server rejects changes to it until it is upgraded"


def with_states(plan: Plan) -> Plan:
    """`plan` with each reported state as a field that differs, which makes it drift."""
    changes = list(plan.changes)
    for report in plan.reports:
        if report.code not in _WORDS:
            continue
        cause = Cause(Reason.DRIFT, report.detail, report.position)
        field = FieldChange(STATE, _WORDS[report.code], _READY, cause=cause)
        where = next((item for item in changes if (item.address, item.action) == (report.address, Action.UPDATE)), None)
        if where is None:
            changes.append(Change(report.address, Action.UPDATE, (field,), cause))
        else:
            changes[changes.index(where)] = replace(where, fields=(*where.fields, field))
    return replace(plan, changes=tuple(changes))
