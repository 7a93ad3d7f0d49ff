"""Backup jobs. Product facts: RESTJob, RESTCreateBackupJob, RESTEditBackupJob, RESTJobSchedulePolicy."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from reconciler.kinds import codec
from reconciler.kinds.api import Schema
from reconciler.kinds.field import Context, Field, Mode, Raw, hidden, nothing
from reconciler.kinds.kind import Kind
from reconciler.kinds.states import job_state
from reconciler.model.errors import UnknownName
from reconciler.model.value import UNKNOWN

SERVICES = {
    "mailbox": "mailbox",
    "archive-mailbox": "archiveMailbox",
    "onedrive": "oneDrive",
    "sites": "sites",
    "teams": "teams",
    "teams-chats": "teamsChats",
}
"""What a job can process of an organization; the product's flags of an item of type PartialOrganization."""

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
_ITEMS = Schema(type="array", items=Schema(ref="RESTJobItemComposed"))
_TIME = re.compile(r"^([01]?\d|2[0-3]):([0-5]\d)(?::[0-5]\d)?$")


def normalize_items(value: Any) -> Any:
    return value if value == "all" else [name for name in SERVICES if name in value]


def encode_items(value: Any, context: Context) -> Mapping[str, Any]:
    if value == "all":
        return {"backupType": "EntireOrganization"}
    item = {"type": "PartialOrganization"} | {api: name in value for name, api in SERVICES.items()}
    return {"backupType": "SelectedItems", "selectedItems": [item]}


def decode_items(raw: Raw, context: Context) -> Any:
    """v8 keeps the items in a separate collection, which observation adds as `selectedItems`. Items that are not
    a part of the whole organization (users, groups, sites) are shown as the server's own, and never compared equal."""
    if raw["backupType"] == "EntireOrganization":
        return "all"
    items = raw["selectedItems"]
    if not items:  # a job of selected items has some
        return UNKNOWN
    if any(item["type"] != "PartialOrganization" for item in items):
        return ["(selected objects)"]
    return [name for name, api in SERVICES.items() if any(item[api] for item in items)]


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


def encode_organization(value: Any, context: Context) -> Mapping[str, Any]:
    """Up to v7 the organization stands in the path of the POST, not in the body."""
    return {"organizationId": context.id_of("organization", value)} if context.rest >= 8 else {}


def decode_organization(raw: Raw, context: Context) -> Any:
    """v8 says it; v6 and v7 only link to it, and observation adds `organizationId` from the link."""
    return context.named("organization", raw["organizationId"])


def live_key(raw: Raw, context: Context) -> str:
    """Names of jobs are taken as unique for each organization (not documented; see the facts, 6.2)."""
    try:
        return f"{context.named('organization', raw['organizationId'])}/{raw['name']}".lower()
    except (KeyError, UnknownName):
        return ""


def wanted_key(name: str, fields: Mapping[str, Any]) -> str:
    return f"{fields.get('organization', '')}/{name}".lower()


JOB = Kind(
    name="job",
    section="jobs",
    doc="What is backed up of an organization, where to and when.",
    rank=50,
    collection="Jobs",
    state=job_state,
    added=(("organizationId", Schema(type="string")), ("selectedItems", _ITEMS)),
    live_key=live_key,
    wanted_key=wanted_key,
    volatile=frozenset({"eTag", "lastBackup", "lastRun", "lastStatus", "nextRun"}),
    fields=(
        Field("name", "Name of the job.", "name", Mode.KEY, on_put=True),
        Field(
            "formerly",
            "Name on the server so far, for a rename in place.",
            mode=Mode.LOCAL,
            encode=nothing,
            decode=hidden,
        ),
        Field(
            "organization",
            "Organization that is backed up.",
            mode=Mode.KEY,
            refers=("organization",),
            encode=encode_organization,
            decode=decode_organization,
        ),
        Field(
            "repository",
            "Repository that is written to. A change means a full backup into the new one.",
            "repositoryId",
            refers=("repository",),
            severe=True,
        ),
        Field(
            "description",
            "Text shown in the console; the owner mark is added at its end.",
            encode=codec.encode_description,
            decode=codec.decode_description,
        ),
        Field(
            "items",
            "all, or the services of the organization to back up.",
            encode=encode_items,
            decode=decode_items,
            normalize=normalize_items,
        ),
        Field(
            "schedule",
            "manual, daily at a time, or every so many minutes or hours.",
            encode=encode_schedule,
            decode=decode_schedule,
            normalize=normalize_schedule,
            implies=("dailyTime", "dailyType", "periodicallyEvery", "periodicallyOffsetMinutes"),
            refuses=refuses_schedule,
        ),
        Field("enabled", "Whether the schedule is active.", "isEnabled"),
        Field(
            "run",
            "on-change, always or never: when an apply starts the job.",
            mode=Mode.LOCAL,
            encode=nothing,
            decode=hidden,
        ),
    ),
)
