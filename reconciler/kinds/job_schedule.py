"""When a backup job runs, piece by piece. Product facts: RESTJobSchedulePolicy.

The API has no separate switch for terminating a job: its backup window is the hours in which the job may run, and the
job is terminated at their end.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from reconciler.kinds.field import (
    UNMANAGED,
    Applies,
    Context,
    Decode,
    Encode,
    Field,
    Mode,
    Normalize,
    Raw,
    hidden,
    nothing,
)
from reconciler.kinds.week_hours import OFF, allows_less, days_of, hours_of, normalize_hours, words_of
from reconciler.model.value import UNKNOWN

_DAYS = {
    "everyday": "Everyday",
    "workdays": "Workdays",
    "weekends": "Weekends",
    **{day.lower(): day for day in ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")},
}
_DAYS_BACK = {api: ours for ours, api in _DAYS.items()}
_EVERY = {
    "5 minutes": "Minutes5",
    "10 minutes": "Minutes10",
    "15 minutes": "Minutes15",
    "30 minutes": "Minutes30",
    "1 hour": "Hours1",
    "2 hours": "Hours2",
    "4 hours": "Hours4",
    "8 hours": "Hours8",
    "12 hours": "Hours12",
}
_EVERY_BACK = {api: ours for ours, api in _EVERY.items()}
_TIME = re.compile(r"^([01]?\d|2[0-3]):([0-5]\d)(?::[0-5]\d)?$")
MANUAL: Final = "manual"
_MINUTES: Final = re.compile(r"\s*(\d{1,4})\s*(minute|hour)s?\s*", re.IGNORECASE)
_SWITCH_SINCE: Final = 7
"""The REST version that brought the switch of the periodic window. Before, only its hours say whether it limits."""


def normalize_schedule(value: Any) -> Any:
    """`manual`, `unmanaged`, `{daily: "22:00", days: workdays}` or `{every: 15 minutes}`, with one spelling each."""
    for word in (MANUAL, UNMANAGED):
        if value in (word, {word: True}):
            return word
    if "daily" in value:
        found = _TIME.match(str(value["daily"]))
        if not found:
            raise ValueError(f'{value["daily"]!r} is not a time of day: write for example "22:00", in quotes')
        return {"daily": f"{int(found.group(1)):02}:{found.group(2)}", "days": value.get("days", "everyday")}
    every = " ".join(str(value["every"]).lower().split())
    if every not in _EVERY:
        raise ValueError(f"{value['every']!r} is not offered by the product: choose one of {', '.join(_EVERY)}")
    return {"every": every}


def encode_schedule(value: Any, context: Context) -> Mapping[str, Any]:
    if value == MANUAL:
        return {"schedulePolicy": {"scheduleEnabled": False, "type": "ManualOnly"}}
    return {"schedulePolicy": {"scheduleEnabled": True, **encode_times(value, "Daily")}}


def encode_times(value: Mapping[str, Any], daily: str) -> Mapping[str, Any]:
    """The properties of a daily or periodic policy; `daily` is its word for the former."""
    if "daily" in value:
        return {"type": daily, "dailyType": _DAYS[value["days"]], "dailyTime": f"{value['daily']}:00"}
    return {"type": "Periodically", "periodicallyEvery": _EVERY[value["every"]]}


def refuses_schedule(value: Any, rest: int) -> str:
    if rest < 8 and isinstance(value, Mapping) and value.get("every") == "12 hours":
        return f"REST v{rest} has no interval of 12 hours; it came with v8"
    return ""


def decode_schedule(raw: Raw, context: Context) -> Any:
    policy = raw["schedulePolicy"]
    if not policy["scheduleEnabled"] or policy["type"] == "ManualOnly":
        return MANUAL
    return decode_times(policy, "Daily")


def decode_times(policy: Raw, daily: str) -> Any:
    if policy["type"] == daily:
        time = _TIME.match(policy["dailyTime"])
        return {"daily": policy["dailyTime"][:5], "days": _DAYS_BACK[policy["dailyType"]]} if time else UNKNOWN
    return {"every": _EVERY_BACK[policy["periodicallyEvery"]]}


def written_schedule(value: Any) -> Any:
    """A schedule as an inventory has it: every day is what `daily` means."""
    if not isinstance(value, Mapping):
        return value
    return {name: part for name, part in value.items() if (name, part) != ("days", "everyday")}


def starts_less(live: Any, wanted: Any) -> bool:
    """A job without its schedule makes no backups, and one that leaves out days makes none on those."""
    if not isinstance(live, Mapping) or not isinstance(wanted, Mapping):
        return bool(live == MANUAL)
    now, then = (days_of(str(value.get("days", "everyday"))) for value in (live, wanted))
    return bool(then - now)


def encode_attempts(value: Any, context: Context) -> Mapping[str, Any]:
    return {"schedulePolicy": {"retryEnabled": True, "retryNumber": value} if value else {"retryEnabled": False}}


def decode_attempts(raw: Raw, context: Context) -> Any:
    policy = raw["schedulePolicy"]
    return policy["retryNumber"] if policy["retryEnabled"] else 0


def minutes(least: int, most: int) -> Normalize:
    """The spelling of a time in minutes, `10 minutes`, within the limits of the product."""

    def normalize(value: Any) -> str:
        found = _MINUTES.fullmatch(value) if isinstance(value, str) else None
        amount = int(found[1]) * (60 if found[2].lower() == "hour" else 1) if found else -1
        if not least <= amount <= most:
            raise ValueError(f"{value!r} is not a time from {least} to {most} minutes: write for example 10 minutes")
        return f"{amount} minute" + ("s" if amount != 1 else "")

    return normalize


def amount_of(name: str, normalize: Normalize) -> tuple[Encode, Decode]:
    """The codec of a property of the policy that is a number of minutes."""

    def encode(value: Any, context: Context) -> Mapping[str, Any]:
        return {"schedulePolicy": {name: int(value.partition(" ")[0])}}

    def decode(raw: Raw, context: Context) -> Any:
        try:
            return normalize(f"{raw['schedulePolicy'][name]} minutes")
        except ValueError:
            return UNKNOWN

    return encode, decode


def window(switch: str, settings: str, *, since: int = 0) -> tuple[Encode, Decode]:
    """The codec of the hours of a week: a switch, which REST has `since` a version, and the hours themselves."""

    def encode(value: Any, context: Context) -> Mapping[str, Any]:
        if value == OFF and context.rest >= since:
            return {"schedulePolicy": {switch: False}}
        hours = [True] * 168 if value == OFF else hours_of(value)
        on = {switch: True} if context.rest >= since else {}
        return {"schedulePolicy": {**on, settings: {"backupWindow": hours}}}

    def decode(raw: Raw, context: Context) -> Any:
        policy = raw["schedulePolicy"]
        if context.rest >= since and not policy[switch]:
            return OFF
        return words_of(policy[settings]["backupWindow"])

    return encode, decode


def offset_of(settings: str) -> tuple[Encode, Decode]:
    """The codec of the time zone of a window's hours: its minutes from UTC."""

    def encode(value: Any, context: Context) -> Mapping[str, Any]:
        return {"schedulePolicy": {settings: {"minuteOffset": value}}}

    def decode(raw: Raw, context: Context) -> Any:
        return raw["schedulePolicy"][settings]["minuteOffset"]

    return encode, decode


