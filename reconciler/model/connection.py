"""How the management server and the hosts are reached. Plain data: safe to show, with references instead of secrets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol, TypeVar

from reconciler.model.login_gate import LoginGate
from reconciler.model.secret import Secret, SecretRef, SecretResolver

T = TypeVar("T")


class Transport(StrEnum):
    SSH = "ssh"
    WINRM = "winrm"


@dataclass(frozen=True, slots=True)
class Credential:
    """One entry of `credentials`. `auth` is how WinRM logs in: ntlm, kerberos or certificate (SSH ignores it).

    `sudo` means that scripts on Linux are run through sudo, with `password` where sudo wants one; `su` that they are
    run through su, with `root_password`. `keytab` is a path
    relative to the folder of the inventory, for Kerberos without a password; with neither, Kerberos uses the tickets
    that the operator has. SSH only: `agent` offers the keys of the operator's SSH agent; `certificate_file` (relative
    to the inventory) is the OpenSSH certificate of `private_key`. `resolve` is `here`, or `worker` where the workers of
    a cluster resolve the references themselves.
    """

    name: str
    username: str
    password: SecretRef | None = None
    private_key: SecretRef | None = None
    passphrase: SecretRef | None = None
    sudo: bool = False
    su: bool = False
    root_password: SecretRef | None = None
    auth: str = "ntlm"
    keytab: str = ""
    agent: bool = False
    certificate_file: str = ""
    resolve: str = "here"

    @property
    def elevates(self) -> bool:
        """Whether the account becomes root on Linux."""
        return self.sudo or self.su

    @property
    def secrets(self) -> Mapping[str, SecretRef]:
        """The references to secrets, by their key in the inventory."""
        found = {
            "password": self.password,
            "private_key": self.private_key,
            "passphrase": self.passphrase,
            "root_password": self.root_password,
        }
        return {name: reference for name, reference in found.items() if reference is not None}


@dataclass(frozen=True, slots=True)
class Certificate:
    """One entry of `certificates`: either a PFX with its passphrase, or a PEM certificate with its key.

    `pfx` and `cert` are paths relative to the folder of the inventory.
    """

    name: str
    pfx: str = ""
    passphrase: SecretRef | None = None
    cert: str = ""
    key: SecretRef | None = None

    @property
    def secrets(self) -> Mapping[str, SecretRef]:
        """The references to secrets, by their key in the inventory."""
        found = {"passphrase": self.passphrase, "key": self.key}
        return {name: reference for name, reference in found.items() if reference is not None}


@dataclass(frozen=True, slots=True)
class Trust:
    """Whom we believe. TLS: `ca_file` (PEM, relative to the inventory) or `fingerprint` (`sha256:HEX` of the
    certificate), neither means the system's store. SSH: `host_keys` (`ssh-ed25519 AAAA…`, or `@cert-authority`
    before the key of an authority for host certificates) or `known_hosts` files.
    No value disables verification.
    """

    ca_file: str = ""
    fingerprint: str = ""
    host_keys: tuple[str, ...] = ()
    known_hosts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Seconds: to connect and log in, for one script or request, for the long ones (installing a proxy), and for which
    a wait outlasts an outage of the management server."""

    connect: float = 10.0
    call: float = 60.0
    long: float = 1800.0
    outage: float = 600.0


@dataclass(frozen=True, slots=True)
class Connection:
    """One host. `host` is its name for the server and for messages; `address` is where packets go, by default `host`.
    `verified_name` is what its certificate, service principal and host key must match, by default `host`.

    `port` 0 stands for the default (22, 5986, 5985). `name` is the name in the inventory, for messages. `listener` is
    WinRM's: `https`, or `http` where NTLM or Kerberos encrypt every message themselves. `jump` is the host to go
    through (SSH only), which may have one itself. `site` is where the workers of a cluster are near it.
    """

    name: str
    host: str
    transport: Transport
    credential: Credential | None = None
    certificate: Certificate | None = None
    address: str = ""
    port: int = 0
    trust: Trust = field(default_factory=Trust)
    deadlines: Deadlines = field(default_factory=Deadlines)
    listener: str = "https"
    jump: Connection | None = None
    verified_name: str = ""
    site: str = ""

    @property
    def identity(self) -> str:
        """The name that the host proves."""
        return self.verified_name or self.host

    @property
    def peer(self) -> str:
        """Name for messages: the inventory's name and the host where they differ."""
        return self.name if self.name == self.host else f"{self.name} ({self.host})"

    @property
    def target(self) -> tuple[str, int]:
        """Address and port to connect to."""
        winrm = 5985 if self.listener == "http" else 5986
        default = 22 if self.transport is Transport.SSH else winrm
        return (self.address or self.host, self.port or default)


@dataclass(frozen=True, slots=True)
class Server:
    """The management server: its REST API, and PowerShell over WinRM for what REST cannot do.

    `host` is its own machine, which proxies and PowerShell know; `rest_host` is the machine of the REST service if that
    is another one. `address` and `trust` are of the REST API. `rest` is `auto`, or a version to insist on: `v5`, `v6`,
    `v7`, `v8`.
    """

    host: str
    credential: Credential
    rest_host: str = ""
    port: int = 4443
    address: str = ""
    rest: str = "auto"
    trust: Trust = field(default_factory=Trust)
    deadlines: Deadlines = field(default_factory=Deadlines)
    powershell: Connection | None = None
    certificate: Certificate | None = None

    @property
    def rest_name(self) -> str:
        """Name of the machine of the REST API, which its certificate must match."""
        return self.rest_host or self.host

    @property
    def target(self) -> tuple[str, int]:
        """Address and port of the REST API to connect to."""
        return (self.address or self.rest_name, self.port)


