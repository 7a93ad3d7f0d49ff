"""/Organizations/{id}/Users, Groups, Sites and Teams: what jobs can name as items (facts, 6).

An organization has the objects that its inventory names. They come from Microsoft, so REST only reads them.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from reconciler.lab.server.answer import READ
from reconciler.lab.server.api import Api, Item
from reconciler.lab.server.call import Call, Rows
from reconciler.lab.server.routes import Route
from reconciler.lab.server.shape import ANYTHING, FLAG, IDENT, INT64, TEXT, Property, Shape

_COMMON: Final = (
    Property("eTag", INT64, since=8, null=8),
    Property("dataLocation", TEXT, since=8, null=8),
    Property("_links", ANYTHING, "r"),
)
_MAIL: Final = (
    Property("id", TEXT),
    Property("onPremisesSid", TEXT, since=7),
    Property("displayName", TEXT),
    Property("name", TEXT),
    Property("type", TEXT),
    Property("locationType", TEXT),
    Property("msid", IDENT, since=8, null=8),
)
USER: Final = Shape(
    *_MAIL, Property("office", TEXT, since=8), Property("assignedLicenses", ANYTHING, since=8), *_COMMON
)
GROUP: Final = Shape(*_MAIL, Property("managedBy", TEXT), Property("site", TEXT), *_COMMON)
JOB_SITE: Final = Shape(
    *(Property(name, TEXT) for name in ("id", "url", "parentUrl", "name", "title", "siteCollectionError")),
    *(Property(name, FLAG) for name in ("isCloud", "isPersonal")),
    Property("eTag", INT64, since=8, null=8),
    Property("_links", ANYTHING, "r"),
)
SITE: Final = JOB_SITE.with_more(
    Property("isAvailable", FLAG), Property("msid", TEXT, since=8, null=8), Property("dataLocation", TEXT, since=8)
)
TEAM: Final = Shape(
    *(Property(name, TEXT) for name in ("id", "displayName", "description", "mail")),
    Property("msid", IDENT, since=8, null=8),
    *_COMMON,
)
SHAPES: Final = {"Users": USER, "Groups": GROUP, "Sites": SITE, "Teams": TEAM}


def add_objects(api: Api, wanted: Mapping[str, Mapping[str, list[str]]]) -> None:
    """`wanted`: names of organizations to collections to names of objects. Add what is missing. Hold the lock."""
    organizations = {
        str(item[part]).lower(): item["id"]
        for item in api.items("organizations").values()
        for part in ("backedUpOrganizationId", "name")
    }
    known = api.items("directory")
    for organization, collections in wanted.items():
        owner = organizations.get(organization.lower(), "")
        for collection, names in collections.items():
            for name in names:
                if not any(_is(item, owner, collection, name) for item in known.values()):
                    item = _made(api, organization, collection, name)
                    known[item["id"]] = item | {"organizationId": owner, "collection": collection}


def _is(item: Item, owner: str, collection: str, name: str) -> bool:
    if (item["organizationId"], item["collection"]) != (owner, collection):
        return False
    return name.lower() in {str(item.get(part)).lower() for part in ("id", "name", "displayName", "mail", "url")}


def _made(api: Api, organization: str, collection: str, name: str) -> Item:
    ident, label = api.new_id(), name.partition("@")[0]
    if collection == "Sites":
        title = name.rstrip("/").rpartition("/")[2] or "Home"
        about = {"isCloud": True, "isPersonal": "/personal/" in name, "isAvailable": True}
        return {"id": ident, "url": name, "parentUrl": "", "name": title, "title": title, "eTag": 1, **about}
    mail = name if "@" in name else f"{'-'.join(name.lower().split())}@{organization}"
    shown = {"id": ident, "displayName": name if "@" not in name else label, "msid": api.new_id(), "eTag": 1}
    if collection == "Teams":
        return shown | {"description": "", "mail": mail}
    kind = "User" if collection == "Users" else "Office365"
    return shown | {"name": mail, "type": kind, "locationType": "Cloud", "onPremisesSid": ""}


def objects_of(call: Call, organization: str, collection: str) -> Iterator[Item]:
    """Without those that are switched off."""
    hidden = {name.strip().lower() for name in call.options.hidden_objects.split(",") if name.strip()}
    for item in call.items("directory").values():
        if (item["organizationId"], item["collection"]) == (organization, collection):
            names = {str(item.get(part)).lower() for part in ("name", "displayName", "mail", "url")}
            if not names & hidden:
                yield item


def many(collection: str) -> Callable[[Call], Rows]:
    """Filters: an exact name, or a display name with wildcards."""

    def handler(call: Call) -> Rows:
        organization = call.find("organizations", "organizationId", "Organization")["id"]
        exact = call.text({"Users": "userName", "Groups": "groupName"}.get(collection, "")).lower()
        display = call.text("displayName").lower()
        personal = call.flag("includePersonalSites", False)
        found = [
            item
            for item in objects_of(call, organization, collection)
            if (not exact or item.get("name", "").lower() == exact)
            and (not display or fnmatch.fnmatchcase(item.get("displayName", "").lower(), display))
            and (personal or not item.get("isPersonal"))
        ]
        return Rows(found, lambda item: SHAPES[collection].show(item, call.rest))

    return handler


ROUTES: Final = tuple(
    Route("GET", f"Organizations/{{organizationId}}/{name}", many(name), READ, pages=(5, 6, 7, 8)) for name in SHAPES
)
