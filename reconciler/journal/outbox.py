"""Notices that are to be sent: recorded with the change of state that they are of, and kept until they are sent."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, delete, func, select, update

from reconciler.journal.run_recorder import clean
from reconciler.journal.tables import notices

if TYPE_CHECKING:
    from reconciler.journal.store import Store

GIVEN_UP: Final = timedelta(days=3)
"""How long a notice is tried."""
KEPT: Final = timedelta(days=30)
"""How long one that was sent is kept."""


@dataclass(frozen=True, slots=True)
class Notice:
    """A `message` for one `channel`. `attempts` have failed, the last one with `error`; it is tried again when it is
    `due`."""

    id: str
    server: str
    channel: str
    message: Mapping[str, Any]
    created: datetime
    due: datetime
    attempts: int = 0
    error: str = ""
    sent: datetime | None = None


class Outbox:
    """Every method raises JournalError if it fails."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def claim(self, server: str, channels: Sequence[str], now: datetime, until: datetime) -> list[Notice]:
        """The notices that are due, oldest first. No other process sends them before `until`."""
        pending = notices.c.sent.is_(None) & (notices.c.server == server) & (notices.c.due <= now)
        query = select(notices).where(pending, notices.c.channel.in_(sorted(channels)))
        query = query.order_by(notices.c.created, notices.c.id).limit(100)

        def write(connection: Connection) -> list[Notice]:
            rows = connection.execute(query.with_for_update(skip_locked=True)).all()
            if rows:
                mine = notices.c.id.in_([row.id for row in rows])
                connection.execute(update(notices).where(mine).values(due=until))
            return [Notice(**{**row._asdict(), "message": json.loads(row.message)}) for row in rows]

        some = self._store.read(lambda connection: connection.execute(query.limit(1)).one_or_none())
        return [] if some is None else self._store.write(write)

    def sent(self, notice: str, now: datetime) -> None:
        """Record that a notice was sent, and forget old ones."""

        def write(connection: Connection) -> None:
            connection.execute(update(notices).where(notices.c.id == notice).values(sent=now, error=""))
            connection.execute(delete(notices).where(notices.c.sent < now - KEPT))

        self._store.write(write)

    def failed(self, notice: Notice, error: str, now: datetime, due: datetime) -> None:
        """Record a failed attempt. A notice that is too old is dropped."""
        this = notices.c.id == notice.id
        changed = update(notices).where(this).values(attempts=notice.attempts + 1, error=clean(error), due=due)
        work = delete(notices).where(this) if now - notice.created >= GIVEN_UP else changed
        self._store.write(lambda connection: connection.execute(work))

    def pending(self, server: str) -> int:
        query = select(func.count()).where(notices.c.sent.is_(None), notices.c.server == server)
        return int(self._store.read(lambda connection: connection.execute(query).scalar_one()))


def add_notices(store: Store, connection: Connection, found: Sequence[Notice]) -> None:
    rows = [
        {
            "id": item.id,
            "server": item.server,
            "channel": item.channel,
            "message": clean(json.dumps(item.message, sort_keys=True)),
            "created": item.created,
            "due": item.due,
            "attempts": 0,
            "error": "",
            "sent": None,
        }
        for item in found
    ]
    if rows:
        connection.execute(store.insert(notices).on_conflict_do_nothing(), rows)
