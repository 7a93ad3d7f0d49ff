"""A Windows host: WinRM in front of the machine model."""

from __future__ import annotations

import hashlib
import socket
import ssl
from collections.abc import Callable, Mapping
from threading import RLock
from typing import Any, ClassVar, Final

from reconciler.lab.hosts.accounts import WindowsAccounts
from reconciler.lab.hosts.host import Close, Host, Surroundings, Switch, one_of, whole
from reconciler.lab.hosts.link import public_part
from reconciler.lab.hosts.ntlm import HARDENING, RELAXED
from reconciler.lab.hosts.proxy_service import Installed
from reconciler.lab.hosts.windows import commands, machine
from reconciler.lab.hosts.windows.powershell import KNOWN, PowerShell
from reconciler.lab.hosts.windows.twins import READING, ScriptError, World
from reconciler.lab.hosts.wsman import TROUBLES, Command, Endpoint, Engine, User
from reconciler.lab.pki import Identity, write_private
from reconciler.lab.state import Document

_SECONDS: Final = 3.0
HTTP: Final = 5985
"""WinRM's other port, where logins seal the messages."""

_SMB: Final = 445
_OF_SERVER: Final = (4222, 5432, 9191)
"""NATS, PostgreSQL and the main service (facts, 3.4)."""

Management = Callable[[str, Mapping[str, Any]], Mapping[str, Any]]
"""`server/*.ps1` on the management server: (name, arguments) to what they print. Raises ValueError."""


class _Accounts(WindowsAccounts):
    """The accounts of a host; `lab set` can make it refuse every login."""

    def __init__(self, host: WindowsHost) -> None:
        super().__init__(host.name, host.state["accounts"])
        self._host = host

    def nt_hash(self, domain: str, user: str) -> bytes | None:
        return None if "wrong-password" in self._host.faults else super().nt_hash(domain, user)

    def mapped(self, certificate: bytes) -> User | None:
        return None if "wrong-password" in self._host.faults else super().mapped(certificate)


class _Front:
    """WinRM over TLS, made by `make` when it is first asked for."""

    def __init__(self, make: Callable[[], tuple[ssl.SSLContext, Endpoint]]) -> None:
        self._make = make
        self._making = RLock()
        self._made: tuple[ssl.SSLContext, Endpoint] | None = None

    def _get(self) -> tuple[ssl.SSLContext, Endpoint]:
        with self._making:
            self._made = self._made or self._make()
            return self._made

    @property
    def context(self) -> ssl.SSLContext:
        return self._get()[0]

    @property
    def endpoint(self) -> Endpoint:
        return self._get()[1]

    def serve(self, connection: socket.socket) -> None:
        self.endpoint.serve(connection)

    def trust(self, clients: list[str], pem: str) -> None:
        """Add a client certificate to those that the host knows."""
        with self._making:
            clients.append(pem)
            if self._made is not None:
                self._made[0].load_verify_locations(cadata=pem)


