"""The hosts of the lab without sockets: its models and twins of scripts, and sessions on them in simulated time.

What a Linux host answers comes from real scripts on a folder in the lab, here from a model.
"""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from reconciler import timing
from reconciler.clients.script_output import reveal
from reconciler.lab.fleet import Deployed, DeployError, Deployment, SessionOrder, SessionResult
from reconciler.lab.hosts.host import Fresh
from reconciler.lab.hosts.link import public_part
from reconciler.lab.hosts.push import Refusal
from reconciler.lab.hosts.sessions import Worker
from reconciler.lab.hosts.windows import machine
from reconciler.lab.hosts.windows.powershell import KNOWN
from reconciler.lab.hosts.windows.push import configure, refusing, remove
from reconciler.lab.hosts.windows.twins import Arguments, ScriptError, World
from reconciler.lab.server.faults import WireFault
from reconciler.model.connection import Connection, ConnectionContext
from reconciler.model.errors import (
    AuthenticationFailed,
    ConnectionLost,
    DeadlineExceeded,
    ReconcileError,
    RemoteError,
    ScriptFailed,
    Unreachable,
)
from reconciler.model.script import Script
from tests.simulation.locks import SimLock
from tests.simulation.scheduler import Process, scheduler

SERVER_ADDRESS = "10.0.0.5"
_RUNTIME = "8.0.11"


class Host:
    """`power` is on, off or hung; `seconds` what a script takes at least. `accounts` are the passwords and keys that it
    accepts, by the name of the account."""

    def __init__(self, name: str, system: str, accounts: Mapping[str, str], *, domain: bool) -> None:
        self.name, self.system = name, system
        self.state = machine.fresh(Fresh(name, system, name.partition(".")[2] if domain else "", 9193))
        self.state["os"] = system
        self.power = "on"
        self.refuses_logins = False
        self._accounts = accounts
        self.seconds = 0.05
        self.lock = threading.RLock()
        self.manage: Callable[[str, Mapping[str, Any]], Any] | None = None
        self.changed: Callable[[str], None] = lambda event: None

    @property
    def answers_on(self) -> int:
        """The port on which the proxy service answers; 0 if it does not."""
        proxy = self.state["proxy"]
        running = self.power == "on" and machine.is_running(self.state) and machine.lets_in(self.state, proxy["port"])
        return int(proxy["port"]) if running else 0

    def accepts(self, account: str, secret: str) -> bool:
        return not self.refuses_logins and self._accounts.get(account) == secret

    def switch(self, power: str) -> None:
        self.power = power
        self.changed(f"{self.name} is {power}")

    def run(self, name: str, args: Mapping[str, Any], account: str) -> Any:
        if name.startswith("server/") and name not in KNOWN:
            if self.manage is None:
                raise ScriptError("the module is not installed")
            try:
                return self.manage(name, args)
            except ValueError as error:
                raise ScriptError(str(error)) from error
        twins = LINUX if self.system == "linux" else KNOWN
        with self.lock:
            world = World(
                state=self.state,
                now=timing.utc_now(),
                resolve=lambda wanted: [SERVER_ADDRESS] if wanted else [],
                reverse=lambda address: [self.state.get("server", "")],
                account=account,
                files=Path("/nonexistent"),
                connects=lambda _name, _port: True,
            )
            answer = twins[name](world, args)
        self.changed(f"{name} on {self.name}")
        return answer


def linux_facts(world: World, args: Arguments) -> dict[str, Any]:
    state, port, server = world.state, int(args["port"]), str(args.get("server") or "")
    proxy, smtp, name = state["proxy"], str(args.get("smtp") or ""), machine.short_name(state)
    found = {"installed": False, "version": None, **machine.MISSING}
    if proxy:
        found = {"installed": True, **{key: proxy[key] for key in ("version", "start", "state")}}
    addresses = list(world.resolve(server))
    return {
        "os": {"family": "linux", "id": "ubuntu", "version": "22.04", "release": "ubuntu 22.04"}
        | {"name": "Ubuntu 22.04.4 LTS"},
        "host": {"name": name, "fqdn": state["name"]},
        "clock": {"utc": world.now.strftime("%Y-%m-%dT%H:%M:%SZ")},
        "account": {"user": "root", "admin": True},
        "dotnet": {"runtime": [_RUNTIME], "aspnet": [_RUNTIME]},
        "firewall": {"kind": "ufw", "port": f"{port} {'open' if machine.lets_in(state, port) else 'closed'}"},
        "disk": {"free_gb": state["free_gb"]},
        "reboot": {"pending": False, "reasons": []},
        "mail": {"server": smtp, "reachable": world.connects(smtp, int(args["smtp_port"])) if smtp else None},
        "certificates": {"ends": []},
        "server": {"name": server, "addresses": addresses, "reverse": [server] if addresses else []},
        "service": {**found, "listening": machine.is_running(state) and proxy["port"] == port},
    }


def linux_open_port(world: World, args: Arguments) -> dict[str, Any]:
    firewall = world.state["firewall"]
    firewall["ports"] = sorted({*firewall["ports"], int(args["port"])})
    return {"port": args["port"], "rule": "ufw"}


