"""Interrupts of a command that applies several inventories at once: each reaches all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from reconciler.cli.interrupts import Interrupts

_HEARD = 2
"""The first signal starts no other change, the second one waits for none; the one after them ends the process."""


class Stops:
    """`request` is called in a signal handler, so nothing here takes a lock."""

    def __init__(self, whole: Interrupts) -> None:
        self.count = 0
        self._whole = whole
        self._hears: list[Callable[[], None]] = []

    def request(self) -> None:
        self.count += 1
        for hear in tuple(self._hears):
            hear()

    @contextmanager
    def heard(self, hear: Callable[[], None]) -> Iterator[None]:
        """Inside, `hear` is called for each signal, also for those that came before."""
        self._hears.append(hear)
        for _ in range(min(self.count, _HEARD)):
            hear()
        try:
            yield
        finally:
            self._hears.remove(hear)

    def left(self) -> None:
        """One inventory was abandoned: the process ends when no other one is applied."""
        if not self._hears:
            self._whole.leave()

    def for_member(self) -> Interrupts:
        return _OfMember(self)


class _OfMember(Interrupts):
    """What the console of one inventory knows of interrupts."""

    def __init__(self, stops: Stops) -> None:
        super().__init__()
        self._stops = stops

    @contextmanager
    def redirected(self, hear: Callable[[], None]) -> Iterator[None]:
        with self._stops.heard(hear):
            yield

    def leave(self) -> None:
        self._stops.left()
