"""Object storage of backup repositories: fields of the kind `repository`, one for each setting.

Up to REST v7 object storage is a separate object that a repository links to; observation adds it to the repository
as LINKED. Since v8 the repository holds it. The properties are the same but for a few, so one decoder serves both.

Product facts: 5.2 and 14.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from reconciler.kinds import storage_settings as settings
from reconciler.kinds.appliances import APPLIANCE_FIELDS, OF_SIZES
from reconciler.kinds.field import CREDENTIAL, Context, Encode, Field, Kind, Mode, Raw, hidden, if_shown, nothing
from reconciler.kinds.references import found_by
from reconciler.kinds.storage_settings import INSIDE, LINKED, PLACE, PREFIX, as_named, is_on_object_storage, of_storage
from reconciler.model.errors import UnknownName
from reconciler.model.live import Reference
from reconciler.model.value import UNKNOWN, differs

LINKED_SCHEMA: Final = "RESTObjectStorageRepositoryComposed"
"""The schema of LINKED."""


def created_storage(context: Context, fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the POST of a repository says of the place of its object storage: a link up to v7, since v8 the place."""
    if not is_on_object_storage(fields):
        return {}
    if context.rest < INSIDE:
        return {"objectStorageId": linked_storage(context, fields).id}
    said = {name.removeprefix(PREFIX): value for name, value in fields.items() if name.startswith(PREFIX)}
    api_type = settings.TYPES[said["type"]]
    bucket: dict[str, Any] = {"name": said["bucket"]}
    place = settings.bucket_of(api_type)
    if place in settings.REGIONS:
        bucket[settings.REGIONS[place]] = said.get("region", "")
    if place == "amazonBucketS3Compatible":
        bucket["servicePoint"] = said.get("endpoint", "")
        bucket |= {"trustedServerCertificateThumbprint": said["thumbprint"]} if "thumbprint" in said else {}
    if "cloud" in said:
        bucket["regionType"] = settings.REGION_TYPES[place][said["cloud"]]
    classes = settings.class_flags(api_type, context.rest) if "storage_class" in said else {}
    return {
        "objectStorage": {
            "type": api_type,
            "accountId": context.id_of("account", said["account"]),
            place: bucket,
            settings.folder_of(api_type): said["folder"],
            **{api: word == said["storage_class"] for api, word in classes.items()},
        }
    }


def linked_storage(context: Context, fields: Mapping[str, Any]) -> Reference:
    """The object storage repository that a declared repository is to link to, by its name or by its place.
    Raises UnknownName."""
    known = context.references("object_storage") or ()
    name = fields.get(f"{PREFIX}name")
    if name is not None:
        return found_by("object_storage", name, known)
    fitting = [item for item in known if _is_at(shown_place({LINKED: item.raw}, context), fields, context)]
    where = ", ".join(f"{name.removeprefix(PREFIX)} {fields[name]}" for name in PLACE if name in fields)
    if not fitting:
        raise UnknownName(
            f"the server has no object storage repository with {where}; REST v{context.rest} links to one that exists"
        )
    if len(fitting) > 1:
        candidates = ", ".join(sorted(f"{item.names[0] if item.names else ''} ({item.id})" for item in fitting))
        raise UnknownName(f"{len(fitting)} object storage repositories have {where}: {candidates}")
    return fitting[0]


def unlike_declared(context: Context, fields: Mapping[str, Any]) -> dict[str, Any]:
    """What is declared of the settings of an object storage repository that exists, and is not so there. Empty since
    REST v8, and if it cannot be found."""
    if context.rest >= INSIDE or not is_on_object_storage(fields):
        return {}
    try:
        raw = {LINKED: linked_storage(context, fields).raw}
    except UnknownName:
        return {}
    declared = [field for field in STORAGE_FIELDS if field.name in LINKED_FIELDS and field.name in fields]
    return {
        field.name: fields[field.name]
        for field in declared
        if differs(field.as_shown(fields[field.name], context), field.from_api(raw, context))
    }


def shown_place(raw: Raw, context: Context) -> dict[str, Any]:
    """Where the backups of a repository are, as far as it is shown."""
    return {field.name: field.from_api(raw, context) for field in STORAGE_FIELDS if field.name in PLACE}


def _is_at(place: Mapping[str, Any], fields: Mapping[str, Any], context: Context) -> bool:
    """Whether a place is the declared one. Type, bucket and folder must be shown for it, the rest need not be."""
    sure = all(place[PREFIX + part] is not UNKNOWN for part in ("type", "bucket", "folder"))
    same = (
        place[field.name] in (UNKNOWN, field.as_shown(fields[field.name], context))
        for field in STORAGE_FIELDS
        if field.name in PLACE and field.name in fields
    )
    return sure and all(same)


