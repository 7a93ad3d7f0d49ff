"""What was last applied, by address: digests of fields, and the id of the object on the server.

Digests distinguish drift from a new declaration and detect a rotated password, and reveal no value. Ids recognise an
object whose name or mark was changed on the server."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache, cached_property

from sqlalchemy import Connection, Executable, bindparam, delete, select, update

from reconciler.journal.fingerprints import Fingerprints
from reconciler.journal.lock import HeldLock
from reconciler.journal.store import Store, insert_into
from reconciler.journal.tables import applied, identities
from reconciler.model.recall import Identity, Memory


class AppliedState:
    """Every method raises JournalError if it fails. With `lock` what is remembered and forgotten is written only while
    it is held: afterwards another run knows better."""

    def __init__(self, store: Store, lock: HeldLock | None = None) -> None:
        self._store = store
        self._write = lock.write if lock is not None else store.write

    def under(self, lock: HeldLock) -> AppliedState:
        return AppliedState(self._store, lock)

    def fingerprint(self, value: str) -> str:
        """A keyed digest of a secret."""
        return self._fingerprints.of(value)

    def recall(self, scope: str) -> dict[str, dict[str, str]]:
        """Digests by address and field, as they were last applied."""
        return self._store.read(lambda connection: _digests(connection, scope))

    def memory(self, scope: str, former: str = "") -> Memory:
        """Everything that is recorded for a scope; where that is nothing, for its `former` name."""

        def read(connection: Connection) -> Memory:
            found = _memory(connection, scope)
            return found if found.applied or found.identities or not former else _memory(connection, former)

        return self._store.read(read)

    def carry_over(self, former: str, scope: str) -> None:
        """What is recorded for `former` is recorded for `scope` from now on, unless there is something already."""

        def read(connection: Connection) -> bool:
            return not _knows(connection, scope) and _knows(connection, former)

        def write(connection: Connection) -> None:
            if read(connection):
                for table in (applied, identities):
                    connection.execute(update(table).where(table.c.scope == former).values(scope=scope))

        if self._store.read(read):
            self._store.write(write)

    def remember(
        self, scope: str, digests: Mapping[str, Mapping[str, str]], known: Mapping[str, Identity] | None = None
    ) -> None:
        """Store the digests of these addresses, and the ids of those in `known`, in one transaction; other addresses
        keep theirs."""
        rows = [
            {"scope": scope, "address": address, "fields": json.dumps(dict(fields), sort_keys=True)}
            for address, fields in sorted(digests.items())
        ]
        ids = [
            {"scope": scope, "address": address, "object_id": found.id, "ours": found.ours}
            for address, found in sorted((known or {}).items())
        ]
        keep, identify = _replacing(self._store.shared)

        def write(connection: Connection) -> None:
            if rows:
                connection.execute(keep, rows)
            if ids:
                connection.execute(identify, ids)

        if rows or ids:
            self._write(write)

    def forget(self, scope: str, *addresses: str) -> None:
        """Delete what is recorded of these addresses, in one transaction."""
        rows = [{"b_scope": scope, "b_address": address} for address in sorted(addresses)]

        def write(connection: Connection) -> None:
            for statement in _deleting():
                connection.execute(statement, rows)

        if rows:
            self._write(write)

    @cached_property
    def _fingerprints(self) -> Fingerprints:
        return Fingerprints(self._store)


@cache
def _replacing(shared: bool) -> tuple[Executable, Executable]:
    """Statements that store what is applied, and an identity."""
    new, who = insert_into(applied, shared=shared), insert_into(identities, shared=shared)
    keep = new.on_conflict_do_update(
        index_elements=[applied.c.scope, applied.c.address], set_={"fields": new.excluded.fields}
    )
    identify = who.on_conflict_do_update(
        index_elements=[identities.c.scope, identities.c.address],
        set_={"object_id": who.excluded.object_id, "ours": who.excluded.ours},
    )
    return keep, identify


@cache
def _deleting() -> list[Executable]:
    return [
        delete(table).where((table.c.scope == bindparam("b_scope")) & (table.c.address == bindparam("b_address")))
        for table in (applied, identities)
    ]


def _knows(connection: Connection, scope: str) -> bool:
    """Whether anything is recorded for a scope."""
    queries = (select(table.c.address).where(table.c.scope == scope).limit(1) for table in (applied, identities))
    return any(connection.execute(query).first() is not None for query in queries)


def _memory(connection: Connection, scope: str) -> Memory:
    query = select(identities).where(identities.c.scope == scope)
    known = {row.address: Identity(row.object_id, row.ours) for row in connection.execute(query)}
    return Memory(_digests(connection, scope), known)


def _digests(connection: Connection, scope: str) -> dict[str, dict[str, str]]:
    query = select(applied.c.address, applied.c.fields).where(applied.c.scope == scope)
    return {address: dict(json.loads(fields)) for address, fields in connection.execute(query)}