@dataclass(frozen=True, slots=True)
class Package:
    """The installation package of a proxy: `source` is a path relative to the inventory or an https address, `sha256`
    its digest in lower case. `ca_file` is the authority of the web server, `properties` are for the Windows installer.
    """

    source: str
    sha256: str
    ca_file: str = ""
    properties: Mapping[str, str] = field(default_factory=dict)


class HostWorkers(Protocol):
    """Workers of a cluster, which visit hosts in place of this process."""

    @property
    def width(self) -> int:
        """How many workers there are."""
        ...

    def takes(self, connection: Connection) -> bool:
        """Whether a worker can reach the host with nothing but what the inventory has."""
        ...

    def visit(
        self,
        function: Callable[[Connection, ConnectionContext, Any], Any],
        connection: Connection,
        context: ConnectionContext,
        question: Any,
    ) -> Any:
        """What `function` of a module returns on a worker. It must be safe to repeat: a worker may die. Raises what it
        raises, of RemoteError and SecretError."""
        ...

    def session(self, connection: Connection, context: ConnectionContext) -> AbstractContextManager[Any]:
        """A `clients.host_session.HostSession` for steps. A worker makes each of its calls at most once: one that ends
        meanwhile is a lost connection."""
        ...


DirectHosts = Callable[[Connection, "ConnectionContext"], AbstractContextManager[Any] | None]
"""What the context manager returns runs scripts, as `clients.host_session.ScriptRunner`. Raises SecretError."""


def none_direct(_connection: Connection, _context: ConnectionContext) -> None:
    """Every host is reached over the network."""


@dataclass(frozen=True, slots=True)
class ConnectionContext:
    """What connections of an inventory need beside their settings: its secrets, the folder `root` that its relative
    paths start from, and what is known of its logins. `workers` visit hosts in place of this process, if there are
    any. `direct` has a session for reading from a host of this process, None for every other host.
    """

    resolver: SecretResolver
    root: str
    logins: LoginGate = field(default_factory=LoginGate, compare=False)
    workers: HostWorkers | None = field(default=None, compare=False)
    direct: DirectHosts = field(default=none_direct, compare=False)

    @property
    def width(self) -> int:
        """How many machines reach hosts."""
        return self.workers.width if self.workers is not None else 1

    def ask(
        self, function: Callable[[Connection, ConnectionContext, Any], T], connection: Connection, question: Any
    ) -> T:
        """What `function` of a module returns, through a worker if there are any. It only reads. `question` is plain
        data, apart from its `clock`. Raises what `function` raises."""
        workers = self.workers_for(connection)
        if workers is None:
            return function(connection, self, question)
        found: T = workers.visit(function, connection, self, question)
        return found

    def workers_for(self, connection: Connection) -> HostWorkers | None:
        """The workers, if there are any and they can reach the host."""
        return self.workers if self.workers is not None and self.workers.takes(connection) else None

    def secret(self, reference: SecretRef) -> Secret:
        """The value. Raises SecretError."""
        return self.resolver.resolve(reference)

    def reveal(self, reference: SecretRef | None) -> str | None:
        """The clear text, None without a reference. Raises SecretError."""
        return None if reference is None else self.secret(reference).reveal()

    def file(self, name: str) -> Path:
        return Path(self.root, name)


@dataclass(frozen=True, slots=True)
class VaultLogin:
    """How to log in to Vault: with a `token`, as an application (`approle`: `role` and `secret` are role id and secret
    id), or with a JSON Web Token of a CI system: `jwt` brings it as `secret`, `github` asks GitHub Actions for one that
    is made out to `audience`. `mount` is where the method is enabled.
    """

    method: str
    mount: str = ""
    role: str | SecretRef = ""
    secret: SecretRef | None = None
    audience: str = ""


@dataclass(frozen=True, slots=True)
class Vault:
    """The server of `secret://vault/…`. What is not said is taken from the environment, as Vault's own client does."""

    address: str = ""
    namespace: str = ""
    trust: Trust = field(default_factory=Trust)
    login: VaultLogin | None = None


@dataclass(frozen=True, slots=True)
class Access:
    """Everything needed to reach the server and the hosts. `connections` holds one entry for each proxy that the
    reconciler itself can reach, by the name of the proxy. `root` is the folder that relative paths start from
    (absolute, never shown). `commands` are the programs, with arguments, that `secret://exec/NAME` runs. `packages`
    holds what is installed on the hosts of proxies with `install: package`, by the name of the proxy. `vault` is where
    `secret://vault/…` is found.
    """

    server: Server
    connections: Mapping[str, Connection]
    credentials: Mapping[str, Credential]
    certificates: Mapping[str, Certificate]
    root: str
    commands: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    packages: Mapping[str, Package] = field(default_factory=dict)
    vault: Vault = field(default_factory=Vault)
