"""/Proxies: list, add, edit, rescan, remove (facts, 2)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from reconciler.lab.fleet import Deployed, DeployError
from reconciler.lab.server import pool_rules
from reconciler.lab.server.answer import CREATE, EDIT, READ, conflict, failed, invalid, offline, only
from reconciler.lab.server.api import Api, Item
from reconciler.lab.server.call import Call, Rows
from reconciler.lab.server.proxy_model import (
    MUTABLE,
    PROXY,
    REMOVAL,
    RESCAN,
    account_of,
    need_account,
    not_deployed,
    order,
    show_proxy,
)
from reconciler.lab.server.routes import Route
from reconciler.lab.server.shape import require

CREATE_ONLY = ("hostName", "operatingSystem", "useDomainNetwork", "serviceAccountName")


def extended(call: Call) -> bool:
    """The flag's default is true up to v6, false in v7; v8 has no such flag and shows everything it has."""
    return call.rest >= 8 or call.flag("extendedView", call.rest <= 6)


def many(call: Call) -> Rows:
    call.api.look()
    with call.api.lock:
        return Rows(list(call.items("proxies").values()), show_proxy(call, extended=extended(call)))


def one(call: Call) -> Any:
    call.api.look([call.params["proxyId"].lower()])
    with call.api.lock:
        item = call.find("proxies", "proxyId", "Backup proxy server")
        return show_proxy(call, extended=extended(call))(item)


@contextmanager
def alone(api: Api, host: str) -> Iterator[None]:
    """Only one operation at a time changes the service on a host."""
    key = host.lower()
    with api.lock:
        if key in api.installing:
            raise conflict(f"Another operation with backup proxy server '{host}' is in progress.")
        api.installing.add(key)
    try:
        yield
    finally:
        with api.lock:
            api.installing.discard(key)


def add(call: Call) -> Any:
    """Pushes the proxy service to the host, and returns when that is done."""
    body = call.body(PROXY)
    require(body, ["hostName"])
    item = new_item(call, body)
    account = account_of(body)
    need_account(item, account)
    with alone(call.api, item["hostName"]):
        with call.api.lock:
            refuse_duplicate(call, item["hostName"])
        call.api.work.wait(call.options.install_seconds)
        try:
            takeover, keep = bool(body.get("attachUsedProxy")), call.options.used_proxy == "keep"
            deployed = call.api.fleet.deploy(order(call.api, item, account, takeover=takeover, keep=keep))
        except DeployError as error:
            raise not_deployed(error) from error
        with call.api.lock:
            item |= {"fqdn": deployed.fqdn, "version": deployed.version}
            if item["type"] == "Domain":
                item["account"] = account
            call.items("proxies")[item["id"]] = item
            call.api.presence.put(item["id"], deployed.version)
            return show_proxy(call, extended=True)(item)


def new_item(call: Call, body: dict[str, Any]) -> Item:
    system = body.get("operatingSystem", "Windows")
    kinds = {"Linux": call.options.linux_type, "Windows": "Domain" if body.get("useDomainNetwork") else "Workgroup"}
    item: Item = {
        "id": call.api.new_id(),
        "type": kinds[system],
        "hostName": body["hostName"],
        "fqdn": body["hostName"],
        "operatingSystem": system,
        "proxyPoolId": None,
        "maintenanceModeState": "Disabled",
        "serviceAccount": body.get("serviceAccountName") or ("veeam365backup" if system == "Linux" else "LocalSystem"),
        "version": None,
    }
    item |= {name: body.get(name, default) for name, default in MUTABLE.items()}
    item["description"] = item["description"] or f"Created by {call.user} at {call.api.now()}."
    return item


def refuse_duplicate(call: Call, host: str) -> None:
    for item in call.items("proxies").values():
        if host.lower() in (item["hostName"].lower(), item["fqdn"].lower()):
            raise conflict(f"Backup proxy server '{host}' has already been added.")


def edit(call: Call) -> None:
    body = call.body(PROXY)
    ident = call.params["proxyId"].lower()
    call.api.look([ident], now=True)
    with call.api.lock:
        item = call.find("proxies", "proxyId", "Backup proxy server")
        changes = wanted_changes(call, item, body)
        account = account_of(body)
    deployed = reconfigured(call, item, changes, account)
    with call.api.lock:
        item |= changes
        if item["type"] == "Domain" and account:
            item["account"] = account
        if deployed is not None:
            item |= {"fqdn": deployed.fqdn, "version": deployed.version}
            call.api.presence.put(ident, deployed.version)


def wanted_changes(call: Call, item: Item, body: dict[str, Any]) -> dict[str, Any]:
    """The mutable properties that the body sets. Raises `ApiError` where the proxy cannot be edited now."""
    if not call.api.online(item):
        raise offline(item["hostName"])
    if call.api.outdated(item):
        raise conflict(f"Backup proxy server '{item['hostName']}' is out of date. Upgrade it first.")
    if call.options.create_only == "refuse":
        refuse_fixed(item, body)
    changes = {name: body[name] for name in MUTABLE if name in body}
    if call.options.put_proxies == "replace":
        defaults = {name: value for name, value in MUTABLE.items() if PROXY.has(name, call.rest)}
        changes = defaults | changes  # a client cannot send what its version does not have
    if item["type"] == "Local" and changes.get("internetProxyType") == "Custom":
        raise invalid("The default backup proxy server always uses the internet proxy of the server.")
    if item["internetProxySettings"] and (
        changes.get("internetProxySettings") or changes.get("internetProxyType") == "Custom"
    ):  # a password that is not sent is kept
        kept = dict(item["internetProxySettings"])
        changes["internetProxySettings"] = kept | (changes.get("internetProxySettings") or {})
    return changes


