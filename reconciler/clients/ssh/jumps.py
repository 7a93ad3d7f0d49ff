"""Jump hosts: all hosts behind one share one connection to it.

A jump host accepts few concurrent logins (MaxStartups), and any number of tunnels in one connection.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Final

import fabric
import paramiko

from reconciler.clients.ssh.connection import close_link, open_link
from reconciler.model.errors import ReconcileError

if TYPE_CHECKING:
    from reconciler.model.connection import Connection, ConnectionContext

_Key = tuple["Connection", str, int]


def _key(connection: Connection, context: ConnectionContext) -> _Key:
    return connection, context.root, id(context.resolver)


@dataclass(slots=True)
class _Shared:
    """`users` is guarded by the lock of `Jumps`, the rest by `lock`. A failure is shared too: sessions that waited for
    an attempt do not start another."""

    users: int = 0
    lock: Lock = field(default_factory=Lock)
    link: fabric.Connection | None = None
    failure: ReconcileError | None = None


class Jumps:
    """The open connections. Sessions `take` the one to their jump host and `give` it back; the last one closes it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._open: dict[_Key, _Shared] = {}

    def take(self, connection: Connection, context: ConnectionContext) -> paramiko.Transport:
        """The connection to a jump host, which may have a jump host itself. Raises what `open_link` raises."""
        key = _key(connection, context)
        with self._lock:
            shared = self._open.setdefault(key, _Shared())
            shared.users += 1
        try:
            with shared.lock:
                return self._transport(shared, connection, context)
        except BaseException:
            self.give(connection, context)
            raise

    def give(self, connection: Connection, context: ConnectionContext) -> None:
        key = _key(connection, context)
        with self._lock:
            shared = self._open[key]
            shared.users -= 1
            if shared.users:
                return
            del self._open[key]
        if shared.link is not None:
            self._close(shared.link, connection, context)

    def _transport(self, shared: _Shared, connection: Connection, context: ConnectionContext) -> paramiko.Transport:
        if shared.failure is not None:
            raise shared.failure
        if shared.link is not None and not shared.link.is_connected:
            self._close(shared.link, connection, context)
            shared.link = None
        if shared.link is None:
            try:
                shared.link = self._opened(connection, context)
            except ReconcileError as error:
                shared.failure = error
                raise
        return shared.link.transport

    def _opened(self, connection: Connection, context: ConnectionContext) -> fabric.Connection:
        if connection.jump is None:
            return open_link(connection, context)
        through = self.take(connection.jump, context)
        try:
            return open_link(connection, context, through)
        except BaseException:
            self.give(connection.jump, context)
            raise

    def _close(self, link: fabric.Connection, connection: Connection, context: ConnectionContext) -> None:
        close_link(link)
        if connection.jump is not None:
            self.give(connection.jump, context)


JUMPS: Final = Jumps()
"""Shared by all threads of this process."""
