"""A name with two addresses, one of which drops whatever comes: each client of HTTP and TLS reaches the other."""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from reconciler.clients import sockets
from reconciler.clients.dns_and_tls import server_certificate_end
from reconciler.clients.http import tls
from reconciler.clients.http.download import fetch
from reconciler.clients.http.webhook import post
from reconciler.clients.vbo import connect
from reconciler.model.connection import ConnectionContext, Credential, Deadlines, Package, Server, Trust
from reconciler.model.secret import Secret, SecretRef
from tests.clients.vbo.tls import NAME, Made, make, reply, send, serving

DATA = b"a package"


class Given:
    def resolve(self, reference: SecretRef) -> Secret:
        return Secret("given")


@dataclass(frozen=True)
class Two:
    """A server at the second address of NAME."""

    port: int
    folder: Path
    made: Made

    def server(self, trust: Trust) -> Server:
        login = Credential("admin", "svc", password=SecretRef("given", "password"))
        return Server(NAME, login, port=self.port, trust=trust, deadlines=Deadlines(connect=60.0))

    def talk(self, trust: Trust) -> str | None:
        with connect(self.server(trust), ConnectionContext(Given(), str(self.folder))) as session:
            return session.build


def speak(peer: socket.socket, request: bytes) -> None:
    if request.startswith(b"GET /p.msi"):
        send(peer, 200, DATA)
    elif request.startswith(b"POST /hook"):
        send(peer, 200, b"")
    else:
        reply(peer, request)


@pytest.fixture
def two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Two]:
    made = make(tmp_path, "server")
    monkeypatch.setattr(sockets, "_STAGGER", 0.01)
    for variable in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(variable, raising=False)
    real = socket.getaddrinfo
    with ExitStack() as stack:
        port = stack.enter_context(serving(made, speak)).port
        full = stack.enter_context(socket.create_server(("127.0.0.2", port)))
        full.listen(0)
        for _ in range(8):  # the queue is full: what follows is dropped
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        both = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (at, port)) for at in ("127.0.0.2", "127.0.0.1")]
        monkeypatch.setattr(
            socket, "getaddrinfo", lambda host, *rest, **more: both if host == NAME else real(host, *rest, **more)
        )
        yield Two(port, tmp_path, made)


def download(two: Two) -> bytes:
    package = Package(f"https://{NAME}:{two.port}/p.msi", hashlib.sha256(DATA).hexdigest(), ca_file="server.pem")
    return fetch(package, str(two.folder), deadline=60, folder=two.folder / "kept").read_bytes()


CLIENTS: dict[str, tuple[Callable[[Two], object], object]] = {
    "REST": (lambda two: two.talk(Trust(ca_file="server.pem")), "8.5.0.1014"),
    "REST with a pin": (lambda two: two.talk(Trust(fingerprint=two.made.pin)), "8.5.0.1014"),
    "download": (download, DATA),
    "end of the certificate": (
        lambda two: (
            server_certificate_end(two.server(Trust(ca_file="server.pem")), str(two.folder))
            == two.made.certificate.not_valid_after_utc
        ),
        True,
    ),
    "certificate": (lambda two: f"sha256:{tls.presented((NAME, two.port), 60)[1]}" == two.made.pin, True),
}


@pytest.mark.parametrize("client", CLIENTS)
def test_the_other_address_is_tried(two: Two, client: str) -> None:
    talk, expected = CLIENTS[client]
    assert talk(two) == expected


def test_a_webhook_too(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    peer = tls.Peer(NAME, (NAME, two.port), Trust(ca_file="server.pem"), 60)
    context = tls.context_for(peer, str(two.folder))  # the system's authorities do not know this one
    monkeypatch.setattr(tls, "context_for", lambda *_args: context)
    post(Secret(f"https://{NAME}:{two.port}/hook"), {"text": "done"})
