"""The guard of change windows: a weekday, a time and a length in a time zone."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from reconciler.model.inventory import Window
from reconciler.model.plan import Refusal
from reconciler.plan.guards.context import GuardContext

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def window(context: GuardContext) -> Iterable[Refusal]:
    windows = context.inventory.policy.windows
    if not windows or not context.plan.can_apply:
        return
    try:
        open_now = any(is_open(window, context.now) for window in windows)
    except ValueError as error:
        yield Refusal("window", f"the change window cannot be computed: {error}")
        return
    if not open_now:
        yield Refusal("window", f"the change window is closed: changes are allowed only in {described(windows)}")


def described(windows: Iterable[Window]) -> str:
    return ", ".join(f"{window.allow} for {window.hours:g} h ({window.zone})" for window in windows)


def is_open(window: Window, now: datetime) -> bool:
    """Whether `now` is in `window`, whose length is in real hours: if the clocks change meanwhile, it ends earlier or
    later in local time. Raises ValueError if the window or `now` is not a valid time."""
    if now.tzinfo is None:
        raise ValueError("the clock has no time zone")
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
    """Weekday, hour and minute of `Sat 20:00`, or of `20:00` (every day)."""
    day, _, clock = text.strip().rpartition(" ")
    hour, separator, minute = clock.partition(":")
    if not separator or not hour.isdigit() or not minute.isdigit() or int(hour) > 23 or int(minute) > 59:
        raise ValueError(f"{text!r} is not a day and a time such as 'Sat 20:00'")
    if not day:
        return None, int(hour), int(minute)
    if day.strip().lower()[:3] not in _DAYS:
        raise ValueError(f"{day!r} is not a day of the week")
    return _DAYS.index(day.strip().lower()[:3]), int(hour), int(minute)
