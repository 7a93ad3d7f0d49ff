"""The records of the journal: runs, their changes and steps, and who holds a lock. All times are UTC."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy import Row


class RunState(StrEnum):
    """KILLED is never written: it is a run that did not end, and whose lock is gone or expired."""

    RUNNING = "running"
    DONE = "done"
    PARTIAL = "applied in part"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    KILLED = "killed"


class ChangeState(StrEnum):
    """IN_FLIGHT in a run that is over: its result is unknown until the live state is read."""

    NOT_STARTED = "not started"
    IN_FLIGHT = "in flight"
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class StepRecord:
    """`ended` is None if the step was started and its end is not recorded."""

    index: int
    text: str
    started: datetime
    ended: datetime | None = None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class ChangeRecord:
    """`detail`, `hint` and `log` are those of the end of the change."""

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


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One run of `operation`: `apply` or `jobs run`. `counts` has the number of changes in each state; `changes` are in
    the order of the plan, and empty in a listing. `resumes` is the id of the run that this one resumes. `seconds` is
    None while it runs.
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
        return None if self.ended is None else max(0.0, (self.ended - self.started).total_seconds())


@dataclass(frozen=True, slots=True)
class FirstRead:
    """An object as it was before a request that is not verified: `key` is its path, `step` (`{verb, params}`) sent the
    request."""

    key: str
    step: Mapping[str, Any]
    content: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds the lock `key`, which messages call `name`. `remaining` are the seconds of its lease, negative once it
    has expired. `id` is the argument of `lock break`; `run` is the run that holds the lock, empty before there is one.
    `process` is the name of its process, empty if that is not known (see `process`).
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
    process: str
    remaining: float

    @property
    def expired(self) -> bool:
        return self.remaining <= 0

    @property
    def is_ahead(self) -> bool:
        """Whether the lease was renewed at a time that is still to come."""
        return self.remaining >= (self.expires - self.renewed).total_seconds()

    def describe(self) -> str:
        """`alice@ci-7 (apply, run 01…) since 2026-10-01 09:00:00 UTC, lease until 09:01:00`."""
        what = f"{self.operation}, run {self.run}" if self.run else self.operation
        return f"{self.owner} ({what}) since {self.created:%Y-%m-%d %H:%M:%S} UTC, lease until {self.expires:%H:%M:%S}"


def run_record(row: Row[Any], counts: Mapping[ChangeState, int], changes: tuple[ChangeRecord, ...] = ()) -> RunRecord:
    """A run that did not end is running as long as its lock is held. Without a lock that cannot be known."""
    killed = row.state == RunState.RUNNING and row.lock_id and row.held is None
    return RunRecord(
        id=row.id,
        operation=row.operation,
        state=RunState.KILLED if killed else RunState(row.state),
        started=row.started,
        ended=row.ended,
        user=row.username,
        host=row.host,
        actor=row.actor,
        job=row.job,
        commit=row.git_commit,
        inventory=row.inventory,
        inventory_digest=row.inventory_digest,
        plan_digest=row.plan_digest,
        server=row.server,
        lab=row.lab,
        resumes=row.resumes,
        counts=counts,
        changes=changes,
    )


def change_records(changes: Iterable[Row[Any]], steps: Iterable[Row[Any]]) -> tuple[ChangeRecord, ...]:
    """Both in the order of the plan."""
    inside: dict[int, list[StepRecord]] = {}
    for row in steps:
        step = StepRecord(row.number, row.text, row.started, row.ended, row.seconds)
        inside.setdefault(row.change, []).append(step)
    return tuple(
        ChangeRecord(
            key=row.key,
            address=row.address,
            action=row.action,
            state=ChangeState(row.state),
            started=row.started,
            ended=row.ended,
            seconds=row.seconds,
            detail=row.detail,
            hint=row.hint,
            log=tuple(json.loads(row.log)),
            steps=tuple(inside.get(row.number, ())),
        )
        for row in changes
    )