def is_retried(fields: Mapping[str, Any]) -> bool:
    return bool(fields["schedule.retry.attempts"] != 0)


def has_hours(window: str) -> Applies:
    """Whether a window has hours, which have a time zone."""
    return lambda fields: isinstance(fields[window], Mapping)


def _interval(fields: Mapping[str, Any]) -> str:
    schedule = fields["schedule"]
    return str(schedule.get("every", "")) if isinstance(schedule, Mapping) else ""


def runs_often(fields: Mapping[str, Any]) -> bool:
    return bool(_interval(fields))


def runs_hourly(fields: Mapping[str, Any]) -> bool:
    """The start within the hour is that of a job that runs every so many hours."""
    return "hour" in _interval(fields)


def has_periodic_hours(fields: Mapping[str, Any]) -> bool:
    return runs_often(fields) and has_hours("schedule.periodic_window")(fields)


_wait, _offset = minutes(1, 999), minutes(0, 59)
_encode_wait, _decode_wait = amount_of("retryWaitInterval", _wait)
_encode_offset, _decode_offset = amount_of("periodicallyOffsetMinutes", _offset)
_encode_window, _decode_window = window("backupWindowEnabled", "backupWindowSettings")
_encode_zone, _decode_zone = offset_of("backupWindowSettings")
_encode_periodic, _decode_periodic = window(
    "periodicallyWindowEnabled", "periodicallyWindowSettings", since=_SWITCH_SINCE
)
_encode_periodic_zone, _decode_periodic_zone = offset_of("periodicallyWindowSettings")

