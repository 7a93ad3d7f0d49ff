"""The hosts as the management server meets them: everything goes over WinRM, SSH and the proxies' own lines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from reconciler.lab.fleet import Deployed, DeployError, Deployment, SessionOrder, SessionResult
from reconciler.lab.hosts import push
from reconciler.lab.hosts.link import LinkError, order_to_json, public_part, result_from_json
from reconciler.lab.hosts.login import HostLogin, Scripts, fingerprint, host_key
from reconciler.lab.hosts.server_link import Dialler
from reconciler.lab.network import Network
from reconciler.lab.pki import Authority
from reconciler.lab.state import Document
from reconciler.model.script import Script
from reconciler.model.secret import Secret

_CLOSED: Final = "Failed to connect to the proxy service on port {port} of {host}: {error}. Is the port open?"


def _ours(_host: str, name: str) -> Script:
    return push.script(name)


class LabFleet:
    """Implements `reconciler.lab.fleet.Fleet`. `document` remembers which account the server stores for each domain
    proxy (never a password): `{"accounts": {host: account}}`."""

    def __init__(
        self, document: Document, network: Network, authority: Authority, dialler: Dialler, scripts: Scripts = _ours
    ) -> None:
        self._document = document
        self._network = network
        self._authority = authority
        self._dialler = dialler
        self._scripts = scripts

    def deploy(self, order: Deployment) -> Deployed:
        order = self._at_machine(order)
        with self._login(order) as login:
            self._push(login, order, upgrade=False)
            self._store(order)
            try:
                version = self._greet(order)
            except DeployError:
                login.run("remove-proxy", {"server": order.server})
                self._forget(order.host)
                raise
        return Deployed(order.host, order.os, version)

    def upgrade(self, order: Deployment) -> Deployed:
        order = self._at_machine(order)
        with self._login(order) as login:
            previous = self._push(login, order, upgrade=True)
            try:
                version = self._greet(order)
            except DeployError:
                self._push(login, replace(order, build=previous), upgrade=True)
                raise
        return Deployed(order.host, order.os, version)

    def _at_machine(self, order: Deployment) -> Deployment:
        """A proxy may be added by NetBIOS name or address."""
        return replace(order, host=self._network.machine(order.host))

    def _login(self, order: Deployment) -> HostLogin:
        return HostLogin(order, self._network, self._authority, self._scripts)

    def _push(self, login: HostLogin, order: Deployment, *, upgrade: bool) -> str:
        """Install the service, or another build of it; gives the build that was there before."""
        identity = self._authority.host(order.host)
        args = {
            "port": order.port,
            "build": order.build,
            "server": order.server,
            "domain": order.domain,
            "account": order.username,
            "trust": public_part(order.certificate),
            "identity": Secret((identity.cert_pem + identity.key_pem).decode()),
            "takeover": order.takeover,
            "keep": order.keep,
            "upgrade": upgrade,
        }
        previous = login.run("push-proxy", args).get("previous") or {}
        return str(previous.get("version", ""))

    def reconfigure(self, order: Deployment) -> Deployed:
        order = self._at_machine(order)
        with self._login(order) as login:
            args = {"port": order.port, "account": order.username, "server": order.server}
            previous = login.run("configure-proxy", args).get("previous") or {}
            self._store(order)
            try:
                version = self._greet(order)
            except DeployError:
                login.run("configure-proxy", args | {"port": previous.get("port", order.port)})
                raise
        return Deployed(order.host, order.os, version)

    def remove(self, order: Deployment) -> None:
        order = self._at_machine(order)
        with self._login(order) as login:
            login.run("remove-proxy", {"server": order.server})
        self._forget(order.host)

    def version_of(self, host: str, port: int, *, domain: bool, certificate: str, server: str) -> str | None:
        del domain  # what the proxy was deployed with decides how it is reached
        host = self._network.machine(host)
        try:
            with self._dialler.line(
                host, port, server=server, certificate=certificate, account=self._account(host)
            ) as line:
                return line.version
        except (OSError, ValueError):
            return None

    def trust(self, host: str, port: int, *, old: str, new: str, server: str) -> bool:
        host = self._network.machine(host)
        try:
            with self._dialler.line(host, port, server=server, certificate=old) as line:
                line.ask(trust=public_part(new))
        except (OSError, ValueError):
            return False
        return True

    def check_ssh(self, host: str, settings: Mapping[str, Any]) -> Mapping[str, str]:
        """The host key as the server sees it; the login is tried too, and decides the status."""
        host = self._network.machine(host)
        key = host_key(self._network, host, int(settings.get("port") or 22))
        order = Deployment(
            host=host,
            os="linux",
            domain=False,
            port=0,
            build="",
            server="",
            certificate="",
            ssh={**settings, "publicBase64Key": key, "fingerprint": ""},
        )
        status = "Success"
        try:
            with self._login(order):
                pass
        except DeployError:
            status = "Failed"
        return {"status": status, "fingerprint": fingerprint(key), "publicBase64Key": key}

    def run(
        self, host: str, port: int, order: SessionOrder, *, domain: bool, certificate: str, server: str
    ) -> SessionResult:
        del domain
        host = self._network.machine(host)
        account = self._account(host)
        try:
            with self._dialler.line(host, port, server=server, certificate=certificate, account=account) as line:
                return result_from_json(line.ask(run=order_to_json(order))["result"])
        except (OSError, ValueError, KeyError) as error:
            raise DeployError("offline", f"Backup proxy server {host} is offline: {error}") from error

    def _greet(self, order: Deployment) -> str:
        """The build that the proxy answers with."""
        try:
            with self._dialler.line(
                order.host,
                order.port,
                server=order.server,
                certificate=order.certificate,
                account=self._account(order.host),
            ) as line:
                return line.version
        except LinkError as error:
            raise DeployError("service", f"The proxy service on {order.host} refuses: {error}") from error
        except (OSError, ValueError) as error:
            text = _CLOSED.format(port=order.port, host=order.host, error=error)
            raise DeployError("port", text) from error

    def _account(self, host: str) -> str:
        """The account stored for a domain proxy; empty for a workgroup proxy."""
        with self._document.lock:
            return str(self._document.data["accounts"].get(host.lower(), ""))

    def _store(self, order: Deployment) -> None:
        if order.domain and order.os == "windows":
            self.remember(order.host, order.username)
        else:
            self._forget(order.host)

    def remember(self, host: str, account: str) -> None:
        """The server logs in to the proxy on `host` with `account`."""
        with self._document.lock:
            self._document.data["accounts"][host.lower()] = account
            self._document.save()

    def _forget(self, host: str) -> None:
        with self._document.lock:
            self._document.data["accounts"].pop(host.lower(), None)
            self._document.save()
