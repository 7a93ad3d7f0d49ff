"""Starts a job and follows it to its result."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.apply.context import ApplyContext, Reporter
from reconciler.apply.steps.registry import NotBegun, StepFailed, StillRunning, runs
from reconciler.kinds.states import job_state, session_status
from reconciler.model.state import JobState
from reconciler.model.steps import RunJob


@runs(RunJob)
def run_job(context: ApplyContext, step: RunJob, report: Reporter) -> str | None:
    """Start a job, follow its session, and return its result. A failed or stopped session fails the step.

    With `follow` the session is there already: an apply that was killed has started it. Raises StillRunning where the
    run is interrupted: a job may take hours, and the next apply follows it to its result. Raises NotBegun where it is
    interrupted before the start.
    """
    if step.kind == "copy_job":
        return run_copy_job(context, step, report)
    name = step.name
    found = str(_newest(context, name).get("id", "")) if step.follow else ""
    if found:
        report("an earlier run started it")
    end = _follow(context, name, found or _start(context, name, report), report)
    return _result(context, end)


def run_copy_job(context: ApplyContext, step: RunJob, report: Reporter) -> str:
    """The same for a copy job. Only v8 returns the session that was started, and up to v7 no session names its copy
    job, so its state is followed there: it has another last run, and no running session."""
    path = context.path_of("copy_job", step.name)
    before = None
    if step.follow:
        report("an earlier run started it")
    else:
        before = _wait_until_idle(context, step.name, path, report).last_run
        started = context.writer.act(path, "start", {"full": False})
        if ident := started.get("id"):
            return _result(context, _follow(context, step.name, str(ident), report))

    def poll() -> JobState | None:
        state = job_state(context.reader.get(path), context.reader.rest)
        if state.last_run != before and state.last.has_ended:
            return state
        if context.stop.is_set():
            raise StillRunning(f"{step.name} goes on at the server")
        return None

    ended = context.wait(step.name, "following the job", poll, seconds=context.access.server.deadlines.long)
    if not ended.last.is_good:
        raise StepFailed(f"the copy job ended as {ended.last}: see its session in the console")
    return str(ended.last)


def _wait_until_idle(context: ApplyContext, name: str, path: str, report: Reporter) -> JobState:
    """The state of a job without a running session. A job runs one at a time, so a running one is waited for."""

    def idle() -> JobState | None:
        state = job_state(context.reader.get(path), context.reader.rest)
        if not state.last.is_active:
            return state
        if context.stop.is_set():
            raise NotBegun("the run was interrupted while another session of the job was running")
        return None

    if (state := idle()) is not None:
        return state
    report("waiting for a running session of the job")
    waited: JobState = context.wait(
        name, "waiting for the running session", idle, seconds=context.access.server.deadlines.long
    )
    return waited


def _start(context: ApplyContext, name: str, report: Reporter) -> str:
    """The id of the new session."""
    path = context.path_of("job", name)
    _wait_until_idle(context, name, path, report)
    newest = _newest(context, name) if context.reader.rest < 8 else {}
    started = context.writer.act(path, "start", {"full": False})
    return str(started.get("id") or _wait_for_session(context, name, str(newest.get("id", ""))))


def _wait_for_session(context: ApplyContext, name: str, before: str) -> str:
    """Up to v7 the start returns no session: it is the first one that did not exist before."""

    def poll() -> str | None:
        found = str(_newest(context, name).get("id", ""))
        return found if found != before else None

    return str(
        context.wait(name, "waiting for the session to appear", poll, seconds=context.access.server.deadlines.call)
    )


def _newest(context: ApplyContext, name: str) -> Mapping[str, Any]:
    from reconciler.clients.vbo import dialect_of

    path, query = dialect_of(context.reader.rest).job_sessions(context.naming.id_of("job", name))
    sessions = context.reader.list(path, **query)
    return max(sessions, key=lambda session: str(session.get("creationTime", "")), default={})


def _follow(context: ApplyContext, name: str, session: str, report: Reporter) -> Mapping[str, Any]:
    watch = _Watch(context, session, report)

    def poll() -> Mapping[str, Any] | None:
        found = watch()
        if found is None and context.stop.is_set():
            raise StillRunning(f"{name} goes on at the server")
        return found

    return dict(context.wait(name, "following the job", poll, seconds=context.access.server.deadlines.long))


class _Watch:
    """Polls a session and the retries that follow it; reports each new state once."""

    def __init__(self, context: ApplyContext, session: str, report: Reporter) -> None:
        self._context, self._session, self._report, self._last = context, session, report, ""

    def __call__(self) -> Mapping[str, Any] | None:
        raw: Mapping[str, Any] = self._context.reader.get(f"JobSessions/{self._session}")
        status = session_status(raw)
        news = f"{status.lower()}, {raw.get('progress', 0)} objects"
        if news != self._last:
            self._report(news)
            self._last = news
        if not status.has_ended:
            return None
        if raw.get("jobWillBeRetried"):
            self._go_on_to_the_retry(raw)
            return None
        return raw

    def _go_on_to_the_retry(self, raw: Mapping[str, Any]) -> None:
        """A failed session that will be retried is not the last: the next one refers to it."""
        main = raw.get("mainSessionId") or self._session
        for other in self._context.reader.list("JobSessions", jobId=raw.get("jobId", "")):
            if other.get("mainSessionId") == main and str(other.get("creationTime")) > str(raw.get("creationTime")):
                self._session = str(other["id"])


def _result(context: ApplyContext, end: Mapping[str, Any]) -> str:
    status = session_status(end)
    proxy = context.naming.name_of("proxy", str(end.get("proxyId") or ""))
    text = f"{status}, {end.get('progress', 0)} objects" + (f", by {proxy}" if proxy else "")
    if status.is_good:
        return text
    log = [_line(item) for item in context.reader.list(f"JobSessions/{end['id']}/LogItems")]
    raise StepFailed(f"the job ended as {status}: {end.get('details') or 'see the log'}", tuple(log[-20:]))


def _line(item: Mapping[str, Any]) -> str:
    """v8 has a message with a type, v6 and v7 a title."""
    return " ".join(str(part) for part in (item.get("type"), item.get("message") or item.get("title")) if part)
