"""Upgrades of repositories to a new build of the server, and their sessions (facts, 2.8, 9 and 14): by hand, or by the
server itself once the proxies have the new build. REST has no operation for them, PowerShell has."""

from __future__ import annotations

from typing import Final

from reconciler.lab.server.answer import conflict, offline
from reconciler.lab.server.api import Api, Item
from reconciler.lab.server.job_rules import owners
from reconciler.lab.server.pool_rules import active
from reconciler.model.version import version_numbers

RUNNING: Final = "Running"
DONE: Final = "Up to date"
FAILED: Final = "Failed"
SESSIONS: Final = "repository_upgrades"
ITSELF: Final = "upgradesItself"
_POLL_SECONDS: Final = 0.2


def outdate(api: Api, build: str) -> None:
    """Repositories as the server finds them after the upgrade to `build`. Hold the lock."""
    before, after = version_numbers(api.build), version_numbers(build)
    how = api.options.repository_upgrades
    if how == "none" or after <= before:
        return
    itself = how == "themselves" or (how == "by build" and before >= (8,) and after >= (8, 5))
    for item in api.items("repositories").values():
        item |= {"isOutdated": True, ITSELF: itself}
    if itself:
        api.work.spawn(supervise, api)


def running(api: Api, repository: str) -> Item | None:
    """The session that upgrades a repository. Hold the lock."""
    sessions = api.items(SESSIONS).values()
    return next((item for item in sessions if item["repositoryId"] == repository and item["status"] == RUNNING), None)


def listed(api: Api, repository: str) -> Item | None:
    """The session that the server lists for a repository: the one that runs, perhaps the last one that ended."""
    ended = [item for item in api.items(SESSIONS).values() if item["repositoryId"] == repository]
    return running(api, repository) or (ended[-1] if ended and api.options.repository_upgrade_listed else None)


def start(api: Api, repository: Item) -> None:
    """Hold the lock. Raises `ApiError`."""
    if running(api, repository["id"]):
        raise conflict(f"Backup repository '{repository['name']}' is being upgraded already.")
    proxies = _proxies(api, repository)
    late = [item["hostName"] for item in proxies if api.outdated(item)]
    if late:
        raise conflict(f"Backup proxy server is out of date: {', '.join(late)}. Upgrade it first.")
    if not any(api.online(item) for item in proxies):
        raise offline(", ".join(item["hostName"] for item in proxies))
    session = {"id": api.new_id(), "repositoryId": repository["id"], "status": RUNNING, "startTime": api.now()}
    api.items(SESSIONS)[session["id"]] = session
    api.save()
    api.work.spawn(upgrade, api, session)


def _proxies(api: Api, repository: Item) -> list[Item]:
    """Who has to have the new build: a member of a pool in maintenance mode is not counted."""
    return [item for item in owners(api, repository) if active(item)]


def upgrade(api: Api, session: Item) -> None:
    """The life of one session, in a separate thread."""
    if api.work.wait(api.options.repository_upgrade_seconds):
        return
    with api.lock:
        repository = api.items("repositories").get(session["repositoryId"])
        fails = repository is None or repository["name"] in api.options.repository_upgrade_fails
        session["status"] = FAILED if fails else DONE
        if repository is not None and not fails:
            repository |= {"isOutdated": False, ITSELF: False}
            switched = api.state.get("options", {}).get("repository_states", {})
            switched.get(repository["name"], {}).pop("isOutdated", None)
        api.save()


def supervise(api: Api) -> None:
    """Starts the upgrades that the server does itself, each as soon as the proxies of the repository have the new
    build. Ends when none is left."""
    while True:
        api.look()
        with api.lock:
            waiting = [item for item in api.items("repositories").values() if item.get(ITSELF)]
            for item in waiting:
                proxies = _proxies(api, item)
                fit = any(map(api.online, proxies)) and not any(map(api.outdated, proxies))
                fails = item["name"] in api.options.repository_upgrade_fails
                if fit and not fails and running(api, item["id"]) is None:
                    start(api, item)
        if not waiting or api.work.wait(_POLL_SECONDS):
            return


def resumed(api: Api) -> None:
    """After a start of the server. Hold the lock."""
    for session in api.items(SESSIONS).values():
        if session["status"] == RUNNING and api.options.repository_upgrade_restart == "resumed":
            api.work.spawn(upgrade, api, session)
        elif session["status"] == RUNNING:
            session["status"] = FAILED
    if any(item.get(ITSELF) for item in api.items("repositories").values()):
        api.work.spawn(supervise, api)
