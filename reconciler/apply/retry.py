"""Retries of steps: only of idempotent ones, and never where the peer may still be working on the request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from reconciler import randomness
from reconciler.apply.context import ApplyContext, Reporter
from reconciler.clients.vbo.retry_policy import RetryPolicy
from reconciler.model.errors import DeadlineExceeded, RemoteError
from reconciler.model.step import Step

T = TypeVar("T")

WINDOW: Final = 60.0
"""Seconds after the first attempt in which a retry may start; three attempts in all."""


def with_retry(
    context: ApplyContext,
    step: Step,
    attempt: Callable[[], T],
    report: Reporter,
    *,
    jitter: Callable[[], float] = randomness.fraction,
) -> T:
    """The result of `attempt`, which is retried after a pause if `step` is repeatable and the error may pass. A missed
    deadline is not retried: the peer may still be working. Raises the error of the last attempt."""
    if not step.repeatable:
        return attempt()
    failed: list[RemoteError] = []

    def once() -> T:
        if failed:
            report(f"retrying: {failed[-1]}")
        try:
            return attempt()
        except RemoteError as error:
            failed.append(error)
            raise

    policy = RetryPolicy(WINDOW, clock=context.clock, sleep=context.sleep, jitter=jitter)
    return policy.run(once, repeats=lambda error: error.retryable and not isinstance(error, DeadlineExceeded))
