"""What a Windows host is made of, as plain JSON, and the questions that scripts have about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from reconciler.lab.hosts.host import Fresh

PROXY_SERVICE: Final = "Veeam.Archiver.Proxy"
HARDWARE: Final = {"cores": 8, "memory_gb": 32}
MISSING: Final = {"start": "missing", "state": "missing"}
UNUSED: Final = {"owner": "", "port": 9193, "domain": False, "account": "", "trust": "", "identity": ""}
"""The configuration of a proxy service that a package has installed, and that no server knows of."""


def fresh(host: Fresh) -> dict[str, Any]:
    """A new Windows Server 2022 with .NET. In a domain, group policy has seen to the firewall and Remote Registry."""
    managed = bool(host.domain)
    return {
        "name": host.name.lower(),
        "os": "windows",
        "power": "on",
        "faults": {},
        "accounts": [],
        "caption": "Microsoft Windows Server 2022 Standard",
        "release": "10.0.20348",
        "domain": host.domain.lower(),
        "powershell": {"version": "5.1.20348.558", "core": ["7.4.6"]},
        "dotnet": {"framework": 528449, "runtime": ["8.0.11"], "aspnet": ["8.0.11"]},
        "remote_registry": {
            "start": "automatic" if managed else "manual",
            "state": "running" if managed else "stopped",
        },
        "firewall": {"on": True, "ports": [host.port] if managed else []},
        "admin_share": True,
        "clock": 0,
        "free_gb": 80,
        "reboot": [],
        "proxy": None,
    }


def short_name(state: Mapping[str, Any]) -> str:
    return str(state.get("own_name", state["name"])).partition(".")[0]


def lets_in(state: Mapping[str, Any], port: int) -> bool:
    firewall = state["firewall"]
    return not firewall["on"] or port in firewall["ports"]


def is_running(state: Mapping[str, Any]) -> bool:
    return bool(state["proxy"]) and state["proxy"]["state"] == "running"
