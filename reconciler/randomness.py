"""The source of randomness of the program, by default the system's, which is fit for secrets. No other module has one:
a simulation replaces it by one that starts from a seed."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random, SystemRandom
from uuid import UUID

_sources: list[Random] = [SystemRandom()]


def fraction() -> float:
    """At least 0, below 1."""
    return _sources[-1].random()


def uniform(low: float, high: float) -> float:
    return _sources[-1].uniform(low, high)


def bits(count: int) -> int:
    """A random number of `count` bits."""
    return _sources[-1].getrandbits(count)


def token_bytes(count: int) -> bytes:
    return _sources[-1].randbytes(count)


def token_hex(count: int) -> str:
    """`count` bytes in hexadecimal."""
    return token_bytes(count).hex()


def token_urlsafe(count: int) -> str:
    """`count` bytes as text that a URL may hold."""
    return urlsafe_b64encode(token_bytes(count)).rstrip(b"=").decode("ascii")


def uuid() -> str:
    """A UUID of version 4."""
    return str(UUID(bytes=token_bytes(16), version=4))


@contextmanager
def replaced(source: Random) -> Iterator[None]:
    """Within the context every thread of this process uses `source`."""
    _sources.append(source)
    try:
        yield
    finally:
        _sources.pop()
