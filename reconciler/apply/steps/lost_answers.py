"""What became of a request whose answer is lost, read from the server.

A gateway in front of the server gives up after a minute or two, and the installation of a proxy takes longer: the
server works on. Its result is waited for as long as its answer would have been.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final, TypeVar

from reconciler.apply.context import ApplyContext, Reporter, outcome_of
from reconciler.model.errors import DeadlineExceeded, RemoteError

T = TypeVar("T")

_PAUSE: Final = 10.0
"""Seconds between two reads at most."""


class Outcome:
    """The outcome of the request that follows; `long` is that of its `Writer`."""

    def __init__(self, context: ApplyContext, report: Reporter, *, long: bool) -> None:
        deadlines = context.access.server.deadlines
        self._context, self._report = context, report
        self._until = context.clock() + (deadlines.long if long else deadlines.call)

    def after(self, lost: RemoteError, look: Callable[[], T | None]) -> T | None:
        """What `look` finds; None if it finds nothing before the deadline of the request, or before the run is
        interrupted. Raises `lost` if the server cannot be read."""
        left = self._until - self._context.clock() if isinstance(lost, DeadlineExceeded) else 0.0
        if left > 0:
            self._report(f"{lost.reason}; waiting up to {left:.0f} s for the result")

        def poll() -> tuple[T | None] | None:
            found = look()
            over = left <= 0 or self._context.clock() >= self._until or self._context.stop.is_set()
            return (found,) if found is not None or over else None

        with outcome_of(lost):
            seen: tuple[T | None] = self._context.wait(
                lost.peer, lost.what, poll, seconds=math.inf, longest=_PAUSE, report=self._report
            )
        return seen[0]
