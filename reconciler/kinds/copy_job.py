"""Backup copy jobs. Product facts: RESTCopyJob, RESTCreateCopyJob, RESTEditCopyJob, RESTCopyJobSchedulePolicy.

The API knows one copy job of a job (`Jobs/{id}/CopyJob`), so it is identified by its job. It has no description and
therefore no mark: only the memory of the journal says which ones an inventory created.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from reconciler.kinds.common import RUN_STATE, decode_organization, encode_organization
from reconciler.kinds.field import Context, Field, Kind, Mode, Raw
from reconciler.kinds.job_schedule import (
    ENABLED,
    RUN,
    decode_times,
    encode_times,
    has_hours,
    normalize_schedule,
    offset_of,
    refuses_schedule,
    starts_less,
    window,
    written_schedule,
)
from reconciler.kinds.states import job_state
from reconciler.kinds.week_hours import OFF, allows_less, normalize_hours
from reconciler.model.errors import UnknownName

IMMEDIATE: Final = "immediate"
_DAILY: Final = "DailyAtTime"


def normalize_copies(value: Any) -> Any:
    """`immediate`, `{daily: "22:00", days: workdays}` or `{every: 15 minutes}`, with one spelling each."""
    return IMMEDIATE if value in (IMMEDIATE, {IMMEDIATE: True}) else normalize_schedule(value)


def encode_copies(value: Any, context: Context) -> Mapping[str, Any]:
    return {"schedulePolicy": {"type": "Immediate"} if value == IMMEDIATE else encode_times(value, _DAILY)}


def decode_copies(raw: Raw, context: Context) -> Any:
    policy = raw["schedulePolicy"]
    return IMMEDIATE if policy["type"] == "Immediate" else decode_times(policy, _DAILY)


def copies_less(live: Any, wanted: Any) -> bool:
    """The same for copies: immediate is any day."""
    return starts_less(*({"every": value} if value == IMMEDIATE else value for value in (live, wanted)))


def live_key(raw: Raw, context: Context) -> str:
    try:
        return context.named("job", raw["backupJobId"]).lower()
    except (KeyError, UnknownName):
        return ""


def wanted_key(name: str, fields: Mapping[str, Any]) -> str:
    return str(fields.get("job", "")).lower()


def may_be(fields: Mapping[str, Any], raw: Raw, context: Context) -> bool:
    """A copy job stays with its job."""
    return live_key(raw, context) in ("", wanted_key("", fields))


def first_name(context: Context, fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """Since v8 the server names a new copy job."""
    return {"name": f"{fields['job']} copy"} if context.rest < 8 else {}


_encode_window, _decode_window = window("backupCopyWindowEnabled", "backupCopyWindowSettings")
_encode_zone, _decode_zone = offset_of("backupCopyWindowSettings")

COPY_JOB = Kind(
    name="copy_job",
    section="copy_jobs",
    doc="Second copies of what a job backs up, in another repository.",
    rank=60,
    collection="CopyJobs",
    since=6,
    state=job_state,
    live_key=live_key,
    wanted_key=wanted_key,
    may_be=may_be,
    on_create=first_name,
    volatile=RUN_STATE,
    fields=(
        Field("job", "Job whose backups are copied. A job has one copy job.", "backupJobId", Mode.KEY, refers=("job",)),
        Field(
            "organization",
            "Organization of the job.",
            mode=Mode.KEY,
            refers=("organization",),
            through="job",
            encode=encode_organization,
            decode=decode_organization,
        ),
        Field(
            "repository",
            "Repository that is copied to.",
            "repositoryId",
            refers=("repository",),
            severe=True,
            starts_jobs=True,
        ),
        Field(
            "schedule",
            "immediate, daily at a time, or every so many minutes or hours.",
            encode=encode_copies,
            decode=decode_copies,
            normalize=normalize_copies,
            implies=("dailyTime", "dailyType", "periodicallyEvery"),
            refuses=refuses_schedule,
            severe=copies_less,
            written=written_schedule,
        ),
        Field(
            "schedule.backup_window",
            "Hours of the week in which the job may copy, or off.",
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
        ENABLED,
        RUN,
    ),
)
