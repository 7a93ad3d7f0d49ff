"""Sockets with one deadline for a whole call.

The libraries above limit single reads only, and a peer that sends a byte now and then never reaches such a limit.
"""

from __future__ import annotations

import errno
import os
import selectors
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Final

from reconciler import timing

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_Address = tuple[int, int, int, str, Any]
_STAGGER: Final = 0.25
"""Seconds after which the next address is tried beside the one that does not answer yet."""
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
    """Connect to the first address of `target` that accepts, within `seconds` for all of them. Raises OSError.

    An address that does not answer holds up the next one for `_STAGGER` seconds only, as RFC 8305 recommends: a host
    may have an IPv6 address that no network leads to.
    """
    end = timing.monotonic() + seconds
    waiting = _alternating(socket.getaddrinfo(*target, type=socket.SOCK_STREAM))
    failed: OSError | None = None
    with selectors.DefaultSelector() as selector:
        try:
            while waiting or selector.get_map():
                left = end - timing.monotonic()
                if left <= 0:
                    raise TimeoutError("no address answers in time")
                if waiting:
                    failed = _begin(selector, waiting.pop(0)) or failed
                for key, _ in selector.select(min(left, _STAGGER) if waiting else left):
                    made, error = _result(selector, key.fileobj)
                    if made is not None:
                        return _limited(made, end - timing.monotonic())
                    failed = error
            raise failed or OSError("the name has no address")
        finally:
            for key in list(selector.get_map().values()):
                _abandon(key.fileobj)


def answering_address(target: tuple[str, int], seconds: float) -> str:
    """The address of `target` that accepts first, for a library that tries one after the other; the name itself if it
    has only one address, for TLS sends names. Raises OSError."""
    if len(socket.getaddrinfo(*target, type=socket.SOCK_STREAM)) == 1:
        return target[0]
    with dial(target, seconds) as line:
        return str(line.getpeername()[0])


def _alternating(found: Sequence[_Address]) -> list[_Address]:
    """The families take turns, beginning with the preferred one."""
    first = [item for item in found if item[0] == found[0][0]]
    others = [item for item in found if item[0] != found[0][0]]
    return [item for pair in zip_longest(first, others) for item in pair if item is not None]


def _begin(selector: selectors.BaseSelector, found: _Address) -> OSError | None:
    """Begin to connect. Returns why it cannot be tried."""
    try:
        made = BoundedSocket(*found[:3])
    except OSError as error:  # a system without IPv6
        return error
    made.setblocking(False)
    code = made.connect_ex(found[4])
    if code not in (0, errno.EINPROGRESS, errno.EWOULDBLOCK):
        made.close()
        return OSError(code, os.strerror(code))
    selector.register(made, selectors.EVENT_WRITE)
    return None


def _limited(made: BoundedSocket, seconds: float) -> BoundedSocket:
    try:
        made.settimeout(max(0.001, seconds))
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except OSError:
        made.close()
        raise
    return made


def _result(selector: selectors.BaseSelector, line: Any) -> tuple[BoundedSocket | None, OSError | None]:
    """The socket that is connected, or why it is not."""
    selector.unregister(line)
    code = line.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if not code:
        return line, None
    line.close()
    return None, OSError(code, os.strerror(code))  # Python makes it a ConnectionRefusedError where it is one


def _abandon(line: Any) -> None:
    line.close()
