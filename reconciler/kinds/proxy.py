"""Backup proxies. Product facts: REST schemas RESTProxy and RESTProxyFromClient of v6, v7 and v8."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from reconciler.kinds import codec
from reconciler.kinds.api import Schema
from reconciler.kinds.common import DESCRIPTION
from reconciler.kinds.field import CERTIFICATE_ENTRY, CREDENTIAL, Context, Field, Kind, Mode, Raw, hidden, nothing
from reconciler.kinds.hosts import ascii_host
from reconciler.kinds.internet_proxy import FIELDS as INTERNET_PROXY
from reconciler.kinds.states import proxy_state
from reconciler.model.value import UNKNOWN

_TEXT = Schema(type="string")


def encode_type(value: Any, context: Context) -> Mapping[str, Any]:
    return {"useDomainNetwork": value == "domain"}


_, decode_windows_type = codec.words("type", {"domain": "Domain", "workgroup": "Workgroup", "local": "Local"})


def decode_type(raw: Raw, context: Context) -> Any:
    """What the server shows as the type of a Linux proxy is unknown (facts, 14)."""
    return UNKNOWN if raw.get("operatingSystem") == "Linux" else decode_windows_type(raw, context)


def has_type(fields: Mapping[str, Any]) -> bool:
    """Only Windows proxies have a type on the server: a Linux one is reached with credentials or keys either way."""
    return fields.get("os") != "linux"


_GENERATED = re.compile(r"Created by .+ at .+")
"""What the server writes as the description of a new proxy if none is given: user and time (facts, 2.2)."""


def is_described(fields: Mapping[str, Any]) -> bool:
    """Whether a person wrote the description."""
    return not _GENERATED.fullmatch(str(fields["description"]))


encode_os, decode_os = codec.words("operatingSystem", {"windows": "Windows", "linux": "Linux"})


_UNITS = {"mbps": ("Mbps", "Mbps"), "mb/s": ("MB/s", "MBs"), "kb/s": ("KB/s", "KBs")}
_UNIT_OF_API = {api: ours for ours, api in _UNITS.values()}
_RATE = re.compile(r"^\s*(\d+)\s*([A-Za-z/]+)\s*$")


def normalize_rate(value: Any) -> str:
    """`100 mbps` to `100 Mbps`; `off` (or false) stays `off`."""
    if value is False or (isinstance(value, str) and value.strip().lower() == "off"):
        return "off"
    found = _RATE.match(value) if isinstance(value, str) else None
    unit = _UNITS.get(found.group(2).lower()) if found else None
    if not found or not unit or int(found.group(1)) < 1:
        raise ValueError(f"{value!r} is not a rate: write a whole number with Mbps, MB/s or KB/s, or off")
    return f"{int(found.group(1))} {unit[0]}"


def encode_rate(value: Any, context: Context) -> Mapping[str, Any]:
    if value == "off":
        return {"enableNetworkThrottling": False}
    number, unit = value.split(" ", 1)
    return {
        "enableNetworkThrottling": True,
        "throttlingValue": int(number),
        "throttlingUnit": _UNITS[unit.lower()][1],
    }


def decode_rate(raw: Raw, context: Context) -> Any:
    """REST v6 and v7 leave value and unit out where the proxy is offline: then the rate is unknown."""
    if not raw["enableNetworkThrottling"]:
        return "off"
    return f"{raw['throttlingValue']} {_UNIT_OF_API[raw['throttlingUnit']]}"


def normalize_package(value: Any) -> Any:
    """Digests are compared in lower case."""
    return {**value, "sha256": str(value["sha256"]).lower()} if isinstance(value, Mapping) else value


def encode_credentials(value: Any, context: Context) -> Mapping[str, Any]:
    """The account that the server deploys with: user name and password, or SSH settings for Linux (v8)."""
    login = context.credential(value)
    if login.private_key is None and login.password is not None and not login.elevates:
        return {"username": login.username, "password": context.reveal(login.password)}
    return {"sshSettings": ssh_settings(value, context)}


def ssh_settings(credential: str, context: Context) -> dict[str, Any]:
    """RESTSshSettingsFromClient of v8. The port and the host key, which the server reads and we compare, come later.

    The server has one setting for both: it tries sudo first, then su."""
    login = context.credential(credential)
    settings: dict[str, Any] = {"account": login.username, "elevateAccountToRoot": login.elevates}
    if login.su:
        settings |= {"UseSuIfSudoUnavailable": True, "rootPassword": context.reveal(login.root_password)}
    if login.private_key is not None:
        key = context.reveal(login.private_key)
        settings["privateKeyBase64"] = base64.b64encode(key.encode()).decode()
        settings["privateKeyPassphrase"] = context.reveal(login.passphrase)
    if login.password is not None:
        settings["accountPassword"] = context.reveal(login.password)
    return settings


def live_key(raw: Raw, context: Context) -> str:
    return str(raw.get("hostName", "")).lower()


def wanted_key(name: str, fields: Mapping[str, Any]) -> str:
    return str(fields.get("host", name)).lower()


PROXY = Kind(
    name="proxy",
    section="proxies",
    doc="A machine that reads and writes backups for the management server, and mails the results of jobs.",
    rank=20,
    collection="Proxies",
    state=proxy_state,
    added=(
        ("isDefault", Schema(type="boolean")),  # REST v5, which has no table
        ("maintenanceModeState", _TEXT),  # states are read from whatever shows them
        ("version", _TEXT),
    ),
    live_key=live_key,
    wanted_key=wanted_key,
    volatile=frozenset(
        {"cpuUsagePercent", "maintenanceModeState", "memoryUsagePercent", "proxyPoolId", "status", "version"}
    ),
    fields=(
        Field("host", "Name that the server reaches the proxy by.", "hostName", Mode.KEY, written=ascii_host),
        Field(
            "type",
            "domain (reached with credentials) or workgroup (reached with a certificate).",
            mode=Mode.CREATE_ONLY,
            encode=encode_type,
            decode=decode_type,
            applies=has_type,
            imported=has_type,
            severe=True,
            starts_jobs=True,
        ),
        Field(
            "os",
            "windows or linux.",
            mode=Mode.CREATE_ONLY,
            since=8,
            encode=encode_os,
            decode=decode_os,
            starts_jobs=True,
        ),
        replace(DESCRIPTION, imported=is_described),
        Field("port", "TCP port of the proxy service.", "port", severe=True, starts_jobs=True, product_default=9193),
        Field(
            "threads",
            "Threads of the proxy (REST up to v7).",
            "threadsNumber",
            until=7,
            product_default=64,
        ),
        Field(
            "throttle",
            "Limit of the network rate: 100 Mbps, 10 MB/s, 512 KB/s or off.",
            encode=encode_rate,
            decode=decode_rate,
            normalize=normalize_rate,
            implies=("throttlingUnit", "throttlingValue"),
            product_default="off",
        ),
        *INTERNET_PROXY,
        Field(
            "credentials",
            "Account that the server deploys the service with.",
            mode=Mode.WRITE_ONLY,
            refers=(CREDENTIAL,),
            encode=encode_credentials,
            decode=hidden,
            sent_with=("port",),  # the server does not keep the login of a workgroup proxy, and goes to its host
            severe=True,
            starts_jobs=True,
        ),
        Field(
            "certificate",
            "Client certificate that the reconciler logs in to WinRM with.",
            mode=Mode.LOCAL,
            encode=nothing,
            decode=hidden,
            refers=(CERTIFICATE_ENTRY,),
        ),
        Field(
            "state",
            "present, or absent: remove the proxy; the entry stays for the login that the removal needs.",
            mode=Mode.LOCAL,
            encode=nothing,
            decode=hidden,
        ),
        Field(
            "sleep",
            "allowed: its host may be off; nothing is changed on it until it is on again.",
            mode=Mode.LOCAL,
            encode=nothing,
            decode=hidden,
        ),
        Field(
            "site",
            "Where the workers of a cluster are near its host (--executor).",
            mode=Mode.LOCAL,
            encode=nothing,
            decode=hidden,
        ),
        Field("service.version", "server, or an exact build.", mode=Mode.LOCAL, encode=nothing, decode=hidden),
        Field(
            "service.install",
            "push (by the server) or package (by the reconciler).",
            mode=Mode.LOCAL,
            encode=nothing,
            decode=hidden,
        ),
        Field(
            "service.package",
            "For package: source (file or https address) and sha256.",
            mode=Mode.LOCAL,
            encode=nothing,
            decode=hidden,
            normalize=normalize_package,
        ),
    ),
)
