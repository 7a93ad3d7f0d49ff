"""The proxy service that is installed on real hosts: its own program, which systemd starts.

What it does on its line and with sessions is what the lab's proxies do, and the same code; here it has a process,
its own socket and the names that the host resolves. Its archive holds nothing but the standard library's friends.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import ssl
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from reconciler.clients.smtp import Relay, send
from reconciler.lab.hosts import link
from reconciler.lab.hosts.acceptor import Acceptor
from reconciler.lab.hosts.proxy_service import Installed, ProxyService
from reconciler.lab.hosts.sessions import Worker
from reconciler.lab.network import Network

PROGRAM = Path("/opt/veeamvboproxy")
CONFIG = Path("/etc/veeam/backup365/proxy.ini")
TRUST = Path("/etc/veeam/certs/server.pem")
IDENTITY = Path("/etc/veeam/certs/proxy.pem")
AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"


class HostNetwork(Network):
    """The network as the host itself has it."""

    def listen(self, name: str, port: int) -> socket.socket:
        return socket.create_server(("", port))

    def connect(self, name: str, port: int, deadline: float) -> socket.socket:
        return socket.create_connection((name, port), timeout=deadline)


def installed() -> Installed:
    """The service as it is configured. Raises OSError and KeyError where it is not."""
    pairs = (line.partition("=") for line in CONFIG.read_text(encoding="utf-8").splitlines())
    config = {key: value for key, _, value in pairs}
    return Installed(
        version=(PROGRAM / "version").read_text(encoding="ascii").strip(),
        owner=config["owner"],
        port=int(config["port"]),
        domain=False,
        account="",
        trust=TRUST.read_text(encoding="ascii"),
        identity=IDENTITY,
    )


def mail(name: str, relay: Relay, sender: str, recipients: Sequence[str], message: bytes) -> Mapping[str, str]:
    """Hand in a mail to a server that one of the host's authorities vouches for."""

    def trusting() -> ssl.SSLContext:
        return ssl.create_default_context(cafile=AUTHORITIES)

    return send(relay, sender, recipients, message, connect=HostNetwork(name).connect, tls=trusting, name=name)


def tell_systemd(text: str) -> None:
    """sd_notify(3)."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.connect(os.environ["NOTIFY_SOCKET"])
        line.send(text.encode())


def keep_trust(certificate: str) -> None:
    TRUST.write_text(certificate, encoding="ascii")


def main() -> int:
    logging.basicConfig(format="%(message)s")
    name = socket.getfqdn()
    worker = Worker(name, lambda: datetime.now(UTC), time.sleep, mail)
    with Acceptor() as acceptor:
        service = ProxyService(name, HostNetwork(name), acceptor, link.Domain(b""), worker, keep_trust)
        if CONFIG.exists():  # else no server has claimed it yet, and it starts anew when one has
            service.settle(installed())
            if not service.port:
                return 1
        signals = {signal.SIGTERM, signal.SIGINT}
        signal.pthread_sigmask(signal.SIG_BLOCK, signals)
        tell_systemd("READY=1")
        signal.sigwait(signals)
        service.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
