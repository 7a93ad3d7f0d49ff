"""Settings of object storage in the inventory's words, from the properties of the API and back.

Product facts: RESTObjectStorageRepositoryComposed of v6 and v7, RESTObjectStorageComposed of v8.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from reconciler.kinds.field import Context, Decode, Raw, Shown
from reconciler.model.errors import UnknownName
from reconciler.model.value import UNKNOWN

PREFIX: Final = "object_storage."
LINKED: Final = "linkedObjectStorage"
INSIDE: Final = 8
"""The REST version whose repositories hold their object storage."""
MODE_SINCE: Final = 8
PERIOD_SINCE: Final = 8
"""The REST version that shows an immutability period; v7 shows only whether there is immutability."""

TYPES: Final[Mapping[str, str]] = {
    "s3": "AmazonS3",
    "s3-compatible": "AmazonS3Compatible",
    "s3-glacier": "AmazonS3Glacier",
    "azure-blob": "AzureBlob",
    "azure-archive": "AzureBlobArchive",
    "wasabi": "WasabiCloud",
    "ibm": "IBMCloud",
}
_TYPES_BACK: Final = {api: ours for ours, api in TYPES.items()}
AMAZON: Final = ("AmazonS3", "AmazonS3Glacier")
AZURE: Final = ("AzureBlob", "AzureBlobArchive")

REGION_TYPES: Final[Mapping[str, Mapping[str, str]]] = {
    "amazonBucketS3Aws": {"global": "Global", "government": "USGovernment", "china": "China"},
    "azureContainer": {"global": "Global", "germany": "Germany", "china": "China", "government": "Government"},
}
REGIONS: Final = {"amazonBucketS3Aws": "regionId", "amazonBucketS3Compatible": "customRegionId"}

STANDARD: Final = "standard"
_CLASSES: Final[Mapping[str, Mapping[str, str]]] = {
    "AmazonS3": {
        "standardIaStorageClassEnabled": "standard-ia",
        "oneZoneIaStorageClassEnabled": "one-zone-ia",
        "iaStorageClassEnabled": "standard-ia",
    },
    "AmazonS3Glacier": {
        "glacierDeepArchiveEnabled": "glacier-deep-archive",
        "glacierInstantRetrievalEnabled": "glacier-instant-retrieval",
    },
}
_CLASS_OF_NONE: Final = {"AmazonS3": STANDARD, "AmazonS3Glacier": "glacier-flexible-retrieval"}
_CLASS_VERSIONS: Final = {
    "standardIaStorageClassEnabled": (8, 8),
    "oneZoneIaStorageClassEnabled": (8, 8),
    "iaStorageClassEnabled": (5, 7),
    "glacierDeepArchiveEnabled": (5, 8),
    "glacierInstantRetrievalEnabled": (7, 8),
}

PLACE: Final = tuple(PREFIX + name for name in ("type", "account", "bucket", "folder", "endpoint", "region", "cloud"))
"""The fields that say where the backups are."""


def bucket_of(api_type: str) -> str:
    """The property that holds the bucket or container of a type of object storage."""
    if api_type in AZURE:
        return "azureContainer"
    return "amazonBucketS3Aws" if api_type in AMAZON else "amazonBucketS3Compatible"


def folder_of(api_type: str) -> str:
    return "azureFolder" if api_type in AZURE else "s3Folder"


def is_on_object_storage(fields: Mapping[str, Any]) -> bool:
    """Whether a repository is known to be on object storage, or declared to be."""
    shown = (fields.get(name) for name in (f"{PREFIX}name", *PLACE))
    return any(value is not None and value is not UNKNOWN for value in shown)


def is_on_disk(fields: Mapping[str, Any]) -> bool:
    return not is_on_object_storage(fields)


def is_named(fields: Mapping[str, Any]) -> bool:
    """Whether an import declares the object storage of a repository by its name, because its place is not shown whole:
    REST v5 lists no accounts."""
    return is_on_object_storage(fields) and fields[f"{PREFIX}account"] is UNKNOWN


def is_placed(fields: Mapping[str, Any]) -> bool:
    return is_on_object_storage(fields) and not is_named(fields)


def has_region(fields: Mapping[str, Any]) -> bool:
    """S3-compatible storage may have none."""
    return is_placed(fields) and fields[f"{PREFIX}region"] is not UNKNOWN


def is_immutable(fields: Mapping[str, Any]) -> bool:
    """Whether objects cannot be deleted for some time, which has a mode."""
    return is_on_object_storage(fields) and fields[f"{PREFIX}immutability_days"] not in (NONE, UNKNOWN)


def storage_of(raw: Raw) -> Raw | None:
    """The object storage of a repository, None for one on a disk. Raises KeyError if it is not shown."""
    for name in ("objectStorage", LINKED):
        found: Raw | None = raw.get(name)
        if found is not None:
            return found
    if raw.get("objectStorageId") or not raw["path"]:
        raise KeyError("objectStorage")
    return None


def of_storage(read: Callable[[Raw, Context], Any]) -> Decode:
    def decode(raw: Raw, context: Context) -> Any:
        storage = storage_of(raw)
        return None if storage is None else read(storage, context)

    return decode


def inside(body: Mapping[str, Any], context: Context) -> Mapping[str, Any]:
    """Properties of object storage as a part of a repository; up to v7 they are those of a separate object."""
    return {"objectStorage": body} if context.rest >= INSIDE else body


def read_type(storage: Raw, context: Context) -> str:
    return _TYPES_BACK[storage["type"]]


def read_account(storage: Raw, context: Context) -> str:
    return context.named("account", storage["accountId"])


def as_named(kind: str) -> Shown:
    """A reference in the name that the server's objects are shown with, whichever of its names is declared."""

    def shown(value: Any, context: Context) -> Any:
        try:
            return context.named(kind, context.id_of(kind, value))
        except UnknownName:
            return value

    return shown


