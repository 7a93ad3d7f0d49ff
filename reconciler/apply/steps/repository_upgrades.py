"""The upgrade of a repository: its session is started by PowerShell and followed to the end, which may take hours. A
restart of the server does not end it: the session is looked for again, and started again if it is gone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from reconciler.apply.context import ApplyContext, Reporter
from reconciler.apply.steps.management import run_script
from reconciler.apply.steps.registry import NotBegun, NotFollowed, StepFailed, StillRunning, runs
from reconciler.kinds import KINDS
from reconciler.kinds.states import repository_state
from reconciler.model.errors import DeadlineExceeded, RemoteError, ScriptFailed, Unavailable
from reconciler.model.steps import UpgradeRepository
from reconciler.plan.repository_upgrades import BY_HAND

_SCRIPT: Final = "server/upgrade-repository.ps1"
_LONGEST: Final = 24 * 3600.0
"""Seconds that an upgrade is followed: repositories of many terabytes take hours."""
_PAUSE: Final = 15.0
"""Seconds between two looks at most: each loads the module of the product."""
_LOOKS: Final = 3
"""How often neither a session nor its result is seen before the upgrade counts as failed: the server may be late to
list a session, or to show that the repository is up to date."""


@runs(UpgradeRepository)
def upgrade_repository(context: ApplyContext, step: UpgradeRepository, report: Reporter) -> str | None:
    """Start an upgrade, or follow one that an earlier run or the server itself started. Without PowerShell the server
    is waited for: from 8.5 on it upgrades repositories itself, after their proxies."""
    alone = context.access.server.powershell is None
    watch = _waiting(context, step) if alone else _Watch(context, step, report)
    seconds = context.access.server.deadlines.long if alone else _LONGEST
    what = "upgrading the repository"
    try:
        return str(context.wait(step.name, what, watch, seconds=seconds, longest=_PAUSE, report=report))
    except DeadlineExceeded as error:
        if alone:
            raise StepFailed(f"the server did not upgrade it itself within {seconds:.0f} s; {BY_HAND}") from error
        raise NotFollowed(f"not at its end after {seconds / 3600:.0f} h; the next apply follows it") from error


def _waiting(context: ApplyContext, step: UpgradeRepository) -> Callable[[], str]:
    def look() -> str:
        if context.stop.is_set():
            raise NotBegun("the run was interrupted before the server upgraded it")
        raw = context.reader.get(f"{KINDS['repository'].collection}/{step.id}")
        return "" if repository_state(raw, context.reader.rest).is_outdated else "upgraded by the server itself"

    return look


class _Watch:
    """Looks at the repository, and starts its upgrade when none is running: at first, and after an outage."""

    def __init__(self, context: ApplyContext, step: UpgradeRepository, report: Reporter) -> None:
        self._context, self._step, self._report = context, step, report
        self._may_start = True
        self._began = False
        self._last = ""
        self._idle = 0

    def __call__(self) -> str:
        """The result when there is one, empty before."""
        if self._context.stop.is_set():
            if self._began:
                raise StillRunning(f"the upgrade of {self._step.name} goes on at the server")
            raise NotBegun("the run was interrupted before the upgrade was started")
        try:
            found = self._found()
        except RemoteError:
            self._may_start = True  # a restart of the server may have ended the session
            raise
        if found.get("outdated") is False:
            return "up to date" if self._began else "it is up to date already"
        self._may_start = False
        self._began = self._began or found.get("active") is True or found.get("started") is True
        self._heed(found)
        return ""

    def _found(self) -> Mapping[str, Any]:
        """What the script finds. The server may have started the upgrade itself a moment before, and refuse another."""
        try:
            return self._ask()
        except ScriptFailed:
            if not self._may_start:
                raise
            self._may_start = False
            found = self._ask()
            if found.get("active") is True or found.get("outdated") is False:
                return found
            raise

    def _ask(self) -> Mapping[str, Any]:
        found = run_script(self._context, _SCRIPT, {"id": self._step.id, "start": self._may_start})
        if "away" in found:
            host = self._context.access.server.host
            raise Unavailable(host, f"running {_SCRIPT}", f"the service of the server does not answer: {found['away']}")
        return found

    def _heed(self, found: Mapping[str, Any]) -> None:
        """Report news of a running session. Raises StepFailed when none is running any more."""
        status = str(found.get("session") or "")
        if found.get("active") is True:
            self._idle = 0
            if status != self._last:
                self._last = status
                self._report(f"upgrading: {status}" if status else "upgrading")
            return
        self._idle += 1
        if self._idle >= _LOOKS:
            says = f"its session ended as {status}" if status else "its session is gone"
            raise StepFailed(f"the repository is still out of date: {says}; see the Veeam console, Backup Repositories")
