"""Retries: only of idempotent steps, only after errors that may pass, and not without end."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from reconciler.apply.retry import with_retry
from reconciler.model.errors import (
    ConnectionLost,
    DeadlineExceeded,
    Refused,
    RemoteError,
    Unavailable,
    Unreachable,
)
from reconciler.model.step import STEPS
from tests.apply.fakes import Clock, FakeServer, fake_context
from tests.apply.samples import sample


def failing(error: type[RemoteError], times: int, tried: list[float], clock: Clock) -> Callable[[], str]:
    """Fails so often, then succeeds."""

    def attempt() -> str:
        tried.append(clock())
        if len(tried) <= times:
            raise error("vbo01", "PUT Proxies/1", "broken")
        return "done"

    return attempt


REPEATABLE = (
    "adopt",
    "certificate.set",
    "delete",
    "host.change",
    "job.item.change",
    "job.item.remove",
    "job.switch",
    "maintenance.off",
    "maintenance.on",
    "package.upload",
    "repository.storage",
    "repository.sync",
    "repository.upgrade",
    "update",
    "update.verify",
)


@pytest.mark.parametrize("error", [Unreachable, ConnectionLost, Unavailable])
@pytest.mark.parametrize("verb", REPEATABLE)
def test_what_may_pass_is_tried_again_after_a_pause(verb: str, error: type[RemoteError]) -> None:
    clock, tried, answer = Clock(), list[float](), list[str]()
    done = with_retry(
        fake_context(FakeServer({}), clock=clock),
        sample(verb),
        failing(error, 2, tried, clock),
        answer.append,
        jitter=lambda: 0.5,
    )
    assert done == "done"
    assert tried == [0.0, 0.5, 1.5]
    assert answer == ["retrying: vbo01: PUT Proxies/1: broken"] * 2


@pytest.mark.parametrize(
    ("verb", "error"),
    [
        ("create", ConnectionLost),
        ("job.item.add", ConnectionLost),
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
        with_retry(
            fake_context(FakeServer({}), clock=clock), sample(verb), failing(error, 1, tried, clock), lambda line: None
        )
    assert len(tried) == 1


def test_it_ends_after_three_attempts_and_after_a_minute() -> None:
    clock, tried = Clock(), list[float]()
    with pytest.raises(Unavailable):
        with_retry(
            fake_context(FakeServer({}), clock=clock),
            sample("update"),
            failing(Unavailable, 9, tried, clock),
            lambda line: None,
        )
    assert len(tried) == 3
    slow, begun = Clock(), list[float]()

    def lasting() -> str:
        begun.append(slow())
        slow.now += 61
        raise Unavailable("vbo01", "PUT Proxies/1", "503")

    with pytest.raises(Unavailable):
        with_retry(fake_context(FakeServer({}), clock=slow), sample("update"), lasting, lambda line: None)
    assert len(begun) == 1


def test_no_other_step_is_repeatable() -> None:
    assert tuple(sorted(verb for verb, step in STEPS.items() if step.repeatable)) == REPEATABLE
