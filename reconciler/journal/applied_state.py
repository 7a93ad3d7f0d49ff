"""Digests of what was last applied, by address and field. They distinguish drift from a new declaration and detect a
rotated password, and reveal no value."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property

from sqlalchemy import delete, select

from reconciler.journal.fingerprints import Fingerprints
from reconciler.journal.store import Store
from reconciler.journal.tables import applied


class AppliedState:
    """Every method raises JournalError if it fails."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def fingerprint(self, value: str) -> str:
        """A keyed digest of a secret."""
        return self._fingerprints.of(value)

    def recall(self, scope: str) -> dict[str, dict[str, str]]:
        """Digests by address and field, as they were last applied."""
        query = select(applied.c.address, applied.c.fields).where(applied.c.scope == scope)
        rows = self._store.read(lambda connection: connection.execute(query).all())
        return {address: json.loads(fields) for address, fields in rows}

    def remember(self, scope: str, digests: Mapping[str, Mapping[str, str]]) -> None:
        """Store the digests of these addresses in one transaction; other addresses keep theirs."""
        if not digests:
            return
        new = self._store.insert(applied)
        upsert = new.on_conflict_do_update(
            index_elements=[applied.c.scope, applied.c.address], set_={"fields": new.excluded.fields}
        )
        rows = [
            {"scope": scope, "address": address, "fields": json.dumps(dict(fields), sort_keys=True)}
            for address, fields in sorted(digests.items())
        ]
        self._store.write(lambda connection: connection.execute(upsert, rows))

    def forget(self, scope: str, address: str) -> None:
        query = delete(applied).where(applied.c.scope == scope, applied.c.address == address)
        self._store.write(lambda connection: connection.execute(query))

    @cached_property
    def _fingerprints(self) -> Fingerprints:
        return Fingerprints(self._store)
