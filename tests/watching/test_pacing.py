"""How often an automatic change is tried."""

from __future__ import annotations

from datetime import timedelta

import pytest

from reconciler.journal import Attempt, ChangeState
from reconciler.watching.pacing import pace
from tests.watching.samples import NOON, update

CHANGE = update("proxy.px-1", "throttle")


def tried(*states: ChangeState, ago: float) -> list[Attempt]:
    """Attempts an hour apart, the newest `ago` minutes ago, in the order of time."""
    last = NOON - timedelta(minutes=ago)
    return [Attempt(CHANGE.key, last - timedelta(hours=n), state, "no route") for n, state in enumerate(states[::-1])]


def outcome(*states: ChangeState, ago: float) -> tuple[bool, list[str]]:
    """Whether it is made now, and the findings."""
    held, found = pace([CHANGE], tried(*states, ago=ago), NOON)
    return not held, [item.subject for item in found]


FAILED, DONE, KILLED = ChangeState.FAILED, ChangeState.DONE, ChangeState.IN_FLIGHT


@pytest.mark.parametrize(
    ("states", "ago", "made"),
    [
        ((), 0, True),
        ((FAILED,), 9, False),
        ((FAILED,), 10, True),
        ((FAILED, FAILED), 59, False),
        ((FAILED, FAILED), 60, True),
        ((DONE, FAILED), 10, True),
        ((FAILED, FAILED, DONE), 0, True),
        ((KILLED,), 0, True),
        ((KILLED, KILLED), 0, True),
        ((FAILED, KILLED), 59, False),
        ((DONE, DONE), 0, True),
    ],
)
def test_a_change_that_failed_waits(states: tuple[ChangeState, ...], ago: float, made: bool) -> None:
    assert outcome(*states, ago=ago) == (made, [])


def test_a_change_that_fails_again_and_again_is_a_finding_and_tried_daily() -> None:
    assert outcome(FAILED, FAILED, FAILED, ago=61) == (False, ["auto-failed-update"])
    assert outcome(FAILED, FAILED, KILLED, ago=24 * 60) == (True, ["auto-failed-update"])
    assert outcome(KILLED, KILLED, KILLED, ago=1) == (False, ["auto-failed-update"])


def test_a_change_that_something_changes_back_is_given_up_for_a_day() -> None:
    assert outcome(DONE, DONE, DONE, ago=1) == (False, ["auto-reverted-update"])
    assert outcome(DONE, DONE, DONE, ago=22 * 60) == (True, [])


def test_attempts_of_other_changes_do_not_count() -> None:
    assert pace([update("smtp", "to")], tried(FAILED, FAILED, FAILED, ago=1), NOON) == (set(), [])
