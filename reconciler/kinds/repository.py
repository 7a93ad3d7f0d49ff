"""Backup repositories, on disks of one proxy or on object storage behind a proxy or a pool.

Product facts: RESTBackupRepository and RESTBackupRepositoryFromClient of v6, v7 and v8.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from reconciler.kinds import codec
from reconciler.kinds.api import Schema
from reconciler.kinds.clean_up import CLEAN_UP_FIELDS
from reconciler.kinds.common import DESCRIPTION, FORMERLY, shown_name, wanted_name
from reconciler.kinds.field import Context, Field, Kind, Mode, Raw
from reconciler.kinds.object_storage import LINKED_SCHEMA, STORAGE_FIELDS, created_storage
from reconciler.kinds.states import repository_state
from reconciler.kinds.storage_settings import LINKED, is_on_disk
from reconciler.model.value import UNKNOWN

encode_retention_type, decode_retention_type = codec.words(
    "retentionType", {"item-level": "ItemLevel", "snapshot": "SnapshotBased"}
)
encode_frequency, decode_frequency = codec.words("retentionFrequencyType", {"daily": "Daily", "monthly": "Monthly"})

_KEEP = re.compile(r"^\s*(\d+)\s*(day|month|year)s?\s*$", re.IGNORECASE)
_YEARS = {1: "Year1", 2: "Years2", 3: "Years3", 5: "Years5", 7: "Years7", 10: "Years10", 25: "Years25"}
_YEARS_BACK = {api: years for years, api in _YEARS.items()}


def normalize_keep(value: Any) -> str:
    """`3 Years` to `3 years`. The product knows 1, 2, 3, 5, 7, 10, 25 years, any number of days or months, forever."""
    if isinstance(value, str) and value.strip().lower() == "forever":
        return "forever"
    found = _KEEP.match(value) if isinstance(value, str) else None
    if not found or int(found.group(1)) < 1:
        raise ValueError(f"{value!r} is not a time to keep: write for example 30 days, 6 months, 3 years, or forever")
    amount, unit = int(found.group(1)), found.group(2).lower()
    if unit == "year" and amount not in _YEARS:
        raise ValueError(f"{amount} years cannot be kept: write one of {', '.join(map(str, _YEARS))} years")
    return f"{amount} {unit}" + ("s" if amount != 1 else "")


def encode_keep(value: Any, context: Context) -> Mapping[str, Any]:
    if value == "forever":
        return {"retentionPeriodType": "Yearly", "yearlyRetentionPeriod": "Keep"}
    amount, unit = value.split(" ")
    if unit.startswith("day"):
        return {"retentionPeriodType": "Daily", "dailyRetentionPeriod": int(amount)}
    if unit.startswith("month"):
        return {"retentionPeriodType": "Monthly", "monthlyRetentionPeriod": int(amount)}
    return {"retentionPeriodType": "Yearly", "yearlyRetentionPeriod": _YEARS[int(amount)]}


def decode_keep(raw: Raw, context: Context) -> Any:
    period = raw["retentionPeriodType"]
    if period == "Yearly":
        value = raw["yearlyRetentionPeriod"]
        return "forever" if value == "Keep" else normalize_keep(f"{_YEARS_BACK[value]} years")
    amount = raw["dailyRetentionPeriod" if period == "Daily" else "monthlyRetentionPeriod"]
    return UNKNOWN if amount < 1 else normalize_keep(f"{amount} {'days' if period == 'Daily' else 'months'}")


def encode_owner(value: Any, context: Context) -> Mapping[str, Any]:
    """`proxy.NAME` or `pool.NAME`."""
    kind, name = value.split(".", 1)
    return {"proxyPoolId" if kind == "pool" else "proxyId": context.id_of(kind, name)}


def decode_owner(raw: Raw, context: Context) -> Any:
    if raw.get("proxyPoolId"):
        return f"pool.{context.named('pool', raw['proxyPoolId'])}"
    return f"proxy.{context.named('proxy', raw['proxyId'])}"


REPOSITORY = Kind(
    name="repository",
    section="repositories",
    doc="Where backups are kept.",
    rank=40,
    collection="BackupRepositories",
    added=((LINKED, Schema(ref=LINKED_SCHEMA)),),
    on_create=created_storage,
    state=repository_state,
    live_key=shown_name,
    wanted_key=wanted_name,
    likeness=(("owner",), ("path", "object_storage")),
    volatile=frozenset(
        {
            "capacityBytes",
            "freeSpaceBytes",
            "isIndexed",
            "isMigrationLocked",
            "isOutOfOrder",
            "isOutOfSync",
            "isOutdated",
            "outOfOrderReason",
            "usedSpaceBytes",
        }
    ),
    fields=(
        Field("name", "Name of the repository.", "name", Mode.KEY, on_put=True),
        FORMERLY,
        Field(
            "owner",
            "The proxy or pool that works on it (`proxy:` or `pool:`).",
            mode=Mode.MOVE,
            refers=("proxy", "pool"),
            addressed=True,
            encode=encode_owner,
            decode=decode_owner,
            severe=True,
            starts_jobs=True,
        ),
        Field(
            "path",
            "Folder on the proxy (disk repositories).",
            "path",
            Mode.CREATE_ONLY,
            starts_jobs=True,
            imported=is_on_disk,
        ),
        DESCRIPTION,
        Field(
            "retention.type",
            "item-level or snapshot.",
            mode=Mode.CREATE_ONLY,
            encode=encode_retention_type,
            decode=decode_retention_type,
            on_put=True,
        ),
        Field(
            "retention.keep",
            "How long items are kept: 30 days, 6 months, 3 years, forever.",
            encode=encode_keep,
            decode=decode_keep,
            normalize=normalize_keep,
            implies=("dailyRetentionPeriod", "monthlyRetentionPeriod", "yearlyRetentionPeriod"),
            severe=True,
        ),
        Field(
            "retention.clean",
            "How often old items are removed: daily or monthly.",
            encode=encode_frequency,
            decode=decode_frequency,
        ),
        *CLEAN_UP_FIELDS,
        *STORAGE_FIELDS,
    ),
)
