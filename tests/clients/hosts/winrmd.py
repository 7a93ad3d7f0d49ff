"""A WinRM listener for the tests: the lab's WS-Management over TLS, with a program that a test brings."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes

from reconciler.lab.hosts import ntlm
from reconciler.lab.hosts.acceptor import Acceptor
from reconciler.lab.hosts.windows.powershell import read_order
from reconciler.lab.hosts.wsman import Accept, Command, Endpoint, Engine, Limits, User
from reconciler.lab.pki import Authority, Identity
from reconciler.model.connection import Connection, Credential, Deadlines, Transport, Trust
from reconciler.model.secret import SecretRef

NAME = "px-1.example.net"


@dataclass
class Accounts:
    """`passwords` by user; `certificates` (DER) to the user they are mapped to; `ordinary` users may not use shells.
    With `by_realm` users are called user@REALM."""

    passwords: dict[str, str] = field(default_factory=lambda: {"svc": "Secret1!"})
    certificates: dict[bytes, str] = field(default_factory=dict)
    ordinary: set[str] = field(default_factory=set)
    by_realm: bool = False

    def nt_hash(self, domain: str, user: str) -> bytes | None:
        password = self.passwords.get(user)
        return None if password is None else ntlm.nt_hash(password)

    def user(self, domain: str, user: str) -> User:
        return User(f"{user}@{domain}" if self.by_realm else user, admin=user not in self.ordinary)

    def mapped(self, certificate: bytes) -> User | None:
        name = self.certificates.get(certificate)
        return None if name is None else User(name)


@dataclass
class Winrmd:
    """`lines` are the command lines that ran, `orders` what came on their standard input."""

    authority: Authority
    identity: Identity
    accounts: Accounts
    endpoint: Endpoint
    engine: Engine
    lines: list[str]
    orders: list[dict[str, Any]]
    port: int = 0
    sockets: list[socket.socket] = field(default_factory=list)

    def hang_up(self) -> None:
        """Close the connections, as Windows does with idle ones."""
        for item in self.sockets:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(item, socket.SHUT_RDWR)

    def connection(self, **changes: Any) -> Connection:
        settings: dict[str, Any] = {
            "name": "px-1",
            "host": NAME,
            "transport": Transport.WINRM,
            "credential": Credential("admin", "svc", password=SecretRef("test", "Secret1!")),
            "address": "127.0.0.1",
            "port": self.port,
            "trust": Trust(ca_file=str(self.authority.ca_file)),
            "deadlines": Deadlines(connect=10, call=20),
            "listener": "https" if self.endpoint.certificate_hash else "http",
        }
        return Connection(**{**settings, **changes})


class Breaking(Endpoint):
    """Goes wrong once, `after` so many bytes of all answers: `close`, `reset`, `silent`, or `flood` without end."""

    after = -1
    how = "close"
    sent = 0

    def send(self, connection: socket.socket, data: bytes) -> None:
        left = self.after - self.sent
        self.sent += len(data)
        if not 0 <= left < len(data):
            connection.sendall(data)
            return
        connection.sendall(data[:left])
        if self.how == "flood":
            while True:
                connection.sendall(b"x" * 65536)
        if self.how == "silent":
            connection.recv(1)
        if self.how == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise OSError("broken on request")


@contextlib.contextmanager
def running(
    folder: Path,
    program: Callable[[Command], int],
    *,
    identity: Callable[[Authority], Identity] = lambda authority: authority.host(NAME),
    wants_certificate: bool = False,
    shells: int = 30,
    tls: bool = True,
    accept: Accept | None = None,
    by_realm: bool = False,
    kind: type[Endpoint] = Endpoint,
) -> Iterator[Winrmd]:
    authority = Authority(folder)
    shown = identity(authority)
    lines: list[str] = []
    orders: list[dict[str, Any]] = []

    def record(command: Command) -> int:
        lines.append(command.text)
        data = command.read_all()
        if data:
            orders.append(dict(read_order(data)))
        return program(command)

    engine = Engine("PX-1", record, Limits(shells=shells))
    accounts = Accounts(by_realm=by_realm)
    digest = shown.certificate.fingerprint(hashes.SHA256())
    endpoint = kind(engine, accounts, "PX-1", certificate_hash=digest if tls else b"", accept=accept)
    context = authority.context(shown)
    if wants_certificate:
        context.verify_mode = ssl.CERT_OPTIONAL
        context.load_verify_locations(authority.ca_file)
    sockets: list[socket.socket] = []

    def serve(connection: socket.socket) -> None:
        sockets.append(connection)
        endpoint.serve(connection)

    with Acceptor() as acceptor, socket.create_server(("127.0.0.1", 0)) as listener:
        listening = acceptor.open(listener, serve, (lambda: context) if tls else None)
        port = listener.getsockname()[1]
        try:
            yield Winrmd(authority, shown, accounts, endpoint, engine, lines, orders, port, sockets)
        finally:
            engine.close()
            listening.close()
