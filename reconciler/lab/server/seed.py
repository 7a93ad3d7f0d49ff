"""What a new server holds after its installation, and what the lab puts beside it because people would have."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from reconciler.lab.server.api import Api, Item
from reconciler.lab.server.directory import add_objects
from reconciler.lab.server.email import DEFAULTS as EMAIL_DEFAULTS
from reconciler.lab.server.object_storage_rules import with_defaults
from reconciler.lab.server.proxy_model import MUTABLE

SERVED = (5, 6, 7, 8)
STORAGE_TYPES = {
    "s3": "AmazonS3",
    "s3-compatible": "AmazonS3Compatible",
    "azure-blob": "AzureBlob",
    "wasabi": "WasabiCloud",
    "ibm": "IBMCloud",
    "s3-glacier": "AmazonS3Glacier",
    "azure-archive": "AzureBlobArchive",
}
ACCOUNT_TYPES = {"AmazonS3": "amazonS3Account", "AzureBlob": "azureBlobAccount"}


@dataclass(frozen=True, slots=True)
class Seed:
    """What is to be there.

    `served`: REST versions. `administrators`: user names to passwords. `organizations`: names to what is known of
    them: `objects` (how many there are to back up), and any of `type`, `region`, `officeName`, `description`, `msid`.
    `accounts`: names of object storage accounts to `type` (of the storage, in the inventory's or the product's word)
    and `userName` (else the name). `object_storage`: names of the object storage repositories that REST up to v7
    links to, to `type`, `account`, `bucket`, `folder`, `endpoint`, `region`, each with a default. `encryption_keys`:
    hints. `directory`: names of organizations to collections (`Users`) to names of the objects that they have.
    """

    host: str
    build: str
    served: tuple[int, ...] = SERVED
    administrators: Mapping[str, str] = field(default_factory=dict)
    organizations: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    accounts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    object_storage: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    encryption_keys: Sequence[str] = ()
    directory: Mapping[str, Mapping[str, list[str]]] = field(default_factory=dict)


def settle(api: Api, certificate: Callable[[], str]) -> None:
    """What every state has, whether it is new or comes from an older lab. Hold the lock."""
    state = api.state
    state.setdefault("installation", api.new_id())
    for name, empty in (("host", ""), ("build", ""), ("served", [])):
        state.setdefault(name, empty)
    for name in ("administrators", "options", "trouble", "usage"):
        state.setdefault(name, {})
    state.setdefault("faults", [])
    state.setdefault("email", dict(EMAIL_DEFAULTS))
    state.setdefault("internet_proxy", {"useInternetProxy": False})
    if not state.get("certificate"):
        state["certificate"] = certificate()


def plant(api: Api, seed: Seed) -> None:
    """Add what is missing. Only the passwords of administrators are those of the seed in any case. Hold the lock."""
    state = api.state
    for name, value in (("host", seed.host), ("build", seed.build), ("served", sorted(seed.served))):
        state[name] = state[name] or value
    state["administrators"].update(seed.administrators)
    add_missing(api, "organizations", seed.organizations, organization)
    add_objects(api, seed.directory)
    add_missing(api, "accounts", {name: spec for name, spec in seed.accounts.items() if not has(api, name)}, account)
    add_missing(api, "object_storage", seed.object_storage, storage)
    add_missing(api, "encryption_keys", {hint: {} for hint in seed.encryption_keys}, encryption_key)
    if not api.items("proxies"):
        local = local_proxy(api)
        api.items("proxies")[local["id"]] = local
        first = default_repository(api, local["id"])
        api.items("repositories")[first["id"]] = first


def has(api: Api, account: str) -> bool:
    """Whether an account can be named so, after users gave it another description or user name too."""
    found = api.items("accounts").items()
    names = {str(name).lower() for ident, item in found for name in (ident, item["userName"], item["description"])}
    return account.lower() in names


Make = Callable[[Api, str, Mapping[str, Any]], Item]


def add_missing(api: Api, collection: str, wanted: Mapping[str, Mapping[str, Any]], make: Make) -> None:
    known = {name for item in api.items(collection).values() for name in names_of(item)}
    for name, spec in wanted.items():
        if name.lower() not in known:
            item = {"id": api.new_id(), "name": name} | make(api, name, spec)
            api.items(collection)[item["id"]] = item


def names_of(item: Item) -> set[str]:
    """The name of an object, and the one that an organization had before it was renamed."""
    return {str(item.get(part) or "").lower() for part in ("name", "backedUpOrganizationId")}


def organization(api: Api, name: str, spec: Mapping[str, Any]) -> Item:
    kind = spec.get("type", "Office365")
    return {
        "officeName": spec.get("officeName", name.partition(".")[0].capitalize()),
        "description": spec.get("description"),
        "type": kind,
        "region": spec.get("region", "Worldwide"),
        "msid": spec.get("msid") or api.new_id(),
        "backedUpOrganizationId": name,
        **dict.fromkeys(("isExchangeOnline", "isSharePointOnline", "isTeamsOnline"), kind != "OnPremises"),
        "isTeamsChatsOnline": False,
        "objects": int(spec.get("objects", 10)),
    }


def storage_type(spec: Mapping[str, Any]) -> str:
    word = str(spec.get("type", "s3-compatible"))
    return STORAGE_TYPES.get(word, word)


def account(_api: Api, name: str, spec: Mapping[str, Any]) -> Item:
    return {
        "accountType": ACCOUNT_TYPES.get(storage_type(spec), "amazonS3CompatibleAccount"),
        "userName": spec.get("userName", name),
        "description": spec.get("description", name),
        "organizationId": None,
    }


def encryption_key(_api: Api, hint: str, _spec: Mapping[str, Any]) -> Item:
    return {"description": hint, "organizationId": None}


def storage(api: Api, name: str, spec: Mapping[str, Any]) -> Item:
    kind, bucket = storage_type(spec), spec.get("bucket", name)
    owners = [item["id"] for item in api.items("accounts").values() if item["name"] == spec.get("account")]
    item: Item = {
        "description": spec.get("description", ""),
        "type": kind,
        "accountId": owners[0] if owners else None,
    }
    item = with_defaults(item)
    folder = spec.get("folder", name)
    if kind.startswith("AzureBlob"):
        return item | {"azureContainer": {"name": bucket, "regionType": "Global"}, "azureFolder": folder}
    if kind.startswith("AmazonS3") and kind != "AmazonS3Compatible":
        place = {"name": bucket, "regionType": "Global", "regionId": spec.get("region", "eu-west-1")}
        return item | {"amazonBucketS3Aws": place, "s3Folder": folder}
    place = {
        "name": bucket,
        "servicePoint": spec.get("endpoint", "https://s3.lab.invalid"),
        "customRegionId": spec.get("region", ""),
    }
    return item | {"amazonBucketS3Compatible": place, "s3Folder": folder}


def local_proxy(api: Api) -> Item:
    return (
        {
            "id": api.new_id(),
            "type": "Local",
            "hostName": api.host,
            "fqdn": api.host,
            "operatingSystem": "Windows",
            "proxyPoolId": None,
            "maintenanceModeState": "Disabled",
            "serviceAccount": "LocalSystem",
            "version": api.build,
        }
        | MUTABLE
        | {"description": "Default backup proxy server"}
    )


def default_repository(api: Api, proxy: str) -> Item:
    return {
        "id": api.new_id(),
        "name": "Default Backup Repository",
        "description": "Created by the installation.",
        "path": "C:\\VeeamRepository",
        "proxyId": proxy,
        "proxyPoolId": None,
        "organizationId": None,
        "retentionType": "ItemLevel",
        "retentionPeriodType": "Yearly",
        "yearlyRetentionPeriod": "Years3",
        "retentionFrequencyType": "Daily",
        "dailyTime": "00:00:00",
        "dailyType": "Everyday",
        "objectStorageId": None,
        "objectStorageEncryptionEnabled": False,
        "encryptionKeyId": None,
        "isLongTerm": False,
        **dict.fromkeys(("isOutOfSync", "isOutdated", "isMigrationLocked", "isOutOfOrder"), False),
        "isIndexed": True,
        "outOfOrderReason": None,
    }
