"""/BackupRepositories (facts, 5)."""

from __future__ import annotations

from typing import Any

from reconciler.lab.server import runner
from reconciler.lab.server.answer import CREATE, DONE, EDIT, READ, conflict, invalid, offline, only
from reconciler.lab.server.api import Item
from reconciler.lab.server.call import Call, Rows
from reconciler.lab.server.object_storage_rules import storage_changes, with_defaults
from reconciler.lab.server.repository_model import (
    FIXED,
    MUTABLE,
    REPOSITORY,
    show_repository,
    used_bytes,
)
from reconciler.lab.server.routes import Route
from reconciler.lab.server.shape import INT64, TEXT, Property, Shape, require

WHAT = "Backup repository"
PERIODS = {"Daily": "dailyRetentionPeriod", "Monthly": "monthlyRetentionPeriod", "Yearly": "yearlyRetentionPeriod"}
USAGE = Shape(
    Property("name", TEXT, "r"),
    Property("id", TEXT, "r"),
    Property("usedSpaceBytes", INT64, "r"),
    Property("localCacheUsedSpaceBytes", INT64, "r"),
    Property("objectStorageUsedSpaceBytes", INT64, "r"),
)


def many(call: Call) -> Rows:
    """Filters: proxyId and longTerm; from v8 on proxyPoolId and organizationId too."""
    filters = {"proxyId": call.ident("proxyId")}
    if call.rest >= 8:
        filters |= {name: call.ident(name) for name in ("proxyPoolId", "organizationId")}
    found = [
        item
        for item in call.items("repositories").values()
        if all(not wanted or item[name] == wanted for name, wanted in filters.items())
    ]
    if call.text("longTerm"):
        found = [item for item in found if item["isLongTerm"] == call.flag("longTerm", default=False)]
    return Rows(found, lambda item: show_repository(call, item))


def one(call: Call) -> Any:
    return show_repository(call, call.find("repositories", "repositoryId", WHAT))


def add(call: Call) -> Any:
    call.api.look()
    with call.api.lock:
        body = call.body(REPOSITORY)
        require(body, ["name", "retentionType"])
        refuse_taken(call, body["name"], "")
        item: Item = {"id": call.api.new_id(), "description": "", "path": ""} | body
        owner = check_owner(call, item)
        storage = storage_of(call, item)
        check_place(call, item, owner, storage)
        if storage and call.rest >= 8:
            item["path"] = ""  # ignored for object storage
        item |= {
            "proxyId": item.get("proxyId"),
            "proxyPoolId": item.get("proxyPoolId"),
            "organizationId": item.get("organizationId"),
            "objectStorageId": storage["id"] if storage else None,
            "objectStorageEncryptionEnabled": bool(item.get("objectStorageEncryptionEnabled")),
            "encryptionKeyId": item.get("encryptionKeyId"),
            "isLongTerm": bool(storage and storage["type"] in ("AzureBlobArchive", "AmazonS3Glacier")),
            **dict.fromkeys(("isOutOfSync", "isOutdated", "isMigrationLocked", "isOutOfOrder"), False),
            "isIndexed": True,
            "outOfOrderReason": None,
        }
        if item["organizationId"]:
            call.api.find("organizations", item["organizationId"], "Organization")
        check_retention(item)
        check_encryption(call, item, storage)
        keep_one_period(item)
        for name in ("objectStorage", "attachUsedRepository", "ignoreProxyPoolApplianceAccessValidation"):
            item.pop(name, None)
        if storage:
            call.items("object_storage")[storage["id"]] = storage
        call.items("repositories")[item["id"]] = item
        return show_repository(call, item)


def refuse_taken(call: Call, name: str, ident: str) -> None:
    for item in call.items("repositories").values():
        if item["name"].lower() == name.lower() and item["id"] != ident:
            raise conflict(f"Backup repository '{name}' exists already.")


def check_owner(call: Call, item: Item) -> Item | None:
    """The proxy that a repository is to live on; None for a pool."""
    proxy, pool = item.get("proxyId"), item.get("proxyPoolId")
    if bool(proxy) == bool(pool):
        raise invalid("Specify either proxyId or proxyPoolId." if call.rest >= 8 else "Specify proxyId.")
    if pool:
        call.api.find("pools", pool, "Backup proxy pool")
        return None
    found = call.api.find("proxies", str(proxy), "Backup proxy server")
    if not call.api.online(found):
        raise offline(found["hostName"])
    if call.api.outdated(found):
        raise conflict(f"Backup proxy server '{found['hostName']}' is out of date. Upgrade it first.")
    return found


def storage_of(call: Call, item: Item) -> Item | None:
    """The object storage of a new repository, None for one on disk. Up to v7 it exists already and is linked to."""
    if item.get("objectStorageId"):
        storage = call.api.find("object_storage", item["objectStorageId"], "Object storage repository")
        if any(repo["objectStorageId"] == storage["id"] for repo in call.items("repositories").values()):
            raise conflict(f"Object storage repository '{storage['name']}' is in use by another backup repository.")
        return storage
    if item.get("objectStorage"):
        storage = dict(item["objectStorage"])
        require(storage, ["type", "accountId"])
        call.api.find("accounts", storage["accountId"], "Account")
        places = [storage.get(n) for n in ("amazonBucketS3Compatible", "amazonBucketS3Aws", "azureContainer")]
        if not any(place and place.get("name") for place in places):
            raise invalid("Specify the bucket or the container of the object storage.")
        named = {"id": call.api.new_id(), "name": item["name"], "description": item["description"]}
        return with_defaults(storage) | named
    return None


