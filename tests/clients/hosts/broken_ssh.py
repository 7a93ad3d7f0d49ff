"""What a session over a wire that breaks ends with, and what it leaves behind."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from pathlib import Path

from reconciler.clients.host_session import open_host
from reconciler.model.connection import Connection, Deadlines
from reconciler.model.errors import RemoteError
from reconciler.model.script import Script
from tests.clients.hosts.secrets import context
from tests.clients.hosts.wire import Then, wire

SOON, LATE = 0.4, 10.0
"""Deadlines in seconds: for what is expected to reach it, and for what is not."""
ONE = Script("linux/one.sh", "printf %4000s 1")


def measure(connection: Connection) -> tuple[int, int]:
    """How many bytes the server answers up to the login, and up to the end of one script."""
    with (
        wire(connection.port) as line,
        open_host(replace(connection, port=line.port), context()) as host,
    ):
        settle()
        login = line.passed
        host.execute(ONE, {}, deadline=20)
        return login, line.passed


def settle() -> None:
    """Until everything that was said has arrived: messages follow a login."""
    time.sleep(0.1)


def broken(connection: Connection, after: int, then: Then, *, login: int) -> RemoteError:
    """The error of one script over a wire that breaks after so many bytes. `login` bytes belong to the login.

    Only silence takes a deadline to end, so only what meets it has a short one: the rest must not hurry.
    """
    silent = then is Then.SILENCE
    connect, call = (SOON if silent and after < login else LATE), (SOON if silent else LATE)
    with wire(connection.port, after, then) as line:
        reach = replace(connection, port=line.port, deadlines=Deadlines(connect=connect))
        try:
            with open_host(reach, context()) as host:
                host.execute(ONE, {}, deadline=call)
        except RemoteError as error:
            return error
    raise AssertionError(f"nothing happened after {after} bytes, then {then}")


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def left_behind(threads: set[threading.Thread], files: int) -> list[str]:
    """Threads and files that are more than there were, after a moment for those that are just ending."""
    for _ in range(200):
        more = [thread.name for thread in set(threading.enumerate()) - threads]
        files_more = open_files() - files
        if not more and files_more <= 0:
            return []
        time.sleep(0.01)
    return [*more, f"{files_more} files"]
