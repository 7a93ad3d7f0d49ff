"""/Organizations: references. Adding one means signing in to Microsoft, which the lab has not (facts, 4)."""

from __future__ import annotations

from typing import Any

from reconciler.lab.server.answer import EDIT, READ, only
from reconciler.lab.server.api import Item
from reconciler.lab.server.call import Call, Rows
from reconciler.lab.server.repository_model import used_bytes
from reconciler.lab.server.routes import Route
from reconciler.lab.server.shape import ANYTHING, FLAG, IDENT, INT32, INT64, TEXT, TIME, Choice, Property, Shape

WHAT = "Organization"
ORGANIZATION = Shape(
    Property("id", IDENT, "r"),
    Property("name", TEXT, "r"),
    Property("officeName", TEXT, "r"),
    Property("description", TEXT, "r", since=7, null=7),
    Property("type", TEXT, "r"),
    Property("region", TEXT, "r"),
    Property("msid", IDENT, "r", since=8, null=8),
    Property("backedUpOrganizationId", TEXT, "r", since=8, null=8),
    Property("isExchangeOnline", FLAG, "r"),
    Property("isSharePointOnline", FLAG, "r"),
    Property("isTeamsOnline", FLAG, "r"),
    Property("isTeamsChatsOnline", FLAG, "r"),
    Property("isBackedup", FLAG, "r"),
    Property("firstBackuptime", TIME, "r", null=6),
    Property("lastBackuptime", TIME, "r", null=6),
    Property("_links", ANYTHING, "r"),
)
USED = Shape(
    Property("repositoryId", IDENT, "r", since=8),
    Property("usedSpaceBytes", INT64, "r"),
    Property("localCacheUsedSpaceBytes", INT64, "r"),
    Property("objectStorageUsedSpaceBytes", INT64, "r"),
    Property("isAvailable", FLAG, "r"),
    Property("details", TEXT, "r"),
    Property("protectedObjectsCount", INT64, "r", since=8),
    Property("_links", ANYTHING, "r"),
)
LICENSES = Shape(Property("licensedUsers", INT32, "r"), Property("newUsers", INT32, "r"))
SYNC_TYPE = Shape(Property("type", Choice("Incremental", "Full"), "w"))


def show(call: Call, item: Item) -> dict[str, Any]:
    """Backup times only in the extended view: true by default up to v6, false from v7 on."""
    path = f"Organizations/{item['id']}"
    links = {"self": path, "usedRepositories": f"{path}/usedRepositories"}
    if call.rest <= 7:
        links["jobs"] = f"{path}/Jobs"
    seen = item | {"_links": call.links(**links)}
    if call.flag("extendedView", call.rest <= 6):
        ends = sorted(
            session["endTime"]
            for session in call.items("sessions").values()
            if session["organizationId"] == item["id"] and session["status"] in ("Success", "Warning")
        )
        seen |= {
            "isBackedup": bool(ends),
            "firstBackuptime": ends[0] if ends else None,
            "lastBackuptime": ends[-1] if ends else None,
        }
    return ORGANIZATION.show(seen, call.rest)


def many(call: Call) -> Rows:
    filters = {name: call.text(name) for name in ("msid", "backedUpOrganizationId")} if call.rest >= 8 else {}
    found = [
        item
        for item in call.items("organizations").values()
        if all(not wanted or str(item.get(name)).lower() == wanted.lower() for name, wanted in filters.items())
    ]
    return Rows(found, lambda item: show(call, item))


def one(call: Call) -> Any:
    return show(call, call.find("organizations", "organizationId", WHAT))


def used_repositories(call: Call) -> Rows:
    """Where data is, not what jobs are configured. Up to v7 the repository is named by a link only."""
    organization = call.find("organizations", "organizationId", WHAT)["id"]
    usage = call.api.state.setdefault("usage", {})
    found = [repo for repo in call.items("repositories").values() if organization in usage.get(repo["id"], {})]

    def show_used(repo: Item) -> dict[str, Any]:
        used = used_bytes(call, repo["id"], organization)
        inside = used if repo["objectStorageId"] else 0
        seen = {
            "repositoryId": repo["id"],
            "usedSpaceBytes": used - inside,
            "localCacheUsedSpaceBytes": 0,
            "objectStorageUsedSpaceBytes": inside,
            "isAvailable": True,
            "details": "",
            "protectedObjectsCount": usage[repo["id"]][organization]["objects"],
            "_links": call.links(
                organization=f"Organizations/{organization}", backupRepository=f"BackupRepositories/{repo['id']}"
            ),
        }
        return USED.show(seen, call.rest)

    return Rows(found, show_used)


def licenses(call: Call) -> Any:
    item = call.find("organizations", "organizationId", WHAT)
    return LICENSES.show({"licensedUsers": item["objects"], "newUsers": 0}, call.rest)


def sync_state(call: Call, item: Item) -> dict[str, Any]:
    """v7 shows the last synchronization; v8 about the last one and a current one, which the lab never has."""
    last = item.get("lastSync")
    links = call.links(organization=f"Organizations/{item['id']}")
    if call.rest >= 8:
        return {
            "organizationId": item["id"],
            "lastSyncState": {"type": last["type"], "result": "Success", "startTime": last["at"], "endTime": last["at"]}
            if last
            else None,
            "_links": links,
        }
    if last is None:
        return {"status": "None", "_links": links}
    return {"type": last["type"], "status": "Success", "lastSyncTime": last["at"], "error": None, "_links": links}


def one_sync_state(call: Call) -> Any:
    return sync_state(call, call.find("organizations", "organizationId", WHAT))


def sync_states(call: Call) -> Rows:
    return Rows(list(call.items("organizations").values()), lambda item: sync_state(call, item))


def sync(call: Call) -> None:
    item = call.find("organizations", "organizationId", WHAT)
    kind = call.body(SYNC_TYPE).get("type", "Incremental")
    item["lastSync"] = {"type": kind, "at": call.api.now()}


ROUTES = (
    Route("GET", "Organizations", many, READ, pages=(8,)),
    Route("GET", "Organizations/SyncState", sync_states, only(READ, 8)),
    Route("GET", "Organizations/{organizationId}", one, READ),
    Route("GET", "Organizations/{organizationId}/usedRepositories", used_repositories, READ, pages=(5, 6, 7, 8)),
    Route("GET", "Organizations/{organizationId}/LicensingInformation", licenses, READ),
    Route("GET", "Organizations/{organizationId}/SyncState", one_sync_state, only(READ, 7, 8)),
    Route("POST", "Organizations/{organizationId}/Sync", sync, only(EDIT, 7, 8)),
)
