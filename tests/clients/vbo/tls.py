"""Certificates, and a server on loopback that speaks real TLS and just enough HTTP."""

from __future__ import annotations

import datetime as dt
import hashlib
import ipaddress
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

NAME = "vbo01.corp.example.com"
TODAY = dt.datetime.now(dt.UTC)


@dataclass(frozen=True)
class Made:
    """A certificate with its key, both on disk."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    file: Path

    @property
    def pin(self) -> str:
        return "sha256:" + hashlib.sha256(self.certificate.public_bytes(serialization.Encoding.DER)).hexdigest()


def make(folder: Path, label: str, *, issuer: Made | None = None, name: str = NAME, days: int = 30) -> Made:
    """A certificate for `name`, self-signed where no issuer is given. Negative `days` have passed already."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, label)])
    names: list[x509.GeneralName] = [x509.DNSName(name)]
    with suppress(ValueError):
        names = [x509.IPAddress(ipaddress.ip_address(name))]
    end = TODAY + dt.timedelta(days=days)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(min(TODAY, end) - dt.timedelta(days=60))
        .not_valid_after(end)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=label.endswith("CA"), path_length=None), critical=True)
    )
    certificate = builder.sign(issuer.key if issuer else key, hashes.SHA256())
    file = folder / f"{label}.pem"
    file.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return Made(certificate, key, file)


Speak = Callable[[socket.socket, bytes], None]


def reply(peer: socket.socket, request: bytes) -> None:
    """A token, a ServiceInstance, and 404 for the rest: v8 alone is served."""
    target = request.split(b" ", 2)[1]
    document: Any = None
    if target == b"/v8/token":
        document = {"access_token": "t", "expires_in": 3600}
    elif target == b"/v8/ServiceInstance":
        document = {"version": "8.5.0.1014", "installationId": "i"}
    send(peer, 200 if document else 404, json.dumps(document or {}).encode())


def send(peer: socket.socket, status: int, body: bytes) -> None:
    peer.sendall(f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)


@dataclass
class Tls:
    """`heard` is what came in after the handshakes, `names` the server names that clients asked for."""

    port: int
    heard: list[bytes] = field(default_factory=list)
    names: list[str | None] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)


@contextmanager
def serving(made: Made | None, speak: Speak = reply) -> Iterator[Tls]:
    """A server on 127.0.0.1; without a certificate it speaks plain TCP."""
    context = None
    if made:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(made.file)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.05)
        server = Tls(listener.getsockname()[1])
        if context:
            context.sni_callback = lambda _socket, name, _context: server.names.append(name)
        threads: list[threading.Thread] = []
        acceptor = threading.Thread(target=_accept, args=(listener, context, server, speak, threads))
        acceptor.start()
        try:
            yield server
        finally:
            server.stopping.set()
            for thread in (acceptor, *threads):
                thread.join(10)


def _accept(
    listener: socket.socket, context: ssl.SSLContext | None, server: Tls, speak: Speak, threads: list[threading.Thread]
) -> None:
    while not server.stopping.is_set():
        try:
            peer, _ = listener.accept()
        except TimeoutError:
            continue
        threads.append(threading.Thread(target=_converse, args=(peer, context, server, speak)))
        threads[-1].start()


def _converse(peer: socket.socket, context: ssl.SSLContext | None, server: Tls, speak: Speak) -> None:
    with suppress(OSError), peer:
        peer.settimeout(5)
        with context.wrap_socket(peer, server_side=True) if context else peer as wrapped:
            while not server.stopping.is_set() and (request := _request(wrapped)):
                server.heard.append(request)
                speak(wrapped, request)


def _request(peer: socket.socket) -> bytes:
    data = peer.recv(65536)
    if not isinstance(peer, ssl.SSLSocket):
        return data
    while b"\r\n\r\n" not in data:
        more = peer.recv(65536)
        if not more:
            return data
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    length = next(
        (int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")), 0
    )
    while len(body) < length:
        body += peer.recv(65536)
    return head + b"\r\n\r\n" + body
