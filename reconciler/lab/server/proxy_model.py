"""Backup proxies as data: RESTProxy, RESTProxyFromClient and what goes with them (facts, 2.2, 2.3 and 2.5)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from reconciler.lab.fleet import DeployError, Deployment
from reconciler.lab.server.answer import ApiError, invalid
from reconciler.lab.server.api import Api, Item
from reconciler.lab.server.call import Call
from reconciler.lab.server.shape import (
    ANYTHING,
    FLAG,
    IDENT,
    INT32,
    INT64,
    TEXT,
    Choice,
    Many,
    Property,
    Shape,
    Whole,
)

PORT = Whole(1, 65535)

INTERNET = Shape(
    Property("hostName", TEXT),
    Property("port", PORT, null=6),
    Property("useAuthentication", FLAG, null=6),
    Property("username", TEXT),
    Property("userPassword", TEXT, "w"),
)
SSH = Shape(
    Property("account", TEXT, "w"),
    Property("accountPassword", TEXT, "w"),
    Property("port", PORT, "w"),
    Property("connectionTimeout", INT32, "w"),
    Property("privateKeyBase64", TEXT, "w"),
    Property("privateKeyPassphrase", TEXT, "w"),
    Property("elevateAccountToRoot", FLAG, "w"),
    Property("addToSudoers", FLAG, "w"),
    Property("UseSuIfSudoUnavailable", FLAG, "w"),
    Property("rootPassword", TEXT, "w"),
    Property("fingerprint", TEXT, "w"),
    Property("publicBase64Key", TEXT, "w"),
    Property("ignoreFingerprintCheck", FLAG, "w"),
)
PROXY = Shape(
    Property("id", IDENT, "r"),
    Property("type", Choice("Local", "Domain", "Workgroup"), "r", since=6),
    Property("isDefault", FLAG, "r", until=5),
    Property("hostName", TEXT),
    Property("fqdn", TEXT, "r", since=7),
    Property("description", TEXT),
    Property("port", PORT),
    Property("threadsNumber", Whole(0, 256), until=7),
    Property("enableNetworkThrottling", FLAG),
    Property("throttlingValue", INT64, null=8),
    Property("throttlingUnit", Choice("Mbps", "MBs", "KBs"), null=8),
    Property("useInternetProxy", FLAG),
    Property("internetProxyType", Choice("FromManagementServer", "Custom"), null=6),
    Property("internetProxySettings", INTERNET),
    Property("status", TEXT, "r"),
    Property("operatingSystem", Choice("Windows", "Linux"), since=8),
    Property("proxyPoolId", IDENT, "r", since=8, null=8),
    Property("maintenanceModeState", TEXT, "r", since=8),
    Property("cpuUsagePercent", ANYTHING, "r", since=8, null=8),
    Property("memoryUsagePercent", ANYTHING, "r", since=8, null=8),
    Property("version", TEXT, "r", since=8, null=8),
    Property("serviceAccount", TEXT, "r", since=8, null=8),
    Property("role", Many(TEXT), "r", since=8),
    Property("_links", ANYTHING, "r"),
    Property("useDomainNetwork", FLAG, "w"),
    Property("username", TEXT, "w"),
    Property("password", TEXT, "w"),
    Property("attachUsedProxy", FLAG, "w"),
    Property("sshSettings", SSH, "w", since=8),
    Property("serviceAccountName", TEXT, "w", since=8),
    Property("serviceAccountPassword", TEXT, "w", since=8),
    Property("createServiceAccount", FLAG, "w", since=8),
)
REMOVAL = Shape(
    Property("force", FLAG, "w"),
    Property("userName", TEXT, "w"),
    Property("userPassword", TEXT, "w"),
    Property("sshSettings", SSH, "w", since=8),
)
ACCOUNT = Shape(
    Property("username", TEXT, "w"),
    Property("password", TEXT, "w"),
    Property("sshSettings", SSH, "w"),
)
RESCAN = Shape(Property("proxies", Many(Shape(Property("id", IDENT, "w"))), "w"))

MUTABLE: dict[str, Any] = {
    "description": "",
    "port": 9193,
    "threadsNumber": 64,
    "enableNetworkThrottling": False,
    "throttlingValue": None,
    "throttlingUnit": None,
    "useInternetProxy": False,
    "internetProxyType": None,
    "internetProxySettings": None,
}
"""What PUT may change, with the defaults."""

EXTENDED = ("threadsNumber", "throttlingValue", "throttlingUnit")
"""What up to v7 only an extended view of an online proxy shows."""


def show_proxy(call: Call, *, extended: bool) -> Callable[[Item], dict[str, Any]]:
    """Renders proxies for one call. Hold the lock."""
    running = Counter(
        session["proxyId"] for session in call.items("sessions").values() if session["status"] == "Running"
    )

    def show(item: Item) -> dict[str, Any]:
        seen = item | observed(call, item, running[item["id"]])
        seen["_links"] = call.links(
            self=f"Proxies/{item['id']}", backupRepositories=f"BackupRepositories?proxyId={item['id']}"
        )
        if not item["enableNetworkThrottling"]:
            seen |= {"throttlingValue": None, "throttlingUnit": None}
        if call.rest <= 7 and not (extended and seen["status"] == "Online"):
            seen = {name: value for name, value in seen.items() if name not in EXTENDED}
        return PROXY.show(seen, call.rest)

    return show


def observed(call: Call, item: Item, running: int) -> dict[str, Any]:
    """What is not configured but seen; empty where the proxy is offline."""
    online = call.api.online(item) and not hidden(call, item)
    last = item["version"] if call.options.offline_version == "last" else None
    return {
        "isDefault": item["type"] == "Local",
        "status": "Online" if online else "Offline",
        "version": item["version"] if online else last,
        "cpuUsagePercent": min(95.0, 2.5 + 20.0 * running) if online else None,
        "memoryUsagePercent": 25.0 if online else None,
        "role": ["Processor"] if online else [],
    }


def hidden(call: Call, item: Item) -> bool:
    """In maintenance the service on the host is disabled (facts, 2.10); what the status is then is not documented."""
    return bool(call.options.maintenance_status == "offline" and item["maintenanceModeState"] == "Enabled")


def account_of(body: Mapping[str, Any]) -> dict[str, Any]:
    """The account of the host that a body names, in the words of adding or of removing; empty where it names none."""
    if body.get("sshSettings"):
        return {"ssh": body["sshSettings"]}
    user = body.get("username") or body.get("userName")
    return {"username": user, "password": body.get("password") or body.get("userPassword") or ""} if user else {}


def need_account(item: Mapping[str, Any], account: Mapping[str, Any]) -> None:
    if item["operatingSystem"] == "Linux" and not account.get("ssh", {}).get("account"):
        raise invalid("Specify sshSettings with the account of the Linux backup proxy server.")
    if item["operatingSystem"] == "Windows" and not account.get("username"):
        raise invalid("Specify the user name and the password of an account of the backup proxy server.")


def order(api: Api, item: Mapping[str, Any], account: Mapping[str, Any], **changes: Any) -> Deployment:
    """The order to the fleet. Without a given account, the stored one of a domain proxy is used."""
    used = account or item.get("account") or {}
    values: dict[str, Any] = {
        "host": item["hostName"],
        "os": item["operatingSystem"].lower(),
        "domain": item["type"] == "Domain",
        "port": item["port"],
        "build": api.build,
        "server": api.host,
        "certificate": api.certificate,
        "username": used.get("username", ""),
        "password": used.get("password", ""),
        "ssh": used.get("ssh"),
    }
    return Deployment(**values | changes)


# How a failed deployment is coded is not documented; these are the words of v8 that fit.
_CODES = {"offline": "ProxyOffline", "busy": "OperationConflict", "owned": "OperationConflict"}


def not_deployed(error: DeployError) -> ApiError:
    return ApiError(str(error), _CODES.get(error.code, ""))
