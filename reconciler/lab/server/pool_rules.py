"""The rules of proxy pools (facts, 2.9 and 2.10). Call these while holding the lock of the state."""

from __future__ import annotations

from collections.abc import Collection

from reconciler.lab.server.answer import conflict, invalid, offline
from reconciler.lab.server.api import Api, Item


def members(api: Api, pool: str) -> list[Item]:
    return [item for item in api.items("proxies").values() if item["proxyPoolId"] == pool]


def active(item: Item) -> bool:
    return bool(item["maintenanceModeState"] == "Disabled")


def at_work(api: Api, owners: Collection[Item]) -> list[Item]:
    """Who of the owners of a repository may work, whether they answer or not. While the members of a pool differ in
    version, those that are behind work and the new ones wait; who is in maintenance is not counted (facts, 2.8)."""
    fit = [item for item in owners if active(item)]
    behind = [item for item in fit if item["proxyPoolId"] and api.outdated(item)]
    return behind or fit


def keep_an_active_member(api: Api, pool: str, *, without: Collection[str]) -> None:
    if not any(active(item) and item["id"] not in without for item in members(api, pool)):
        raise conflict("At least one active backup proxy server must stay in the backup proxy pool.")


def may_join(api: Api, item: Item, pool: str) -> None:
    """Raises `ApiError` where the proxy cannot become a member of `pool` ('' for one that is being created)."""
    host = item["hostName"]
    if item["type"] == "Local":
        raise invalid("The default backup proxy server cannot be a member of a backup proxy pool.")
    if item["proxyPoolId"] and item["proxyPoolId"] != pool:
        raise conflict(f"Backup proxy server '{host}' is a member of another backup proxy pool.")
    owned = [repo["name"] for repo in api.items("repositories").values() if repo["proxyId"] == item["id"]]
    if owned:
        raise conflict(f"Backup proxy server '{host}' has repository '{owned[0]}'. Move the repository first.")
    if not api.online(item):
        raise offline(host)
    if api.outdated(item):
        raise conflict(f"Backup proxy server '{host}' is out of date. Upgrade it first.")


def may_leave(item: Item) -> None:
    if not active(item):
        raise conflict(f"Backup proxy server '{item['hostName']}' is in maintenance mode and cannot leave its pool.")
