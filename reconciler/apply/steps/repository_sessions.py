"""Work of the server on a repository, which may take hours: started unless it is running already, and followed to the
end. A restart of the server does not end it: its session is looked for again, and started again if it is gone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from reconciler.apply.context import ApplyContext, Reporter
from reconciler.apply.steps.registry import NotBegun, NotFollowed, StepFailed, StillRunning
from reconciler.model.errors import DeadlineExceeded, RemoteError

LONGEST: Final = 24 * 3600.0
"""Seconds that the work is followed: repositories of many terabytes take hours."""
PAUSE: Final = 15.0
"""Seconds between two observations at most."""
_LOOKS: Final = 3
"""How often neither a running session nor its result is observed before the work counts as failed: the server may be
late to list a session, or to show the new state of the repository."""


@dataclass(frozen=True, slots=True)
class Work:
    """The words for it: `upgrade`, `upgrading`, and the state that the repository has afterwards, `up to date`."""

    noun: str
    doing: str
    goal: str


@dataclass(frozen=True, slots=True)
class Observed:
    """`done`: the repository is in the wanted state. Else whether a session is `running` or was `started`, with its
    progress as `news`, and `lost`, the reason of the failure if there is still no session the next times."""

    done: bool = False
    running: bool = False
    started: bool = False
    news: str = ""
    lost: str = ""


Observe = Callable[[bool], Observed]
"""Observes the repository. If it is given True, it also starts a session where none is running."""


def follow(context: ApplyContext, name: str, work: Work, observe: Observe, report: Reporter) -> str:
    """Start the work on the repository `name`, or follow what is running, to the end. Raises StepFailed, NotBegun and
    StillRunning (the run was interrupted), NotFollowed, and what `observe` raises."""
    watch = _Watch(context, name, work, observe, report)
    what = f"{work.doing} the repository"
    try:
        return str(context.wait(name, what, watch, seconds=LONGEST, longest=PAUSE, report=report))
    except DeadlineExceeded as error:
        raise NotFollowed(f"not at its end after {LONGEST / 3600:.0f} h; the next apply follows it") from error


class _Watch:
    """Starts the work when none is running: at first, and after an outage."""

    def __init__(self, context: ApplyContext, name: str, work: Work, observe: Observe, report: Reporter) -> None:
        self._context, self._name, self._work = context, name, work
        self._observe, self._report = observe, report
        self._may_start = True
        self._began = False
        self._last: str | None = None
        self._idle = 0

    def __call__(self) -> str:
        """The result when there is one, empty before."""
        noun, goal = self._work.noun, self._work.goal
        if self._context.stop.is_set():
            if self._began:
                raise StillRunning(f"the {noun} of {self._name} goes on at the server")
            raise NotBegun(f"the run was interrupted before the {noun} was started")
        try:
            found = self._observe(self._may_start)
        except RemoteError:
            self._may_start = True  # a restart of the server may have ended the session
            raise
        if found.done:
            return goal if self._began else f"it is {goal} already"
        self._may_start = False
        self._began = self._began or found.running or found.started
        self._heed(found)
        return ""

    def _heed(self, found: Observed) -> None:
        """Report news of a running session. Raises StepFailed when none is running any more."""
        if not found.running:
            self._idle += 1
            if self._idle >= _LOOKS:
                raise StepFailed(found.lost)
            return
        self._idle = 0
        if found.news != self._last:
            self._last = found.news
            self._report(f"{self._work.doing}: {found.news}" if found.news else self._work.doing)
