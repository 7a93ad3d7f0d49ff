"""What happens during an apply, as typed events. Screens, logs and the journal subscribe; the engine never prints."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum


class Outcome(StrEnum):
    """The four ends of a change."""

    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"
    NOT_STARTED = "not started"


@dataclass(frozen=True, slots=True)
class ChangeStarted:
    key: str
    address: str
    action: str


@dataclass(frozen=True, slots=True)
class StepStarted:
    key: str
    index: int
    text: str


@dataclass(frozen=True, slots=True)
class StepDone:
    key: str
    index: int
    text: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Progress:
    """A line of news from inside a step, e.g. the state of a job session."""

    key: str
    text: str


@dataclass(frozen=True, slots=True)
class ChangeEnded:
    """The end of a change. `detail` is the result of a run, or why it failed or was skipped."""

    key: str
    address: str
    action: str
    outcome: Outcome
    seconds: float = 0.0
    detail: str = ""
    hint: str = ""
    log: tuple[str, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Stopping:
    """Nothing else is started, and why. `running` changes are still under way and are finished."""

    reason: str
    running: int


Event = ChangeStarted | StepStarted | StepDone | Progress | ChangeEnded | Stopping
Listener = Callable[[Event], None]
