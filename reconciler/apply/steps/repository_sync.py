"""The synchronization of a repository with its object storage. The server shows the repository in sync at its end: no
state of a session says that it succeeded."""

from __future__ import annotations

from typing import Any, Final

from reconciler.apply.context import ApplyContext, Reporter
from reconciler.apply.steps.registry import StepFailed, runs
from reconciler.apply.steps.repository_sessions import Observed, Work, follow
from reconciler.kinds import KINDS
from reconciler.kinds.states import repository_state, sync_status
from reconciler.model.errors import Conflict, Missing, Refused
from reconciler.model.state import SyncStatus
from reconciler.model.steps import SyncRepository

_SESSIONS: Final = "RepositorySynchronizeSessions"
_WORK: Final = Work("synchronization", "synchronizing", "in sync")
_LOST: Final = "the repository is still out of sync, and no session synchronizes it"


@runs(SyncRepository)
def synchronize(context: ApplyContext, step: SyncRepository, report: Reporter) -> str | None:
    """Start a session, or follow one that is running already."""
    return follow(context, step.name, _WORK, _Session(context, step), report)


class _Session:
    """The session that is followed, once there is one."""

    def __init__(self, context: ApplyContext, step: SyncRepository) -> None:
        self._context, self._step = context, step
        self._path = f"{KINDS['repository'].collection}/{step.id}"
        self._id = ""

    def __call__(self, start: bool) -> Observed:
        if start:
            self._id = ""
        raw = self._context.reader.get(self._path)
        if not repository_state(raw, self._context.reader.rest).is_out_of_sync:
            return Observed(done=True)
        found, started = self._found(start)
        status = sync_status(found)
        if status is SyncStatus.FAILED:
            raise StepFailed(f"the synchronization failed: {found.get('error') or 'the server reports no reason'}")
        shown = found.get("progressPercent")
        news = f"{shown} %" if isinstance(shown, int) else ""
        return Observed(running=status is SyncStatus.SYNCHRONIZING, started=started, news=news, lost=_LOST)

    def _found(self, start: bool) -> tuple[dict[str, Any], bool]:
        """The session, empty if the server does not show it any more, and whether it was started now."""
        if self._id:
            try:
                return dict(self._context.reader.get(f"{_SESSIONS}/{self._id}")), False
            except Missing:
                return {}, False
        found, started = self._running(), False
        if start and not found:
            found, started = self._start(), True
        self._id = str(found.get("id") or "")
        return found, started

    def _running(self) -> dict[str, Any]:
        for session in self._context.reader.list(_SESSIONS):
            is_own = str(session.get("repositoryId")).lower() == self._step.id.lower()
            if is_own and sync_status(session) is SyncStatus.SYNCHRONIZING:
                return dict(session)
        return {}

    def _start(self) -> dict[str, Any]:
        try:
            return dict(self._context.writer.act(self._path, "Sync"))
        except Conflict:
            found = self._running()  # it was started a moment before
            if not found:
                raise
            return found
        except Refused as error:
            raise StepFailed(str(error)) from error
