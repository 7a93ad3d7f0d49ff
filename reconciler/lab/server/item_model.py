"""Items of backup jobs as data: RESTJobItemComposed and its variants (facts, 6)."""

from __future__ import annotations

from typing import Any, Final

from reconciler.lab.server.api import Item
from reconciler.lab.server.directory import GROUP, JOB_SITE, TEAM, USER
from reconciler.lab.server.shape import ANYTHING, FLAG, TEXT, Choice, Many, Property, Shape

FLAGS: Final = {
    "PartialOrganization": ("mailbox", "oneDrive", "archiveMailbox", "sites", "teams", "teamsChats"),
    "User": ("mailbox", "oneDrive", "archiveMailbox", "personalSite"),
    "Group": (
        "members",
        "memberMailbox",
        "memberArchiveMailbox",
        "memberOnedrive",
        "memberSite",
        "mailbox",
        "groupSite",
    ),
    "Team": ("teamsChats",),
    "Site": (),
    "PersonalSites": (),
    "OneDriveFolders": (),
}
"""By type, its flags. An item shows all of its flags, and none of others."""

HOLDERS: Final = {"User": "user", "Group": "group", "Site": "site", "Team": "team"}
ITEM: Final = Shape(
    Property("id", TEXT),
    Property("type", Choice(*FLAGS, camel=True)),
    *(Property(name, FLAG) for name in sorted({flag for flags in FLAGS.values() for flag in flags})),
    Property("chats", FLAG, until=6),
    Property("folders", Many(TEXT)),
    Property("user", USER),
    Property("group", GROUP),
    Property("site", JOB_SITE),
    Property("team", TEAM),
    Property("_links", ANYTHING, "r"),
)


def completed(item: Item) -> Item:
    """An item with all flags of its type and nothing of others. Up to v6 chats of a team have another name."""
    kind = item.get("type", "")
    flags = {name: bool(item.get(name)) for name in FLAGS.get(kind, ())}
    if kind == "Team":
        flags["teamsChats"] = bool(item.get("chats", item.get("teamsChats")))
    kept = {name: item[name] for name in ("id", "type", HOLDERS.get(kind, "")) if name in item}
    folders = {"folders": item.get("folders", [])} if kind == "OneDriveFolders" else {}
    return kept | folders | flags


def shown(item: Item, rest: int) -> dict[str, Any]:
    """An item in the words of a version."""
    if item.get("type") != "Team" or rest > 6:
        return item
    kept = {name: value for name, value in item.items() if name != "teamsChats"}
    return kept | {"chats": item.get("teamsChats", False)}
