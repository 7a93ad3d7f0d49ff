"""From rows of the database to the records of the journal. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Row

from reconciler.journal.records import ChangeRecord, ChangeState, EventRecord, RunRecord, RunState, StepRecord


def run_record(row: Row[Any], counts: Mapping[ChangeState, int], changes: tuple[ChangeRecord, ...] = ()) -> RunRecord:
    """A run that did not end is running only as long as its lock is held; without a lock nobody can tell."""
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


def event_records(rows: Iterable[Row[Any]]) -> list[EventRecord]:
    return [EventRecord(row.number, row.at, row.kind, row.key, json.loads(row.data)) for row in rows]
