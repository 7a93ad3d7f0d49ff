"""Certificates of an inventory, with their keys: read from PFX or PEM at the moment of use."""

from __future__ import annotations

import hashlib
import warnings
from typing import TYPE_CHECKING

from reconciler.model.connection import Certificate, ConnectionContext
from reconciler.model.errors import SecretError

if TYPE_CHECKING:
    from datetime import datetime

    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

    Key = RSAPrivateKey | EllipticCurvePrivateKey


def thumbprint(certificate: Certificate, context: ConnectionContext) -> str:
    """SHA-1 of the certificate in upper-case hexadecimal, as Windows names certificates.

    Raises SecretError if the file or the passphrase cannot be read.
    """
    from cryptography.hazmat.primitives.serialization import Encoding

    found = _chain(certificate, context)[0]
    return hashlib.sha1(found.public_bytes(Encoding.DER), usedforsecurity=False).hexdigest().upper()


def end_of(certificate: Certificate, context: ConnectionContext) -> datetime:
    """The end of the certificate's validity (aware). Raises SecretError."""
    return _chain(certificate, context)[0].not_valid_after_utc


def pfx_bytes(certificate: Certificate, context: ConnectionContext) -> bytes:
    """Certificate and key as PKCS #12, encrypted with the entry's passphrase: the file itself, or made from PEM.

    Raises SecretError.
    """
    from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, NoEncryption, pkcs12

    key, chain = key_and_chain(certificate, context)
    if certificate.pfx:
        return _read(certificate, certificate.pfx, context)
    if key.public_key() != _public_key(chain[0], certificate):
        raise SecretError(f"certificate {certificate.name}: the key does not belong to {certificate.cert}")
    passphrase = _passphrase(certificate, context)
    encryption = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    return pkcs12.serialize_key_and_certificates(certificate.name.encode(), key, chain[0], None, encryption)


def key_and_chain(certificate: Certificate, context: ConnectionContext) -> tuple[Key, list[x509.Certificate]]:
    """The private key, and the certificate followed by those of its issuers that the file holds. Raises SecretError."""
    if certificate.pfx:
        return _open_pfx(certificate, context)
    return _open_key(certificate, context), _chain(certificate, context)


def _chain(certificate: Certificate, context: ConnectionContext) -> list[x509.Certificate]:
    from cryptography import x509

    if certificate.pfx:
        return _open_pfx(certificate, context)[1]
    raw = _read(certificate, certificate.cert, context)
    try:
        return x509.load_pem_x509_certificates(raw)
    except ValueError as error:
        raise SecretError(f"certificate {certificate.name}: {certificate.cert} holds no PEM certificate") from error


def _public_key(found: x509.Certificate, certificate: Certificate) -> CertificatePublicKeyTypes:
    """It is parsed when it is asked for, not with the certificate around it."""
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        return found.public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        detail = f"the public key in {certificate.cert} cannot be read"
        raise SecretError(f"certificate {certificate.name}: {detail}") from error


def _open_pfx(certificate: Certificate, context: ConnectionContext) -> tuple[Key, list[x509.Certificate]]:
    from cryptography.hazmat.primitives.serialization import pkcs12

    raw = _read(certificate, certificate.pfx, context)
    passphrase = _passphrase(certificate, context)
    try:
        with warnings.catch_warnings():  # of files that are not quite DER: they are read, or refused here
            warnings.simplefilter("ignore", UserWarning)
            key, found, issuers = pkcs12.load_key_and_certificates(raw, passphrase)
    except (ValueError, TypeError) as error:
        detail = f"{certificate.pfx} cannot be opened: it is not a PFX file, or the passphrase is wrong"
        raise SecretError(f"certificate {certificate.name}: {detail}") from error
    if key is None or found is None:
        raise SecretError(f"certificate {certificate.name}: {certificate.pfx} holds no certificate with its key")
    return _supported(key, certificate, certificate.pfx), [found, *issuers]


def _open_key(certificate: Certificate, context: ConnectionContext) -> Key:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    if certificate.key is None:
        raise SecretError(f"certificate {certificate.name}: it has no key")
    raw = context.secret(certificate.key).reveal().encode()
    passphrase = _passphrase(certificate, context)
    try:
        try:
            key = load_pem_private_key(raw, passphrase)
        except TypeError:  # the passphrase is meant for the PFX, and the key has none
            key = load_pem_private_key(raw, None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        detail = f"{certificate.key} is not a PEM key, or the passphrase is wrong"
        raise SecretError(f"certificate {certificate.name}: {detail}") from error
    return _supported(key, certificate, str(certificate.key))


def _supported(key: object, certificate: Certificate, source: str) -> Key:
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise SecretError(f"certificate {certificate.name}: {source} is neither an RSA nor an EC key")
    return key


def _passphrase(certificate: Certificate, context: ConnectionContext) -> bytes | None:
    text = context.reveal(certificate.passphrase)
    return None if text is None else text.encode()


def _read(certificate: Certificate, name: str, context: ConnectionContext) -> bytes:
    try:
        return context.file(name).read_bytes()
    except (OSError, ValueError) as error:
        reason = (getattr(error, "strerror", None) or "its name cannot be used").lower()
        raise SecretError(f"certificate {certificate.name}: {name} cannot be read: {reason}") from error
