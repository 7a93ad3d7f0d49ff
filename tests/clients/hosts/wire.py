"""A wire that breaks: forwards to a server, and after so many bytes of its answers does something else."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from selectors import EVENT_READ, DefaultSelector


class Then(StrEnum):
    SILENCE = "silence"
    CLOSE = "close"
    RESET = "reset"
    GARBAGE = "garbage"


@dataclass
class Wire:
    """`after` counts bytes of the server's answers in one connection; None never breaks. `passed` counts them."""

    server: int
    after: int | None = None
    then: Then = Then.SILENCE
    port: int = 0
    passed: int = 0
    _ending: threading.Event = field(default_factory=threading.Event)

    def _accept(self, listener: socket.socket) -> None:
        threads = []
        with listener:
            while not self._ending.is_set():
                with contextlib.suppress(TimeoutError):
                    client, _ = listener.accept()
                    threads.append(threading.Thread(target=self._carry, args=(client,)))
                    threads[-1].start()
        for thread in threads:
            thread.join()

    def _carry(self, client: socket.socket) -> None:
        with client, socket.create_connection(("127.0.0.1", self.server)) as server, DefaultSelector() as both:
            both.register(client, EVENT_READ, (client, server))
            both.register(server, EVENT_READ, (server, client))
            self.passed = 0
            with contextlib.suppress(OSError):
                while not self._ending.is_set():
                    for key, _ in both.select(0.05):
                        source, to = key.data
                        data = source.recv(65536)
                        if not data or not self._pass(data, to, answers=source is server):
                            return

    def _pass(self, data: bytes, to: socket.socket, *, answers: bool) -> bool:
        """Hand on what may pass. False once the connection is to end."""
        if not answers or self.after is None:
            self.passed += len(data) if answers else 0
            to.sendall(data)
            return True
        may = max(0, self.after - self.passed)
        self.passed += len(data)
        to.sendall(data[:may])
        if self.passed <= self.after:
            return True
        if self.then is Then.GARBAGE:
            to.sendall(bytes(byte ^ 0x55 for byte in data[may:]))
        if self.then is Then.RESET:
            to.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return self.then in (Then.SILENCE, Then.GARBAGE)


@contextlib.contextmanager
def wire(server: int, after: int | None = None, then: Then = Then.SILENCE) -> Iterator[Wire]:
    """A wire to the server on loopback port `server`, on a free port."""
    made = Wire(server, after, then)
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.05)
    made.port = listener.getsockname()[1]
    thread = threading.Thread(target=made._accept, args=(listener,))
    thread.start()
    try:
        yield made
    finally:
        made._ending.set()
        thread.join()
