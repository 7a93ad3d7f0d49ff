"""What the lab's management server asks of the lab's hosts. The server half codes to this, the host half answers it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol


class DeployError(Exception):
    """The server could not do something to a host. `code` is one of: unreachable, credentials, sudo, dotnet,
    remote-registry, admin-share, port, owned, ssh-key, offline, busy, service; the message is the server's sentence."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Deployment:
    """What POST /Proxies asks for. `ssh` is RESTSshSettingsFromClient for Linux; `takeover` is attachUsedProxy; with
    `keep` a service that is taken over keeps its build."""

    host: str
    os: str
    domain: bool
    port: int
    build: str
    server: str
    certificate: str
    username: str = ""
    password: str = ""
    ssh: Mapping[str, Any] | None = None
    takeover: bool = False
    keep: bool = False


@dataclass(frozen=True, slots=True)
class Deployed:
    fqdn: str
    os: str
    version: str


@dataclass(frozen=True, slots=True)
class MailSettings:
    """Mail settings that a proxy gets before it runs a session. `notify` holds success, warning, failure."""

    server: str
    port: int
    security: str
    username: str
    password: str
    sender: str
    recipients: Sequence[str]
    subject: str
    notify: Sequence[str]


@dataclass(frozen=True, slots=True)
class SessionOrder:
    """One job session for a proxy to run. `objects` is how many objects there are to process."""

    session: str
    job: str
    organization: str
    objects: int
    full: bool
    mail: MailSettings | None = None
    trouble: str = ""
    """Empty, or the result that `lab set` asks for: warning or failure."""


@dataclass(frozen=True, slots=True)
class SessionResult:
    """`status` is Success, Warning or Failed; `log` holds (type, message) pairs as in LogItems."""

    status: str
    processed: int
    log: Sequence[tuple[str, str]] = field(default_factory=tuple)


class Fleet(Protocol):
    """The hosts, as the management server meets them. Every call goes over the lab's wires and may take its time."""

    def deploy(self, order: Deployment) -> Deployed:
        """Push the proxy service over WinRM or SSH and start it. Raises DeployError."""
        ...

    def reconfigure(self, order: Deployment) -> Deployed:
        """Change port or credentials of a deployed proxy (the console's Edit). Raises DeployError."""
        ...

    def remove(self, order: Deployment) -> None:
        """Uninstall the proxy service. Raises DeployError; then the service stays on the host."""
        ...

    def upgrade(self, order: Deployment) -> Deployed:
        """Bring the service to `order.build`. Raises DeployError."""
        ...

    def version_of(self, host: str, port: int, *, domain: bool, certificate: str, server: str) -> str | None:
        """Build of the proxy service that answers on its port and accepts this server; None when it does not."""
        ...

    def trust(self, host: str, port: int, *, old: str, new: str, server: str) -> bool:
        """Hand the new server certificate to a workgroup proxy that trusts the old one. False when it is offline."""
        ...

    def check_ssh(self, host: str, settings: Mapping[str, Any]) -> Mapping[str, str]:
        """`{status, fingerprint, publicBase64Key}` as CheckSshConnectionConfig answers it."""
        ...

    def run(
        self, host: str, port: int, order: SessionOrder, *, domain: bool, certificate: str, server: str
    ) -> SessionResult:
        """Let the proxy run a session and mail its result. Raises DeployError('offline', …)."""
        ...
