"""The loop of `watch`: cycles on a schedule, and the pages that show what they found."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from reconciler.watching.http import Page
from reconciler.watching.schedule import Schedule, Signature, signature

if TYPE_CHECKING:
    from pathlib import Path

    from reconciler.watching.watcher import Watcher

_STALLED: Final = timedelta(minutes=15)
"""Beyond three intervals: a cycle that takes longer is stuck."""


class Loop:
    """Runs cycles until `schedule.stop`. `cycles` is how many were completed, `beat` when the latest began or ended."""

    def __init__(self, watcher: Watcher, schedule: Schedule, clock: Callable[[], datetime]) -> None:
        self.watcher = watcher
        self.schedule = schedule
        self.cycles = 0
        self.beat = clock()
        self._clock = clock

    def run(self, *, once: bool = False) -> None:
        while True:
            before = self._signature()
            self.beat = self._clock()
            self.watcher.cycle()
            self.cycles += 1
            self.beat = self._clock()
            if once or not self.schedule.wait(self._files, self._kept(before)):
                return

    def _kept(self, before: Signature) -> Signature:
        """The signature of the files as they were read. Files that are known only now count as they are now."""
        earlier = dict.fromkeys(name for name, _, _ in before)
        now = self._signature()
        return tuple(sorted([*before, *(item for item in now if item[0] not in earlier)]))

    def _files(self) -> list[Path]:
        found = {server.path for server in self.watcher.servers}
        for state in self.watcher.states.values():
            found.update(state.files)
        if self.watcher.options.known is not None:
            found.add(self.watcher.options.known)
        return sorted(found)

    def _signature(self) -> Signature:
        return signature(self._files())

    def healthz(self) -> Page:
        """Whether cycles go on. What they find does not matter."""
        limit = timedelta(seconds=3 * self.schedule.interval) + _STALLED
        if self._clock() - self.beat > limit:
            return Page(503, f"No cycle has ended since {self.beat:%Y-%m-%d %H:%M:%S} UTC.\n")
        return Page(200, "ok\n")

    def readyz(self) -> Page:
        """Whether every server was observed, successfully or not, and recorded in the journal."""
        if not self.cycles:
            return Page(503, "The first cycle has not ended.\n")
        broken = [state for state in self.watcher.states.values() if state.journal_error]
        if broken:
            return Page(503, "".join(f"{state.name}: {state.journal_error}\n" for state in broken))
        return Page(200, "ok\n")

    def observe(self) -> Page:
        self.schedule.request("webhook")
        return Page(202, "An observation is requested.\n")
