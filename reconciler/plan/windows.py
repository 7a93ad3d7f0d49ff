"""Change windows: a weekday, a time and a length in a time zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from reconciler.model.inventory import Window

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def is_open(window: Window, now: datetime) -> bool:
    """Whether `now` lies in `window`, whose length is counted in real hours: in the night of a change of clocks it ends
    earlier or later by the wall. Raises ValueError where the window or the clock says no time at all."""
    if now.tzinfo is None:
        raise ValueError("the clock does not say its time zone")
    day, hour, minute = _start(window.allow)
    try:
        local = now.astimezone(ZoneInfo(window.zone))
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(f"{window.zone!r} is not a time zone") from error
    begin = local.replace(hour=hour, minute=minute, second=0, microsecond=0)
    if day is None:
        candidates = [begin - timedelta(days=back) for back in range(8)]
    else:
        begin -= timedelta(days=(local.weekday() - day) % 7)
        candidates = [begin, begin - timedelta(days=7)]
    length, at = timedelta(hours=window.hours), now.astimezone(UTC)
    return any(start <= at < start + length for start in (candidate.astimezone(UTC) for candidate in candidates))


def _start(text: str) -> tuple[int | None, int, int]:
    """`Sat 20:00` or `20:00` (every day) to weekday, hour and minute."""
    day, _, clock = text.strip().rpartition(" ")
    hour, separator, minute = clock.partition(":")
    if not separator or not hour.isdigit() or not minute.isdigit() or int(hour) > 23 or int(minute) > 59:
        raise ValueError(f"{text!r} is not a day and a time such as 'Sat 20:00'")
    if not day:
        return None, int(hour), int(minute)
    if day.strip().lower()[:3] not in _DAYS:
        raise ValueError(f"{day!r} is not a day of the week")
    return _DAYS.index(day.strip().lower()[:3]), int(hour), int(minute)
