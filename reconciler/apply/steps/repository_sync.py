"""The synchronization of a repository with its object storage, which may take hours. The session is followed until the
server shows the repository in sync: no state of a session says that it succeeded."""

from __future__ import annotations

from typing import Any, Final

from reconciler.apply.context import ApplyContext, Reporter
from reconciler.apply.steps.registry import NotBegun, NotFollowed, StepFailed, StillRunning, runs
from reconciler.kinds import KINDS
from reconciler.kinds.states import repository_state, sync_status
from reconciler.model.errors import Conflict, DeadlineExceeded, Missing, Refused, RemoteError
from reconciler.model.state import SyncStatus
from reconciler.model.steps import SyncRepository

_SESSIONS: Final = "RepositorySynchronizeSessions"
_LONGEST: Final = 24 * 3600.0
"""Seconds that a session is followed."""
_PAUSE: Final = 15.0
_LOOKS: Final = 3
"""How often neither a running session nor its result is seen before it counts as failed: the server may be late to list
a session, or to show that the repository is in sync."""


@runs(SyncRepository)
def synchronize(context: ApplyContext, step: SyncRepository, report: Reporter) -> str | None:
    """Start a session, or follow one that runs already."""
    what = "synchronizing the repository"
    try:
        watch = _Watch(context, step, report)
        return str(context.wait(step.name, what, watch, seconds=_LONGEST, longest=_PAUSE, report=report))
    except DeadlineExceeded as error:
        raise NotFollowed(f"not at its end after {_LONGEST / 3600:.0f} h; the next apply follows it") from error


class _Watch:
    """Looks at the repository, and starts a session when none is running: at first, and after an outage."""

    def __init__(self, context: ApplyContext, step: SyncRepository, report: Reporter) -> None:
        self._context, self._step, self._report = context, step, report
        self._path = f"{KINDS['repository'].collection}/{step.id}"
        self._session = ""
        self._may_start = True
        self._began = False
        self._last = ""
        self._idle = 0

    def __call__(self) -> str:
        """The result when there is one, empty before."""
        if self._context.stop.is_set():
            if self._began:
                raise StillRunning(f"the synchronization of {self._step.name} goes on at the server")
            raise NotBegun("the run was interrupted before the synchronization was started")
        try:
            raw = self._context.reader.get(self._path)
            if not repository_state(raw, self._context.reader.rest).is_out_of_sync:
                return "in sync" if self._began else "it is in sync already"
            self._heed(self._found())
        except RemoteError:
            self._session, self._may_start = "", True  # a restart of the server may have ended the session
            raise
        return ""

    def _found(self) -> dict[str, Any]:
        """The session that is followed, empty if the server shows none any more."""
        if not self._session:
            found = self._running() or (self._start() if self._may_start else {})
            self._session = str(found.get("id") or "")
            return found
        try:
            return dict(self._context.reader.get(f"{_SESSIONS}/{self._session}"))
        except Missing:
            return {}

    def _running(self) -> dict[str, Any]:
        for session in self._context.reader.list(_SESSIONS):
            is_own = str(session.get("repositoryId")).lower() == self._step.id.lower()
            if is_own and sync_status(session) is SyncStatus.SYNCHRONIZING:
                return dict(session)
        return {}

    def _start(self) -> dict[str, Any]:
        try:
            found = self._context.writer.act(self._path, "Sync")
        except Conflict:
            found = self._running()  # it was started a moment before
            if not found:
                raise
        except Refused as error:
            raise StepFailed(str(error)) from error
        self._may_start, self._began = False, True
        return found

    def _heed(self, session: dict[str, Any]) -> None:
        """Report news of a running session. Raises StepFailed when none is running any more."""
        status = sync_status(session)
        if status is SyncStatus.FAILED:
            raise StepFailed(f"the synchronization failed: {session.get('error') or 'the server reports no reason'}")
        if status is SyncStatus.SYNCHRONIZING:
            self._idle, self._began, self._may_start = 0, True, False
            shown = session.get("progressPercent")
            news = f"synchronizing: {shown} %" if isinstance(shown, int) else "synchronizing"
            if news != self._last:
                self._last = news
                self._report(news)
            return
        self._idle += 1
        if self._idle >= _LOOKS:
            raise StepFailed("the repository is still out of sync, and no session synchronizes it")
