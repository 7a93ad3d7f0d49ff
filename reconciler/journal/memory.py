"""What was last applied, by address and field, as digests: enough to tell drift from a new wish, and to notice that a
password was rotated, and not enough to learn anything from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy import delete, select

from reconciler.journal.fingerprints import Fingerprints
from reconciler.journal.place import find_place
from reconciler.journal.store import Store
from reconciler.journal.tables import applied


class Memory:
    """Digests of what was applied, in the same store as the runs. Raises JournalError where that fails."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @classmethod
    def open(cls, file: str | Path) -> Self:
        """Open or create a store for the memory alone. A file is made 0600, and its folder 0700."""
        return cls(Store.open(find_place(file)))

    def fingerprint(self, value: str) -> str:
        """A keyed digest of a secret: equal for equal values, useless without the key."""
        return self._fingerprints.of(value)

    def recall(self, scope: str) -> dict[str, dict[str, str]]:
        """Digests by address and field, as they were last applied."""
        query = select(applied.c.address, applied.c.fields).where(applied.c.scope == scope)
        rows = self._store.read(lambda connection: connection.execute(query).all())
        return {address: json.loads(fields) for address, fields in rows}

    def remember(self, scope: str, digests: Mapping[str, Mapping[str, str]]) -> None:
        """Store the digests of these addresses, all or none; other addresses keep theirs."""
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

    def close(self) -> None:
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @cached_property
    def _fingerprints(self) -> Fingerprints:
        return Fingerprints(self._store)
