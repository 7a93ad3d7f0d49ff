"""The management server's end of the line to its proxies."""

from __future__ import annotations

import contextlib
import socket
import ssl
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from reconciler.lab.hosts import link
from reconciler.lab.network import Network

_SECONDS: Final = 5.0
_LONG: Final = 60.0


@dataclass(frozen=True, slots=True)
class Open:
    """A line that the proxy has accepted. `version` is its build."""

    line: link.Line
    version: str

    def ask(self, **message: Any) -> dict[str, Any]:
        return self.line.ask(message)


class Dialler:
    """`trust` gives a TLS context that believes the lab's authority, which has signed what proxies present."""

    def __init__(self, network: Network, domain: link.Domain, trust: Callable[[], ssl.SSLContext]) -> None:
        self._network = network
        self._domain = domain
        self._trust = trust
        self._contexts: dict[str, ssl.SSLContext] = {}

    @contextmanager
    def line(self, host: str, port: int, *, server: str, certificate: str = "", account: str = "") -> Iterator[Open]:
        """An open line to a proxy that accepts this server: by its certificate (PEM with key) in a workgroup, else by
        `account`. Raises OSError (also LinkError, and SSLError where one end does not trust the other)."""
        context = self._context("" if account else certificate)
        plain = self._network.connect(host, port, _SECONDS)
        with contextlib.closing(plain), _wrapped(context, plain, host) as connection:
            line = link.Line(connection)
            with contextlib.closing(line):
                hello = {"server": server}
                if account:
                    hello |= {"account": account, "ticket": self._domain.ticket(account, host)}
                answer = line.ask(hello)
                connection.settimeout(_LONG)
                yield Open(line, str(answer.get("version", "")))

    def _context(self, certificate: str) -> ssl.SSLContext:
        if certificate not in self._contexts:
            context = self._trust()
            if certificate:
                _present(context, certificate)
            self._contexts[certificate] = context
        return self._contexts[certificate]


def _wrapped(context: ssl.SSLContext, plain: socket.socket, host: str) -> ssl.SSLSocket:
    """Raises OSError. Of a host that died since it answered, `wrap_socket` may lose the socket without closing it."""
    plain.getpeername()
    return context.wrap_socket(plain, server_hostname=host)


def _present(context: ssl.SSLContext, certificate: str) -> None:
    """Let the context present a certificate. `ssl` reads keys from files only: this one is gone at once."""
    with tempfile.TemporaryDirectory(prefix="vbo-lab-") as folder:
        file = Path(folder, "server.pem")
        file.touch(mode=0o600)
        file.write_text(certificate, encoding="ascii")
        context.load_cert_chain(file)
