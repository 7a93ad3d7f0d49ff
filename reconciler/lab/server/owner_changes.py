"""changeOwner and its sessions (v8; facts, 4.3): Waiting for jobs, Running, then the owner changes, at the very end."""

from __future__ import annotations

from typing import Any

from reconciler import timing
from reconciler.lab.server import runner
from reconciler.lab.server.answer import DONE, READ, ApiError, conflict, invalid, offline, only
from reconciler.lab.server.api import Api, Item
from reconciler.lab.server.call import Call, Rows
from reconciler.lab.server.pool_rules import members
from reconciler.lab.server.routes import Route
from reconciler.lab.server.shape import FLAG, IDENT, TEXT, TIME, Many, Property, Shape

WHAT = "Owner change session"
POLL_SECONDS = 0.05
SESSION = Shape(
    Property("id", IDENT, "r"),
    Property("status", TEXT, "r"),
    Property("startTime", TIME, "r"),
    Property("endTime", TIME, "r", null=8),
    Property("details", TEXT, "r", null=8),
    Property("waitForSessionsTimeout", TEXT, "r"),
    Property("forceStopSessions", FLAG, "r"),
    Property("forceStopSessionsTimeout", TEXT, "r"),
    Property("fromOwnerId", IDENT, "r"),
    Property("toOwnerId", IDENT, "r"),
    Property("repositoryIds", Many(IDENT), "r"),
)


def change(call: Call) -> Any:
    call.api.look()
    with call.api.lock:
        repository = call.find("repositories", "repositoryId", "Backup repository")
        proxy, pool = call.ident("proxyId"), call.ident("poolId")
        if bool(proxy) == bool(pool):
            raise invalid("Specify either proxyId or poolId.")
        check_target(call, repository, proxy, pool)
        moving = with_related(call, repository)
        if any(item["isMigrationLocked"] for item in moving):
            raise conflict(f"The owner of backup repository '{repository['name']}' is being changed already.")
        wait = call.whole("waitForSessionsTimeout", 60)
        force_wait = call.whole("forceStopSessionsTimeout", 10)
        session: Item = {
            "id": call.api.new_id(),
            "status": "Waiting",
            "startTime": call.api.now(),
            "endTime": None,
            "details": None,
            "waitForSessionsTimeout": str(wait),
            "forceStopSessions": call.flag("forceStopSessions", default=False),
            "forceStopSessionsTimeout": str(force_wait),
            "fromOwnerId": repository["proxyId"] or repository["proxyPoolId"],
            "toOwnerId": proxy or pool,
            "to_pool": bool(pool),
            "repositoryIds": [item["id"] for item in moving],
        }
        for item in moving:
            item["isMigrationLocked"] = True
        call.items("owner_changes")[session["id"]] = session
        call.api.work.spawn(move, call.api, session, wait * call.options.minute)
        return SESSION.show(session, call.rest)


def check_target(call: Call, repository: Item, proxy: str, pool: str) -> None:
    api = call.api
    if (proxy or pool) == (repository["proxyId"] or repository["proxyPoolId"]):
        raise invalid(f"Backup repository '{repository['name']}' belongs to this owner already.")
    on_disk = not repository["objectStorageId"]
    if pool:
        api.find("pools", pool, "Backup proxy pool")
        if on_disk:
            raise invalid("A backup proxy pool works with object storage repositories only.")
        if not any(api.online(item) for item in members(api, pool)):
            raise ApiError("No backup proxy server of the backup proxy pool is online.", "ProxyOffline")
        return
    target = api.find("proxies", proxy, "Backup proxy server")
    if on_disk and (target["operatingSystem"] == "Linux" or target["proxyPoolId"]):
        raise invalid("A repository on disk needs a Windows backup proxy server that is not in a pool.")
    if on_disk and not call.options.move_disk:
        raise invalid("The owner of a repository on disk cannot be changed.")
    if not api.online(target):
        raise offline(target["hostName"])
    if api.outdated(target):
        raise conflict(f"Backup proxy server '{target['hostName']}' is out of date. Upgrade it first.")