def read_bucket(storage: Raw, context: Context) -> str:
    return str(storage[bucket_of(storage["type"])]["name"])


def read_folder(storage: Raw, context: Context) -> str:
    return str(storage[folder_of(storage["type"])])


def read_endpoint(storage: Raw, context: Context) -> str | None:
    """Only of S3-compatible storage."""
    bucket = bucket_of(storage["type"])
    return str(storage[bucket]["servicePoint"]) if bucket == "amazonBucketS3Compatible" else None


def read_region(storage: Raw, context: Context) -> str | None:
    bucket = bucket_of(storage["type"])
    return str(storage[bucket][REGIONS[bucket]]) if bucket in REGIONS else None


def read_cloud(storage: Raw, context: Context) -> str | None:
    bucket = bucket_of(storage["type"])
    if bucket not in REGION_TYPES:
        return None
    return {api: ours for ours, api in REGION_TYPES[bucket].items()}[storage[bucket]["regionType"]]


def read_storage_class(storage: Raw, context: Context) -> str | None:
    flags = class_flags(storage["type"], context.rest)
    if not flags:
        return None
    set_ones = [word for api, word in flags.items() if storage[api]]
    return set_ones[0] if set_ones else _CLASS_OF_NONE[storage["type"]]


def class_flags(api_type: str, rest: int) -> dict[str, str]:
    """The flags of the storage classes of a type, each with the word for it."""
    flags = _CLASSES.get(api_type, {})
    return {api: word for api, word in flags.items() if _CLASS_VERSIONS[api][0] <= rest <= _CLASS_VERSIONS[api][1]}


def read_thumbprint(storage: Raw, context: Context) -> str | None:
    bucket = bucket_of(storage["type"])
    if bucket != "amazonBucketS3Compatible":
        return None
    return str(storage[bucket]["trustedServerCertificateThumbprint"]).upper()


def normalize_thumbprint(value: Any) -> str:
    """`ab:cd` to `ABCD`."""
    return str(value).replace(":", "").replace(" ", "").upper()


NONE: Final = "none"
RETENTION: Final = "retention"
"""Immutability for as long as backups are kept."""


def read_size_limit(storage: Raw, context: Context) -> Any:
    return storage["sizeLimitGB"] if storage["sizeLimitEnabled"] else NONE


def holds_less(live: Any, wanted: Any) -> bool:
    """Jobs stop at the limit."""
    limits = [float("inf") if value == NONE else value for value in (live, wanted)]
    return all(isinstance(limit, int | float) for limit in limits) and limits[0] < limits[1]


def encode_size_limit(value: Any, context: Context) -> Mapping[str, Any]:
    body = {"sizeLimitEnabled": False} if value == NONE else {"sizeLimitEnabled": True, "sizeLimitGB": value}
    return inside(body, context)


def read_immutability(storage: Raw, context: Context) -> Any:
    """v7 has immutability for the period of retention only. In v8 the period 0 stands for it."""
    if not storage["enableImmutability"]:
        return NONE
    if context.rest < PERIOD_SINCE:
        return RETENTION
    return storage["immutabilityPeriodDays"] or RETENTION


def encode_immutability(value: Any, context: Context) -> Mapping[str, Any]:
    if value == NONE:
        return inside({"enableImmutability": False}, context)
    body: dict[str, Any] = {"enableImmutability": True}
    if context.rest >= PERIOD_SINCE:
        body["immutabilityPeriodDays"] = 0 if value == RETENTION else value
    return inside(body, context)


def shown_immutability(value: Any, context: Context) -> Any:
    return RETENTION if context.rest < PERIOD_SINCE and isinstance(value, int) else value


def read_immutability_mode(storage: Raw, context: Context) -> str:
    return "governance" if storage["enableImmutabilityGovernanceMode"] else "compliance"


def encode_immutability_mode(value: Any, context: Context) -> Mapping[str, Any]:
    return inside({"enableImmutabilityGovernanceMode": value == "governance"}, context)


def decode_linked_name(raw: Raw, context: Context) -> Any:
    storage = storage_of(raw)
    return None if storage is None else context.named("object_storage", raw["objectStorageId"])


def decode_key(raw: Raw, context: Context) -> Any:
    if not raw["objectStorageEncryptionEnabled"]:
        return NONE
    return context.named("encryption_key", raw["encryptionKeyId"])


def shown_key(value: Any, context: Context) -> Any:
    """The hint of a key that is named by its id."""
    known = context.references("encryption_key") or ()
    return next((item.names[0] for item in known if item.names and item.id.lower() == str(value).lower()), value)


def encode_key(value: Any, context: Context) -> Mapping[str, Any]:
    if value == NONE:
        return {"objectStorageEncryptionEnabled": False}
    return {"objectStorageEncryptionEnabled": True, "encryptionKeyId": context.id_of("encryption_key", value)}
