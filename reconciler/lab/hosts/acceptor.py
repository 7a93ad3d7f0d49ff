"""One thread accepts for every listener of the lab; each connection is served in a separate thread."""

from __future__ import annotations

import contextlib
import logging
import selectors
import socket
import ssl
from collections.abc import Callable
from threading import Lock, Thread, current_thread
from types import TracebackType
from typing import Final, Self

log = logging.getLogger(__name__)

Serve = Callable[[socket.socket], None]
Tls = Callable[[], ssl.SSLContext]
_GRACE: Final = 5.0


class Listening:
    """A listener that is being served. `close` ends it together with its connections."""

    def __init__(self, acceptor: Acceptor, listener: socket.socket, serve: Serve, tls: Tls | None) -> None:
        self._acceptor = acceptor
        self._listener = listener
        self._serve = serve
        self._tls = tls
        self._lock = Lock()
        self._open: dict[socket.socket, Thread] = {}
        self._closed = False
        listener.setblocking(False)

    def accept(self) -> None:
        """Called by the acceptor's thread: take what is waiting."""
        try:
            connection, _ = self._listener.accept()
        except OSError as error:
            log.debug("nothing to accept: %s", error)
            return
        connection.setblocking(True)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._tls is not None:
            connection = self._tls().wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        thread = Thread(target=self._run, args=(connection,), name="lab-connection", daemon=True)
        with self._lock:
            if self._closed:
                connection.close()
                return
            self._open[connection] = thread
            thread.start()

    def _run(self, connection: socket.socket) -> None:
        try:
            with contextlib.closing(connection):
                if isinstance(connection, ssl.SSLSocket):
                    connection.settimeout(_GRACE)
                    connection.do_handshake()
                    connection.settimeout(None)
                self._serve(connection)
        except (OSError, ValueError) as error:
            # Clients that go away, or are not trusted, or do not trust us: their end knows.
            log.debug("connection ended: %s", error)
        finally:
            with self._lock:
                self._open.pop(connection, None)

    def close(self) -> None:
        """Listen no more, end the connections and wait for their threads."""
        self._acceptor.forget(self._listener)
        with self._lock:
            self._closed = True
            connections = dict(self._open)
        self._listener.close()
        for connection in connections:
            with contextlib.suppress(OSError):
                # Not SSLSocket.shutdown: it takes the TLS layer away from under the thread that reads.
                socket.socket.shutdown(connection, socket.SHUT_RDWR)
        for thread in connections.values():
            if thread is not current_thread():
                thread.join(_GRACE)


class Acceptor:
    """Waits for connections on any number of listeners. The thread starts with the first of them."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._selector = selectors.DefaultSelector()
        self._wake, self._woken = socket.socketpair()
        self._wake.setblocking(False)
        self._woken.setblocking(False)
        self._selector.register(self._woken, selectors.EVENT_READ)
        self._thread: Thread | None = None
        self._stopping = self._nudged = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def open(self, listener: socket.socket, serve: Serve, tls: Tls | None = None) -> Listening:
        """Serve the connections of `listener`. `tls` gives the context for each new connection."""
        listening = Listening(self, listener, serve, tls)
        with self._lock:
            self._selector.register(listener, selectors.EVENT_READ, listening)
            if self._thread is None:
                self._thread = Thread(target=self._run, name="lab-acceptor", daemon=True)
                self._thread.start()
        self._nudge()
        return listening

    def forget(self, listener: socket.socket) -> None:
        with self._lock, contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(listener)
        self._nudge()

    def _nudge(self) -> None:
        """Let the thread look at the listeners again. One byte is enough for all that came since it looked."""
        if not self._nudged:
            self._nudged = True
            with contextlib.suppress(OSError):
                self._wake.send(b".")

    def _run(self) -> None:
        while not self._stopping:
            for key, _ in self._selector.select():
                if isinstance(key.data, Listening):
                    key.data.accept()
                else:
                    with contextlib.suppress(OSError):
                        self._woken.recv(4096)
                    self._nudged = False

    def close(self) -> None:
        """End every listener that is still open, and the thread."""
        with self._lock:
            listenings = [key.data for key in self._selector.get_map().values() if isinstance(key.data, Listening)]
        for listening in listenings:
            listening.close()
        self._stopping = True
        self._nudge()
        if self._thread is not None:
            self._thread.join(_GRACE)
        self._selector.close()
        self._wake.close()
        self._woken.close()
