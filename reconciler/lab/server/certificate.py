"""The server certificate that workgroup proxies trust: PEM with the certificate and its key, kept in the state."""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from cryptography.x509 import Certificate


def load(pem: str) -> Certificate:
    from cryptography.x509 import load_pem_x509_certificate

    return load_pem_x509_certificate(pem.encode())


def thumbprint(pem: str) -> str:
    """SHA-1 in upper-case hexadecimal: what Windows calls the thumbprint."""
    from cryptography.hazmat.primitives.serialization import Encoding

    der = load(pem).public_bytes(Encoding.DER)
    return hashlib.sha1(der, usedforsecurity=False).hexdigest().upper()


def settings(pem: str) -> dict[str, str]:
    """`thumbprint`, `subject` and `expires` (UTC, to the second)."""
    certificate = load(pem)
    return {
        "thumbprint": thumbprint(pem),
        "subject": ", ".join(part.rfc4514_string() for part in certificate.subject.rdns),
        "expires": certificate.not_valid_after_utc.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def from_pfx(pfx: str, passphrase: str, now: datetime) -> str:
    """Base64 of a PFX to PEM. Raises ValueError with a sentence like the product's."""
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, pkcs12

    try:
        data = base64.b64decode(pfx, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("The input is not a valid Base-64 string.") from error
    try:
        key, certificate, _ = pkcs12.load_key_and_certificates(data, passphrase.encode() or None)
    except ValueError as error:
        raise ValueError("The specified network password is not correct, or the file is not a PFX file.") from error
    if certificate is None or key is None:
        raise ValueError("The certificate file does not contain a certificate with a private key.")
    if certificate.not_valid_after_utc <= now:
        raise ValueError("The certificate has expired.")
    public = certificate.public_bytes(Encoding.PEM)
    return (public + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())).decode()
