"""Fixtures: one certificate for the whole run, one world for each test."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.lab.server.world import World


def self_signed(name: str) -> str:
    """PEM of a certificate for `name` and for 127.0.0.1, with its key."""
    from ipaddress import ip_address

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    sans = x509.SubjectAlternativeName([x509.DNSName(name), x509.IPAddress(ip_address("127.0.0.1"))])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=3650))
        .add_extension(sans, critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return (certificate.public_bytes(serialization.Encoding.PEM) + private).decode()


@pytest.fixture(scope="session")
def tls(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """What the server presents, and a client that trusts it."""
    file = tmp_path_factory.mktemp("tls") / "rest.pem"
    file.write_text(self_signed("vbo01.example.com"))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.num_tickets = 0
    server.load_cert_chain(file)
    return server, ssl.create_default_context(cafile=str(file))


@pytest.fixture(scope="session")
def certificate() -> str:
    return self_signed("Veeam Software")


@pytest.fixture
def world(tls: tuple[ssl.SSLContext, ssl.SSLContext], certificate: str, tmp_path: Path) -> Iterator[World]:
    """A server that runs, on hosts without proxies. Bugs of the lab fail the test."""
    world = World(tmp_path, *tls, certificate)
    world.start()
    yield world
    world.hosts.gate.set()
    world.stop()
    assert world.server.bugs == []