def refuse_fixed(item: Item, body: dict[str, Any]) -> None:
    now = item | {"useDomainNetwork": item["type"] == "Domain", "serviceAccountName": item["serviceAccount"]}
    for name in CREATE_ONLY:
        if name in body and body[name] != now[name]:
            raise invalid(f"The property {name} of a backup proxy server cannot be changed.")


def reconfigured(call: Call, item: Item, changes: dict[str, Any], account: dict[str, Any]) -> Deployed | None:
    """A new port or account is brought to the host, as the console's Edit does; None where neither changes."""
    port = changes.get("port", item["port"])
    if item["type"] == "Local" or not (account or port != item["port"]):
        return None
    need_account(item, account or item.get("account") or {})
    with alone(call.api, item["hostName"]), call.api.away(item, "new deployment"):
        try:
            return call.api.fleet.reconfigure(order(call.api, item, account, port=port))
        except DeployError as error:
            raise not_deployed(error) from error


def rescan(call: Call) -> None:
    with call.api.lock:
        item = call.find("proxies", "proxyId", "Backup proxy server")
    call.api.look([item["id"]], now=True)


def rescan_many(call: Call) -> None:
    idents = [entry["id"] for entry in call.body(RESCAN).get("proxies", []) if "id" in entry]
    with call.api.lock:
        for ident in idents:
            call.api.find("proxies", ident, "Backup proxy server")
    call.api.look(idents or None, now=True)


def remove(call: Call) -> None:
    body = call.body(REMOVAL) if call.raw is not None else {}
    force = bool(body.get("force"))
    with call.api.lock:
        item = call.find("proxies", "proxyId", "Backup proxy server")
        refuse_removal(call, item, force=force)
    account = account_of(body)
    with alone(call.api, item["hostName"]):
        if item["type"] != "Local":
            uninstall(call, item, account, force=force)
        with call.api.lock:
            for ident in [key for key, repo in call.items("repositories").items() if repo["proxyId"] == item["id"]]:
                del call.items("repositories")[ident]
            call.items("proxies").pop(item["id"], None)
            call.api.presence.forget(item["id"])


def refuse_removal(call: Call, item: Item, *, force: bool) -> None:
    """What force overrides: a proxy in use, offline, or the default one (facts, 2.6)."""
    if item["type"] == "Local" and not (force and call.options.remove_local):
        raise failed("The default backup proxy server cannot be removed.")
    if force:
        return
    owned = [repo["name"] for repo in call.items("repositories").values() if repo["proxyId"] == item["id"]]
    if owned:
        raise conflict(f"Backup proxy server '{item['hostName']}' is in use by repository '{owned[0]}'.")
    if any(s["proxyId"] == item["id"] and s["status"] == "Running" for s in call.items("sessions").values()):
        raise conflict(f"Backup proxy server '{item['hostName']}' is running a job.")
    if item["proxyPoolId"]:
        pool_rules.keep_an_active_member(call.api, item["proxyPoolId"], without={item["id"]})


def uninstall(call: Call, item: Item, account: dict[str, Any], *, force: bool) -> None:
    """With force, a host that cannot be reached keeps the service: a later add needs attachUsedProxy."""
    call.api.look([item["id"]], now=True)
    if not call.api.online(item):
        if force:
            return
        raise offline(item["hostName"])
    try:
        if not force:
            need_account(item, account or item.get("account") or {})
        call.api.fleet.remove(order(call.api, item, account))
    except DeployError as error:
        if not force:
            raise not_deployed(error) from error


def action(call: Call) -> None:
    """v5: one endpoint, and the name of the only property says what to do."""
    body = {str(name).lower(): value for name, value in call.raw.items()} if isinstance(call.raw, dict) else {}
    if list(body) == ["rescan"]:
        return rescan(call)
    if list(body) == ["remove"]:
        return remove(replace(call, raw=body["remove"]))
    raise invalid("The action must be rescan or remove.")


ROUTES = (
    Route("GET", "Proxies", many, READ, pages=(8,), slow=True),
    Route("POST", "Proxies", add, CREATE, slow=True),
    Route("GET", "Proxies/{proxyId}", one, READ, slow=True),
    Route("PUT", "Proxies/{proxyId}", edit, EDIT, slow=True),
    Route("POST", "Proxies/{proxyId}/action", action, only(EDIT, 5), slow=True),
    Route("POST", "Proxies/{proxyId}/Rescan", rescan, only(EDIT, 6, 7, 8), slow=True),
    Route("POST", "Proxies/{proxyId}/Remove", remove, only(EDIT, 6, 7, 8), slow=True),
    Route("POST", "Proxies/Rescan", rescan_many, only(EDIT, 6, 7, 8), slow=True),
)
