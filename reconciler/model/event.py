"""The events of an apply. Displays, logs and the journal listen; the engine never prints."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from reconciler.model.plan import ChangeKey


class Outcome(StrEnum):
    """The four ends of a change."""

    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"
    NOT_STARTED = "not started"


class Due(StrEnum):
    """What the next apply has to find out or do for a change that failed."""

    NOTHING = ""
    START = "start"
    """The job was not started."""
    RESULT = "result"
    """What became of the request or the session is not known."""


@dataclass(frozen=True, slots=True)
class ChangeStarted:
    key: ChangeKey
    address: str
    action: str


@dataclass(frozen=True, slots=True)
class StepStarted:
    key: ChangeKey
    index: int
    text: str


@dataclass(frozen=True, slots=True)
class StepDone:
    key: ChangeKey
    index: int
    text: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Progress:
    """A line of news from inside a step, such as the state of a job session."""

    key: ChangeKey
    text: str


@dataclass(frozen=True, slots=True)
class ChangeEnded:
    """The end of a change. `detail` is the result of a job, or why the change failed or was skipped."""

    key: ChangeKey
    address: str
    action: str
    outcome: Outcome
    seconds: float = 0.0
    detail: str = ""
    hint: str = ""
    log: tuple[str, ...] = field(default=())
    due: Due = Due.NOTHING


@dataclass(frozen=True, slots=True)
class Stopping:
    """Nothing else is started, for `reason`. `running` changes are still running, and are finished."""

    reason: str
    running: int
    interrupted: bool = False


Event = ChangeStarted | StepStarted | StepDone | Progress | ChangeEnded | Stopping
Listener = Callable[[Event], None]
"""Is notified of everything that happens."""

Permit = Callable[[StepStarted], None]
"""Is asked before a step is done. Raises JournalError, or LeaseLost, if it must not be done."""