SCHEDULE: Final = (
    Field(
        "schedule",
        "manual, daily at a time, or every so many minutes or hours; unmanaged leaves it as it is.",
        encode=encode_schedule,
        decode=decode_schedule,
        normalize=normalize_schedule,
        implies=("dailyTime", "dailyType", "periodicallyEvery", "periodicallyOffsetMinutes"),
        refuses=refuses_schedule,
        severe=starts_less,
        optional=True,
        written=written_schedule,
    ),
    Field(
        "schedule.retry.attempts",
        "How often a failed job is started again; 0 for never.",
        encode=encode_attempts,
        decode=decode_attempts,
        implies=("retryWaitInterval",),
        product_default=3,
    ),
    Field(
        "schedule.retry.wait",
        "Time before each retry: 10 minutes.",
        encode=_encode_wait,
        decode=_decode_wait,
        normalize=_wait,
        imported=is_retried,
        product_default="10 minutes",
    ),
    Field(
        "schedule.offset",
        "Time after the full hour at which a job of every so many hours starts: 15 minutes.",
        encode=_encode_offset,
        decode=_decode_offset,
        normalize=_offset,
        imported=runs_hourly,
        product_default="0 minutes",
    ),
    Field(
        "schedule.periodic_window",
        "Hours of the week in which a job of every so many minutes or hours starts, or off.",
        encode=_encode_periodic,
        decode=_decode_periodic,
        normalize=normalize_hours,
        severe=allows_less,
        implies=("minuteOffset",),
        imported=runs_often,
        product_default=OFF,
    ),
    Field(
        "schedule.periodic_window.minute_offset",
        "Minutes from UTC in which these hours are meant.",
        encode=_encode_periodic_zone,
        decode=_decode_periodic_zone,
        imported=has_periodic_hours,
    ),
    Field(
        "schedule.backup_window",
        "Hours of the week in which the job may run, or off. A job that runs at their end is terminated.",
        encode=_encode_window,
        decode=_decode_window,
        normalize=normalize_hours,
        severe=allows_less,
        implies=("minuteOffset",),
        product_default=OFF,
    ),
    Field(
        "schedule.backup_window.minute_offset",
        "Minutes from UTC in which these hours are meant.",
        encode=_encode_zone,
        decode=_decode_zone,
        imported=has_hours("schedule.backup_window"),
    ),
)
"""The fields of a job that say when it runs."""


def is_disabled(live: Any, wanted: Any) -> bool:
    """A disabled job makes no backups."""
    return live is False


RUN: Final = Field(
    "run",
    "on-change, always or never: when an apply starts the job.",
    mode=Mode.LOCAL,
    encode=nothing,
    decode=hidden,
)
ENABLED: Final = Field(
    "enabled",
    "Whether the server runs the job by its schedule; unmanaged leaves it as it is.",
    "isEnabled",
    Mode.MOVE,
    severe=is_disabled,
    optional=True,
)
