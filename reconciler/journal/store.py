"""The database under the journal: SQLite in a file, or PostgreSQL. One schema, the same guarantees.

SQLite runs with a rollback journal that is truncated (`journal_mode=TRUNCATE`) and `synchronous=FULL`: a commit that
returned is on the disk, and survives SIGKILL, a crash of the machine and a full disk. WAL would cost a quarter of it
for each commit, but it keeps its index in shared memory: with a home folder on the network two machines would damage
the file without notice. SQLite before 3.51.3 can also lose pages in it (https://www.sqlite.org/wal.html#walresetbug).
What a commit costs is small beside a step of an apply, and several threads share one (`run_recorder.WriteQueue`).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Self, TypeVar

from sqlalchemy import URL, ColumnElement, Connection, Engine, Table, bindparam, create_engine, event, func, type_coerce

from reconciler import timing
from reconciler.journal.error_mapping import UNREACHABLE, map_errors
from reconciler.journal.errors import JournalError
from reconciler.journal.ids import Clock
from reconciler.journal.migrations import check, migrate, version_of
from reconciler.journal.tables import Instant

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy.dialects.postgresql import Insert as PostgresInsert
    from sqlalchemy.dialects.sqlite import Insert as SqliteInsert

    from reconciler.journal.location import JournalLocation

T = TypeVar("T")

_SNAPSHOT = "REPEATABLE READ"
_TCP = {"connect_timeout": 10, "keepalives_idle": 15, "tcp_user_timeout": 30_000, "application_name": "vbo-reconcile"}


class Store:
    """An open database. `read` and `write` raise JournalError for every error in it.

    `pauses` are the seconds to wait before each further attempt when the connection to PostgreSQL broke: whatever is
    written here may be written twice (same keys, same values), so an answer that was lost does no harm.
    """

    def __init__(
        self,
        location: JournalLocation,
        engine: Engine,
        clock: Clock,
        *,
        busy: float = 10.0,
        pauses: tuple[float, ...] = (0.0, 1.0, 3.0),
        sleep: Callable[[float], None] = timing.sleep,
    ) -> None:
        self.location = location
        self.clock = clock
        self._engine = engine
        self._readers = engine.execution_options(isolation_level=_SNAPSHOT) if self.shared else engine
        self._busy = busy
        self._pauses = pauses
        self._sleep = sleep

    @classmethod
    def open(
        cls,
        location: JournalLocation,
        *,
        clock: Clock = timing.utc_now,
        busy: float = 10.0,
        pauses: tuple[float, ...] = (0.0, 1.0, 3.0),
    ) -> Self:
        """Connect, and migrate the tables. `busy` is how many seconds to wait for a lock of another process."""
        with map_errors(location, "opened"):
            store = cls(location, _engine(location, busy), clock, busy=busy, pauses=pauses)
        try:
            if not store._attempt(lambda connection: check(version_of(connection), location.label), "opened"):
                store._attempt(lambda connection: migrate(connection, location.label), "opened", writing=True)
        except JournalError:
            store.close()
            raise
        return store

    @property
    def shared(self) -> bool:
        """Whether other machines may use it too."""
        return self.location.file is None

    def read(self, work: Callable[[Connection], T]) -> T:
        """The result of `work`, which reads one snapshot."""
        return self._with_retries(work, "read", writing=False)

    def write(self, work: Callable[[Connection], T]) -> T:
        """The result of `work`, once its transaction is on disk. `work` may be called again after a lost connection."""
        return self._with_retries(work, "written", writing=True)

    def insert(self, table: Table) -> PostgresInsert | SqliteInsert:
        """An INSERT that supports ON CONFLICT."""
        return insert_into(table, shared=self.shared)

    def moment(self, later: float = 0.0) -> ColumnElement[Any]:
        """The time `later` seconds after a statement with it is executed, by the clock that all users of this database
        share."""
        seconds = timedelta(seconds=later)
        if self.shared:
            return type_coerce(func.clock_timestamp() + seconds, Instant)
        return bindparam(None, callable_=lambda: self.clock() + seconds, type_=Instant)

    def close(self) -> None:
        self._engine.dispose()

    def _with_retries(self, work: Callable[[Connection], T], doing: str, *, writing: bool) -> T:
        for pause in self._pauses:
            try:
                return self._attempt(work, doing, writing=writing)
            except JournalError as error:
                if error.code != UNREACHABLE:
                    raise
            self._sleep(pause)
        return self._attempt(work, doing, writing=writing)

    def _attempt(self, work: Callable[[Connection], T], doing: str, *, writing: bool = False) -> T:
        engine = self._engine if writing else self._readers
        with map_errors(self.location, doing), engine.connect() as connection, connection.begin():
            if self.shared:
                _begin_postgres(connection, self._busy)
            else:
                _begin_sqlite(connection, writing=writing)
            return work(connection)


def insert_into(table: Table, *, shared: bool) -> PostgresInsert | SqliteInsert:
    """An INSERT that supports ON CONFLICT, for PostgreSQL if the database is shared."""
    if shared:
        from sqlalchemy.dialects import postgresql

        return postgresql.insert(table)
    from sqlalchemy.dialects import sqlite

    return sqlite.insert(table)


def _engine(location: JournalLocation, busy: float) -> Engine:
    if location.url is not None:
        options = {name: value for name, value in _TCP.items() if name not in location.url.query}
        # prepared statements do not work through a connection pooler
        return create_engine(location.url, connect_args={**options, "prepare_threshold": None}, hide_parameters=True)
    if location.file is None:
        raise ValueError("a location is a file or a URL")
    _secure(location.file, own_folder=location.own_folder)
    engine = create_engine(
        URL.create("sqlite", database=str(location.file)), connect_args={"timeout": busy}, hide_parameters=True
    )
    event.listen(engine, "connect", _prepare_sqlite)
    return engine


def _begin_postgres(connection: Connection, busy: float) -> None:
    """An open transaction of another process must not block without end. The setting ends with the transaction: the
    next one on a connection of a pooler may be of another program."""
    connection.exec_driver_sql("SELECT set_config('lock_timeout', %s, true)", (f"{busy * 1000:.0f}ms",))


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the driver must not begin transactions: it does not before DDL
    for pragma in ("journal_mode=TRUNCATE", "synchronous=FULL", "foreign_keys=ON", "trusted_schema=OFF"):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(connection: Connection, *, writing: bool) -> None:
    """A writer locks at once: a reader that becomes a writer fails if another process was faster. Called before the
    first statement: a listener of the engine would cost more than the statement itself."""
    cursor = connection.connection.cursor()
    try:
        cursor.execute("BEGIN IMMEDIATE" if writing else "BEGIN")
    finally:
        cursor.close()


def _secure(file: Path, *, own_folder: bool) -> None:
    """Make the file (0600) before SQLite does, in a folder of ours (0700); files beside it get the same mode.

    A folder that was there before and is not ours by name keeps its mode: it may be /tmp.
    """
    folder = file.parent
    if not folder.exists():
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    elif own_folder and folder.stat().st_mode & 0o077:
        folder.chmod(0o700)
    handle = os.open(file, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        if os.name == "posix" and os.fstat(handle).st_mode & 0o077:
            os.fchmod(handle, 0o600)
    finally:
        os.close(handle)
