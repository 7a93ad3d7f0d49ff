"""Disks that are full, and kills in the middle of a transaction of the journal."""

from __future__ import annotations

import sqlite3
from typing import Any

from tests.simulation.scheduler import Killed, scheduler
from tests.simulation.world import run_of


def listen_to_journal() -> None:
    from sqlalchemy import Engine, event

    def execute(cursor: Any, statement: str, parameters: Any, context: Any) -> None:
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

    event.listen(Engine, "do_execute", execute)
    event.listen(Engine, "begin", lambda _: scheduler.pin(1))
    event.listen(Engine, "commit", lambda _: scheduler.pin(-1))
    event.listen(Engine, "rollback", lambda _: scheduler.pin(-1))
