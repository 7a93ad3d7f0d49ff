"""Ids that sort by time, and the clock of the journal."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from reconciler import randomness
from reconciler.timing import utc_now

Clock = Callable[[], datetime]
NewId = Callable[[], str]

_DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def new_id(clock: Clock = utc_now, random: Callable[[int], int] = randomness.bits) -> str:
    """26 characters as ULIDs have them: 48 bits of milliseconds, then 80 random ones, in Crockford's base 32."""
    number = int(clock().timestamp() * 1000) << 80 | random(80)
    return "".join(_DIGITS[number >> shift & 31] for shift in range(125, -1, -5))
