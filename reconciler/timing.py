"""The clock of the program. No other module asks the machine for the time or sleeps, so a simulation can replace it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """`monotonic` counts seconds from any moment, `epoch` those since 1970."""

    def monotonic(self) -> float: ...

    def epoch(self) -> float: ...

    def sleep(self, seconds: float) -> None: ...


class MachineClock:
    """The clock of this machine."""

    def monotonic(self) -> float:
        return time.monotonic()

    def epoch(self) -> float:
        return time.time()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


_clocks: list[Clock] = [MachineClock()]


def monotonic() -> float:
    return _clocks[-1].monotonic()


def epoch() -> float:
    return _clocks[-1].epoch()


def utc_now() -> datetime:
    return datetime.fromtimestamp(epoch(), UTC)


def sleep(seconds: float) -> None:
    _clocks[-1].sleep(seconds)


@contextmanager
def replaced(clock: Clock) -> Iterator[None]:
    """Within the context every thread of this process uses `clock`."""
    _clocks.append(clock)
    try:
        yield
    finally:
        _clocks.pop()
