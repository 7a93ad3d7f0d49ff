"""Backup jobs. Product facts: RESTJob, RESTCreateBackupJob, RESTEditBackupJob, RESTJobSchedulePolicy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.kinds.api import Schema
from reconciler.kinds.common import DESCRIPTION, FORMERLY, RUN_STATE, decode_organization, encode_organization
from reconciler.kinds.field import Context, Field, Kind, Mode, Raw
from reconciler.kinds.job_items import EXCLUDE, ITEM_LIST, ITEMS
from reconciler.kinds.job_schedule import ENABLED, RUN, SCHEDULE
from reconciler.kinds.states import job_state
from reconciler.model.errors import UnknownName


def live_key(raw: Raw, context: Context) -> str:
    """Names of jobs are taken as unique for each organization (not documented; see the facts, 6.2)."""
    try:
        return f"{context.named('organization', raw['organizationId'])}/{raw['name']}".lower()
    except (KeyError, UnknownName):
        return ""


def wanted_key(name: str, fields: Mapping[str, Any]) -> str:
    return f"{fields.get('organization', '')}/{name}".lower()


def may_be(fields: Mapping[str, Any], raw: Raw, context: Context) -> bool:
    """A job stays in its organization. Where that is not shown, it may be any."""
    try:
        return context.named("organization", raw["organizationId"]) == fields.get("organization")
    except (KeyError, UnknownName):
        return True


JOB = Kind(
    name="job",
    section="jobs",
    doc="What is backed up of an organization, where to and when.",
    rank=50,
    collection="Jobs",
    state=job_state,
    added=(("organizationId", Schema(type="string")), ("selectedItems", ITEM_LIST), ("excludedItems", ITEM_LIST)),
    live_key=live_key,
    wanted_key=wanted_key,
    may_be=may_be,
    likeness=(("organization",), ("repository", "items")),
    volatile=RUN_STATE,
    fields=(
        Field("name", "Name of the job.", "name", Mode.KEY, on_put=True),
        FORMERLY,
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
            starts_jobs=True,
        ),
        DESCRIPTION,
        ITEMS,
        EXCLUDE,
        *SCHEDULE,
        ENABLED,
        RUN,
    ),
)
