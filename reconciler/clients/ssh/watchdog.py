"""Timeouts for what paramiko waits for without a limit: answers to requests, and a peer that accepts no more data."""

from __future__ import annotations

import heapq
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from threading import Condition, Lock, Thread
from typing import Final

import paramiko

from reconciler.timing import MachineClock

_NOW: Final = MachineClock().monotonic
"""Sockets wait by this clock even if a simulation has another one."""


class Watch:
    """Calls `end` after `seconds`. `is_late` is true once it has."""

    def __init__(self, seconds: float, end: Callable[[], None]) -> None:
        self.is_late = False
        self._end: Callable[[], None] | None = end
        self._ending = Lock()
        _ALARMS.add(_NOW() + max(0.0, seconds), self)

    @property
    def is_stopped(self) -> bool:
        return self._end is None

    def fire(self) -> None:
        with self._ending:
            if self._end is not None:
                self.is_late = True
                self._end()

    def stop(self) -> None:
        """Waits for `end` if it has begun."""
        with self._ending:
            self._end = None


class _Alarms:
    """One thread for all watches: one for each costs a tenth of a login."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._due: list[tuple[float, int, Watch]] = []
        self._numbers = count()
        self._thread: Thread | None = None

    def add(self, due: float, watch: Watch) -> None:
        with self._changed:
            heapq.heappush(self._due, (due, next(self._numbers), watch))
            if self._thread is None:
                self._thread = Thread(target=self._run, name="watchdog", daemon=True)
                self._thread.start()
            elif self._due[0][2] is watch:
                self._changed.notify()

    def _run(self) -> None:
        """What a watch calls may take its time, so it has a separate thread."""
        while True:
            watch = self._next()
            try:
                Thread(target=watch.fire, name="watch", daemon=True).start()
            except RuntimeError:  # the machine has no thread left, and the other watches need this one
                with suppress(Exception):
                    watch.fire()

    def _next(self) -> Watch:
        """Wait for the next one that is due."""
        with self._changed:
            while True:
                while self._due and self._due[0][2].is_stopped:
                    heapq.heappop(self._due)
                left = self._due[0][0] - _NOW() if self._due else None
                if left is not None and left <= 0:
                    return heapq.heappop(self._due)[2]
                self._changed.wait(left)


_ALARMS: Final = _Alarms()


@contextmanager
def within(seconds: float, end: Callable[[], None]) -> Iterator[Watch]:
    """Call `end`, from another thread, if the block takes longer; it must make what the block waits for fail."""
    watch = Watch(seconds, end)
    try:
        yield watch
    finally:
        watch.stop()


def hang_up(transport: paramiko.Transport) -> None:
    """Close a connection immediately, and wait for its thread, which a shutdown of the socket wakes."""
    if isinstance(transport.sock, socket.socket):
        with suppress(OSError):
            transport.sock.shutdown(socket.SHUT_RDWR)
    transport.packetizer.complete_handshake()  # else its timer runs for seconds after a failed handshake
    transport.close()
    if transport.is_alive():
        transport.join(1.0)
