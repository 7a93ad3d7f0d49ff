"""A pool of sessions for the steps of a run, so that each host needs one login and not one for each step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING

from reconciler import timing
from reconciler.clients.host_session import HostSession, open_host
from reconciler.model.errors import Refused, ScriptFailed

if TYPE_CHECKING:
    from reconciler.model.connection import Connection, ConnectionContext


@dataclass(frozen=True, slots=True)
class _Idle:
    connection: Connection
    session: HostSession
    since: float


class Sessions:
    """Lends each session to one thread at a time. At most `most` idle sessions stay open, and none is reused after more
    than `longest` seconds of `clock`."""

    def __init__(
        self,
        context: ConnectionContext,
        *,
        most: int = 16,
        longest: float = 60.0,
        clock: Callable[[], float] = timing.monotonic,
    ) -> None:
        self._context = context
        self._most = most
        self._longest = longest
        self._clock = clock
        self._lock = Lock()
        self._idle: list[_Idle] = []  # the longest idle first

    @contextmanager
    def lend(self, connection: Connection) -> Iterator[HostSession]:
        """A session on the host: an idle one that still answers, or a new one. Raises RemoteError.

        It is kept afterwards unless the connection itself may be broken.
        """
        session = self._take(connection) or open_host(connection, self._context).__enter__()
        try:
            yield session
        except (ScriptFailed, Refused):
            self._keep(connection, session)
            raise
        except BaseException:
            session.__exit__(None, None, None)
            raise
        self._keep(connection, session)

    def close(self) -> None:
        """Close the idle sessions; lent ones are closed when they are returned."""
        with self._lock:
            idle, self._idle, self._most = self._idle, [], 0
        for each in idle:
            each.session.__exit__(None, None, None)

    def _take(self, connection: Connection) -> HostSession | None:
        with self._lock:
            found = next((each for each in reversed(self._idle) if each.connection == connection), None)
            if found is None:
                return None
            self._idle.remove(found)
        if self._clock() - found.since <= self._longest and found.session.is_usable():
            return found.session
        found.session.__exit__(None, None, None)
        return None

    def _keep(self, connection: Connection, session: HostSession) -> None:
        with self._lock:
            self._idle.append(_Idle(connection, session, self._clock()))
            surplus = self._idle[: max(0, len(self._idle) - self._most)]
            del self._idle[: len(surplus)]
        for each in surplus:
            each.session.__exit__(None, None, None)
