"""What the journal tells: runs, their changes and steps, and who holds a lock. All times are UTC."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class RunState(StrEnum):
    """How far a run is. KILLED is never written: it is a run that did not end and whose lock is gone or expired."""

    RUNNING = "running"
    DONE = "done"
    PARTIAL = "applied in part"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    KILLED = "killed"


class ChangeState(StrEnum):
    """How far a change is. IN_FLIGHT in a run that is over: nobody knows, the world has to be read."""

    NOT_STARTED = "not started"
    IN_FLIGHT = "in flight"
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class StepRecord:
    """One step. `ended` is None where it was begun and never reported as done."""

    index: int
    text: str
    started: datetime
    ended: datetime | None = None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class ChangeRecord:
    """What became of one change. `detail`, `hint` and `log` are those of its end."""

    key: str
    address: str
    action: str
    state: ChangeState
    started: datetime | None = None
    ended: datetime | None = None
    seconds: float = 0.0
    detail: str = ""
    hint: str = ""
    log: tuple[str, ...] = ()
    steps: tuple[StepRecord, ...] = ()

    @property
    def open_step(self) -> StepRecord | None:
        """The step that was begun and not finished: where the change failed, or where the run was killed."""
        return next((step for step in self.steps if step.ended is None), None)


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One run of `operation`: `apply` or `jobs run`. `counts` has the number of changes in each state; `changes` are in
    the order of the plan, and empty in a listing. `resumes` is the id of the run that this one went on with. `seconds`
    is None while it runs.
    """

    id: str
    operation: str
    state: RunState
    started: datetime
    ended: datetime | None
    user: str
    host: str
    actor: str
    job: str
    commit: str
    inventory: str
    inventory_digest: str
    plan_digest: str
    server: str
    lab: bool
    resumes: str = ""
    counts: Mapping[ChangeState, int] = field(default_factory=dict)
    changes: tuple[ChangeRecord, ...] = ()

    @property
    def seconds(self) -> float | None:
        return None if self.ended is None else (self.ended - self.started).total_seconds()


@dataclass(frozen=True, slots=True)
class EventRecord:
    """One thing that happened. `kind` is the name of the event in the model (`step-started`), `data` its fields."""

    number: int
    at: datetime
    kind: str
    key: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds the lock `key`, which people know as `name`, and until when (by the clock that decides; `remaining` in
    seconds, negative once the lease has expired). `id` is what `lock break` takes; `run` is the run it is for, empty
    before there is one.
    """

    id: str
    key: str
    name: str
    owner: str
    operation: str
    run: str
    created: datetime
    renewed: datetime
    expires: datetime
    remaining: float

    @property
    def expired(self) -> bool:
        return self.remaining <= 0

    def describe(self) -> str:
        """`alice@ci-7 (apply, run 01…) since 2026-10-01 09:00:00 UTC, lease until 09:01:00`."""
        what = f"{self.operation}, run {self.run}" if self.run else self.operation
        return f"{self.owner} ({what}) since {self.created:%Y-%m-%d %H:%M:%S} UTC, lease until {self.expires:%H:%M:%S}"
