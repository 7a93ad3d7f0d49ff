"""The journal: who applied what, when, and what became of every change of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from sqlalchemy import Connection, Select, func, select

from reconciler.journal.errors import NotInJournal
from reconciler.journal.ids import Clock, NewId, new_id, utc_now
from reconciler.journal.lock import HeldLock, Locks
from reconciler.journal.memory import Memory
from reconciler.journal.place import find_place
from reconciler.journal.reading import change_records, event_records, run_record
from reconciler.journal.records import ChangeRecord, ChangeState, EventRecord, RunRecord, RunState
from reconciler.journal.run import Run, clean
from reconciler.journal.store import Store
from reconciler.journal.tables import changes, events, locks, runs, steps
from reconciler.model.value import digest

if TYPE_CHECKING:
    from reconciler.journal.who import Who

T = TypeVar("T")


class Journal:
    """Runs, locks and memory of one store. A context manager. Everything raises JournalError where it fails."""

    def __init__(self, store: Store, *, clock: Clock = utc_now, ids: NewId | None = None) -> None:
        self.store = store
        self.new_id: NewId = ids or (lambda: new_id(clock))
        self.locks = Locks(store, self.new_id)
        self.memory = Memory(store)
        self._clock = clock

    @classmethod
    def open(cls, place: str | Path | None = None, *, clock: Clock = utc_now, ids: NewId | None = None) -> Self:
        """The journal at `place`, else where VBO_RECONCILE_JOURNAL says, else in the state folder of this user."""
        return cls(Store.open(find_place(place), clock=clock), clock=clock, ids=ids)

    def begin(
        self,
        plan: Mapping[str, Any],
        who: Who,
        now: datetime | None = None,
        *,
        run: str = "",
        operation: str = "apply",
        commit: str = "",
        resumes: str = "",
        lock: HeldLock | None = None,
    ) -> Run:
        """Write a run and all changes of `plan` (its JSON form), none of them started. On disk when this returns.

        `run` is its id where there is one already (from `new_id`, for the lock). With a `lock` each step asks first
        whether that is still held, and a run that was killed can be told from one that goes on.
        """
        row = {
            **_plan_columns(plan),
            "id": run or self.new_id(),
            "operation": operation,
            "state": RunState.RUNNING.value,
            "started": now or self._clock(),
            "ended": None,
            "username": clean(who.user),
            "host": clean(who.host),
            "actor": clean(who.actor),
            "job": clean(who.job),
            "git_commit": commit or who.commit,
            "resumes": resumes,
            "lock_id": lock.id if lock is not None else "",
        }
        rows = [_change_columns(row["id"], number, change) for number, change in enumerate(plan["changes"])]
        add_run = self.store.insert(runs).on_conflict_do_nothing()
        add_change = self.store.insert(changes).on_conflict_do_nothing()

        def write(connection: Connection) -> None:
            connection.execute(add_run, row)
            if rows:
                connection.execute(add_change, rows)

        self.store.write(write)
        keys = [change["key"] for change in plan["changes"]]
        return Run(self.store, row["id"], keys, clock=self._clock, lock=lock)

    def runs(self, limit: int = 20, operation: str = "") -> list[RunRecord]:
        """The latest runs, of all operations or of one, newest first, without their changes."""

        def read(connection: Connection) -> list[RunRecord]:
            query = self._runs().order_by(runs.c.started.desc(), runs.c.id.desc()).limit(limit)
            query = query.where(runs.c.operation == operation) if operation else query
            rows = connection.execute(query).all()
            counts = _counts(connection, [row.id for row in rows])
            return [run_record(row, counts.get(row.id, {})) for row in rows]

        return self.store.read(read)

    def run(self, run: str) -> RunRecord:
        """A run with its changes and steps. Raises NotInJournal."""

        def read(connection: Connection) -> RunRecord | None:
            row = connection.execute(self._runs().where(runs.c.id == run)).one_or_none()
            if row is None:
                return None
            found = connection.execute(select(changes).where(changes.c.run == run).order_by(changes.c.number)).all()
            order = (steps.c.change, steps.c.number)
            inside = connection.execute(select(steps).where(steps.c.run == run).order_by(*order)).all()
            return run_record(row, _counts(connection, [run]).get(run, {}), change_records(found, inside))

        return _found(self.store.read(read), run)

    def unfinished(self, run: str) -> tuple[ChangeRecord, ...]:
        """What `apply --resume` has to go on with: every change that is not done, in the order of the plan."""
        return tuple(change for change in self.run(run).changes if change.state is not ChangeState.DONE)

    def plan(self, run: str) -> dict[str, Any]:
        """The plan of a run, in its JSON form, as it was approved. Raises NotInJournal."""
        query = select(runs.c.plan).where(runs.c.id == run)
        text = _found(self.store.read(lambda connection: connection.execute(query).scalar_one_or_none()), run)
        plan: dict[str, Any] = json.loads(text)
        return plan

    def events(self, run: str) -> list[EventRecord]:
        """Everything that happened in a run, in order."""
        query = select(events).where(events.c.run == run).order_by(events.c.number)
        return event_records(self.store.read(lambda connection: connection.execute(query).all()))

    def close(self) -> None:
        self.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _runs(self) -> Select[Any]:
        """Without the plans, which are large; with a mark whether the lock of the run is still held."""
        columns = [column for column in runs.c if column.name != "plan"]
        held = (locks.c.id == runs.c.lock_id) & (locks.c.expires > self.store.moment())
        return select(*columns, locks.c.id.label("held")).select_from(runs.outerjoin(locks, held))


def _plan_columns(plan: Mapping[str, Any]) -> dict[str, Any]:
    """A plan file carries the digest of itself; a plan that was just made gets one."""
    return {
        "inventory": clean(plan["inventory"]["name"]),
        "inventory_digest": plan["inventory"]["digest"],
        "plan_digest": plan.get("digest") or digest(plan),
        "server": clean(plan["server"]["host"]),
        "lab": bool(plan.get("lab")),
        "plan": json.dumps(plan, sort_keys=True),
    }


def _change_columns(run: str, number: int, change: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "run": run,
        "number": number,
        "key": clean(change["key"]),
        "address": clean(change["address"]),
        "action": change["action"],
        "state": ChangeState.NOT_STARTED.value,
        "started": None,
        "ended": None,
        "seconds": 0.0,
        "detail": "",
        "hint": "",
        "log": "[]",
    }


def _counts(connection: Connection, ids: Sequence[str]) -> dict[str, dict[ChangeState, int]]:
    query = (
        select(changes.c.run, changes.c.state, func.count())
        .where(changes.c.run.in_(ids))
        .group_by(changes.c.run, changes.c.state)
    )
    counts: dict[str, dict[ChangeState, int]] = {run: dict.fromkeys(ChangeState, 0) for run in ids}
    for run, state, number in connection.execute(query):
        counts[run][ChangeState(state)] = number
    return counts


def _found(value: T | None, run: str) -> T:
    if value is None:
        raise NotInJournal(f"There is no run {run!r}.", hint="See: vbo-reconcile runs list")
    return value
