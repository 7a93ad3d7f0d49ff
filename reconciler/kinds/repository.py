"""Backup repositories, on disks of one proxy or on object storage behind a proxy or a pool.

Product facts: RESTBackupRepository and RESTBackupRepositoryFromClient of v6, v7 and v8; RESTObjectStorageComposed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from reconciler.kinds import codec
from reconciler.kinds.field import Context, Field, Mode, Raw, hidden, nothing
from reconciler.kinds.kind import Kind
from reconciler.model.errors import UnknownName
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
        raise ValueError(f"{amount} years cannot be kept: the product offers {', '.join(map(str, _YEARS))} years")
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


_STORAGE = {
    "s3": "AmazonS3",
    "s3-compatible": "AmazonS3Compatible",
    "azure-blob": "AzureBlob",
    "wasabi": "WasabiCloud",
    "ibm": "IBMCloud",
}
_STORAGE_BACK = {api: ours for ours, api in _STORAGE.items()}
_BUCKETS = {"azure-blob": "azureContainer", "s3": "amazonBucketS3Aws"}
_COMPATIBLE = {"endpoint": "servicePoint", "region": "customRegionId"}
_PLACES: Mapping[str, Mapping[str, str]] = {"azure-blob": {}, "s3": {"region": "regionId"}}
_STORAGE_INSIDE = 8
"""The REST version that shows object storage inside its repository; before, it is a separate object."""


def encode_storage(value: Any, context: Context) -> Mapping[str, Any]:
    """v8 carries the whole description; up to v7 a repository links to an object storage repository that exists."""
    if context.rest < 8:
        body = {"objectStorageId": context.id_of("object_storage", value["name"])}
        return body | ({"objectStorageCachePath": value["cache"]} if "cache" in value else {})
    storage: dict[str, Any] = {
        "type": _STORAGE[value["type"]],
        "accountId": context.id_of("account", value["account"]),
    }
    if value["type"] == "azure-blob":
        storage |= {"azureContainer": {"name": value["bucket"]}, "azureFolder": value["folder"]}
    elif value["type"] == "s3":
        storage |= {"amazonBucketS3Aws": {"name": value["bucket"], "regionId": value.get("region", "")}}
        storage["s3Folder"] = value["folder"]
    else:
        storage |= {
            "amazonBucketS3Compatible": {
                "name": value["bucket"],
                "servicePoint": value.get("endpoint", ""),
                "customRegionId": value.get("region", ""),
            },
            "s3Folder": value["folder"],
        }
    if "size_limit_gb" in value:
        storage |= {"sizeLimitEnabled": True, "sizeLimitGB": value["size_limit_gb"]}
    if "immutability_days" in value:
        storage |= {"enableImmutability": True, "immutabilityPeriodDays": value["immutability_days"]}
    return {"objectStorage": storage}


def decode_storage(raw: Raw, context: Context) -> Any:
    """None for a repository on a disk: it shows a folder and no object storage. Missing parts are UNKNOWN."""
    inside = context.rest >= _STORAGE_INSIDE
    place = raw.get("objectStorage" if inside else "objectStorageId")
    if place is None:
        return None if raw["path"] else UNKNOWN
    if inside:
        return _decode_place(place, context)
    value = {"name": context.named("object_storage", place), "cache": raw.get("objectStorageCachePath", UNKNOWN)}
    return {key: item for key, item in value.items() if item != ""}


def _decode_place(storage: Raw, context: Context) -> dict[str, Any]:
    kind = _STORAGE_BACK[storage["type"]]
    bucket = storage.get(_BUCKETS.get(kind, "amazonBucketS3Compatible"), {})
    value = {
        "type": kind,
        "account": _account(storage, context),
        "bucket": bucket.get("name", UNKNOWN),
        "folder": storage.get("azureFolder" if kind == "azure-blob" else "s3Folder", UNKNOWN),
    }
    value |= {ours: bucket.get(api, UNKNOWN) for ours, api in _PLACES.get(kind, _COMPATIBLE).items()}
    value["size_limit_gb"] = _if(storage, "sizeLimitEnabled", "sizeLimitGB")
    value["immutability_days"] = _if(storage, "enableImmutability", "immutabilityPeriodDays")
    return {key: item for key, item in value.items() if item not in (None, "", 0)}


def _account(storage: Raw, context: Context) -> Any:
    try:
        return context.named("account", storage["accountId"])
    except (KeyError, UnknownName):
        return UNKNOWN


def _if(raw: Raw, flag: str, api: str) -> Any:
    """What a property says if its flag is set, None if it is not."""
    used = raw.get(flag, UNKNOWN)
    if used is UNKNOWN:
        return UNKNOWN
    return raw.get(api, UNKNOWN) if used else None


def live_key(raw: Raw, context: Context) -> str:
    return str(raw.get("name", "")).lower()


def wanted_key(name: str, fields: Mapping[str, Any]) -> str:
    return name.lower()


REPOSITORY = Kind(
    name="repository",
    section="repositories",
    doc="Where backups are kept.",
    rank=40,
    collection="BackupRepositories",
    live_key=live_key,
    wanted_key=wanted_key,
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
        Field(
            "formerly",
            "Name on the server so far, for a rename in place.",
            mode=Mode.LOCAL,
            encode=nothing,
            decode=hidden,
        ),
        Field(
            "owner",
            "The proxy or pool that works on it (`proxy:` or `pool:`).",
            mode=Mode.MOVE,
            refers=("proxy", "pool"),
            addressed=True,
            encode=encode_owner,
            decode=decode_owner,
            severe=True,
        ),
        Field("path", "Folder on the proxy (disk repositories).", "path", Mode.CREATE_ONLY),
        Field(
            "description",
            "Text shown in the console; the owner mark is added at its end.",
            encode=codec.encode_description,
            decode=codec.decode_description,
        ),
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
        Field(
            "object_storage",
            "Bucket or container that holds the backups.",
            mode=Mode.CREATE_ONLY,
            encode=encode_storage,
            decode=decode_storage,
        ),
    ),
)
