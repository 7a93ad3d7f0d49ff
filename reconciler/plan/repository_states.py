"""Repositories that are out of date, invalid or out of sync (facts, 5.2 and 14): jobs on them stand still. One that is
out of date is upgraded (`repository_upgrades`), one that is out of sync is synchronized (`repository_sync`) if it can
be; the other states are reported, and are drift."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Final

from reconciler.model.address import name_of
from reconciler.model.inventory import Resource
from reconciler.model.plan import Action, Cause, Change, FieldChange, Plan, Reason, Report, ReportLevel
from reconciler.model.state import RepositoryState
from reconciler.plan.passes import Inputs

OUTDATED: Final = "out of date"
INVALID: Final = "repository-invalid"
OUT_OF_SYNC: Final = "repository-out-of-sync"
STATE: Final = "state"
"""The field that a plan and drift show a state as."""
_READY: Final = "ready"

WORDS: Final[Mapping[str, str]] = {INVALID: "invalid", OUT_OF_SYNC: "out of sync"}
_FIXES: Final[Mapping[str, str]] = {
    INVALID: "Resolve the reason, then rescan the repository in the Veeam console, Backup Repositories.",
    OUT_OF_SYNC: "If it is on object storage, apply synchronizes it once its proxy is online. Otherwise synchronize it "
    "in the Veeam console, Backup Repositories, Synchronize.",
}


def repository_states(inputs: Inputs, synchronized: Collection[str]) -> tuple[Report, ...]:
    """A report of each state of a declared repository that keeps its jobs from running, and that the plan leaves. It
    has the changes that synchronize those at the addresses `synchronized`."""
    reports: list[Report] = []
    for repository in inputs.inventory.of_kind("repository"):
        found = inputs.live.resources.get(repository.address)
        state = found.repository if found is not None else RepositoryState()
        if repository.address in synchronized:
            state = replace(state, is_out_of_sync=False)
        reports += [_report(repository, code, state, inputs) for code in _codes(state)]
    return tuple(reports)


def standing_still(repository: Resource, word: str, inputs: Inputs) -> str:
    """That a repository is `word`, with the jobs that do not run because of it."""
    jobs = sorted(name_of(user) for user in inputs.live_graph.users(repository.address))
    verb = "stand" if len(jobs) > 1 else "stands"
    still = f"{', '.join(jobs)} {verb} still" if jobs else "no job uses it"
    return f"the repository is {word}: {still}"


def words_of(state: RepositoryState) -> str:
    """What a report says of it: `invalid`, `out of sync`, both or nothing."""
    return " and ".join(WORDS[code] for code in _codes(state))


def _codes(state: RepositoryState) -> Iterator[str]:
    flags = {INVALID: state.is_invalid, OUT_OF_SYNC: state.is_out_of_sync}
    return (code for code, flag in flags.items() if flag)


def _report(repository: Resource, code: str, state: RepositoryState, inputs: Inputs) -> Report:
    because = f" ({state.reason})" if code == INVALID and state.reason else ""
    detail = standing_still(repository, f"{WORDS[code]}{because}", inputs)
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
        if report.code not in WORDS:
            continue
        cause = Cause(Reason.DRIFT, report.detail, report.position)
        field = FieldChange(STATE, WORDS[report.code], _READY, cause=cause)
        where = next((item for item in changes if (item.address, item.action) == (report.address, Action.UPDATE)), None)
        if where is None:
            changes.append(Change(report.address, Action.UPDATE, (field,), cause))
        else:
            changes[changes.index(where)] = replace(where, fields=(*where.fields, field))
    return replace(plan, changes=tuple(changes))
