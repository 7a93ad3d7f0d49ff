"""When the next observation is due, by a clock of the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest

from reconciler import randomness, timing
from reconciler.watching.schedule import Schedule, signature


class FakeClock:
    def __init__(self) -> None:
        self.now = 0.0
        self.at: dict[float, Callable[[], object]] = {}

    def monotonic(self) -> float:
        return self.now

    def epoch(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        for moment in [moment for moment in self.at if moment <= self.now]:
            self.at.pop(moment)()


@pytest.fixture
def clock() -> Iterator[FakeClock]:
    made = FakeClock()
    with timing.replaced(made), randomness.replaced(Random(1)):
        yield made


def test_it_is_due_after_the_interval_give_or_take_the_jitter(clock: FakeClock) -> None:
    waits = []
    for _ in range(20):
        before = clock.now
        assert Schedule(100).wait(list, ()) == "interval"
        waits.append(clock.now - before)
    assert all(90 <= wait <= 110 for wait in waits)
    assert len(set(waits)) > 1


def test_a_request_ends_the_wait_once(clock: FakeClock) -> None:
    schedule = Schedule(100)
    clock.at[10] = lambda: schedule.request("signal")
    assert schedule.wait(list, ()) == "signal"
    assert clock.now < 12
    assert schedule.wait(list, ()) == "interval"


def test_a_request_during_an_observation_is_not_lost(clock: FakeClock) -> None:
    schedule = Schedule(100)
    schedule.request("webhook")
    assert (schedule.wait(list, ()), clock.now) == ("webhook", 0)


def test_a_file_that_changes_ends_the_wait(clock: FakeClock, tmp_path: Path) -> None:
    file = tmp_path / "a.yml"
    clock.at[10] = lambda: file.write_text("new", encoding="utf-8")
    assert Schedule(100).wait(lambda: [file], signature([file])) == "files"
    assert clock.now < 20
    before = signature([file])
    clock.at[clock.now + 10] = file.unlink
    assert Schedule(100).wait(lambda: [file], before) == "files"


def test_a_stop_ends_it(clock: FakeClock) -> None:
    schedule = Schedule(100)
    clock.at[10] = schedule.stop
    assert schedule.wait(list, ()) == ""
