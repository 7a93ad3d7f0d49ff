"""/ProxyPools (v8; facts, 2.9). A pool keeps no list of members: each proxy names its pool."""

from __future__ import annotations

from typing import Any

from reconciler.lab.server import pool_rules
from reconciler.lab.server.answer import CREATE, DONE, READ, conflict, invalid, only
from reconciler.lab.server.api import Item
from reconciler.lab.server.call import Call, Rows
from reconciler.lab.server.proxy_model import show_proxy
from reconciler.lab.server.routes import Route
from reconciler.lab.server.shape import ANYTHING, IDENT, NAME, TEXT, Many, Property, Shape, require

MEMBER = Shape(Property("proxyId", IDENT, "w"))
POOL = Shape(
    Property("id", IDENT, "r"),
    Property("name", NAME),
    Property("description", TEXT),
    Property("proxyIds", Many(MEMBER), "w"),
    Property("_links", ANYTHING, "r"),
)
WHAT = "Backup proxy pool"


def show(call: Call, item: Item) -> dict[str, Any]:
    path = f"ProxyPools/{item['id']}"
    return POOL.show(item | {"_links": call.links(self=path, proxies=f"{path}/proxies")}, call.rest)


def many(call: Call) -> Rows:
    return Rows(list(call.items("pools").values()), lambda item: show(call, item))


def one(call: Call) -> Any:
    return show(call, call.find("pools", "poolId", WHAT))


def wanted(call: Call, pool: str) -> tuple[dict[str, Any], list[Item]]:
    """The body of POST and PUT, where all three properties are required, and the proxies that it names."""
    body = call.body(POOL)
    require(body, ["name"])
    if "description" not in body or "proxyIds" not in body:
        raise invalid("The properties name, description and proxyIds are required.")
    taken = [item for item in call.items("pools").values() if item["name"].lower() == body["name"].lower()]
    if any(item["id"] != pool for item in taken):
        raise conflict(f"Backup proxy pool '{body['name']}' exists already.")
    return body, named(call, body["proxyIds"], pool)


def named(call: Call, entries: list[dict[str, Any]], pool: str) -> list[Item]:
    found = []
    for entry in entries:
        item = call.api.find("proxies", entry.get("proxyId", ""), "Backup proxy server")
        if item["proxyPoolId"] != pool or not pool:
            pool_rules.may_join(call.api, item, pool)
        found.append(item)
    return found


def add(call: Call) -> Any:
    call.api.look()
    with call.api.lock:
        body, proxies = wanted(call, "")
        if not proxies:
            raise invalid("A backup proxy pool needs at least one backup proxy server.")
        item: Item = {"id": call.api.new_id(), "name": body["name"], "description": body["description"]}
        call.items("pools")[item["id"]] = item
        for proxy in proxies:
            proxy["proxyPoolId"] = item["id"]
        return show(call, item)


def edit(call: Call) -> None:
    call.api.look()
    with call.api.lock:
        item = call.find("pools", "poolId", WHAT)
        body, proxies = wanted(call, item["id"])
        leaving: list[Item] = []
        if call.options.put_pools == "replace":
            kept = {proxy["id"] for proxy in proxies}
            leaving = [proxy for proxy in pool_rules.members(call.api, item["id"]) if proxy["id"] not in kept]
            for proxy in leaving:
                pool_rules.may_leave(proxy)
            if not any(pool_rules.active(proxy) for proxy in proxies):
                raise conflict("At least one active backup proxy server must stay in the backup proxy pool.")
        item |= {"name": body["name"], "description": body["description"]}
        for proxy in leaving:
            proxy["proxyPoolId"] = None
        for proxy in proxies:
            proxy["proxyPoolId"] = item["id"]


def remove(call: Call) -> None:
    """Member proxies stay; a pool that owns repositories is in use."""
    item = call.find("pools", "poolId", WHAT)
    owned = [repo["name"] for repo in call.items("repositories").values() if repo["proxyPoolId"] == item["id"]]
    if owned:
        raise conflict(f"Backup proxy pool '{item['name']}' is in use by repository '{owned[0]}'.")
    for proxy in pool_rules.members(call.api, item["id"]):
        proxy |= {"proxyPoolId": None, "maintenanceModeState": "Disabled"}
    del call.items("pools")[item["id"]]


def members(call: Call) -> Rows:
    call.api.look()
    with call.api.lock:
        item = call.find("pools", "poolId", WHAT)
        return Rows(pool_rules.members(call.api, item["id"]), show_proxy(call, extended=True))


def join(call: Call) -> None:
    call.api.look()
    with call.api.lock:
        item = call.find("pools", "poolId", WHAT)
        for proxy in named(call, call.array(MEMBER), item["id"]):
            proxy["proxyPoolId"] = item["id"]


def leave(call: Call) -> None:
    item = call.find("pools", "poolId", WHAT)
    leaving = [
        call.api.find("proxies", entry.get("proxyId", ""), "Backup proxy server") for entry in call.array(MEMBER)
    ]
    for proxy in leaving:
        if proxy["proxyPoolId"] != item["id"]:
            raise conflict(f"Backup proxy server '{proxy['hostName']}' is not a member of the backup proxy pool.")
        pool_rules.may_leave(proxy)
    pool_rules.keep_an_active_member(call.api, item["id"], without={proxy["id"] for proxy in leaving})
    for proxy in leaving:
        proxy["proxyPoolId"] = None


ROUTES = (
    Route("GET", "ProxyPools", many, only(READ, 8), pages=(8,)),
    Route("POST", "ProxyPools", add, only(CREATE, 8), slow=True),
    Route("GET", "ProxyPools/{poolId}", one, only(READ, 8)),
    Route("PUT", "ProxyPools/{poolId}", edit, only(DONE, 8), slow=True),
    Route("DELETE", "ProxyPools/{poolId}", remove, only(DONE, 8)),
    Route("GET", "ProxyPools/{poolId}/proxies", members, only(READ, 8), pages=(8,), slow=True),
    Route("POST", "ProxyPools/{poolId}/proxies", join, only(DONE, 8), slow=True),
    Route("DELETE", "ProxyPools/{poolId}/proxies", leave, only(DONE, 8)),
)
