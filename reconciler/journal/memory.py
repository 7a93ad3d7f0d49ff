"""What was last applied, by address and field, as digests: enough to tell drift from a new wish, and to notice that a
password was rotated, and not enough to learn anything from."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from sqlalchemy import Engine, Table


class Memory:
    """Digests of what was applied, in an SQLite file (0600) beside the key that fingerprints are made with."""

    def __init__(self, engine: Engine, table: Table, key: bytes) -> None:
        self._engine = engine
        self._table = table
        self._key = key

    @classmethod
    def open(cls, file: Path) -> Self:
        """Open or create the memory in `file`; its folder is made 0700. Raises OSError where it cannot be written."""
        from sqlalchemy import Column, MetaData, String, Table, Text, create_engine

        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(file, os.O_CREAT | os.O_RDWR, 0o600))
        table = Table(
            "applied",
            metadata := MetaData(),
            Column("scope", String(300), primary_key=True),
            Column("address", String(300), primary_key=True),
            Column("fields", Text, nullable=False),
        )
        engine = create_engine(f"sqlite:///{file}")
        metadata.create_all(engine)
        return cls(engine, table, _key(file.with_suffix(".key")))

    def fingerprint(self, value: str) -> str:
        """A keyed digest of a secret: equal for equal values, useless without the key."""
        return hmac.new(self._key, value.encode(), hashlib.sha256).hexdigest()

    def recall(self, scope: str) -> dict[str, dict[str, str]]:
        """Digests by address and field, as they were last applied."""
        from sqlalchemy import select

        query = select(self._table.c.address, self._table.c.fields).where(self._table.c.scope == scope)
        with self._engine.connect() as connection:
            return {address: json.loads(fields) for address, fields in connection.execute(query)}

    def remember(self, scope: str, applied: Mapping[str, Mapping[str, str]]) -> None:
        """Store the digests of these addresses; other addresses keep theirs."""
        from sqlalchemy import delete, insert

        if not applied:
            return
        rows = [
            {"scope": scope, "address": address, "fields": json.dumps(dict(fields), sort_keys=True)}
            for address, fields in sorted(applied.items())
        ]
        table = self._table
        with self._engine.begin() as connection:
            for row in rows:
                connection.execute(delete(table).where(table.c.scope == scope, table.c.address == row["address"]))
            connection.execute(insert(table), rows)

    def forget(self, scope: str, address: str) -> None:
        from sqlalchemy import delete

        table = self._table
        with self._engine.begin() as connection:
            connection.execute(delete(table).where(table.c.scope == scope, table.c.address == address))

    def close(self) -> None:
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _key(file: Path) -> bytes:
    """The key of this memory, made at first use. Losing it only means that every secret looks new once."""
    try:
        handle = os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        return file.read_bytes()
    with os.fdopen(handle, "wb") as stream:
        key = secrets.token_bytes(32)
        stream.write(key)
    return key