def linux_push(world: World, args: Arguments) -> dict[str, Any]:
    proxy = world.state["proxy"]
    if proxy and not args["takeover"] and not (args["upgrade"] and proxy["owner"] == args["server"]):
        message = f"A proxy service that belongs to {proxy['owner']} is installed on this host."
        raise Refusal("owned", message)
    build = proxy["version"] if proxy and args.get("keep") else args["build"]
    kept = {key: args[key] for key in ("port", "trust", "identity")}
    world.state["proxy"] = {
        "version": build,
        "owner": args["server"],
        "domain": False,
        "account": "",
        **kept,
        "start": "automatic",
        "state": "running",
    }
    previous = {key: proxy[key] for key in ("version", "port")} if proxy else None
    return {"ok": True, "version": build, "previous": previous}


LINUX: Mapping[str, Callable[[World, Arguments], Any]] = {
    "linux/facts.sh": linux_facts,
    "linux/open-port.sh": linux_open_port,
    "push-proxy.sh": refusing(linux_push),
    "configure-proxy.sh": refusing(configure),
    "remove-proxy.sh": refusing(remove),
}


class Session:
    """`clients.host_session.HostSession` on a host of the simulation."""

    def __init__(self, connection: Connection, context: ConnectionContext, hosts: Mapping[str, Host]) -> None:
        self._connection = connection
        self._context = context
        self._host = hosts[connection.host.lower()]

    def __enter__(self) -> Self:
        connection, host = self._connection, self._host
        credential = connection.credential
        username = credential.username if credential else ""
        with self._context.logins.attempt(connection.peer, "logging in", username, "") as login:
            timing.sleep(scheduler.random.uniform(0.01, 0.3))
            if host.power == "hung":
                timing.sleep(connection.deadlines.connect)
            if host.power != "on":
                raise Unreachable(connection.peer, "connecting", "no answer")
            if not host.accepts(username, self._secret()):
                login.refuse()
                raise AuthenticationFailed(connection.peer, "logging in", "the password was not accepted")
            login.accept()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def _secret(self) -> str:
        credential = self._connection.credential
        given = (credential.password or credential.private_key) if credential else None
        return self._context.reveal(given) or ""

    def is_usable(self) -> bool:
        return self._host.power == "on"

    def execute(self, script: Script, params: Mapping[str, Any], *, deadline: float) -> Any:
        args, _ = reveal(params)
        account = self._connection.credential.username if self._connection.credential else ""
        what = f"running {script.name}"

        def work() -> Any:
            timing.sleep(self._host.seconds * scheduler.random.uniform(0.5, 3))
            if self._host.power == "hung":
                timing.sleep(deadline + 1)
            if self._host.power != "on":
                raise ConnectionLost(self._connection.peer, what, "the connection was reset")
            try:
                answer = self._host.run(script.name, args, account)
            except ScriptError as error:
                raise ScriptFailed(self._connection.peer, what, str(error), exit_code=70) from error
            if self._host.power != "on":
                raise ConnectionLost(self._connection.peer, what, "the connection was reset")
            return answer

        try:
            return elsewhere(LAB, what, work, deadline)
        except TimeoutError:
            raise DeadlineExceeded(self._connection.peer, what, f"no answer within {deadline:.0f} s") from None

    def upload(self, source: Path, sha256: str, *, deadline: float) -> str:
        raise RemoteError(self._connection.peer, "uploading", "no packages in the simulation")

    def remove(self, path: str, *, deadline: float) -> None:
        pass


LAB = Process("lab")


def elsewhere(process: Process, name: str, work: Callable[[], Any], seconds: float) -> Any:
    """Have a thread of another process do something: it goes on where the caller is killed or does not wait any longer.
    Raises TimeoutError."""
    ended = SimLock()
    ended.acquire(blocking=False)
    found: list[Any] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            found.append(work())
        except (ReconcileError, DeployError, WireFault, OSError, ValueError, KeyError) as error:  # for the caller
            failed.append(error)
        finally:
            ended.release()

    scheduler.spawn(name, run, process)
    if not ended.acquire(timeout=seconds):
        raise TimeoutError
    if failed:
        raise failed[0]
    if not found:
        raise ConnectionResetError("the other end was killed")
    return found[0]


