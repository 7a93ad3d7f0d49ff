"""Starts jobs and copy jobs, and follows them to their results."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from reconciler.apply.context import ApplyContext, Reporter
from reconciler.apply.steps.job_sessions import follow, follow_state, last_run, newest, result
from reconciler.apply.steps.registry import NotBegun, NotFollowed, NotStarted, StepFailed, runs
from reconciler.kinds.states import job_state, session_status
from reconciler.model.errors import (
    BadAnswer,
    ConnectionLost,
    DeadlineExceeded,
    Refused,
    RemoteError,
    Unavailable,
    Unreachable,
)
from reconciler.model.state import JobState
from reconciler.model.steps import RunJob

_LOOK_SECONDS: Final = 10.0
"""Seconds in which a session appears whose start was not answered."""


@runs(RunJob)
def run_job(context: ApplyContext, step: RunJob, report: Reporter) -> str | None:
    """Start a job, follow its session, and return its result. A failed or stopped session fails the step; one that was
    cut off by an outage, or ended while no run followed it, is started once more.

    With `follow` the session is there already: an apply that was killed has started it. Raises StillRunning where the
    run is interrupted: a job may take hours, and the next apply follows it to its result. Raises NotBegun where it is
    interrupted before the start, NotStarted if the job could not be started, NotFollowed if it has no result.
    """
    start = _Start(context, step, report)
    if step.kind == "copy_job":
        return _run_copy_job(context, step, start, report)
    ident = context.naming.id_of("job", step.name)
    found = context.patiently(lambda: newest(context, step.name), report).get("id") if step.follow else None
    if found:
        report("an earlier run started it")
    started = _Started(str(found), "", None) if found else start()
    end = follow(context, step.name, started.session, report, job=ident, outages=started.outages)
    status = session_status(end.raw)
    if end.cut_off and not status.is_good:
        report(f"its session was cut off ({status.lower()}), so it is started again")
        started = start()
        end = follow(context, step.name, started.session, report, job=ident, outages=started.outages)
    return result(context, end.raw)


def _run_copy_job(context: ApplyContext, step: RunJob, start: _Start, report: Reporter) -> str:
    """The same for a copy job. Only v8 returns the session that was started, and up to v7 no session names its copy
    job, so its state is followed there: it has another last run, and no running session."""
    before = None
    if step.follow:
        report("an earlier run started it")
    else:
        started = start()
        if started.session:
            return result(context, follow(context, step.name, started.session, report, outages=started.outages).raw)
        before = started.before
    ended = follow_state(context, step.name, start.path, before, report)
    if not ended.is_good:
        raise StepFailed(f"the copy job ended as {ended}: see its session in the console")
    return str(ended)


@dataclass(frozen=True, slots=True)
class _Started:
    """The new session, empty if the server does not name it, and the last run before it. `outages` is the number of
    outages before the start was sent, None if an earlier run sent it."""

    session: str
    before: str
    outages: int | None


@dataclass(frozen=True, slots=True)
class _Lost:
    """A start without a response: why, and what the newest session, the last run and the number of outages were."""

    error: RemoteError
    known: str
    before: str
    outages: int


class _Start:
    """Starts a job or a copy job."""

    def __init__(self, context: ApplyContext, step: RunJob, report: Reporter) -> None:
        self._context, self._name, self._report = context, step.name, report
        self.path = context.path_of(step.kind, step.name)
        self._lists_sessions = step.kind == "job"
        self._waits = False
        self._lost: _Lost | None = None

    def __call__(self) -> _Started:
        seconds = self._context.access.server.deadlines.long
        try:
            done: _Started = self._context.wait(
                self._name, "starting it", self._poll, seconds=seconds, report=self._report
            )
        except RemoteError as error:
            late = self._waits and isinstance(error, DeadlineExceeded)
            why = f"another session of the job was running for {seconds:.0f} s" if late else str(error)
            raise NotStarted(f"{why}; the next apply starts it") from error
        return done

    def _poll(self) -> _Started | None:
        """A job runs one session at a time, so a running one is waited for; but not that of a start whose response was
        lost, which an outage may have kept from being found."""
        if self._lost is not None:
            return self._unanswered(self._lost)
        state = self._state()
        if state.last.is_active:
            if self._context.stop.is_set():
                raise NotBegun("the run was interrupted while another session of the job was running")
            if not self._waits:
                self._report("waiting for a running session of the job")
            self._waits = True
            return None
        if self._context.stop.is_set() and self._waits:
            raise NotBegun("the run was interrupted before the job was started")
        known, before, outages = self._known(), state.last_run or "", self._context.reader.outages
        try:
            started = self._context.writer.act(self.path, "start", {"full": False})
        except Unreachable:
            raise  # nothing was sent: wait for the server
        except Refused as error:
            if self._ran_since(before):
                return None  # its schedule was quicker
            raise NotStarted(f"{error}; the next apply starts it") from error
        except (BadAnswer, ConnectionLost, DeadlineExceeded, Unavailable) as error:
            self._lost = _Lost(error, known, before, outages)
            return self._unanswered(self._lost)
        return _Started(str(started.get("id") or self._accepted(known, before)), before, outages)

    def _accepted(self, known: str, before: str) -> str:
        """The session of a start that was answered without one (REST up to v7)."""
        if not self._lists_sessions:
            return ""
        seconds = self._context.access.server.deadlines.call
        try:
            return self._appeared(known, before, seconds)
        except DeadlineExceeded as error:
            text = f"it was started, and its session did not appear within {seconds:.0f} s"
            raise NotFollowed(f"{text}; the next apply looks for it") from error

    def _unanswered(self, lost: _Lost) -> _Started:
        """The session of a start whose response was lost. Without one the error is raised, or the job is started again
        if the server only asked to come back later."""
        try:
            found = self._appeared(lost.known, lost.before, _LOOK_SECONDS)
        except DeadlineExceeded:
            self._lost = None
            if isinstance(lost.error, Unavailable):
                raise lost.error from None
            raise NotStarted(f"{lost.error}; the next apply starts it") from lost.error
        except RemoteError as unread:
            raise lost.error from unread
        self._lost = None
        self._report("the response was lost, but it was started")
        return _Started(found, lost.before, lost.outages)

    def _state(self) -> JobState:
        return job_state(self._context.reader.get(self.path), self._context.reader.rest)

    def _ran_since(self, before: str) -> bool:
        """Whether a session runs, or began and ended after the last run `before`."""
        state = self._state()
        return state.last.is_active or (state.last_run or "") != before

    def _known(self) -> str:
        """The id of the newest session before the start. v8 answers with the session, so that only the last run is
        needed if that answer is lost."""
        asks = self._lists_sessions and self._context.reader.rest < 8
        return str(newest(self._context, self._name).get("id", "")) if asks else ""

    def _appeared(self, known: str, before: str, seconds: float) -> str:
        """The id of the first session that did not exist before, empty for a copy job. Raises DeadlineExceeded."""

        def poll() -> tuple[str] | None:
            if self._lists_sessions and self._context.reader.rest < 8:
                found = str(newest(self._context, self._name).get("id", ""))
                return (found,) if found != known else None
            if last_run(self._context, self.path) == before:
                return None
            return (str(newest(self._context, self._name).get("id", "")) if self._lists_sessions else "",)

        what = "waiting for the session to appear"
        appeared: tuple[str] = self._context.wait(self._name, what, poll, seconds=seconds, report=self._report)
        return appeared[0]
