"""What repositories on object storage refer to: object storage repositories (up to v7), accounts, encryption keys.

Accounts and keys are made by users (they hold secrets of a cloud); here they can be read and added.
"""

from __future__ import annotations

from typing import Any

from reconciler.lab.server.answer import CREATE, EDIT, READ, only
from reconciler.lab.server.api import Item
from reconciler.lab.server.call import Call, Rows
from reconciler.lab.server.object_storage_rules import storage_changes
from reconciler.lab.server.repository_model import OBJECT_STORAGE, show_storage
from reconciler.lab.server.routes import Route
from reconciler.lab.server.shape import ANYTHING, IDENT, TEXT, Choice, Property, Shape, require

ACCOUNT = Shape(
    Property("id", IDENT, "r"),
    Property("accountType", Choice("azureBlobAccount", "amazonS3Account", "amazonS3CompatibleAccount")),
    Property("userName", TEXT),
    Property("password", TEXT, "w"),
    Property("description", TEXT),
    Property("organizationId", IDENT, since=8, null=8),
    Property("_links", ANYTHING, "r"),
)
KEY = Shape(
    Property("id", IDENT, "r"),
    Property("password", TEXT, "w"),
    Property("description", TEXT),
    Property("organizationId", IDENT, since=8, null=8),
    Property("_links", ANYTHING, "r"),
)
CREATED = {6: 201, 7: 201, 8: 201}
STORAGES = only(READ, 6, 7)


def storages(call: Call) -> Rows:
    hidden = call.options.without_object_storage
    found = [item for item in call.items("object_storage").values() if item["name"] not in hidden]
    if call.text("longTerm"):
        archive = ("AzureBlobArchive", "AmazonS3Glacier")
        wanted = call.flag("longTerm", default=False)
        found = [item for item in found if (item["type"] in archive) == wanted]
    return Rows(found, lambda item: show_storage(call, item))


def storage(call: Call) -> Any:
    return show_storage(call, call.find("object_storage", "repositoryId", "Object storage repository"))


def edit_storage(call: Call) -> None:
    """The place of the data stays."""
    item = call.find("object_storage", "repositoryId", "Object storage repository")
    users = [found for found in call.items("repositories").values() if found["objectStorageId"] == item["id"]]
    replaces = call.options.put_object_storage == "replace"
    changed = storage_changes(item, call.body(OBJECT_STORAGE), users[0] if users else {}, replaces=replaces)
    item.update({"description": ""} | changed if replaces else changed)


def show_account(call: Call, item: Item) -> dict[str, Any]:
    return ACCOUNT.show(item | {"_links": call.links(self=f"Accounts/{item['id']}")}, call.rest)


def accounts(call: Call) -> Rows:
    """Filters: name and accountType; from v8 on organizationId too."""
    filters = {"userName": call.text("name"), "accountType": call.text("accountType")}
    if call.rest >= 8:
        filters["organizationId"] = call.ident("organizationId")
    found = [
        item
        for item in call.items("accounts").values()
        if all(not wanted or str(item.get(name)).lower() == wanted.lower() for name, wanted in filters.items())
        and item.get("name") not in call.options.without_accounts
    ]
    return Rows(found, lambda item: show_account(call, item))


def account(call: Call) -> Any:
    return show_account(call, call.find("accounts", "accountId", "Account"))


def add_account(call: Call) -> Any:
    """The password is not kept: the lab has no cloud to use it at."""
    body = call.body(ACCOUNT)
    require(body, ["accountType", "userName"])
    item: Item = {"id": call.api.new_id(), "description": "", "organizationId": None} | body
    item.pop("password", None)
    call.items("accounts")[item["id"]] = item
    return show_account(call, item)


def edit_account(call: Call) -> None:
    item = call.find("accounts", "accountId", "Account")
    item |= {name: value for name, value in call.body(ACCOUNT).items() if name != "password"}


def show_key(call: Call, item: Item) -> dict[str, Any]:
    return KEY.show(item | {"_links": call.links(self=f"EncryptionKeys/{item['id']}")}, call.rest)


def keys(call: Call) -> Rows:
    wanted = call.text("description").lower()
    found = [item for item in call.items("encryption_keys").values() if wanted in ("", item["description"].lower())]
    return Rows(found, lambda item: show_key(call, item))


def add_key(call: Call) -> Any:
    """The password is not kept: the lab encrypts nothing."""
    body = call.body(KEY)
    require(body, ["password"])
    item: Item = {"id": call.api.new_id(), "description": "", "organizationId": None} | body
    item.pop("password")
    call.items("encryption_keys")[item["id"]] = item
    return show_key(call, item)


def key(call: Call) -> Any:
    return show_key(call, call.find("encryption_keys", "keyId", "Encryption key"))


ROUTES = (
    Route("GET", "objectstoragerepositories", storages, STORAGES),
    Route("GET", "ObjectStorageRepositories", storages, only(READ, 5)),
    Route("GET", "objectstoragerepositories/{repositoryId}", storage, STORAGES),
    Route("PUT", "objectstoragerepositories/{repositoryId}", edit_storage, only(EDIT, 6, 7)),
    Route("GET", "Accounts", accounts, only(READ, 6, 7, 8)),
    Route("POST", "Accounts", add_account, CREATED),
    Route("GET", "Accounts/{accountId}", account, only(READ, 6, 7, 8)),
    Route("PUT", "Accounts/{accountId}", edit_account, only(EDIT, 6, 7, 8)),
    Route("GET", "EncryptionKeys", keys, only(READ, 6, 7, 8)),
    Route("POST", "EncryptionKeys", add_key, only(CREATE, 6, 7, 8)),
    Route("GET", "EncryptionKeys/{keyId}", key, only(READ, 6, 7, 8)),
)
