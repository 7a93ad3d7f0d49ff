"""The journal: who applied what and when, and how every change ended."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from sqlalchemy import Connection, Select, func, select, update

from reconciler.journal.applied_state import AppliedState
from reconciler.journal.attempts import Attempts
from reconciler.journal.errors import NotInJournal
from reconciler.journal.findings import FindingStore
from reconciler.journal.ids import Clock, NewId, new_id
from reconciler.journal.location import find_location
from reconciler.journal.lock import HeldLock, Locks
from reconciler.journal.outbox import Outbox
from reconciler.journal.records import (
    ChangeRecord,
    ChangeState,
    FirstRead,
    RunRecord,
    RunState,
    change_records,
    run_record,
)
from reconciler.journal.run_recorder import RunRecorder, clean
from reconciler.journal.store import Store
from reconciler.journal.tables import changes, first_reads, locks, runs, steps
from reconciler.model.value import digest
from reconciler.timing import utc_now

if TYPE_CHECKING:
    from reconciler.journal.who import Who

T = TypeVar("T")


class Journal:
    """Runs, locks and applied values in one store. A context manager. Every method raises JournalError if it fails."""

    def __init__(self, store: Store, *, clock: Clock = utc_now, ids: NewId | None = None) -> None:
        self.store = store
        self.new_id: NewId = ids or (lambda: new_id(clock))
        self.locks = Locks(store, self.new_id)
        self.applied_state = AppliedState(store)
        self.findings = FindingStore(store)
        self.outbox = Outbox(store)
        self.attempts = Attempts(store)
        self._clock = clock

    @classmethod
    def open(cls, location: str | Path | None = None, *, clock: Clock = utc_now, ids: NewId | None = None) -> Self:
        """The journal at `location`, else at VBO_RECONCILE_JOURNAL, else in the state folder of this user."""
        return cls(Store.open(find_location(location), clock=clock), clock=clock, ids=ids)

    def begin(
        self,
        plan: Mapping[str, Any],
        who: Who,
        *,
        run: str = "",
        operation: str = "apply",
        commit: str = "",
        resumes: str = "",
        lock: HeldLock | None = None,
    ) -> RunRecorder:
        """Record a run and all changes of `plan` (its JSON form), none of them started. On disk when this returns.

        `run` is the id of the run, if the lock names it already (from `new_id`). With a `lock` each step is permitted
        only while the lock is held, and a killed run can be distinguished from a running one.
        """
        row = {
            **_plan_columns(plan),
            "id": run or self.new_id(),
            "operation": operation,
            "state": RunState.RUNNING.value,
            "started": self._clock(),
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

        take_over = update(first_reads).where(first_reads.c.run == resumes).values(run=row["id"])

        def write(connection: Connection) -> None:
            connection.execute(add_run, row)
            if rows:
                connection.execute(add_change, rows)
            if resumes:
                connection.execute(take_over)

        self.store.write(write)
        keys = [change["key"] for change in plan["changes"]]
        return RunRecorder(self.store, row["id"], keys, clock=self._clock, lock=lock)

    def runs(self, limit: int = 20, operation: str = "", inventory: str = "") -> list[RunRecord]:
        """The latest runs, of all operations and inventories or of one, newest first, without their changes."""

        def read(connection: Connection) -> list[RunRecord]:
            query = self._runs().order_by(runs.c.started.desc(), runs.c.id.desc()).limit(limit)
            query = query.where(runs.c.operation == operation) if operation else query
            query = query.where(runs.c.inventory == inventory) if inventory else query
            rows = connection.execute(query).all()
            counts = _counts(connection, [row.id for row in rows])
            return [run_record(row, counts.get(row.id, {})) for row in rows]

        return self.store.read(read)

    def run_counts(self, inventory: str) -> Counter[tuple[str, RunState]]:
        """How many runs of an inventory there are, by operation and state."""
        mine, open_ = runs.c.inventory == inventory, runs.c.state == RunState.RUNNING.value
        ended = select(runs.c.operation, runs.c.state, func.count()).where(mine, ~open_)
        ended = ended.group_by(runs.c.operation, runs.c.state)

        def read(connection: Connection) -> Counter[tuple[str, RunState]]:
            found = Counter({(what, RunState(state)): number for what, state, number in connection.execute(ended)})
            running = (run_record(row, {}) for row in connection.execute(self._runs().where(mine, open_)))
            found.update((run.operation, run.state) for run in running)
            return found

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

    def last_change(self, addresses: Collection[str], inventory: str) -> tuple[RunRecord, ChangeRecord] | None:
        """The latest change of one of `addresses` that a run of `inventory` began, and its run without the others."""
        begun = select(changes.c.run, changes.c.number).join(runs, runs.c.id == changes.c.run)
        begun = begun.where(changes.c.address.in_(sorted(addresses)), changes.c.started.is_not(None))
        begun = begun.where(runs.c.inventory == inventory).order_by(runs.c.started.desc(), changes.c.number.desc())

        def read(connection: Connection) -> tuple[RunRecord, ChangeRecord] | None:
            latest = connection.execute(begun.limit(1)).one_or_none()
            if latest is None:
                return None
            row = connection.execute(self._runs().where(runs.c.id == latest.run)).one()
            own = (changes.c.run == latest.run) & (changes.c.number == latest.number)
            found = connection.execute(select(changes).where(own)).all()
            return run_record(row, {}), change_records(found, [])[0]

        return self.store.read(read)

    def plan(self, run: str) -> dict[str, Any]:
        """The plan of a run, in its JSON form, as it was approved. Raises NotInJournal."""
        query = select(runs.c.plan).where(runs.c.id == run)

        def read(connection: Connection) -> dict[str, Any] | None:
            text = connection.execute(query).scalar_one_or_none()
            return None if text is None else dict(json.loads(text))

        return _found(self.store.read(read), run)

    def first_reads(self, run: str) -> list[FirstRead]:
        """What a run sent and did not verify, or took over from the run that it resumes."""
        query = select(first_reads).where(first_reads.c.run == run).order_by(first_reads.c.key)

        def read(connection: Connection) -> list[FirstRead]:
            rows = connection.execute(query)
            return [FirstRead(row.key, json.loads(row.step), json.loads(row.content)) for row in rows]

        return self.store.read(read)

    def close(self) -> None:
        self.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _runs(self) -> Select[Any]:
        """Without the plans, which are large; with `held`, which is NULL if the lock of the run is not held."""
        columns = [column for column in runs.c if column.name != "plan"]
        held = (locks.c.id == runs.c.lock_id) & (locks.c.expires > self.store.moment())
        return select(*columns, locks.c.id.label("held")).select_from(runs.outerjoin(locks, held))


def _plan_columns(plan: Mapping[str, Any]) -> dict[str, Any]:
    """A plan file has its own digest; for a new plan it is computed."""
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
        raise NotInJournal(f"The journal has no run {run!r}.", hint="See: vbo-reconcile runs list")
    return value
