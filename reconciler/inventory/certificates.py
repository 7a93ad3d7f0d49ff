"""Certificates of an inventory: their thumbprint, and the PFX that the server is given. Read when they are needed."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.model.connection import Certificate
from reconciler.model.errors import SecretError

if TYPE_CHECKING:
    from datetime import datetime

    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    from reconciler.model.secret import SecretRef, SecretResolver


def thumbprint(certificate: Certificate, resolver: SecretResolver, root: str) -> str:
    """SHA-1 of the certificate in upper-case hexadecimal, as Windows names certificates.

    Raises SecretError where the file or the passphrase cannot be read.
    """
    from cryptography.hazmat.primitives.serialization import Encoding

    found = _open_pfx(certificate, resolver, root) if certificate.pfx else _open_pem(certificate, root)
    return hashlib.sha1(found.public_bytes(Encoding.DER), usedforsecurity=False).hexdigest().upper()


def end_of(certificate: Certificate, resolver: SecretResolver, root: str) -> datetime:
    """Until when the certificate is good (aware). Raises SecretError."""
    found = _open_pfx(certificate, resolver, root) if certificate.pfx else _open_pem(certificate, root)
    return found.not_valid_after_utc


def pfx_bytes(certificate: Certificate, resolver: SecretResolver, root: str) -> bytes:
    """Certificate and key as PKCS #12, locked with the entry's passphrase: the file itself, or made from PEM.

    Raises SecretError.
    """
    from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, NoEncryption, pkcs12

    if certificate.pfx:
        _open_pfx(certificate, resolver, root)
        return _read(certificate, certificate.pfx, root)
    found = _open_pem(certificate, root)
    key = _open_key(certificate, resolver)
    if key.public_key() != found.public_key():
        raise SecretError(f"certificate {certificate.name}: the key does not belong to {certificate.cert}")
    passphrase = _passphrase(certificate.passphrase, resolver)
    lock = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    return pkcs12.serialize_key_and_certificates(certificate.name.encode(), key, found, None, lock)


def _open_pfx(certificate: Certificate, resolver: SecretResolver, root: str) -> x509.Certificate:
    from cryptography.hazmat.primitives.serialization import pkcs12

    raw = _read(certificate, certificate.pfx, root)
    passphrase = _passphrase(certificate.passphrase, resolver)
    try:
        key, found, _ = pkcs12.load_key_and_certificates(raw, passphrase)
    except (ValueError, TypeError) as error:
        detail = f"{certificate.pfx} cannot be opened: it is not a PFX file, or the passphrase is wrong"
        raise SecretError(f"certificate {certificate.name}: {detail}") from error
    if key is None or found is None:
        raise SecretError(f"certificate {certificate.name}: {certificate.pfx} holds no certificate with its key")
    return found


def _open_pem(certificate: Certificate, root: str) -> x509.Certificate:
    from cryptography import x509

    raw = _read(certificate, certificate.cert, root)
    try:
        return x509.load_pem_x509_certificate(raw)
    except ValueError as error:
        raise SecretError(f"certificate {certificate.name}: {certificate.cert} holds no PEM certificate") from error


def _open_key(certificate: Certificate, resolver: SecretResolver) -> RSAPrivateKey | EllipticCurvePrivateKey:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    if certificate.key is None:
        raise SecretError(f"certificate {certificate.name}: it has no key")
    raw = resolver.resolve(certificate.key).reveal().encode()
    passphrase = _passphrase(certificate.passphrase, resolver)
    try:
        try:
            key = load_pem_private_key(raw, passphrase)
        except TypeError:  # the passphrase is meant for the PFX, and the key has none
            key = load_pem_private_key(raw, None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        detail = f"{certificate.key} is not a PEM key, or the passphrase is wrong"
        raise SecretError(f"certificate {certificate.name}: {detail}") from error
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise SecretError(f"certificate {certificate.name}: {certificate.key} is neither an RSA nor an EC key")
    return key


def _passphrase(reference: SecretRef | None, resolver: SecretResolver) -> bytes | None:
    return resolver.resolve(reference).reveal().encode() if reference is not None else None


def _read(certificate: Certificate, name: str, root: str) -> bytes:
    try:
        return (Path(root) / name).read_bytes()
    except (OSError, ValueError) as error:
        reason = (getattr(error, "strerror", None) or "its name cannot be used").lower()
        raise SecretError(f"certificate {certificate.name}: {name} cannot be read: {reason}") from error
