"""Thumbprints and PFX of the certificates that an inventory names."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12

from reconciler.inventory.certificates import pfx_bytes, thumbprint
from reconciler.inventory.secrets import Resolver
from reconciler.model.connection import Certificate, ConnectionContext
from reconciler.model.errors import SecretError
from reconciler.model.secret import SecretRef

PASSPHRASE = "correct-horse"
Pair = tuple[ec.EllipticCurvePrivateKey, x509.Certificate]


def _pair() -> Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "vbo.example.com")])
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 7, begin, begin + timedelta(days=30))
    return key, builder.sign(key, hashes.SHA256())


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    key, certificate = _pair()
    lock = serialization.BestAvailableEncryption(PASSPHRASE.encode())
    (tmp_path / "tls.pfx").write_bytes(pkcs12.serialize_key_and_certificates(b"tls", key, certificate, None, lock))
    (tmp_path / "tls.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    pem, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    (tmp_path / "tls.key").write_bytes(key.private_bytes(pem, form, serialization.NoEncryption()))
    (tmp_path / "other.key").write_bytes(_pair()[0].private_bytes(pem, form, serialization.NoEncryption()))
    return key, certificate


def _context(folder: Path) -> ConnectionContext:
    return ConnectionContext(Resolver(str(folder), environment={"P": PASSPHRASE, "WRONG": "wrong-one"}), str(folder))


PFX = Certificate("tls", pfx="tls.pfx", passphrase=SecretRef("env", "P"))
PEM = Certificate("tls", cert="tls.pem", key=SecretRef("file", "tls.key"))


@pytest.mark.parametrize("certificate", [PFX, PEM], ids=["pfx", "pem"])
def test_thumbprint_is_sha1_of_the_certificate(tmp_path: Path, pair: Pair, certificate: Certificate) -> None:
    der = pair[1].public_bytes(serialization.Encoding.DER)
    expected = hashlib.sha1(der, usedforsecurity=False).hexdigest().upper()
    assert thumbprint(certificate, _context(tmp_path)) == expected


def test_a_pfx_is_handed_on_as_it_is(tmp_path: Path, pair: Pair) -> None:
    assert pfx_bytes(PFX, _context(tmp_path)) == (tmp_path / "tls.pfx").read_bytes()


@pytest.mark.parametrize("passphrase", [None, SecretRef("env", "P")], ids=["open", "locked"])
def test_pem_becomes_a_pfx(tmp_path: Path, pair: Pair, passphrase: SecretRef | None) -> None:
    entry = Certificate("tls", cert="tls.pem", key=SecretRef("file", "tls.key"), passphrase=passphrase)
    made = pfx_bytes(entry, _context(tmp_path))
    key, certificate, _ = pkcs12.load_key_and_certificates(made, PASSPHRASE.encode() if passphrase else None)
    assert certificate == pair[1]
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    assert key.public_key() == pair[0].public_key()


REFUSED = {
    "missing": (Certificate("tls", pfx="no.pfx"), "no.pfx cannot be read: no such file or directory"),
    "passphrase": (
        Certificate("tls", pfx="tls.pfx", passphrase=SecretRef("env", "WRONG")),
        "passphrase is wrong",
    ),
    "no-passphrase": (Certificate("tls", pfx="tls.pfx"), "passphrase is wrong"),
    "unset": (Certificate("tls", pfx="tls.pfx", passphrase=SecretRef("env", "NO")), "NO is not set"),
    "no-pfx": (Certificate("tls", pfx="tls.pem"), "it is not a PFX file"),
    "no-pem": (Certificate("tls", cert="tls.pfx", key=SecretRef("file", "tls.key")), "holds no PEM certificate"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_opened(tmp_path: Path, pair: Pair, name: str) -> None:
    certificate, reason = REFUSED[name]
    for function in (thumbprint, pfx_bytes):
        with pytest.raises(SecretError, match=reason) as caught:
            function(certificate, _context(tmp_path))
        assert PASSPHRASE not in str(caught.value)
        assert "wrong-one" not in str(caught.value)


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("other.key", "the key does not belong to tls.pem"),
        ("tls.pem", "is not a PEM key"),
        ("no.key", "the file does not exist"),
    ],
)
def test_keys_that_do_not_fit(tmp_path: Path, pair: Pair, key: str, reason: str) -> None:
    entry = Certificate("tls", cert="tls.pem", key=SecretRef("file", key))
    with pytest.raises(SecretError, match=reason):
        pfx_bytes(entry, _context(tmp_path))
