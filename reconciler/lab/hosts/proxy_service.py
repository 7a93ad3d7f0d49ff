"""The proxy service of a host: listens on its port, belongs to one server, runs sessions and mails their results."""

from __future__ import annotations

import contextlib
import logging
import socket
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from typing import Any, Final

from reconciler.lab.hosts import link
from reconciler.lab.hosts.acceptor import Acceptor, Listening
from reconciler.lab.hosts.sessions import Worker
from reconciler.lab.network import Network

log = logging.getLogger(__name__)
_SILENCE: Final = 60.0


@dataclass(frozen=True, slots=True)
class Installed:
    """The service as it is configured on a host.

    `owner` is the server it belongs to. In a workgroup `trust` is the certificate (PEM) of that server; in a domain
    `account` is the account that the server logs in with. `identity` is the file with the service's own certificate
    and key.
    """

    version: str
    owner: str
    port: int
    domain: bool
    account: str
    trust: str
    identity: Path


Keep = Callable[[str], None]
"""Writes a new server certificate (PEM) into the configuration on the host."""


class ProxyService:
    """The running service of one host. `settle` brings it in line with its configuration."""

    def __init__(
        self, host: str, network: Network, acceptor: Acceptor, domain: link.Domain, worker: Worker, keep: Keep
    ) -> None:
        self._host = host
        self._network = network
        self._acceptor = acceptor
        self._domain = domain
        self._worker = worker
        self._keep = keep
        self._lock = Lock()
        self._installed: Installed | None = None
        self._context: ssl.SSLContext | None = None
        self._listening: Listening | None = None
        self._answers: int | None = None

    @property
    def port(self) -> int:
        """The port that it listens on; 0 if it does not listen or no longer answers."""
        running = self._installed is not None and self._listening is not None and self._answers != 0
        return self._installed.port if self._installed is not None and running else 0

    def settle(self, installed: Installed | None, *, answers: int | None = None) -> None:
        """Run as configured; None means that the service is not to be reached (stopped, or behind a firewall). With
        `answers` it breaks after it has answered so often."""
        with self._lock:
            if installed == self._installed and (self._answers is None) == (answers is None):
                return
            self._answers = answers
            before, listening = self._installed, self._listening
            if listening is not None and (installed is None or before is None or installed.port != before.port):
                self._listening = None
                listening.close()
            self._installed = installed
            if installed is None:
                return
            try:
                self._context = _context(installed)
                if self._listening is None:
                    listener = self._network.listen(self._host, installed.port)
                    self._listening = self._acceptor.open(listener, self._serve, self._tls)
            except (OSError, ValueError) as error:
                # As a service with a broken configuration would: it does not come up, and its log says why.
                log.warning("the proxy service of %s did not start: %s", self._host, error)
                self._installed = None
                if self._listening is not None:
                    self._listening.close()
                    self._listening = None

    def close(self) -> None:
        self.settle(None)

    def _tls(self) -> ssl.SSLContext:
        if self._context is None:
            raise OSError("the service is stopping")
        return self._context

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(_SILENCE)
        installed = self._installed
        if installed is None:
            return
        line = link.Line(connection)
        with contextlib.closing(line):
            hello = line.hear()
            if hello is None:
                return
            refusal = self._refusal(installed, hello)
            if refusal:
                line.send({"error": refusal})
                return
            if not self._may_answer():
                return
            line.send({"version": installed.version, "owner": installed.owner, "host": self._host})
            while (message := line.hear()) is not None:
                line.send(self._answer(message))

    def _may_answer(self) -> bool:
        with self._lock:
            if self._answers is None:
                return True
            left, self._answers = self._answers, max(0, self._answers - 1)
            return left > 0

    def _refusal(self, installed: Installed, hello: Mapping[str, Any]) -> str:
        if str(hello.get("server", "")).lower() != installed.owner.lower():
            return f"This backup proxy server belongs to {installed.owner}."
        if not installed.domain:
            return ""  # TLS has asked for the certificate of the server already
        account = str(hello.get("account", ""))
        known = account.lower() == installed.account.lower()
        if not known or not self._domain.vouches(str(hello.get("ticket", "")), account, self._host):
            return f"The account {account} is not accepted."
        return ""

    def _answer(self, message: Mapping[str, Any]) -> dict[str, Any]:
        try:
            if "run" in message:
                result = self._worker.run(link.order_from_json(message["run"]))
                return {"result": link.result_to_json(result)}
            if "trust" in message:
                self._trust(link.public_part(str(message["trust"])))
                return {"trusted": True}
        except (TypeError, ValueError, KeyError) as error:
            return {"error": f"not understood: {error}"}
        return {"error": "not understood"}

    def _trust(self, certificate: str) -> None:
        """From the next connection on, the holder of this certificate is the server."""
        with self._lock:
            if self._installed is not None:
                installed = replace(self._installed, trust=certificate)
                self._context = _context(installed)
                self._installed = installed
        self._keep(certificate)


def _context(installed: Installed) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.num_tickets = 0
    context.load_cert_chain(installed.identity)
    return context if installed.domain else link.trusting(context, installed.trust)
