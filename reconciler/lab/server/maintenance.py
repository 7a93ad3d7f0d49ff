"""Maintenance mode of pool members, and the check of SSH settings (v8; facts, 2.5 and 2.10)."""

from __future__ import annotations

from typing import Any

from reconciler.lab.fleet import DeployError
from reconciler.lab.server import pool_rules
from reconciler.lab.server.answer import DONE, READ, conflict, invalid, offline, only
from reconciler.lab.server.api import Api, Item
from reconciler.lab.server.call import Call
from reconciler.lab.server.proxies import alone
from reconciler.lab.server.proxy_model import ACCOUNT, SSH, account_of, need_account, not_deployed, order
from reconciler.lab.server.routes import Route


def enable(call: Call) -> None:
    item = member(call)
    check_account(call, item)
    with call.api.lock:
        if item["maintenanceModeState"] != "Disabled":
            raise conflict(f"Backup proxy server '{item['hostName']}' is in maintenance mode already.")
        pool_rules.keep_an_active_member(call.api, item["proxyPoolId"], without={item["id"]})
        item["maintenanceModeState"] = "Enabling"
        call.api.witness(f"maintenance of {item['hostName']} begins")
    call.api.work.spawn(drain, call.api, item)


def drain(api: Api, item: Item) -> None:
    """Enabling takes a moment, and as long as the proxy still runs sessions; then the state is Enabled."""
    while not api.work.wait(api.options.maintenance_seconds):
        with api.lock:
            if item["maintenanceModeState"] != "Enabling":
                return
            if not any(s["proxyId"] == item["id"] and s["status"] == "Running" for s in api.items("sessions").values()):
                item["maintenanceModeState"] = "Enabled"
                api.save()
                return


def disable(call: Call) -> None:
    item = member(call)
    check_account(call, item)
    with call.api.lock:
        if item["maintenanceModeState"] == "Disabled":
            raise conflict(f"Backup proxy server '{item['hostName']}' is not in maintenance mode.")
        item["maintenanceModeState"] = "Disabled"
        call.api.witness(f"maintenance of {item['hostName']} ends")


def member(call: Call) -> Item:
    with call.api.lock:
        item = call.find("proxies", "proxyId", "Backup proxy server")
        if not item["proxyPoolId"]:
            raise invalid("Maintenance mode is available for backup proxy servers of a backup proxy pool only.")
    call.api.look([item["id"]], now=True)
    if not call.api.online(item):
        raise offline(item["hostName"])
    return item


def check_account(call: Call, item: Item) -> None:
    """The account must open the host: the fleet is asked to log in with it, at the same port."""
    account = account_of(call.body(ACCOUNT))
    need_account(item, account)
    with alone(call.api, item["hostName"]):
        try:
            call.api.fleet.reconfigure(order(call.api, item, account))
        except DeployError as error:
            raise not_deployed(error) from error


def check_ssh(call: Call) -> Any:
    host = call.text("host")
    if not host:
        raise invalid("The parameter host is required.")
    settings = call.body(SSH)
    try:
        return dict(call.api.fleet.check_ssh(host, settings))
    except DeployError as error:
        raise not_deployed(error) from error


def resumed(api: Api) -> None:
    """After a start of the server: go on with what was Enabling."""
    for item in api.items("proxies").values():
        if item["maintenanceModeState"] == "Enabling":
            api.work.spawn(drain, api, item)


ROUTES = (
    Route("POST", "Proxies/{proxyId}/maintenance/enable", enable, only(DONE, 8), slow=True),
    Route("POST", "Proxies/{proxyId}/maintenance/disable", disable, only(DONE, 8), slow=True),
    Route("POST", "Proxies/CheckSshConnectionConfig", check_ssh, only(READ, 8), slow=True),
)