def check_place(call: Call, item: Item, owner: Item | None, storage: Item | None) -> None:
    """Disks belong to one Windows proxy outside of pools; everything else is for object storage (facts, 2.9)."""
    if storage is not None:
        return
    if owner is None:
        raise invalid("A backup proxy pool works with object storage repositories only.")
    if owner["operatingSystem"] == "Linux":
        raise invalid("A Linux backup proxy server works with object storage repositories only.")
    if owner["proxyPoolId"]:
        raise invalid("A member of a backup proxy pool cannot have a repository on disk.")
    require(item, ["path"])
    for other in call.items("repositories").values():
        if other["proxyId"] == owner["id"] and other["path"].lower() == item["path"].lower():
            raise conflict(f"The folder '{item['path']}' is in use by repository '{other['name']}'.")


def check_retention(item: Item) -> None:
    kind = item.get("retentionPeriodType")
    if kind is None:
        raise invalid("The property retentionPeriodType is required.")
    require(item, [PERIODS[kind]])


def check_encryption(call: Call, item: Item, storage: Item | None) -> None:
    if not item["objectStorageEncryptionEnabled"]:
        item["encryptionKeyId"] = None
        return
    if storage is None:
        raise invalid("Encryption requires object storage.")
    require(item, ["encryptionKeyId"])
    call.api.find("encryption_keys", item["encryptionKeyId"], "Encryption key")


def edit(call: Call) -> None:
    item = call.find("repositories", "repositoryId", WHAT)
    body = call.body(REPOSITORY)
    require(body, ["retentionType"])
    if runner.states_of(call.api, item)["isOutdated"]:
        raise conflict(f"Backup repository '{item['name']}' is out of date. Upgrade it first.")
    if item["objectStorageId"] and call.rest >= 8:
        body.pop("path", None)  # ignored for object storage
    for name in FIXED:
        if name in body and body[name] != item.get(name):
            raise invalid(f"The property {name} of a backup repository cannot be changed.")
    if body.get("encryptionKeyId", item["encryptionKeyId"]) != item["encryptionKeyId"]:
        check_encryption(call, item | {"encryptionKeyId": body["encryptionKeyId"]}, item)
    storage = call.items("object_storage").get(item["objectStorageId"] or "", {})
    replaces = call.options.put_repositories == "replace"
    limits = storage_changes(storage, body.get("objectStorage") or {}, item, replaces=replaces)
    refuse_taken(call, str(body.get("name") or item["name"]), item["id"])
    rest = item
    if replaces:
        rest = {name: value for name, value in item.items() if name not in MUTABLE}
        rest |= {"name": item["name"], "description": ""}
    changed = rest | {name: body[name] for name in (*MUTABLE, "encryptionKeyId") if name in body}
    check_retention(changed)
    item.update(changed)
    keep_one_period(item)
    storage.update(limits)


def keep_one_period(item: Item) -> None:
    """A repository has the period of its type only."""
    for name in set(PERIODS.values()) - {PERIODS[item["retentionPeriodType"]]}:
        item.pop(name, None)


def remove(call: Call) -> None:
    """The data stays where it is."""
    item = call.find("repositories", "repositoryId", WHAT)
    jobs = (*call.items("jobs").values(), *call.items("copy_jobs").values())
    users = [job["name"] for job in jobs if job["repositoryId"] == item["id"]]
    if users:
        raise conflict(f"Backup repository '{item['name']}' is in use by backup job '{users[0]}'.")
    if len(call.items("repositories")) == 1:
        raise conflict("The last backup repository cannot be removed.")
    del call.items("repositories")[item["id"]]


def organizations(call: Call) -> Rows:
    item = call.find("repositories", "repositoryId", WHAT)
    usage = call.api.state.setdefault("usage", {}).get(item["id"], {})

    def show(ident: str) -> dict[str, Any]:
        used = used_bytes(call, item["id"], ident)
        name = call.items("organizations").get(ident, {}).get("name", "")
        inside = used if item["objectStorageId"] else 0
        seen = {"id": ident, "name": name, "usedSpaceBytes": used - inside, "objectStorageUsedSpaceBytes": inside}
        return USAGE.show(seen | {"localCacheUsedSpaceBytes": 0}, call.rest)

    return Rows(list(usage), show)


ROUTES = (
    Route("GET", "BackupRepositories", many, READ, pages=(8,)),
    Route("POST", "BackupRepositories", add, CREATE, slow=True),
    Route("GET", "BackupRepositories/{repositoryId}", one, READ),
    Route("PUT", "BackupRepositories/{repositoryId}", edit, EDIT),
    Route("DELETE", "BackupRepositories/{repositoryId}", remove, DONE),
    Route(
        "GET",
        "BackupRepositories/{repositoryId}/backedupOrganizations",
        organizations,
        only(READ, 6, 7, 8),
        pages=(6, 7, 8),
    ),
)
