"""Rows on their way into the database: in order, several threads in one commit, none of them lost by a failure."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from sqlalchemy import Connection, Executable

    from reconciler.journal.lock import HeldLock
    from reconciler.journal.store import Store


class Row(NamedTuple):
    statement: Executable
    values: Mapping[str, Any]


class Spool:
    """`put` keeps rows, `flush` returns once they are on disk.

    While one thread commits, the others queue up and the next of them takes everything that has come together. Rows
    of a commit that failed stay first in the queue: they are written as soon as writing works again.
    Each commit renews the lease of `lock`, and so finds out whether it is lost.
    """

    def __init__(
        self, store: Store, lock: HeldLock | None = None, *, ticks: Callable[[], float] = time.monotonic
    ) -> None:
        self._store = store
        self._lock = lock
        self._ticks = ticks
        self._rows: list[Row] = []
        self._put = 0
        self._written = 0
        self._queue = Lock()
        self._turn = Lock()

    def put(self, *rows: Row) -> None:
        with self._queue:
            self._rows.extend(rows)
            self._put += len(rows)

    def flush(self) -> None:
        """Commit everything that was put before. Raises JournalError, and keeps it, where that cannot be done."""
        with self._queue:
            mine = self._put
        with self._turn:
            if self._written >= mine:
                return  # it went with the commit of another thread
            with self._queue:
                batch = list(self._rows)
            asked = self._ticks()
            ours = self._store.write(lambda connection: self._commit(connection, batch))
            if self._lock is not None:
                self._lock.confirm(ours, asked)
            with self._queue:
                del self._rows[: len(batch)]
                self._written += len(batch)

    def _commit(self, connection: Connection, batch: Sequence[Row]) -> bool:
        """Whether the lock is ours. What happened is written in any case."""
        for _, rows in groupby(batch, key=lambda row: id(row.statement)):
            same = list(rows)
            connection.execute(same[0].statement, [dict(row.values) for row in same])
        return self._lock is None or self._lock.renew_with(connection)
