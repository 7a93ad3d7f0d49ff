"""One clock and one source of randomness, which a simulation replaces."""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random

from reconciler import randomness, timing
from reconciler.journal.ids import new_id


class Stopped:
    """A clock that only sleeping moves on."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def epoch(self) -> float:
        return 1_000_000_000 + self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_a_replaced_clock_is_the_time_of_the_program() -> None:
    with timing.replaced(Stopped()):
        timing.sleep(86400)
        assert (timing.monotonic(), timing.utc_now()) == (86400, datetime(2001, 9, 10, 1, 46, 40, tzinfo=UTC))
    assert timing.utc_now().year > 2001


def test_a_seed_decides_ids_and_tokens() -> None:
    def drawn(seed: int) -> list[str]:
        with timing.replaced(Stopped()), randomness.replaced(Random(seed)):
            return [randomness.uuid(), randomness.token_hex(4), randomness.token_urlsafe(9), new_id()]

    assert drawn(1) == drawn(1)
    assert all(one != other for one, other in zip(drawn(1), drawn(2), strict=True))
    assert randomness.uuid() != randomness.uuid()
