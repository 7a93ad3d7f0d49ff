"""Retries for calls that change nothing."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from reconciler import randomness, timing
from reconciler.model.errors import RemoteError, retry_after

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """`attempts` in all, with pauses of about 0.5, 1, 2 … seconds, each made up to half longer or shorter by `jitter`
    (0 to 1), so that clients do not retry at the same time. `window`: seconds after which no new attempt starts, so
    that only quick failures are retried. If the peer says when to come back (`Retry-After`), that holds instead."""

    window: float
    attempts: int = 3
    clock: Callable[[], float] = timing.monotonic
    sleep: Callable[[float], None] = timing.sleep
    jitter: Callable[[], float] = randomness.fraction

    def run(
        self,
        attempt: Callable[[], Result],
        until: float = math.inf,
        *,
        repeats: Callable[[RemoteError], bool] = lambda error: error.retryable,
    ) -> Result:
        """The result of the first successful attempt; another one follows an error that `repeats`. Raises the error of
        the last one. No attempt starts after the time `until`."""
        start = self.clock()
        for number in range(1, self.attempts):
            try:
                return attempt()
            except RemoteError as error:
                pause = 0.5 * 2 ** (number - 1) * (0.5 + self.jitter())
                asked = retry_after(error)
                pause = max(pause, asked)
                resumed = self.clock() + pause
                late = resumed - start > self.window and not asked
                if not repeats(error) or late or resumed >= until:
                    raise
                self.sleep(pause)
        return attempt()
