"""Sessions of jobs: the newest one of a job, following one to its result, and what its log says of the result."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from reconciler.apply.context import ApplyContext, Reporter
from reconciler.apply.steps.registry import NotFollowed, StepFailed, StillRunning
from reconciler.kinds.states import job_state, session_status
from reconciler.model.errors import DeadlineExceeded, RemoteError
from reconciler.model.state import SessionStatus

Raw = Mapping[str, Any]

_SLACK: Final = timedelta(seconds=1)
"""Whether the filter by time includes that time is not documented."""
_TYPED_SINCE: Final = 8
"""The REST version since which entries of a log have a type."""
_WORTH_A_LINE: Final = ("Warning", "Error")
_LINES, _LONGEST = 3, 200
_TROUBLE: Final = re.compile(r"\b(warning|error|fail\w*|could not|cannot|unable)\b", re.IGNORECASE)
_LAST_LINES: Final = 20
_LONGEST_LOG: Final = 100_000
"""Lines of a log that are read."""


def last_run(context: ApplyContext, path: str) -> str:
    """The last run of the job or copy job at `path`, in the text of the server."""
    return job_state(context.reader.get(path), context.reader.rest).last_run or ""


def newest(context: ApplyContext, name: str) -> Raw:
    """The session of a job's last run, or its latest one; empty without one. A server whose clock was set back has
    older sessions with later times. Since v7 only the sessions since the last run are read, and all if its session is
    not among them."""
    ident, at = context.naming.id_of("job", name), _moment(last_run(context, context.path_of("job", name)))
    if at is not None and (found := _newest_of(_begun_at(at, _sessions(context, ident, (at - _SLACK).isoformat())))):
        return found
    every = _sessions(context, ident)
    return _newest_of((at and _begun_at(at, every)) or every)


def _begun_at(at: datetime, sessions: Sequence[Raw]) -> list[Raw]:
    moments = ((_moment(session.get("creationTime")), session) for session in sessions)
    return [session for began, session in moments if began is not None and abs(began - at) <= _SLACK]


def _sessions(context: ApplyContext, job: str, since: str = "") -> list[dict[str, Any]]:
    from reconciler.clients.vbo import dialect_of

    path, query = dialect_of(context.reader.rest).job_sessions(job, since)
    return context.reader.list(path, **query)


def _newest_of(sessions: Sequence[Raw]) -> Raw:
    return max(sessions, key=lambda session: str(session.get("creationTime", "")), default={})


def _moment(text: object) -> datetime | None:
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class End:
    """The last state of a session. `cut_off`: while it ran the server was away, for however short a time, or no run
    followed it."""

    raw: Raw
    cut_off: bool


def follow(
    context: ApplyContext, name: str, session: str, report: Reporter, *, job: str = "", outages: int | None = None
) -> End:
    """Follow a session, and the retries of the server, to the end: as long as there is news of it. `job` is the id of
    the job, if the session may not name it (REST v7). `outages` is the number of outages when it was started, None if
    an earlier run did that. Raises StillRunning if the run is interrupted, and NotFollowed if the server stays away or
    the session stands still."""
    watch = _Watch(context, (name, job), session, report, outages=outages)
    longest = context.access.server.deadlines.long
    try:
        while True:
            raw = context.wait(name, "following the job", watch, seconds=longest, report=report)
            if watch.over:
                return End(raw, watch.cut_off)
    except DeadlineExceeded as error:
        raise NotFollowed(f"no news of its session for {longest:.0f} s; the next apply follows it") from error
    except RemoteError as error:
        raise NotFollowed(f"{error}; the job goes on at the server, and the next apply follows it") from error


class _Watch:
    """Polls a session and the retries that follow it. Returns it when there is news, which is reported once."""

    def __init__(
        self, context: ApplyContext, job: tuple[str, str], session: str, report: Reporter, *, outages: int | None
    ) -> None:
        self._context, self._session, self._report = context, session, report
        self._name, self._job = job
        self._last, self._unwatched = "", outages is None
        self._outages = context.reader.outages if outages is None else outages
        self.over = self.cut_off = False

    def __call__(self) -> Raw | None:
        try:
            return self._read()
        except RemoteError:
            self.cut_off = True
            _heed_the_interrupt(self._context, self._name)
            raise

    def _read(self) -> Raw | None:
        raw = self._context.reader.get(f"JobSessions/{self._session}")
        status = session_status(raw)
        news = f"{status.lower()}, {raw.get('progress', 0)} objects"
        is_new, self._last = news != self._last, news
        if is_new:
            self._report(news)
        if status.has_ended and not raw.get("jobWillBeRetried"):
            away = self._context.reader.outages > self._outages  # the request itself was repeated, and answered
            self.over, self.cut_off = True, self.cut_off or self._unwatched or away
            return raw
        self._unwatched = False
        if status.has_ended:
            self._go_on_to_the_retry(raw)
        _heed_the_interrupt(self._context, self._name)
        return raw if is_new else None

    def _go_on_to_the_retry(self, raw: Raw) -> None:
        """A failed session that will be retried is not the last: the next one refers to it. It has a later number, and
        an earlier time if the clock of the server was set back."""
        main, order = raw.get("mainSessionId") or self._session, _order(raw)
        for other in _sessions(self._context, str(raw.get("jobId") or self._job), self._since(raw)):
            if other.get("mainSessionId") == main and _order(other) > order:
                self._session, order = str(other["id"]), _order(other)

    def _since(self, raw: Raw) -> str:
        """A time before any session after this one, if that is known: its beginning, or an earlier last run."""
        began = str(raw.get("creationTime"))
        last = last_run(self._context, self._context.path_of("job", self._name)) if self._job else ""
        moments = (_moment(began), _moment(last))
        return last if moments[0] and moments[1] and moments[1] < moments[0] else began


def _order(session: Raw) -> tuple[int, str]:
    order = session.get("retryCount")
    return order if isinstance(order, int) else 0, str(session.get("creationTime"))


def follow_state(context: ApplyContext, name: str, path: str, before: str | None, report: Reporter) -> SessionStatus:
    """How a job ended whose session is not known: it has another last run than `before`, and no running session. Raises
    what `follow` does."""

    def poll() -> SessionStatus | None:
        try:
            state = job_state(context.reader.get(path), context.reader.rest)
        except RemoteError:
            _heed_the_interrupt(context, name)
            raise
        if (state.last_run or "") != before and state.last.has_ended:
            return state.last
        _heed_the_interrupt(context, name)
        return None

    seconds = context.access.server.deadlines.long
    try:
        ended: SessionStatus = context.wait(name, "following the job", poll, seconds=seconds, report=report)
    except RemoteError as error:
        raise NotFollowed(f"{error}; the next apply follows it") from error
    return ended


def _heed_the_interrupt(context: ApplyContext, name: str) -> None:
    if context.stop.is_set():
        raise StillRunning(f"{name} goes on at the server")


def result(context: ApplyContext, end: Raw) -> str:
    """The result in words, with the warnings of the log. Raises StepFailed for a session that failed or was stopped."""
    status = session_status(end)
    proxy = context.naming.name_of("proxy", str(end.get("proxyId") or ""))
    text = f"{status}, {end.get('progress', 0)} objects" + (f", by {proxy}" if proxy else "")
    path = f"JobSessions/{end['id']}/LogItems"
    if status.is_good:
        return "; ".join([text, *context.patiently(lambda: _warnings(context, path, end))])
    reason = f"the job ended as {status}: {end.get('details') or 'see the log'}"
    raise StepFailed(reason, context.patiently(lambda: _end_of_log(context, path)))


def _end_of_log(context: ApplyContext, path: str) -> tuple[str, ...]:
    """The last lines of a log, oldest first. Since v8 they can be asked for."""
    if context.reader.rest >= _TYPED_SINCE:
        return tuple(map(_line, context.reader.list(path, most=_LAST_LINES, orderAsc="false")[::-1]))
    found = context.reader.list(path, most=_LONGEST_LOG)
    return (*map(_line, found[-_LAST_LINES:]), *_unread(found))


def _unread(lines: Sequence[Raw]) -> tuple[str, ...]:
    return (
        (f"the log is longer than {_LONGEST_LOG:,} lines: the rest was not read",) if len(lines) >= _LONGEST_LOG else ()
    )


def _warnings(context: ApplyContext, path: str, end: Raw) -> list[str]:
    """What a session reports although it did its work: objects that it left out, or a mail that could not be sent.
    Before v8 entries have no type, so their words decide."""
    more: tuple[str, ...] = ()
    if context.reader.rest >= _TYPED_SINCE:
        found = [item for kind in _WORTH_A_LINE for item in context.reader.list(path, most=_LONGEST_LOG, type=kind)]
    else:
        log = context.reader.list(path, most=_LONGEST_LOG)
        found, more = [item for item in log if _TROUBLE.search(_line(item))], _unread(log)
    lines = [str(end["details"])] if end.get("details") else []
    texts = (str(item.get("message") or item.get("title") or "") for item in found)
    return [*_shortened([*lines, *texts]), *more]


def _shortened(lines: Sequence[str]) -> Iterator[str]:
    distinct = [line for line in dict.fromkeys(lines) if line]
    for line in distinct[:_LINES]:
        yield line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"
    if len(distinct) > _LINES:
        yield f"{len(distinct) - _LINES} more in the log of the session"


def _line(item: Raw) -> str:
    """v8 has a message with a type, v6 and v7 a title."""
    return " ".join(str(part) for part in (item.get("type"), item.get("message") or item.get("title")) if part)
