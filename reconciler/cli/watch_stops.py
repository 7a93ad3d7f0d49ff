"""Interrupts of `watch`: an apply that runs ends in order, and then the command does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from threading import Lock
from typing import TYPE_CHECKING

from reconciler.cli.stops import Stops
from reconciler.operations.events import ignore

if TYPE_CHECKING:
    from reconciler.cli.interrupts import Interrupts
    from reconciler.model.event import Listener
    from reconciler.model.plan import Plan
    from reconciler.operations import StopSignal


class WatchStops:
    """While an apply runs, the first signal lets its running changes finish, the second one waits for none of them;
    `end` is called for both. While none runs, a signal ends the command as any other."""

    def __init__(self, interrupts: Interrupts, end: Callable[[], None]) -> None:
        self._interrupts = interrupts
        self._stops = Stops(interrupts)
        self._end = end
        self._lock = Lock()
        self._running = 0
        self._redirection = ExitStack()

    @contextmanager
    def watch(self, _plan: Plan, stop: StopSignal) -> Iterator[Listener]:
        """For `Runtime.watch`; entered by the threads of several servers."""
        self._enter()
        try:
            with self._stops.heard(stop.request):
                yield ignore
        finally:
            self._leave()

    def _request(self) -> None:
        """In a signal handler, so it takes no lock."""
        self._end()
        self._stops.request()

    def _enter(self) -> None:
        with self._lock:
            self._running += 1
            if self._running == 1:
                self._redirection.enter_context(self._interrupts.redirected(self._request))

    def _leave(self) -> None:
        with self._lock:
            self._running -= 1
            if not self._running:
                self._redirection.close()
