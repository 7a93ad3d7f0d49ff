"""Sockets with one deadline for a whole call.

The libraries above limit single reads only, and a peer that sends a byte now and then never reaches such a limit.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_left: ContextVar[Callable[[], float] | None] = ContextVar("left", default=None)


@contextmanager
def socket_deadline(left: Callable[[], float]) -> Iterator[None]:
    """Within the context, every read and write of this thread's `BoundedSocket`s times out when `left()` (seconds)
    reaches zero."""
    token = _left.set(left)
    try:
        yield
    finally:
        _left.reset(token)


class BoundedSocket(socket.socket):
    """A socket with the deadline of the current call."""

    established = True
    """False as long as an exception would leak the socket, because nothing else references it yet."""

    def settimeout(self, value: float | None, /) -> None:
        left = _left.get()
        if left is not None:
            rest = left()
            if rest <= 0 and self.established:
                raise TimeoutError("the deadline of the call has passed")
            value = max(0.001, rest if value is None else min(value, rest))
        super().settimeout(value)

    def recv_into(self, buffer: WriteableBuffer, nbytes: int | None = None, flags: int = 0) -> int:
        self.settimeout(self.gettimeout())
        return super().recv_into(buffer, nbytes or 0, flags)


def dial(target: tuple[str, int], seconds: float) -> BoundedSocket:
    """Connect to the first address of `target` that accepts, within `seconds` for all of them. Raises OSError."""
    end = time.monotonic() + seconds
    failed: OSError | None = None
    for family, kind, protocol, _, address in socket.getaddrinfo(*target, type=socket.SOCK_STREAM):
        made = BoundedSocket(family, kind, protocol)
        try:
            made.settimeout(max(0.001, end - time.monotonic()))
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            made.connect(address)
            return made
        except OSError as error:
            failed = error
            made.close()
    raise failed or OSError("the name has no address")
