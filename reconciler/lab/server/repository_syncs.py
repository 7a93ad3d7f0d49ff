"""Synchronizations of repositories with their object storage, and their sessions (facts, 5.1 and 5.2)."""

from __future__ import annotations

from typing import Any, Final

from reconciler.lab.server.answer import READ, conflict, only
from reconciler.lab.server.api import Api, Item
from reconciler.lab.server.call import Call, Rows
from reconciler.lab.server.routes import Route
from reconciler.lab.server.shape import ANYTHING, IDENT, INT32, TEXT, Property, Shape

WHAT: Final = "Synchronization session"
SESSIONS: Final = "syncs"
SYNC = Shape(
    Property("id", IDENT, "r"),
    Property("repositoryId", IDENT, "r"),
    Property("state", TEXT, "r"),
    Property("progressPercent", INT32, "r"),
    Property("error", TEXT, "r"),
    Property("_links", ANYTHING, "r"),
)
RUNNING, OVER, FAILED = "Synchronizing", "None", "Failed"


def start(call: Call) -> Any:
    item = call.find("repositories", "repositoryId", "Backup repository")
    sessions = call.items(SESSIONS)
    if any(session["repositoryId"] == item["id"] and session["state"] == RUNNING for session in sessions.values()):
        raise conflict(f"Backup repository '{item['name']}' is being synchronized already.")
    session = {"id": call.api.new_id(), "repositoryId": item["id"], "state": RUNNING, "progressPercent": 0, "error": ""}
    sessions[session["id"]] = session
    call.api.work.spawn(synchronize, call.api, session)
    return show(call, session)


def synchronize(api: Api, session: Item) -> None:
    """The life of one session, in a separate thread."""
    for percent in (25, 50, 75, 100):
        if api.work.wait(api.options.repository_sync_seconds / 4):
            return
        with api.lock:
            session["progressPercent"] = percent
    with api.lock:
        item = api.items("repositories").get(session["repositoryId"])
        name = item["name"] if item is not None else ""
        if item is None or name in api.options.repository_sync_fails:
            session |= {"state": FAILED, "error": "The object storage does not answer."}
        else:
            session["state"] = OVER
            item["isOutOfSync"] = False
            api.state.get("options", {}).get("repository_states", {}).get(name, {}).pop("isOutOfSync", None)
        if session["state"] == OVER and api.options.repository_sync_ended == "gone":
            del api.items(SESSIONS)[session["id"]]
        api.save()


def resumed(api: Api) -> None:
    """After a start of the server. Hold the lock."""
    for session in api.items(SESSIONS).values():
        if session["state"] == RUNNING and api.options.repository_sync_restart == "resumed":
            api.work.spawn(synchronize, api, session)
        elif session["state"] == RUNNING:
            session["state"] = OVER


def show(call: Call, item: Item) -> dict[str, Any]:
    return SYNC.show(item | {"_links": call.links(self=f"RepositorySynchronizeSessions/{item['id']}")}, call.rest)


def many(call: Call) -> Rows:
    return Rows(list(call.items(SESSIONS).values()), lambda item: show(call, item))


def one(call: Call) -> Any:
    return show(call, call.find(SESSIONS, "sessionId", WHAT))


ROUTES = (
    Route("POST", "BackupRepositories/{repositoryId}/Sync", start, only(READ, 6, 7, 8)),
    Route("GET", "RepositorySynchronizeSessions", many, only(READ, 6, 7, 8)),
    Route("GET", "RepositorySynchronizeSessions/{sessionId}", one, only(READ, 6, 7, 8)),
)