def with_related(call: Call, repository: Item) -> list[Item]:
    """The repository and, where the switch is on, those of the same owner in the same bucket."""
    related = [
        item for item in call.items("repositories").values() if item is not repository and same(call, item, repository)
    ]
    if not call.options.related_repositories or not related:
        return [repository]
    if not call.flag("includeAllRelatedRepositories", default=False):
        raise ApiError("There are related repositories. Move all of them.", "RepositoryOwnerChangeTooManyLinks")
    return [repository, *related]


def same(call: Call, one: Item, other: Item) -> bool:
    storages = [call.items("object_storage").get(item["objectStorageId"] or "") for item in (one, other)]
    if storages[0] is None or storages[1] is None:
        return False
    names = ("accountId", "amazonBucketS3Compatible", "amazonBucketS3Aws", "azureContainer")
    owners = [(item["proxyId"], item["proxyPoolId"]) for item in (one, other)]
    return owners[0] == owners[1] and all(storages[0].get(name) == storages[1].get(name) for name in names)


def move(api: Api, session: Item, patience: float) -> None:
    """The life of one owner change, in a separate thread."""
    until = timing.monotonic() + patience
    while busy := running_in(api, session):
        if session["status"] != "Waiting":
            return
        if timing.monotonic() >= until:
            if not session["forceStopSessions"]:
                end(api, session, "Failed", "Related sessions did not end in time.")
                return
            stop_all(api, busy)
        if api.work.wait(POLL_SECONDS):
            return
    if not source_online(api, session):
        end(api, session, "Failed", "The backup proxy server that owns the repository is offline.")
        return
    with api.lock:
        if session["status"] != "Waiting":
            return
        session["status"] = "Running"
        api.save()
    if not api.work.wait(api.options.owner_change_seconds):
        end(api, session, "Succeeded", None)


def running_in(api: Api, session: Item) -> list[Item]:
    with api.lock:
        return [
            item
            for item in api.items("sessions").values()
            if item["repositoryId"] in session["repositoryIds"] and item["status"] in runner.ACTIVE
        ]


def stop_all(api: Api, sessions: list[Item]) -> None:
    with api.lock:
        for session in sessions:
            job = api.items("jobs").get(session["jobId"])
            if job is not None and session["status"] in runner.ACTIVE:
                runner.stop(api, job, session)


def source_online(api: Api, session: Item) -> bool:
    """An offline source blocks the move; of a pool one member is enough."""
    source = session["fromOwnerId"]
    with api.lock:
        proxies = members(api, source) or [item for key, item in api.items("proxies").items() if key == source]
    api.look([item["id"] for item in proxies], now=True)
    return any(api.online(item) for item in proxies)


def end(api: Api, session: Item, status: str, details: str | None) -> None:
    with api.lock:
        if session["status"] not in ("Waiting", "Running"):
            return
        session |= {"status": status, "details": details, "endTime": api.now()}
        for ident in session["repositoryIds"]:
            repository = api.items("repositories").get(ident)
            if repository is None:
                continue
            repository["isMigrationLocked"] = False
            if status == "Succeeded":
                owner, other = ("proxyPoolId", "proxyId") if session["to_pool"] else ("proxyId", "proxyPoolId")
                repository |= {owner: session["toOwnerId"], other: None}
        api.save()


def many(call: Call) -> Rows:
    return Rows(list(call.items("owner_changes").values()), lambda item: SESSION.show(item, call.rest))


def one(call: Call) -> Any:
    return SESSION.show(call.find("owner_changes", "sessionId", WHAT), call.rest)


def stop(call: Call) -> None:
    session = call.find("owner_changes", "sessionId", WHAT)
    if session["status"] not in ("Waiting", "Running"):
        raise conflict("The owner change session has ended already.")
    end(call.api, session, "Failed", "The session was stopped.")


def interrupted(api: Api) -> None:
    """After a start of the server: changes that the last one left behind have failed."""
    for session in api.items("owner_changes").values():
        end(api, session, "Failed", "The service was restarted.")


ROUTES = (
    Route("POST", "BackupRepositories/{repositoryId}/changeOwner", change, only(READ, 8), slow=True),
    Route("GET", "RepositoryOwnerChangeSessions", many, only(READ, 8), pages=(8,)),
    Route("GET", "RepositoryOwnerChangeSessions/{sessionId}", one, only(READ, 8)),
    Route("POST", "RepositoryOwnerChangeSessions/{sessionId}/Stop", stop, only(DONE, 8)),
)
