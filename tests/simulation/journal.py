"""Disks that are full, and kills in the middle of a transaction of the journal."""

from __future__ import annotations

import sqlite3
from typing import Any

from tests.simulation.scheduler import Killed, scheduler
from tests.simulation.world import run_of


def listen_to_journal() -> None:
    """The methods of the dialect are replaced: with listeners SQLAlchemy makes a way for events in every connection. It
    rolls back whatever returns to its pool, so the end of a transaction is the first one."""
    from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

    dialect: Any = SQLiteDialect_pysqlite
    execute, commit, rollback = dialect.do_execute, dialect.do_commit, dialect.do_rollback

    def executed(self: Any, cursor: Any, statement: str, parameters: Any, context: Any = None) -> None:
        _meet(statement)
        execute(self, cursor, statement, parameters, context)

    begun: set[int] = set()

    def begin(self: Any, connection: Any) -> None:
        del self
        begun.add(id(connection))
        scheduler.pin(1)

    def end(connection: Any) -> None:
        if id(connection) in begun:
            begun.remove(id(connection))
            scheduler.pin(-1)

    def committed(self: Any, connection: Any) -> None:
        end(connection)
        commit(self, connection)

    def rolled_back(self: Any, connection: Any) -> None:
        end(connection)
        rollback(self, connection)

    dialect.do_execute = executed
    dialect.do_begin, dialect.do_commit, dialect.do_rollback = begin, committed, rolled_back


def _meet(statement: str) -> None:
    found = run_of(scheduler.current.process)
    if found is None:
        return
    world, run = found
    scheduler.check(scheduler.current)
    if not statement.startswith(("INSERT", "UPDATE", "DELETE")):
        return
    if run.writes_left:
        run.writes_left -= 1
        if not run.writes_left:
            world.note(f"{run.name} is killed at a write")
            scheduler.kill(run.process)
            raise Killed
    if world.disk_full:
        error = sqlite3.OperationalError("database or disk is full")
        error.sqlite_errorcode, error.sqlite_errorname = 13, "SQLITE_FULL"
        raise error
