"""What runs of one operation tried lately: how each change ended that they began."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import select

from reconciler.journal.records import ChangeState
from reconciler.journal.tables import changes, runs

if TYPE_CHECKING:
    from reconciler.journal.store import Store
    from reconciler.model.inventory import Inventory


@dataclass(frozen=True, slots=True)
class Attempt:
    """A change with the key `key` that a run began. One of a run that was killed is IN_FLIGHT."""

    key: str
    started: datetime
    state: ChangeState
    detail: str = ""


class Attempts:
    def __init__(self, store: Store) -> None:
        self._store = store

    def of(self, operation: str, inventory: Inventory, since: datetime) -> list[Attempt]:
        """Those with the inventory as it is, newest first. Raises JournalError."""
        query = select(changes.c.key, changes.c.started, changes.c.state, changes.c.detail)
        query = query.join(runs, runs.c.id == changes.c.run)
        query = query.where(runs.c.operation == operation, runs.c.inventory == inventory.name)
        query = query.where(runs.c.inventory_digest == inventory.digest, changes.c.started >= since)
        query = query.order_by(changes.c.started.desc(), changes.c.run.desc(), changes.c.number.desc())
        rows = self._store.read(lambda connection: connection.execute(query).all())
        return [Attempt(row.key, row.started, ChangeState(row.state), row.detail) for row in rows]
