"""When a backup job runs. Product facts: RESTJobSchedulePolicy."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from reconciler.kinds.field import Context, Raw
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


def normalize_schedule(value: Any) -> Any:
    """`manual`, `{daily: "22:00", days: workdays}` or `{every: 15 minutes}`, with one spelling each."""
    if value == "manual":
        return value
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
    if value == "manual":
        return {"schedulePolicy": {"scheduleEnabled": False, "type": "ManualOnly"}}
    if "daily" in value:
        policy = {"type": "Daily", "dailyType": _DAYS[value["days"]], "dailyTime": f"{value['daily']}:00"}
    else:
        policy = {"type": "Periodically", "periodicallyEvery": _EVERY[value["every"]]}
    return {"schedulePolicy": {"scheduleEnabled": True} | policy}


def refuses_schedule(value: Any, rest: int) -> str:
    if rest < 8 and isinstance(value, Mapping) and value.get("every") == "12 hours":
        return f"REST v{rest} has no interval of 12 hours; it came with v8"
    return ""


def decode_schedule(raw: Raw, context: Context) -> Any:
    policy = raw["schedulePolicy"]
    if not policy["scheduleEnabled"] or policy["type"] == "ManualOnly":
        return "manual"
    if policy["type"] == "Daily":
        time = _TIME.match(policy["dailyTime"])
        return {"daily": policy["dailyTime"][:5], "days": _DAYS_BACK[policy["dailyType"]]} if time else UNKNOWN
    return {"every": _EVERY_BACK[policy["periodicallyEvery"]]}
