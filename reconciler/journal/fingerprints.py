"""Keyed fingerprints of secrets, which detect that a password was rotated.

With SQLite the key is in a separate file beside the database (0600), so that a copy of the database has no key. In
PostgreSQL the key is in the database, for every reader of it; so each fingerprint costs a scrypt there, and a list of
passwords one for each entry.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, select

from reconciler import randomness
from reconciler.journal.tables import keys

if TYPE_CHECKING:
    from reconciler.journal.store import Store

_BYTES = 32
_NAME = "fingerprints"


class Fingerprints:
    """Reads the key, or makes it at first use. If it is lost, every secret counts as rotated once."""

    def __init__(self, store: Store) -> None:
        """Raises JournalError if the key can be neither read nor made."""
        self._slow = store.location.file is None
        if store.location.file is not None:
            file = store.location.file.with_suffix(".key")
            self._key = store.read(lambda _: _read(file)) or store.write(lambda _: _make(file))
        else:
            self._key = store.read(_stored) or store.write(lambda connection: _add(store, connection))

    def of(self, value: str) -> str:
        if self._slow:
            return hashlib.scrypt(value.encode(), salt=self._key, n=2**14, r=8, p=1, dklen=32).hex()
        return hmac.new(self._key, value.encode(), hashlib.sha256).hexdigest()


def _read(file: Path) -> bytes:
    """The key; empty without a file, or if a crash left a part of one."""
    try:
        key = file.read_bytes()
    except FileNotFoundError:
        return b""
    return key if len(key) == _BYTES else b""


def _make(file: Path) -> bytes:
    """Called in a writing transaction, so that no other process makes another key at the same time."""
    known = _read(file)
    if known:
        return known
    fresh = file.with_name(f".{file.name}.new")
    handle = os.open(fresh, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
    with os.fdopen(handle, "wb") as stream:
        key = randomness.token_bytes(_BYTES)
        stream.write(key)
        stream.flush()
        os.fsync(stream.fileno())
    fresh.replace(file)
    return key


def _stored(connection: Connection) -> bytes:
    text = connection.execute(select(keys.c.value).where(keys.c.name == _NAME)).scalar_one_or_none()
    return bytes.fromhex(text) if text else b""


def _add(store: Store, connection: Connection) -> bytes:
    new = store.insert(keys).values(name=_NAME, value=randomness.token_hex(_BYTES))
    connection.execute(new.on_conflict_do_nothing())
    return _stored(connection)
