"""Doing a step again: only what bears it, only after what may pass, and not for ever."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from reconciler.apply.retry import REPEATABLE, patiently
from reconciler.apply.steps import STEPS
from reconciler.model.errors import (
    ConnectionLost,
    DeadlineExceeded,
    Refused,
    RemoteError,
    Unavailable,
    Unreachable,
)
from tests.apply.site import Clock, FakeServer, site


def failing(error: type[RemoteError], times: int, tried: list[float], clock: Clock) -> Callable[[], str]:
    """Fails so often, then succeeds."""

    def attempt() -> str:
        tried.append(clock())
        if len(tried) <= times:
            raise error("vbo01", "PUT Proxies/1", "broken")
        return "done"

    return attempt


@pytest.mark.parametrize("error", [Unreachable, ConnectionLost, Unavailable])
@pytest.mark.parametrize("verb", sorted(REPEATABLE))
def test_what_may_pass_is_tried_again_after_a_pause(verb: str, error: type[RemoteError]) -> None:
    clock, tried, told = Clock(), list[float](), list[str]()
    done = patiently(
        site(FakeServer({}), clock=clock), verb, failing(error, 2, tried, clock), told.append, jitter=lambda: 0.5
    )
    assert done == "done"
    assert tried == [0.0, 0.5, 1.5]
    assert told == ["trying again: vbo01: PUT Proxies/1: broken"] * 2


@pytest.mark.parametrize(
    ("verb", "error"),
    [
        ("create", ConnectionLost),
        ("job.run", ConnectionLost),
        ("repository.move", Unavailable),
        ("pool.members", Unreachable),
        ("update", Refused),
        ("host.change", DeadlineExceeded),
    ],
)
def test_what_could_be_done_twice_or_does_not_pass_is_tried_once(verb: str, error: type[RemoteError]) -> None:
    clock, tried = Clock(), list[float]()
    with pytest.raises(error):
        patiently(site(FakeServer({}), clock=clock), verb, failing(error, 1, tried, clock), lambda line: None)
    assert len(tried) == 1


def test_it_ends_after_three_attempts_and_after_a_minute() -> None:
    clock, tried = Clock(), list[float]()
    with pytest.raises(Unavailable):
        patiently(site(FakeServer({}), clock=clock), "update", failing(Unavailable, 9, tried, clock), lambda line: None)
    assert len(tried) == 3
    slow, begun = Clock(), list[float]()

    def lasting() -> str:
        begun.append(slow())
        slow.now += 61
        raise Unavailable("vbo01", "PUT Proxies/1", "503")

    with pytest.raises(Unavailable):
        patiently(site(FakeServer({}), clock=slow), "update", lasting, lambda line: None)
    assert len(begun) == 1


def test_every_verb_that_is_named_exists() -> None:
    assert STEPS.keys() >= REPEATABLE