class WindowsHost(Host):
    """`management` makes it the machine of the management server, with the product's PowerShell module."""

    transport: ClassVar[str] = "winrm"
    port: ClassVar[int] = 5986

    def __init__(self, document: Document, around: Surroundings) -> None:
        super().__init__(document, around)
        self.accounts = _Accounts(self)
        self.management: Management | None = None
        self._clients: list[str] = []
        self._front = _Front(lambda: self._secured(Engine("", PowerShell(self.run, self._command)), ""))
        around.network.serve(self.name, self._ports)

    def _ports(self) -> set[int]:
        """What others connect to and the lab does not emulate: file sharing, and the server's own services."""
        ports = {_SMB, *(_OF_SERVER if self.management is not None else ())}
        return ports - set(self.faults.get("blocked", ())) if self.is_on else set()

    def _block(self, value: str) -> None:
        """The ports that a firewall is in the way of."""
        ports = [] if value == "none" else [whole("blocked", port) for port in value.split(",")]
        if unknown := sorted(set(ports) - {_SMB, *_OF_SERVER}):
            raise Switch(f"blocked is none, or ports of {_SMB}, {_OF_SERVER}: {unknown}")
        self.faults["blocked"] = ports
        if not ports:
            self.faults.pop("blocked")

    def trust_client(self, certificate: str, username: str) -> None:
        """Let the holder of a client certificate (PEM) log in as a local account. It may be signed by anybody, or by
        itself: mapping it is what makes it trusted, as on Windows."""
        pem = public_part(certificate)
        self.accounts.map_certificate(ssl.PEM_cert_to_DER_cert(pem), username)
        if pem not in self._clients:
            self._front.trust(self._clients, pem)

    @property
    def endpoint(self) -> Endpoint:
        """WinRM over TLS."""
        return self._front.endpoint

    def _identity(self, address: str) -> Identity:
        """The certificate that WinRM shows: for the name, and for the address, which is all that other clients know."""
        authority = self.around.authority
        fault = self.faults.get("certificate", "valid")
        if fault == "expired":
            return authority.expired(self.own_name)
        if fault == "other-name":
            return authority.host("another-name.invalid")
        return authority.host(self.own_name, [address])

    def _listen(self, listener: socket.socket) -> Close:
        """The certificate and its TLS are made for the first connection: most hosts of a large lab get none."""
        engine = Engine(machine.short_name(self.state).upper(), PowerShell(self.run, self._command))
        address = str(listener.getsockname()[0])
        self._front = front = _Front(lambda: self._secured(engine, address))
        sealed = Endpoint(engine, self.accounts, self.name, standing=self._trouble)
        listening = [
            self.around.acceptor.open(listener, front.serve, lambda: front.context),
            self.around.acceptor.open(self.around.network.listen(self.name, HTTP), sealed.serve),
        ]

        def close() -> None:
            engine.close()
            for item in listening:
                item.close()

        return close

    def _secured(self, engine: Engine, address: str) -> tuple[ssl.SSLContext, Endpoint]:
        identity = self._identity(address)
        context = self.around.authority.context(identity)
        context.load_verify_locations(self.around.authority.ca_file)
        for certificate in self._clients:
            context.load_verify_locations(cadata=certificate)
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        context.verify_mode = ssl.CERT_OPTIONAL
        digest = hashlib.sha256(identity.der).digest()
        hardening = self.faults.get("cbt-hardening", RELAXED)
        return context, Endpoint(engine, self.accounts, self.name, digest, standing=self._trouble, hardening=hardening)

    def _trouble(self, verb: str) -> str:
        """What the switch `winrm` wants to go wrong; with a number as often as it says."""
        with self.document.lock:
            name, _, left = str(self.faults.get("winrm", "")).partition(":")
            if not name or TROUBLES[name].verb != verb:
                return ""
            if left == "1":
                self.faults.pop("winrm")
            elif left:
                self.faults["winrm"] = f"{name}:{int(left) - 1}"
            self.document.save()
            return name

    def _set_winrm(self, value: str) -> None:
        name, colon, times = value.partition(":")
        if one_of("winrm", name, *TROUBLES, "fine") == "fine":
            self.faults.pop("winrm", None)
        elif colon and whole("winrm", times) < 1:
            raise Switch(f"winrm={name}:N lets N requests go wrong, and N is at least 1")
        else:
            self.faults["winrm"] = value

    def _command(self, command: Command) -> int:
        with self.document.lock:
            state = dict(self.state)
        return commands.run(state, command)

    def run(self, name: str, args: Mapping[str, Any], account: str) -> Any:
        """What a script prints, by its name. Raises ScriptError."""
        if name.startswith("server/") and name not in KNOWN:  # what takes the product's module
            return self._manage(name, args)
        network = self.around.network
        with self.document.lock:
            world = World(
                state=self.state,
                now=self.around.clock(),
                resolve=network.addresses,
                reverse=network.reverse,
                account=account,
                files=self.around.folder / f"{self.name}.files",
                connects=self.connects,
                reaches=lambda name, port: network.reaches(name, port, _SECONDS),
            )
            try:
                answer = KNOWN[name](world, args)
            except (KeyError, TypeError, ValueError) as error:
                raise ScriptError(f"{name} cannot work with its arguments: {error!r}") from error
            has_changed = name not in READING and self.document.save()
        if has_changed:
            self.settle()
        return answer

    def _manage(self, name: str, args: Mapping[str, Any]) -> Any:
        if self.management is None:
            raise ScriptError(
                "The specified module 'Veeam.Archiver.PowerShell' was not loaded because no valid module file was "
                "found in any module directory."
            )
        try:
            return self.management(name, args)
        except ValueError as error:
            raise ScriptError(str(error)) from error

    def installed(self) -> Installed | None:
        with self.document.lock:
            proxy = self.state["proxy"]
            if not proxy or not proxy["owner"]:
                return None
            pem = str(proxy["identity"])
            label = hashlib.sha256(pem.encode()).hexdigest()[:16]
            identity = self.around.folder / f"{self.name}.{label}.pem"
            if not identity.exists():
                write_private(identity, pem.encode())
            return Installed(
                version=proxy["version"],
                owner=proxy["owner"],
                port=proxy["port"],
                domain=proxy["domain"],
                account=proxy["account"],
                trust=proxy["trust"],
                identity=identity,
            )

    def is_running(self) -> bool:
        return machine.is_running(self.state)

    def lets_in(self, port: int) -> bool:
        return machine.lets_in(self.state, port)

    def _keep_trust(self, certificate: str) -> None:
        with self.document.lock:
            if self.state["proxy"]:
                self.state["proxy"]["trust"] = certificate
                self.document.save()

    def switches(self) -> Mapping[str, Callable[[str], None]]:
        state = self.state
        return {
            **super().switches(),
            "certificate": lambda value: self._fault("certificate", value, "expired", "other-name", "valid"),
            "cbt-hardening": lambda value: self._fault("cbt-hardening", value, *reversed(HARDENING)),
            "winrm": self._set_winrm,
            "remote-registry": lambda value: self._set_service(state["remote_registry"], "remote-registry", value),
            "dotnet": self._set_dotnet,
            "firewall": self._set_firewall,
            "admin-share": lambda value: state.update(
                {"admin_share": one_of("admin-share", value, "on", "off") == "on"}
            ),
            "clock": lambda value: state.update({"clock": whole("clock", value)}),
            "free-gb": lambda value: state.update({"free_gb": whole("free-gb", value)}),
            "reboot": lambda value: state.update(
                {"reboot": ["windows-update"] if one_of("reboot", value, "pending", "none") == "pending" else []}
            ),
            "blocked": self._block,
            "admin": lambda value: self._fault("admin", value, "no", "yes"),
            "domain": lambda value: state.update({"domain": "" if value == "none" else value.lower()}),
            "broken-build": lambda value: state.update({"bad_build": "" if value == "none" else value}),
            "owner": lambda value: self._proxy(owner=value),
            "version": lambda value: self._proxy(version=value),
            "service": lambda value: self._proxy(state=one_of("service", value, "running", "stopped")),
        }

    def _set_service(self, service: dict[str, str], key: str, value: str) -> None:
        running = one_of(key, value, "running", "stopped") == "running"
        service |= {"start": "automatic" if running else "manual", "state": value}

    def _set_dotnet(self, value: str) -> None:
        present = one_of("dotnet", value, "present", "missing") == "present"
        versions = ["8.0.11"] if present else []
        self.state["dotnet"] |= {"framework": 528449 if present else 0, "runtime": versions, "aspnet": list(versions)}

    def _set_firewall(self, value: str) -> None:
        """`open` and `closed` are about the port of the proxy; `off` switches the firewall off."""
        firewall, proxy = self.state["firewall"], self.state["proxy"]
        firewall["on"] = one_of("firewall", value, "open", "closed", "off") != "off"
        firewall["ports"] = [proxy["port"] if proxy else 9193] if value == "open" else []

    def _proxy(self, **changes: str) -> None:
        """Change the proxy service; if none is installed, one of another server appears."""
        if not self.state["proxy"]:
            if "owner" not in changes:
                raise Switch(f"no proxy service is installed on {self.name}")
            self.install(version="8.0.0.1", owner=changes["owner"], domain=False, account="")
        self.state["proxy"] |= changes

    def install(self, *, version: str, owner: str, domain: bool, account: str, port: int = 9193) -> None:
        """Put a running proxy service on the host, as if it had always been there."""
        identity = self.around.authority.host(self.name)
        self.state["proxy"] = {
            "version": version,
            "owner": owner,
            "port": port,
            "domain": domain,
            "account": account,
            "trust": identity.cert_pem.decode(),
            "identity": (identity.cert_pem + identity.key_pem).decode(),
            "start": "automatic",
            "state": "running",
        }

    def describe(self) -> dict[str, Any]:
        return {
            **self._summary(),
            "domain": self.state["domain"],
            "remote_registry": self.state["remote_registry"]["state"],
            "firewall": _shown(self.state["firewall"]),
        }


def _shown(firewall: Mapping[str, Any]) -> str:
    return f"open: {', '.join(map(str, firewall['ports'])) or 'nothing'}" if firewall["on"] else "off"
