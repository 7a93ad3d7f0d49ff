"""Records a run while it happens: every step before it is done, and afterwards."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from itertools import groupby
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import bindparam, delete, update

from reconciler import timing
from reconciler.journal.errors import JournalError
from reconciler.journal.ids import Clock
from reconciler.journal.records import ChangeState, RunState
from reconciler.journal.store import insert_into
from reconciler.journal.tables import changes, first_reads, runs, steps
from reconciler.model.event import ChangeEnded, ChangeStarted, Event, Outcome, StepDone, StepStarted

if TYPE_CHECKING:
    from sqlalchemy import Connection, Executable

    from reconciler.journal.lock import HeldLock
    from reconciler.journal.store import Store


_NOTHING_DONE = (Outcome.SKIPPED, Outcome.NOT_STARTED)
"""A run may have hundreds of these ends at a time. If it is killed before they are written, nothing is lost."""


class RunRecorder:
    """Begun by `Journal.begin`. Give `permit` and `listen` to the engine, then call `end`.

    Only the start of a step must be on disk before the engine continues. Everything else that cannot be written is
    kept, and written before the next start, at the latest by `end`.
    """

    def __init__(
        self,
        store: Store,
        run: str,
        keys: Sequence[str],
        *,
        clock: Clock,
        lock: HeldLock | None = None,
        ticks: Callable[[], float] = timing.monotonic,
    ) -> None:
        self.id = run
        self._numbers = {key: number for number, key in enumerate(keys)}
        self._queue = WriteQueue(store, lock, ticks=ticks)
        self._sql = _statements(store.shared)
        self._clock = clock
        self._lock = lock

    def permit(self, event: StepStarted) -> None:
        """The start is on disk when this returns. Raises JournalError if it is not, or LeaseLost if the lock is lost:
        then the step must not be done."""
        self._check_lock()
        where = {"run": self.id, "change": self._numbers.get(event.key), "number": event.index}
        values = where | {"text": clean(event.text), "started": self._clock(), "ended": None, "seconds": 0.0}
        self._put(event.key, self._sql.start_step, values)
        try:
            self._queue.flush()
            self._check_lock()  # the commit renewed the lease, or found that the lock is lost
        except JournalError:
            # else the step would look as if it had been started
            self._put(event.key, self._sql.delete_step, self._where(event.key) | {"b_step": event.index})
            self._try_flush()
            raise

    def listen(self, event: Event) -> None:
        if isinstance(event, ChangeStarted):
            values = {"b_state": ChangeState.IN_FLIGHT, "b_started": self._clock()}
            self._put(event.key, self._sql.start_change, self._where(event.key) | values)
        elif isinstance(event, StepDone):
            values = {"b_step": event.index, "b_ended": self._clock(), "b_seconds": event.seconds}
            self._put(event.key, self._sql.end_step, self._where(event.key) | values)
            self._try_flush()
        elif isinstance(event, ChangeEnded):
            self._put(event.key, self._sql.end_change, self._where(event.key) | self._ended(event))
            if event.outcome not in _NOTHING_DONE:
                self._try_flush()

    def keep_read(self, key: str, step: Mapping[str, Any], raw: Mapping[str, Any]) -> None:
        """Keep an object as it was before the request of a step (`{verb, params}`), for a run that resumes this one. On
        disk when this returns. Raises JournalError if it is not: then the request must not be sent."""
        values = {"run": self.id, "key": clean(key), "step": json.dumps(step), "content": json.dumps(raw)}
        self._queue.put(Row(self._sql.keep_read, values))
        self._queue.flush()

    def drop_read(self, key: str) -> None:
        """It is verified. Written with the end of the step: it may be verified twice."""
        self._queue.put(Row(self._sql.drop_read, {"b_run": self.id, "b_key": clean(key)}))

    def end(self, state: RunState) -> None:
        """Record the end of the run. Raises JournalError if not everything could be written, and LeaseLost if another
        run works since the last step."""
        values = {"b_run": self.id, "b_state": state.value, "b_ended": self._clock()}
        self._queue.put(Row(self._sql.end_run, values))
        self._queue.flush()
        self._check_lock()

    def _check_lock(self) -> None:
        if self._lock is not None:
            self._lock.raise_if_lost()

    def _where(self, key: str) -> dict[str, Any]:
        return {"b_run": self.id, "b_number": self._numbers.get(key)}

    def _ended(self, event: ChangeEnded) -> dict[str, Any]:
        return {
            "b_state": event.outcome.value,
            "b_ended": self._clock(),
            "b_seconds": event.seconds,
            "b_detail": clean(event.detail),
            "b_hint": clean(event.hint),
            "b_log": json.dumps(event.log),
        }

    def _put(self, key: str, statement: Executable, values: Mapping[str, Any]) -> None:
        if key in self._numbers:
            self._queue.put(Row(statement, values))

    def _try_flush(self) -> None:
        with suppress(JournalError):  # the rows stay in the queue
            self._queue.flush()


class Row(NamedTuple):
    statement: Executable
    values: Mapping[str, Any]


class WriteQueue:
    """`put` adds rows, `flush` returns once they are on disk.

    While one thread commits the others wait, and the next of them takes all rows that have come meanwhile. Rows of a
    failed commit stay at the head of the queue. Each commit renews the lease of `lock`, and so detects that it is lost.
    """

    def __init__(
        self, store: Store, lock: HeldLock | None = None, *, ticks: Callable[[], float] = timing.monotonic
    ) -> None:
        self._store = store
        self._lock = lock
        self._ticks = ticks
        self._rows: list[Row] = []
        self._added = 0
        self._written = 0
        self._adding = Lock()
        self._committing = Lock()

    def put(self, row: Row) -> None:
        with self._adding:
            self._rows.append(row)
            self._added += 1

    def flush(self) -> None:
        """Commit everything that was put before. Raises JournalError, and keeps the rows, if that fails."""
        with self._adding:
            mine = self._added
        with self._committing:
            if self._written >= mine:
                return  # another thread committed them
            with self._adding:
                batch = list(self._rows)
            asked = self._ticks()
            ours = self._store.write(lambda connection: self._commit(connection, batch))
            if self._lock is not None:
                self._lock.confirm(ours, asked)
            with self._adding:
                del self._rows[: len(batch)]
                self._written += len(batch)

    def _commit(self, connection: Connection, batch: Sequence[Row]) -> bool:
        """Whether the lock is still held. The rows are written in any case."""
        for _, rows in groupby(batch, key=lambda row: id(row.statement)):
            same = list(rows)
            connection.execute(same[0].statement, [dict(row.values) for row in same])
        return self._lock is None or self._lock.renew_with(connection)


class _Statements:
    """Each may be executed twice without harm. Parameters of updates begin with `b_`, those of inserts are named as
    their columns."""

    def __init__(self, *, shared: bool) -> None:
        this_change = (changes.c.run == bindparam("b_run")) & (changes.c.number == bindparam("b_number"))
        this_step = (
            (steps.c.run == bindparam("b_run"))
            & (steps.c.change == bindparam("b_number"))
            & (steps.c.number == bindparam("b_step"))
        )
        self.start_change = (
            update(changes).where(this_change).values(state=bindparam("b_state"), started=bindparam("b_started"))
        )
        self.end_change = (
            update(changes)
            .where(this_change)
            .values({name: bindparam(f"b_{name}") for name in ("state", "ended", "seconds", "detail", "hint", "log")})
        )
        new = insert_into(steps, shared=shared)
        self.start_step = new.on_conflict_do_update(
            index_elements=[steps.c.run, steps.c.change, steps.c.number],
            set_={name: new.excluded[name] for name in ("text", "started", "ended", "seconds")},
        )
        self.end_step = (
            update(steps).where(this_step).values(ended=bindparam("b_ended"), seconds=bindparam("b_seconds"))
        )
        read = insert_into(first_reads, shared=shared)
        self.keep_read = read.on_conflict_do_update(
            index_elements=[first_reads.c.run, first_reads.c.key],
            set_={name: read.excluded[name] for name in ("step", "content")},
        )
        self.drop_read = delete(first_reads).where(
            (first_reads.c.run == bindparam("b_run")) & (first_reads.c.key == bindparam("b_key"))
        )
        self.delete_step = delete(steps).where(this_step)
        self.end_run = (
            update(runs)
            .where(runs.c.id == bindparam("b_run"))
            .values(state=bindparam("b_state"), ended=bindparam("b_ended"))
        )


@cache
def _statements(shared: bool) -> _Statements:
    return _Statements(shared=shared)


def clean(text: str) -> str:
    """Text that a database accepts: no NUL, which PostgreSQL refuses, and no unpaired surrogate."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode("utf-8")
