"""Keyed fingerprints of secrets: they tell that a password was rotated, and nothing else.

With SQLite the key is in a file of its own beside the database (0600): whoever has a copy of the database has no key.
A team shares the key with the database, where whoever can read the one can read the other; so there each fingerprint
costs a scrypt, and trying a list of passwords costs one for each of them.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, select

from reconciler.journal.tables import keys

if TYPE_CHECKING:
    from reconciler.journal.store import Store

_BYTES = 32
_NAME = "fingerprints"


class Fingerprints:
    """Reads the key, or makes it at first use. Losing it only means that every secret looks new once."""

    def __init__(self, store: Store) -> None:
        """Raises JournalError where the key can be neither read nor made."""
        self._slow = store.place.file is None
        if store.place.file is not None:
            file = store.place.file.with_suffix(".key")
            self._key = store.read(lambda _: _read(file)) or store.write(lambda _: _make(file))
        else:
            self._key = store.read(_stored) or store.write(lambda connection: _add(store, connection))

    def of(self, value: str) -> str:
        if self._slow:
            return hashlib.scrypt(value.encode(), salt=self._key, n=2**14, r=8, p=1, dklen=32).hex()
        return hmac.new(self._key, value.encode(), hashlib.sha256).hexdigest()


def _read(file: Path) -> bytes:
    """The key; nothing where there is none, or where a crash left a part of one."""
    try:
        key = file.read_bytes()
    except FileNotFoundError:
        return b""
    return key if len(key) == _BYTES else b""


def _make(file: Path) -> bytes:
    """Called in a writing transaction, which keeps other processes from making another key meanwhile."""
    known = _read(file)
    if known:
        return known
    fresh = file.with_name(f".{file.name}.new")
    handle = os.open(fresh, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
    with os.fdopen(handle, "wb") as stream:
        key = secrets.token_bytes(_BYTES)
        stream.write(key)
        stream.flush()
        os.fsync(stream.fileno())
    fresh.replace(file)
    return key


def _stored(connection: Connection) -> bytes:
    text = connection.execute(select(keys.c.value).where(keys.c.name == _NAME)).scalar_one_or_none()
    return bytes.fromhex(text) if text else b""


def _add(store: Store, connection: Connection) -> bytes:
    new = store.insert(keys).values(name=_NAME, value=secrets.token_hex(_BYTES))
    connection.execute(new.on_conflict_do_nothing())
    return _stored(connection)
