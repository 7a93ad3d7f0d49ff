"""Findings of `watch` by server, and when it observed. A change of the ledger is one transaction: two processes that
watch the same server never open a finding twice."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, delete, select, text

from reconciler.journal.outbox import Notice, add_notices
from reconciler.journal.run_recorder import clean
from reconciler.journal.tables import findings, observations
from reconciler.model.finding import Finding, FindingKind, FindingState, TrackedFinding

if TYPE_CHECKING:
    from sqlalchemy import Row

    from reconciler.journal.store import Store

_GATE: Final = 0x76626F7761746368
"""Advisory lock of PostgreSQL for changes of the ledger. SQLite has one writer at a time in any case."""
KEPT: Final = 200
"""Observations that are kept of each server."""


@dataclass(frozen=True, slots=True)
class ObservationRecord:
    """One observation: `error` says why it failed, `found` is the number of findings that were open afterwards."""

    id: str
    server: str
    started: datetime
    seconds: float
    error: str = ""
    found: int = 0


Change = Callable[[Mapping[str, TrackedFinding]], tuple[Mapping[str, TrackedFinding], Sequence[Notice]]]
"""The ledger after an observation, and what is to be notified of, from the ledger before it. Called again if the
transaction is repeated."""


class FindingStore:
    """Every method raises JournalError if it fails."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def ledger(self, server: str) -> dict[str, TrackedFinding]:
        return self._store.read(lambda connection: _ledger(connection, server))

    def change(self, record: ObservationRecord, work: Change) -> Mapping[str, TrackedFinding]:
        """Record an observation, the ledger of its server after it, and notices, in one transaction. Returns the
        ledger."""

        def write(connection: Connection) -> Mapping[str, TrackedFinding]:
            if self._store.shared:
                connection.execute(text("SELECT pg_advisory_xact_lock(:gate)"), {"gate": _GATE})
            before = _ledger(connection, record.server)
            after, found = work(before)
            self._write(connection, record.server, before, after)
            self._record(connection, record, after)
            add_notices(self._store, connection, found)
            return after

        return self._store.write(write)

    def observations(self, server: str, limit: int = 20) -> list[ObservationRecord]:
        """The latest, newest first."""
        query = select(observations).where(observations.c.server == server)
        query = query.order_by(observations.c.started.desc(), observations.c.id.desc()).limit(limit)
        rows = self._store.read(lambda connection: connection.execute(query).all())
        return [ObservationRecord(**row._asdict()) for row in rows]

    def _write(
        self,
        connection: Connection,
        server: str,
        before: Mapping[str, TrackedFinding],
        after: Mapping[str, TrackedFinding],
    ) -> None:
        for key in sorted(before.keys() - after.keys()):
            connection.execute(delete(findings).where(findings.c.server == server, findings.c.key == key))
        rows = [_columns(server, found) for key, found in sorted(after.items()) if before.get(key) != found]
        if rows:
            new = self._store.insert(findings)
            names = [column.name for column in findings.c if not column.primary_key]
            others = {name: new.excluded[name] for name in names}
            connection.execute(
                new.on_conflict_do_update(index_elements=[findings.c.server, findings.c.key], set_=others), rows
            )

    def _record(self, connection: Connection, record: ObservationRecord, after: Mapping[str, TrackedFinding]) -> None:
        row = {
            "id": record.id,
            "server": record.server,
            "started": record.started,
            "seconds": record.seconds,
            "error": clean(record.error),
            "found": sum(found.is_open for found in after.values()),
        }
        connection.execute(self._store.insert(observations).on_conflict_do_nothing(), row)
        mine = observations.c.server == record.server
        oldest = select(observations.c.started).where(mine).order_by(observations.c.started.desc())
        limit = oldest.limit(1).offset(KEPT).scalar_subquery()
        connection.execute(delete(observations).where(mine, observations.c.started <= limit))


def _ledger(connection: Connection, server: str) -> dict[str, TrackedFinding]:
    rows = connection.execute(select(findings).where(findings.c.server == server)).all()
    return {row.key: _tracked(row) for row in rows}


def _tracked(row: Row[Any]) -> TrackedFinding:
    kind = FindingKind(row.kind)
    return TrackedFinding(
        finding=Finding(kind, row.address, row.subject, row.severity, row.text, row.accepted),
        state=FindingState(row.state),
        incident=row.incident,
        since=row.since,
        observation=row.observation,
        present=row.present,
        changed=row.changed,
        openings=tuple(datetime.fromisoformat(at) for at in json.loads(row.openings)),
        announced=row.announced,
    )


def _columns(server: str, tracked: TrackedFinding) -> dict[str, Any]:
    found = tracked.finding
    return {
        "server": server,
        "key": clean(found.key),
        "kind": found.kind.value,
        "address": clean(found.address),
        "subject": clean(found.subject),
        "severity": found.severity,
        "text": clean(found.text),
        "accepted": found.accepted,
        "state": tracked.state.value,
        "incident": tracked.incident,
        "since": tracked.since,
        "observation": tracked.observation,
        "present": tracked.present,
        "changed": tracked.changed,
        "openings": json.dumps([at.isoformat() for at in tracked.openings]),
        "announced": tracked.announced,
    }
