"""Signals while `watch --apply` applies."""

from __future__ import annotations

import signal

import pytest

from reconciler.apply import StopSignal
from reconciler.cli.interrupts import Interrupts
from reconciler.cli.watch_stops import WatchStops
from tests.watching.samples import plan_of

PLAN = plan_of()


class Stop(StopSignal):
    """Counts what it is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    def request(self) -> None:
        self.asked += 1


def test_a_signal_reaches_every_apply_and_ends_the_command_when_they_have_ended() -> None:
    ended, one, two, late = list[str](), Stop(), Stop(), Stop()
    with Interrupts(leave=lambda _code: ended.append("at once")) as interrupts:
        stops = WatchStops(interrupts, lambda: ended.append("in order"))
        with stops.watch(PLAN, one), stops.watch(PLAN, two):
            signal.raise_signal(signal.SIGTERM)
            assert (one.asked, two.asked) == (1, 1)
            with stops.watch(PLAN, late):  # another server begins to apply in the same cycle
                assert late.asked == 1
            signal.raise_signal(signal.SIGTERM)
            assert (one.asked, two.asked) == (2, 2)
            assert ended == ["in order"] * 2
            signal.raise_signal(signal.SIGTERM)
        assert ended[2:] == ["at once"]
        assert interrupts.code == 143


def test_a_signal_while_nothing_is_applied_ends_the_command_as_any_other() -> None:
    with Interrupts(leave=lambda _code: None) as interrupts:
        stops = WatchStops(interrupts, lambda: None)
        with stops.watch(PLAN, Stop()):
            pass
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        interrupts.ended()
