"""The one wait of an apply: until something on the server has happened. An outage, a restart of the server and a
renewed login do not end it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from reconciler.model.errors import BadAnswer, DeadlineExceeded, Refused, RemoteError, retry_after

if TYPE_CHECKING:
    from reconciler.apply.context import ApplyContext, Reporter

_FIRST: Final = 0.05
_GROWTH: Final = 1.5
"""Seconds of the first pause, and by how much each next one is longer."""
_SERVER_ERROR: Final = 500


def is_outage(error: RemoteError) -> bool:
    """Whether the server may answer later: it is away, restarts, or a gateway or a broken part answers for it."""
    failing = isinstance(error, Refused) and error.status >= _SERVER_ERROR
    return error.retryable or failing or isinstance(error, BadAnswer)


def wait(
    context: ApplyContext,
    peer: str,
    what: str,
    poll: Callable[[], Any],
    *,
    seconds: float,
    longest: float = 3.0,
    report: Reporter | None = None,
) -> Any:
    """Call `poll` until it returns something true, with growing pauses. It may be called again after any error that
    passes. Raises DeadlineExceeded after `seconds`, and the error of an outage that lasts longer than
    `deadlines.outage`."""
    outage = _Outage(context, report)
    end, pause = context.clock() + seconds, _FIRST
    while True:
        asked = 0.0
        try:
            found = poll()
        except RemoteError as error:
            outage.goes_on(error)
            found, asked = None, retry_after(error)
        else:
            outage.ends()
        if found:
            return found
        now = context.clock()
        if now >= end and not outage.lasts:
            raise DeadlineExceeded(peer, what, f"no result within {seconds:.0f} s")
        left = longest if outage.lasts else max(0.0, end - now)
        context.sleep(max(min(pause, longest, left), outage.within(asked)))
        pause *= _GROWTH


class _Outage:
    """The time in which the server does not answer. Reports its begin and its end."""

    def __init__(self, context: ApplyContext, report: Reporter | None) -> None:
        self._context = context
        self._report: Reporter = report or _no_report
        self._limit = context.access.server.deadlines.outage
        self._began: float | None = None

    @property
    def lasts(self) -> bool:
        return self._began is not None

    def goes_on(self, error: RemoteError) -> None:
        """Raises `error` if it does not pass, or has lasted too long."""
        if not is_outage(error):
            raise error
        if self._began is None:
            self._began = self._context.clock()
            self._report(f"{error}; waiting up to {self._limit:.0f} s for the server")
        if self._context.clock() - self._began >= self._limit:
            raise error

    def ends(self) -> None:
        if self._began is not None:
            self._report(f"the server answers again, after {self._context.clock() - self._began:.0f} s")
        self._began = None

    def within(self, seconds: float) -> float:
        """`seconds`, at most to the end of the limit."""
        began = self._context.clock() if self._began is None else self._began
        return max(0.0, min(seconds, began + self._limit - self._context.clock()))


def _no_report(_: str) -> None:
    """For waits of which nothing is reported."""
