"""Backup jobs as data: RESTJob, RESTCreateBackupJob, RESTEditBackupJob and their parts (facts, 6)."""

from __future__ import annotations

import re
from typing import Any

from reconciler.lab.server.answer import invalid
from reconciler.lab.server.api import Item
from reconciler.lab.server.call import Call
from reconciler.lab.server.item_model import ITEM, shown
from reconciler.lab.server.job_items import LISTS, enums
from reconciler.lab.server.shape import (
    ANYTHING,
    FLAG,
    IDENT,
    INT32,
    INT64,
    NAME,
    TEXT,
    TIME,
    Choice,
    Many,
    Place,
    Plain,
    Property,
    Shape,
    Whole,
)

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
EVERY = ("Minutes5", "Minutes10", "Minutes15", "Minutes30", "Hours1", "Hours2", "Hours4", "Hours8", "Hours12")
_TIME_OF_DAY = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?")


class TimeOfDay(Plain):
    """`22:00` or `22:00:00`, shown with seconds."""

    def read(self, value: Any, at: Place, /) -> str:
        found = _TIME_OF_DAY.fullmatch(value) if isinstance(value, str) else None
        if not found:
            raise invalid(f"The value of {at.where} must be a time of day.")
        return f"{int(found.group(1)):02}:{found.group(2)}:{found.group(3) or '00'}"


HOURS_OF_A_WEEK = 168


class Hours(Plain):
    """One flag for each hour of a week, from Sunday 00:00 on."""

    def read(self, value: Any, at: Place, /) -> list[bool]:
        flags = isinstance(value, list) and all(isinstance(hour, bool) for hour in value)
        if not flags or len(value) != HOURS_OF_A_WEEK:
            raise invalid(f"The value of {at.where} must be {HOURS_OF_A_WEEK} flags.")
        return list(value)


WINDOW = Shape(Property("backupWindow", Hours()), Property("minuteOffset", INT32))
SCHEDULE = Shape(
    Property("scheduleEnabled", FLAG),
    Property("type", Choice("Periodically", "Daily", "ManualOnly", camel=True)),
    Property("periodicallyEvery", Choice(*EVERY, since={"Hours12": 8}, camel=True)),
    Property("periodicallyOffsetMinutes", Whole(0, 59)),
    Property("periodicallyWindowEnabled", FLAG, since=7),
    Property("periodicallyWindowSettings", WINDOW),
    Property("dailyType", Choice("Everyday", "Workdays", "Weekends", *DAYS, camel=True)),
    Property("dailyTime", TimeOfDay()),
    Property("backupWindowEnabled", FLAG),
    Property("backupWindowSettings", WINDOW),
    Property("retryEnabled", FLAG),
    Property("retryNumber", Whole(1, 777)),
    Property("retryWaitInterval", Whole(1, 999)),
)
SCHEDULE_DEFAULTS: dict[str, Any] = {
    "scheduleEnabled": False,
    "type": "ManualOnly",
    "dailyType": "Everyday",
    "dailyTime": "15:00:00",
    "backupWindowEnabled": False,
    "retryEnabled": False,
    "retryNumber": 3,
    "retryWaitInterval": 10,
    "periodicallyOffsetMinutes": 0,
    "periodicallyWindowEnabled": False,
    "periodicallyWindowSettings": {"backupWindow": [True] * HOURS_OF_A_WEEK, "minuteOffset": 0},
}
JOB = Shape(
    Property("id", IDENT, "r"),
    Property("name", NAME),
    Property("description", TEXT),
    Property("backupType", Choice("EntireOrganization", "SelectedItems", camel=True)),
    Property("organizationId", IDENT, since=8),
    Property("repositoryId", IDENT),
    Property("isEnabled", FLAG),
    Property("runNow", FLAG, "w"),
    Property("selectedItems", Many(ITEM)),
    Property("excludedItems", Many(ITEM)),
    Property("schedulePolicy", SCHEDULE),
    Property("lastRun", TIME, "r", null=6),
    Property("nextRun", TIME, "r", null=6),
    Property("lastBackup", TIME, "r", since=7, null=7),
    Property("lastStatus", TEXT, "r"),  # an enumeration: left out while it is empty
    Property("eTag", INT64, "r", since=8),
    Property("_links", ANYTHING, "r"),
)
COPY_SCHEDULE = Shape(
    Property("type", Choice("Immediate", "Periodically", "DailyAtTime")),
    Property("periodicallyEvery", Choice(*EVERY, since={"Hours12": 8})),
    Property("dailyType", Choice("Everyday", "Workdays", "Weekends", *DAYS)),
    Property("dailyTime", TimeOfDay()),
    Property("backupCopyWindowEnabled", FLAG),
    Property("backupCopyWindowSettings", WINDOW),
)
COPY_DEFAULTS: dict[str, Any] = {
    "type": "Immediate",
    "dailyType": "Everyday",
    "dailyTime": "15:00:00",
    "backupCopyWindowEnabled": False,
}
COPY_JOB = Shape(
    Property("id", IDENT, "r"),
    Property("name", NAME),
    Property("backupJobId", IDENT),
    Property("organizationId", IDENT, since=8),
    Property("repositoryId", IDENT),
    Property("isEnabled", FLAG),
    Property("schedulePolicy", COPY_SCHEDULE),
    Property("lastRun", TIME, "r", null=6),
    Property("nextRun", TIME, "r", null=6),
    Property("lastBackup", TIME, "r", since=7, null=7),
    Property("lastStatus", TEXT, "r"),  # an enumeration: left out while it is empty
    Property("eTag", INT64, "r", since=8),
    Property("_links", ANYTHING, "r"),
)
START = Shape(Property("full", FLAG, "w"))


def show_job(call: Call, item: Item) -> dict[str, Any]:
    """v8 keeps the items in separate collections; up to v7 the organization is named by a link only."""
    path = f"Jobs/{item['id']}"
    links = {
        "self": path,
        "organization": f"Organizations/{item['organizationId']}",
        "backupRepository": f"BackupRepositories/{item['repositoryId']}",
        "jobSessions": f"JobSessions?jobId={item['id']}" if call.rest >= 7 else f"{path}/JobSessions",
        "selectedItems": f"{path}/SelectedItems",
        "excludedItems": f"{path}/ExcludedItems",
    }
    if not call.options.job_links:
        del links["organization"]
    seen = item | {"_links": call.links(**links)}
    if call.rest >= 8:
        seen = {name: value for name, value in seen.items() if name not in LISTS}
    seen |= {name: [shown(part, call.rest) for part in seen[name]] for name in LISTS if name in seen}
    return JOB.show(seen, enums(call))


def show_copy_job(call: Call, item: Item) -> dict[str, Any]:
    path = f"CopyJobs/{item['id']}"
    links = {
        "self": path,
        "backupJob": f"{path}/BackupJob",
        "backupRepository": f"BackupRepositories/{item['repositoryId']}",
    }
    return COPY_JOB.show(item | {"_links": call.links(**links)}, call.rest)
