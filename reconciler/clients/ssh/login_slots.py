"""How many logins are in progress at one address: sshd drops connections at random beyond ten of them (MaxStartups)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore, Lock
from typing import Final

AT_ONCE: Final = 8


class Arrivals:
    """Hosts behind one address, or behind one jump host, share its limit."""

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._at_once = at_once
        self._lock = Lock()
        self._places: dict[str, BoundedSemaphore] = {}

    @contextmanager
    def at(self, address: str) -> Iterator[None]:
        """Around one login. Waits for a place; each of those that have one ends at its own deadline."""
        with self._lock:
            place = self._places.setdefault(address, BoundedSemaphore(self._at_once))
        with place:
            yield


ARRIVALS: Final = Arrivals()
"""Shared by all threads of this process."""
