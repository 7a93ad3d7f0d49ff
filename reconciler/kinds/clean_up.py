"""When the server removes what is older than the retention of a repository: `retention.daily` and `retention.monthly`.

`retention.clean` says which of the two applies; the server keeps the other one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from reconciler.kinds import codec
from reconciler.kinds.field import Context, Decode, Encode, Field, Raw, if_shown

_TIME: Final = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])(?::[0-5][0-9])?")
_WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_NUMBERS: Final = ("First", "Second", "Third", "Fourth", "Last")
_DAYS: Final = {word.lower(): word for word in ("Everyday", "Workdays", "Weekends", *_WEEKDAYS)}


def normalize_time(value: Any) -> str:
    """`3:05` to `03:05`. Seconds are not offered by the product."""
    found = _TIME.fullmatch(value) if isinstance(value, str) else None
    if not found:
        raise ValueError(f'{value!r} is not a time of day: write for example "22:00", in quotes')
    return f"{int(found[1]):02}:{found[2]}"


def normalize_day(value: Any) -> str:
    """`First  Sunday` to `first sunday`."""
    words = str(value).split()
    number, day = [word.capitalize() for word in words] if len(words) == 2 else ("", "")
    if number not in _NUMBERS or day not in _WEEKDAYS:
        raise ValueError(f"{value!r} is not a day of a month: write for example first sunday, or last friday")
    return f"{number} {day}".lower()


def _time(api: str) -> tuple[Encode, Decode]:
    def encode(value: Any, context: Context) -> Mapping[str, Any]:
        return {api: f"{value}:00"}

    def decode(raw: Raw, context: Context) -> Any:
        found = _TIME.fullmatch(raw[api])
        if not found:
            raise KeyError(api)
        return f"{int(found[1]):02}:{found[2]}"

    return encode, decode


def encode_day(value: Any, context: Context) -> Mapping[str, Any]:
    number, day = value.split(" ")
    return {"monthlyDaynumber": number.capitalize(), "monthlyDayofweek": day.capitalize()}


def decode_day(raw: Raw, context: Context) -> Any:
    return f"{raw['monthlyDaynumber']} {raw['monthlyDayofweek']}".lower()


_daily, _monthly, _days = _time("dailyTime"), _time("monthlyTime"), codec.words("dailyType", _DAYS)

CLEAN_UP_FIELDS: Final = (
    Field(
        "retention.daily.time",
        "Time of a daily clean-up.",
        encode=_daily[0],
        decode=_daily[1],
        normalize=normalize_time,
        imported=if_shown("retention.daily.time"),
    ),
    Field(
        "retention.daily.days",
        "Days of a daily clean-up.",
        encode=_days[0],
        decode=_days[1],
        imported=if_shown("retention.daily.days"),
    ),
    Field(
        "retention.monthly.time",
        "Time of a monthly clean-up.",
        encode=_monthly[0],
        decode=_monthly[1],
        normalize=normalize_time,
        imported=if_shown("retention.monthly.time"),
    ),
    Field(
        "retention.monthly.day",
        "Day of a monthly clean-up: first sunday.",
        encode=encode_day,
        decode=decode_day,
        normalize=normalize_day,
        imported=if_shown("retention.monthly.day"),
    ),
)
