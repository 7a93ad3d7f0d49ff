"""Hosts in memory: a Fleet that follows the rules of real ones without any wire."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from threading import Event
from typing import Any

from reconciler.lab.fleet import Deployed, DeployError, Deployment, SessionOrder, SessionResult


@dataclass
class Host:
    """One machine. `owner` is the server that the proxy service on it belongs to, empty if it has no service."""

    password: str = "right"
    os: str = "windows"
    online: bool = True
    owner: str = ""
    port: int = 9193
    version: str = ""
    certificate: str = ""
    runs: list[SessionOrder] = field(default_factory=list)


class Hosts:
    """The fleet. `calls` names what was asked; `gate` holds up every session as long as it is not set."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self.hosts = {name: Host(os=os) for name, os in names.items()}
        self.calls: list[str] = []
        self.orders: list[Deployment] = []
        self.gate = Event()
        self.gate.set()
        self.result = SessionResult("Success", 7, [("Success", "7 objects were processed.")])

    def enter(self, order: Deployment, verb: str) -> Host:
        self.calls.append(f"{verb} {order.host}")
        self.orders.append(order)
        host = self.hosts.get(order.host)
        if host is None or not host.online:
            raise DeployError("unreachable", f"The host {order.host} cannot be reached.")
        if host.os != order.os:
            raise DeployError("service", "This is another operating system.")
        given = (order.ssh or {}).get("accountPassword") if order.os == "linux" else order.password
        if given != host.password:
            raise DeployError("credentials", "The user name or password is incorrect.")
        return host

    def deploy(self, order: Deployment) -> Deployed:
        host = self.enter(order, "deploy")
        if host.owner and host.owner != order.server and not order.takeover:
            raise DeployError("owned", "The proxy is managed by another server.")
        host.owner, host.port, host.version, host.certificate = (
            order.server,
            order.port,
            order.build,
            order.certificate,
        )
        return Deployed(f"{order.host}.example.net", host.os, host.version)

    def reconfigure(self, order: Deployment) -> Deployed:
        host = self.enter(order, "reconfigure")
        host.port = order.port
        return Deployed(f"{order.host}.example.net", host.os, host.version)

    def remove(self, order: Deployment) -> None:
        self.enter(order, "remove").owner = ""

    def upgrade(self, order: Deployment) -> Deployed:
        host = self.enter(order, "upgrade")
        host.version = order.build
        return Deployed(f"{order.host}.example.net", host.os, host.version)

    def version_of(self, host: str, port: int, *, domain: bool, certificate: str, server: str) -> str | None:
        found = self.hosts.get(host)
        if found is None or not found.online or found.owner != server or found.port != port:
            return None
        return found.version if domain or found.certificate == certificate else None

    def trust(self, host: str, port: int, *, old: str, new: str, server: str) -> bool:
        self.calls.append(f"trust {host}")
        found = self.hosts[host]
        if not found.online or found.certificate != old:
            return False
        found.certificate = new
        return True

    def check_ssh(self, host: str, settings: Mapping[str, Any]) -> Mapping[str, str]:
        good = host in self.hosts and settings.get("accountPassword") == self.hosts[host].password
        return {"status": "Success" if good else "Failed", "fingerprint": "SHA256:abc", "publicBase64Key": "AAAA"}

    def run(
        self, host: str, port: int, order: SessionOrder, *, domain: bool, certificate: str, server: str
    ) -> SessionResult:
        if host in self.hosts:
            self.hosts[host].runs.append(order)
        self.calls.append(f"run {order.job} on {host}")
        self.gate.wait(10)
        if order.trouble:
            word = {"warning": "Warning", "failure": "Failed"}[order.trouble]
            return replace(self.result, status=word, log=[("Error", "One object failed.")])
        return self.result
