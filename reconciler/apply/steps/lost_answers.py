"""What became of a request whose answer is lost, read from the server.

A gateway in front of the server gives up after a minute or two, and the installation of a proxy takes longer: the
server works on. Its result is waited for as long as its answer would have been.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final, TypeVar

from reconciler.apply.context import ApplyContext, Reporter, outcome_of
from reconciler.model.errors import Conflict, DeadlineExceeded, Refused, RemoteError

T = TypeVar("T")

_SERVER_ERROR: Final = 500
_UNCLEAR: Final = 600.0
"""Seconds that the work of an earlier apply is waited for where the server refuses the same with an error that may mean
anything: only v8 has one for work that is in progress."""
_PAUSE: Final = 10.0
"""Seconds between two reads at most."""


def earlier_work(refused: Refused, what: str) -> tuple[RemoteError, float] | None:
    """For `Outcome.after`, where an earlier apply began the same work: the server may still be at it, and refuse it
    until then. None if the refusal says something else."""
    if not isinstance(refused, Conflict) and refused.status < _SERVER_ERROR:
        return None
    late = DeadlineExceeded(refused.peer, refused.what, f"an earlier apply began to {what} it ({refused.reason})")
    return late, math.inf if isinstance(refused, Conflict) else _UNCLEAR


class Outcome:
    """The outcome of the request that follows; `long` is that of its `Writer`."""

    def __init__(self, context: ApplyContext, report: Reporter, *, long: bool) -> None:
        deadlines = context.access.server.deadlines
        self._context, self._report = context, report
        self._until = context.clock() + (deadlines.long if long else deadlines.call)

    def after(self, lost: RemoteError, look: Callable[[], T | None], *, most: float = math.inf) -> T | None:
        """What `look` finds; None if it finds nothing before the deadline of the request, or within `most` seconds, or
        before the run is interrupted. Raises `lost` if the server cannot be read."""
        now = self._context.clock()
        until = min(self._until, now + most)
        left = until - now if isinstance(lost, DeadlineExceeded) else 0.0
        if left > 0:
            self._report(f"{lost.reason}; waiting up to {left:.0f} s for the result")

        def poll() -> tuple[T | None] | None:
            found = look()
            over = left <= 0 or self._context.clock() >= until or self._context.stop.is_set()
            return (found,) if found is not None or over else None

        with outcome_of(lost):
            seen: tuple[T | None] = self._context.wait(
                lost.peer, lost.what, poll, seconds=math.inf, longest=_PAUSE, report=self._report
            )
        return seen[0]
