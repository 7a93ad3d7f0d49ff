"""Timeouts for what paramiko waits for without a limit: answers to requests, and a peer that accepts no more data."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Timer

import paramiko


class Watch:
    """Calls `end` after `seconds`. `is_late` is true once it has."""

    def __init__(self, seconds: float, end: Callable[[], None]) -> None:
        self.is_late = False
        self._end = end
        self._timer = Timer(max(0.0, seconds), self._fire)
        self._timer.daemon = True
        self._timer.start()

    def _fire(self) -> None:
        self.is_late = True
        self._end()

    def stop(self) -> None:
        self._timer.cancel()
        self._timer.join()


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
