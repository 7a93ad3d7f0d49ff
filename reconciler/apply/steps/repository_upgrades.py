"""The upgrade of a repository: PowerShell starts its session and shows its progress."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from reconciler.apply.context import ApplyContext, Reporter
from reconciler.apply.steps.management import run_script
from reconciler.apply.steps.registry import NotBegun, StepFailed, runs
from reconciler.apply.steps.repository_sessions import PAUSE, Observed, Work, follow
from reconciler.kinds import KINDS
from reconciler.kinds.states import repository_state
from reconciler.model.errors import DeadlineExceeded, ScriptFailed, Unavailable
from reconciler.model.steps import UpgradeRepository
from reconciler.plan.repository_upgrades import BY_HAND

_SCRIPT: Final = "server/upgrade-repository.ps1"
_WORK: Final = Work("upgrade", "upgrading", "up to date")


@runs(UpgradeRepository)
def upgrade_repository(context: ApplyContext, step: UpgradeRepository, report: Reporter) -> str | None:
    """Start an upgrade, or follow one that an earlier run or the server itself started. Without PowerShell the server
    is waited for: from 8.5 on it upgrades repositories itself, after their proxies."""
    if context.access.server.powershell is not None:
        return follow(context, step.name, _WORK, lambda start: _observed(context, step, start), report)
    seconds, what = context.access.server.deadlines.long, "upgrading the repository"
    watch = _waiting(context, step)
    try:
        return str(context.wait(step.name, what, watch, seconds=seconds, longest=PAUSE, report=report))
    except DeadlineExceeded as error:
        raise StepFailed(f"the server did not upgrade it itself within {seconds:.0f} s; {BY_HAND}") from error


def _waiting(context: ApplyContext, step: UpgradeRepository) -> Callable[[], str]:
    def look() -> str:
        if context.stop.is_set():
            raise NotBegun("the run was interrupted before the server upgraded it")
        raw = context.reader.get(f"{KINDS['repository'].collection}/{step.id}")
        return "" if repository_state(raw, context.reader.rest).is_outdated else "upgraded by the server itself"

    return look


def _observed(context: ApplyContext, step: UpgradeRepository, start: bool) -> Observed:
    found = _found(context, step, start)
    status = str(found.get("session") or "")
    says = f"its session ended as {status}" if status else "its session is gone"
    return Observed(
        done=found.get("outdated") is False,
        running=found.get("active") is True,
        started=found.get("started") is True,
        news=status,
        lost=f"the repository is still out of date: {says}; see the Veeam console, Backup Repositories",
    )


def _found(context: ApplyContext, step: UpgradeRepository, start: bool) -> Mapping[str, Any]:
    """What the script finds. The server may have started the upgrade itself a moment before, and refuse another."""
    try:
        return _ask(context, step, start)
    except ScriptFailed:
        if not start:
            raise
        found = _ask(context, step, False)
        if found.get("active") is True or found.get("outdated") is False:
            return found
        raise


def _ask(context: ApplyContext, step: UpgradeRepository, start: bool) -> Mapping[str, Any]:
    found = run_script(context, _SCRIPT, {"id": step.id, "start": start})
    if "away" in found:
        host = context.access.server.host
        raise Unavailable(host, f"running {_SCRIPT}", f"the service of the server does not answer: {found['away']}")
    return found