class Fleet:
    """`reconciler.lab.fleet.Fleet` on the hosts of the simulation: they refuse what the lab's refuse."""

    def __init__(self, hosts: Mapping[str, Host], worker_of: Callable[[str], Worker]) -> None:
        self._hosts = hosts
        self._worker_of = worker_of
        self._accounts: dict[str, str] = {}
        self.seconds = (0.5, 20.0)
        self.busy = 0
        """How many hosts are being installed."""

    def deploy(self, order: Deployment) -> Deployed:
        answer = self._push(order, "push-proxy", upgrade=False)
        try:
            return self._greeted(order, answer)
        except DeployError:
            self._run(order, "remove-proxy", {"server": order.server})
            raise

    def upgrade(self, order: Deployment) -> Deployed:
        answer = self._push(order, "push-proxy", upgrade=True)
        return self._greeted(order, answer)

    def reconfigure(self, order: Deployment) -> Deployed:
        self._login(order)
        args = {"port": order.port, "account": order.username, "server": order.server}
        previous = self._run(order, "configure-proxy", args).get("previous") or {}
        try:
            return self._greeted(order, {})
        except DeployError:
            self._run(order, "configure-proxy", args | {"port": previous.get("port", order.port)})
            raise

    def remove(self, order: Deployment) -> None:
        self._login(order)
        timing.sleep(scheduler.random.uniform(0.2, 3))
        self._run(order, "remove-proxy", {"server": order.server})

    def version_of(self, host: str, port: int, *, domain: bool, certificate: str, server: str) -> str | None:
        del domain
        timing.sleep(scheduler.random.uniform(0.001, 0.02))
        return self._version(host, port, certificate, server)

    def _version(self, host: str, port: int, certificate: str, server: str) -> str | None:
        found = self._hosts[host.lower()]
        if found.power == "hung":
            timing.sleep(5.0)
        if found.answers_on != port:
            return None
        proxy = found.state["proxy"]
        trusted = proxy["domain"] or proxy["trust"] == public_part(certificate)
        return str(proxy["version"]) if proxy["owner"].lower() == server.lower() and trusted else None

    def trust(self, host: str, port: int, *, old: str, new: str, server: str) -> bool:
        if self._version(host, port, old, server) is None:
            return False
        self._hosts[host.lower()].state["proxy"]["trust"] = public_part(new)
        return True

    def check_ssh(self, host: str, settings: Mapping[str, Any]) -> Mapping[str, str]:
        found = self._hosts[host.lower()]
        timing.sleep(scheduler.random.uniform(0.05, 0.5))
        if found.power != "on":
            raise DeployError("unreachable", f"No SSH connection to {host}.")
        key = base64.b64decode(settings.get("privateKeyBase64") or "").decode()
        status = "Success" if found.accepts(str(settings.get("account")), key) else "Failed"
        return {"status": status, "fingerprint": FINGERPRINT, "publicBase64Key": HOST_KEY}

    def run(
        self, host: str, port: int, order: SessionOrder, *, domain: bool, certificate: str, server: str
    ) -> SessionResult:
        if self._version(host, port, certificate, server) is None:
            raise DeployError("offline", f"Backup proxy server {host} is offline")
        timing.sleep(scheduler.random.uniform(0.5, 60))
        if self._version(host, port, certificate, server) is None:
            raise DeployError("offline", f"Backup proxy server {host} is offline")
        return self._worker_of(host).run(order)

    def _push(self, order: Deployment, name: str, *, upgrade: bool) -> Mapping[str, Any]:
        """What was begun on a host goes on there, also if the server ends meanwhile."""
        self._login(order)
        self.busy += 1

        def install() -> Mapping[str, Any]:
            try:
                timing.sleep(scheduler.random.uniform(*self.seconds))
            finally:
                self.busy -= 1
            return self._run(order, name, args)

        args = {
            "port": order.port,
            "build": order.build,
            "server": order.server,
            "domain": order.domain,
            "account": order.username,
            "trust": public_part(order.certificate),
            "identity": "",
            "takeover": order.takeover,
            "keep": order.keep,
            "upgrade": upgrade,
        }
        installed: Mapping[str, Any] = elsewhere(LAB, f"install {order.host}", install, 3600.0)
        return installed

    def _login(self, order: Deployment) -> None:
        host = self._hosts[order.host.lower()]
        timing.sleep(5.0 if host.power == "hung" else 0.1)
        if host.power != "on":
            raise DeployError("unreachable", f"{order.host} does not answer")
        ssh = order.ssh or {}
        key = base64.b64decode(ssh.get("privateKeyBase64") or "").decode()
        given = (str(ssh.get("account")), key) if order.os == "linux" else (order.username, order.password)
        if not host.accepts(*given):
            raise DeployError("credentials", f"{order.host} does not accept the account")

    def _run(self, order: Deployment, name: str, args: Mapping[str, Any]) -> Mapping[str, Any]:
        host = self._hosts[order.host.lower()]
        if host.power != "on":
            raise DeployError("unreachable", f"{order.host} does not answer")
        answer = host.run(f"{name}.{'sh' if order.os == 'linux' else 'ps1'}", args, order.username)
        if not answer.get("ok"):
            raise DeployError(str(answer.get("code", "service")), str(answer.get("message", "no answer")))
        return dict(answer)

    def _greeted(self, order: Deployment, answer: Mapping[str, Any]) -> Deployed:
        version = self._version(order.host, order.port, order.certificate, order.server)
        if version is None:
            raise DeployError("port", f"Failed to connect to the proxy service on port {order.port} of {order.host}.")
        return Deployed(order.host, order.os, version)


HOST_KEY = "AAAAC3NzaC1lZDI1NTE5AAAAIDl1qvLLOdsh0qSQ7KqAo2OKvy0L6k2l6bq0h3m0o8xk"
FINGERPRINT = "SHA256:0000000000000000000000000000000000000000000"
