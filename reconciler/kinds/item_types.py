"""The types of items of backup jobs, and how the objects that they name are recognised.

Product facts: RESTJobItemComposed and its variants; RESTUser, RESTGroup, RESTJobSite, RESTTeam.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from reconciler.kinds.field import Raw


@dataclass(frozen=True, slots=True)
class ItemType:
    """One type of item.

    `word` names an item of it, `section` is its key in an inventory, `api` its word of the product. `flags` are its
    services with the property of each, `default` those that an item has if nothing is said. An item of an object of
    the organization holds that object in `holder`; such objects are listed in `collection`, by `query` if there is a
    filter for exact names, and have the unique name and then others in `names`. `sent` are the properties of an object
    in a request. `listed` is a property with a list of texts.
    """

    word: str
    section: str
    api: str
    flags: Mapping[str, str] = field(default_factory=dict)
    default: tuple[str, ...] = ()
    holder: str = ""
    collection: str = ""
    query: str = ""
    names: tuple[str, ...] = ()
    sent: tuple[str, ...] = ()
    listed: str = ""

    def flags_in(self, rest: int) -> Mapping[str, str]:
        """The flags of a REST version. Up to v6 chats of a team have another name."""
        return {"chats": "chats"} if self.word == "team" and rest <= 6 else self.flags


_USER: Final = {
    "mailbox": "mailbox",
    "archive-mailbox": "archiveMailbox",
    "onedrive": "oneDrive",
    "site": "personalSite",
}
_GROUP: Final = {
    "mailbox": "mailbox",
    "site": "groupSite",
    "members": "members",
    "member-mailbox": "memberMailbox",
    "member-archive-mailbox": "memberArchiveMailbox",
    "member-onedrive": "memberOnedrive",
    "member-site": "memberSite",
}
SERVICES: Final = {
    "mailbox": "mailbox",
    "archive-mailbox": "archiveMailbox",
    "onedrive": "oneDrive",
    "sites": "sites",
    "teams": "teams",
    "teams-chats": "teamsChats",
}
"""What a job can process of a whole organization."""

_SHOWN_OBJECT: Final = ("id", "onPremisesSid", "displayName", "name")

ITEM_TYPES: Final = (
    ItemType("organization", "organization", "PartialOrganization", SERVICES),
    ItemType(
        "user",
        "users",
        "User",
        _USER,
        tuple(_USER),
        holder="user",
        collection="Users",
        query="userName",
        names=("name", "displayName"),
        sent=(*_SHOWN_OBJECT, "locationType"),
    ),
    ItemType(
        "group",
        "groups",
        "Group",
        _GROUP,
        tuple(_GROUP),
        holder="group",
        collection="Groups",
        query="groupName",
        names=("name", "displayName"),
        sent=(*_SHOWN_OBJECT, "locationType", "type"),
    ),
    ItemType(
        "site",
        "sites",
        "Site",
        holder="site",
        collection="Sites",
        names=("url",),
        sent=("id", "url", "title", "name", "parentUrl", "isCloud", "isPersonal"),
    ),
    ItemType(
        "team",
        "teams",
        "Team",
        {"chats": "teamsChats"},
        holder="team",
        collection="Teams",
        names=("mail", "displayName"),
        sent=("id", "displayName", "mail"),
    ),
    ItemType("personal-sites", "personal_sites", "PersonalSites"),
    ItemType("onedrive-folders", "onedrive_folders", "OneDriveFolders", listed="folders"),
)
"""In the order in which items are shown."""

BY_WORD: Final = {item.word: item for item in ITEM_TYPES}
BY_API: Final = {item.api.lower(): item for item in ITEM_TYPES}
ALL_FLAGS: Final = frozenset({"chats", *(api for item in ITEM_TYPES for api in item.flags.values())})


def plain_name(name: str) -> str:
    """Names are compared without letter case, addresses of sites without a slash at the end."""
    return name.strip().lower().rstrip("/")


def matching(item: ItemType, name: str, objects: Iterable[Raw]) -> list[Raw]:
    """The objects that `name` means: those with this id, else those with this unique name, else those with this
    display name."""
    known, wanted = list(objects), plain_name(name)
    for part in ("id", *item.names):
        found = [seen for seen in known if isinstance(seen.get(part), str) and plain_name(seen[part]) == wanted]
        if found:
            return list({str(seen.get("id", index)).lower(): seen for index, seen in enumerate(found)}.values())
    return []


def shown_name(item: ItemType, seen: Raw) -> str:
    """The name of an object that an item holds. Raises KeyError if it shows none."""
    for part in (*item.names, "id"):
        if seen.get(part):
            return str(seen[part])
    raise KeyError(item.holder)


def ident_of(item: ItemType, seen: Raw) -> str:
    """What identifies an object: its id, or its name if it shows no id."""
    return str(seen.get("id") or shown_name(item, seen))


def reference(item: ItemType, seen: Raw) -> dict[str, Any]:
    """The properties of an object that name it in a request."""
    return {name: seen[name] for name in item.sent if seen.get(name) is not None}