def _fixed(name: str, doc: str, read: Callable[[Raw, Context], Any], encode: Encode = nothing, **more: Any) -> Field:
    """A setting that is made at creation, by `created_storage` unless it has an `encode`."""
    more.setdefault("imported", settings.is_placed if PREFIX + name in PLACE else is_on_object_storage)
    return Field(PREFIX + name, doc, mode=Mode.CREATE_ONLY, encode=encode, decode=of_storage(read), **more)


STORAGE_FIELDS: Final = (
    Field(
        f"{PREFIX}name",
        "Object storage repository that exists on the server (REST up to v7).",
        mode=Mode.CREATE_ONLY,
        until=INSIDE - 1,
        encode=nothing,
        decode=settings.decode_linked_name,
        shown=as_named("object_storage"),
        imported=settings.is_named,
    ),
    Field(
        f"{PREFIX}cache",
        "Folder of the local cache on the proxy (REST up to v7).",
        "objectStorageCachePath",
        Mode.CREATE_ONLY,
        until=INSIDE - 1,
        imported=is_on_object_storage,
    ),
    _fixed("type", "Kind of object storage.", settings.read_type),
    _fixed(
        "account",
        "Cloud account, by its description, user name or id.",
        settings.read_account,
        shown=as_named("account"),
    ),
    _fixed("bucket", "Bucket or container.", settings.read_bucket),
    _fixed("folder", "Folder in the bucket.", settings.read_folder),
    _fixed("endpoint", "Address of S3-compatible storage.", settings.read_endpoint),
    _fixed("region", "Region of the bucket.", settings.read_region, imported=settings.has_region),
    _fixed("cloud", "global, government, china or germany (Amazon and Azure).", settings.read_cloud),
    _fixed("storage_class", "Storage class (Amazon).", settings.read_storage_class),
    _fixed(
        "thumbprint",
        "Thumbprint of a certificate of S3-compatible storage that no authority signed.",
        settings.read_thumbprint,
        since=8,
        normalize=settings.normalize_thumbprint,
        imported=if_shown(f"{PREFIX}thumbprint"),
    ),
    Field(
        f"{PREFIX}size_limit_gb",
        "Soft limit in GB, or none.",
        encode=settings.encode_size_limit,
        decode=of_storage(settings.read_size_limit),
        severe=settings.holds_less,
        implies=("sizeLimitGB",),
        imported=is_on_object_storage,
        product_default=settings.NONE,
    ),
    Field(
        f"{PREFIX}immutability_days",
        "Days in which nothing can be deleted, retention or none; it can only be lengthened.",
        since=7,
        encode=settings.encode_immutability,
        decode=of_storage(settings.read_immutability),
        shown=settings.shown_immutability,
        severe=True,
        imported=is_on_object_storage,
        product_default=settings.NONE,
    ),
    _fixed(
        "immutability_mode",
        "compliance or governance.",
        settings.read_immutability_mode,
        settings.encode_immutability_mode,
        since=settings.MODE_SINCE,
        severe=True,
        imported=settings.is_immutable,
    ),
    *APPLIANCE_FIELDS,
    Field(
        f"{PREFIX}encryption_key",
        "Encryption key, by its hint or id, or none.",
        since=6,
        encode=settings.encode_key,
        decode=settings.decode_key,
        shown=settings.shown_key,
        implies=("encryptionKeyId",),
        severe=True,
        imported=is_on_object_storage,
        product_default=settings.NONE,
    ),
    Field(
        f"{PREFIX}encryption_credentials",
        "Entry of `credentials` with the password of the encryption key; a new password is a new key.",
        mode=Mode.WRITE_ONLY,
        since=6,
        refers=(CREDENTIAL,),
        encode=nothing,
        decode=hidden,
        sent_with=(f"{PREFIX}encryption_key",),
        severe=True,
    ),
)


def _no_key(*_: Any) -> str:
    """It is not matched: repositories link to it."""
    return ""


LINKED_FIELDS: Final = frozenset(
    field.name for field in STORAGE_FIELDS if field.mode is Mode.MUTABLE and field.name != f"{PREFIX}encryption_key"
)
"""What is changed in an object storage repository up to v7, and in the repository since v8."""

OBJECT_STORAGE: Final = Kind(
    name="object_storage",
    section="",
    doc="An object storage repository, up to REST v7.",
    rank=0,
    fields=STORAGE_FIELDS,
    live_key=_no_key,
    wanted_key=_no_key,
    collection="objectstoragerepositories",
    until=INSIDE - 1,
    volatile=frozenset({"freeSpaceBytes", "usedSpaceBytes"}) | OF_SIZES,
)
"""The separate objects of REST up to v7: read and changed through the repositories that link to them."""
