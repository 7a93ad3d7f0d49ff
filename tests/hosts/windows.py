"""Worlds for the stubs: a Windows host and a management server that are as they should be."""

from __future__ import annotations

from typing import Any

REGISTRY = "HKLM:\\SYSTEM\\CurrentControlSet\\Services\\RemoteRegistry"
EXE = "C:\\Program Files\\Veeam\\Backup365\\Veeam.Archiver.Proxy.exe"


ADMINISTRATOR = ["S-1-1-0", "S-1-5-32-544", "S-1-16-12288"]
LISTENER = "HKLM:\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\WSMAN\\Listener"


def rule(name: str = "app", port: Any = "9193", **changes: Any) -> dict[str, Any]:
    """A firewall rule; without changes it lets everybody in."""
    return {
        "Name": name,
        "Enabled": "True",
        "Direction": "Inbound",
        "Action": "Allow",
        "Profile": "Any",
        "Protocol": "TCP",
        "LocalPort": port,
        "RemoteAddress": "Any",
        "Program": "Any",
        "Service": "Any",
        "Authentication": "NotRequired",
        "InterfaceType": "Any",
        "PolicyStoreSourceType": "Local",
        **changes,
    }


def firewall_profile(name: str, **changes: Any) -> dict[str, Any]:
    """The firewall in one kind of network: on, and as it is new."""
    unset = ("DefaultInboundAction", "AllowInboundRules", "AllowLocalFirewallRules")
    return {"Name": name, "Enabled": "True", **dict.fromkeys(unset, "NotConfigured"), **changes}


def service(name: str, start: str, state: str, path: str = "") -> dict[str, Any]:
    return {"Name": name, "StartMode": start, "State": state, "PathName": path}


def host() -> dict[str, Any]:
    """A domain member without proxy service, its firewall on, the port closed."""
    return {
        "cim": {
            "Win32_OperatingSystem": [
                {"Caption": "Microsoft Windows Server 2022 Standard ", "Version": "10.0.20348", "SystemDrive": "C:"}
            ],
            "Win32_ComputerSystem": [
                {
                    "Name": "PX-1",
                    "DNSHostName": "px-1",
                    "PartOfDomain": True,
                    "Domain": "corp.example.com",
                    "NumberOfLogicalProcessors": 8,
                    "TotalPhysicalMemory": 17_100_000_000,
                }
            ],
            "Win32_LogicalDisk": [{"DeviceID": "C:", "FreeSpace": 44_444_444_444}, {"DeviceID": "D:", "FreeSpace": 1}],
            "Win32_Share": [{"Name": "C$"}, {"Name": "ADMIN$"}],
            "Win32_Service": [service("RemoteRegistry", "Disabled", "Stopped"), service("Spooler", "Auto", "Running")],
        },
        "registry": {
            REGISTRY: {},
            "HKLM:\\SOFTWARE\\Microsoft\\NET Framework Setup\\NDP\\v4\\Full": {"Release": 528449},
            "HKLM:\\SYSTEM\\CurrentControlSet\\Control\\Session Manager": {},
        },
        "files": {},
        "groups": ADMINISTRATOR,
        "dns": {"vbo01.corp.example.com": ["10.0.0.5"], "10.0.0.5": ["vbo01.corp.example.com"]},
        "listeners": [135, 445],
        "profiles": [firewall_profile(name) for name in ("Domain", "Private", "Public")],
        "networks": [{"NetworkCategory": "DomainAuthenticated"}],
        "rules": [rule("other", "443")],
    }


def server() -> dict[str, Any]:
    """A management server with two proxies that are out of date."""
    return {
        "product": {
            "sessions": 0,
            "calls": [],
            "version": "8.1.0.305",
            "certificate": {"thumbprint": "ab" * 20, "subject": "CN=Veeam Software", "expires": "2027-05-06T07:08:09Z"},
            "proxies": [
                {"Hostname": "px-1", "IsOutdated": True, "Version": "8.0.2.159"},
                {"Hostname": "px-2", "IsOutdated": True, "Version": "8.0.2.159"},
                {"Hostname": "vbo01", "IsOutdated": False, "Version": "8.1.0.305"},
            ],
            "repositories": [
                {"Id": "r-1", "Name": "disk", "IsOutdated": True},
                {"Id": "r-2", "Name": "spare", "IsOutdated": False},
            ],
            "upgrades": [],
        }
    }
