"""What a backup job backs up of its organization. Product facts: RESTJobItemComposed and its variants."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.kinds.api import Schema
from reconciler.kinds.field import Context, Field, Raw
from reconciler.model.value import UNKNOWN

ITEM_LIST = Schema(type="array", items=Schema(ref="RESTJobItemComposed"))
SERVICES = {
    "mailbox": "mailbox",
    "archive-mailbox": "archiveMailbox",
    "onedrive": "oneDrive",
    "sites": "sites",
    "teams": "teams",
    "teams-chats": "teamsChats",
}
"""What a job can process of an organization; the product's flags of an item of type PartialOrganization."""


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


ITEMS = Field(
    "items",
    "all, or the services of the organization to back up.",
    encode=encode_items,
    decode=decode_items,
    normalize=normalize_items,
)
