"""OpenSSH host certificates: a host key that an authority vouches for. The SSH library takes them and judges nothing.

The rules are those of OpenSSH: a host certificate, signed by an authority that is trusted for this name, made out to
the name, valid now, without critical options, and not signed with SHA-1.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Final

from reconciler.clients.ssh.known_hosts import fits, kind_of

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.serialization import SSHCertificate

_SHA1: Final = b"\0\0\0\x07ssh-rsa"


def authority_of(certificate: bytes) -> bytes:
    """The key that signed a certificate (both in wire format). Empty where it cannot be read."""
    parsed = _parse(certificate)
    return b"" if parsed is None else _authority(parsed)


def flaw(certificate: bytes, host: str, now: float) -> str:
    """Why a certificate that a trusted authority signed is not good for `host` at `now` (seconds since 1970).

    Empty where it is.
    """
    parsed = _parse(certificate)
    if parsed is None:
        return "it cannot be read"
    names = [name.decode("utf-8", "replace").lower() for name in parsed.valid_principals]
    if _is_forged(parsed, certificate):
        return "its signature does not hold"
    if not any(fits(name, host.lower()) for name in names):
        return f"it is made out to {', '.join(names) or 'no name'}"
    if now < parsed.valid_after:
        return "it is not valid yet"
    if now >= parsed.valid_before:
        return "it has expired"
    if parsed.critical_options:
        return "it has critical options, which nobody here understands"
    return ""


def _parse(certificate: bytes) -> SSHCertificate | None:
    """The certificate, if it is one of a host."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import (
        SSHCertificate,
        SSHCertificateType,
        load_ssh_public_identity,
    )

    line = kind_of(certificate).encode() + b" " + base64.b64encode(certificate)
    try:
        found = load_ssh_public_identity(line)
        if isinstance(found, SSHCertificate):
            found.signature_key()  # it is read now, or never
    except (ValueError, UnsupportedAlgorithm):
        return None
    return found if isinstance(found, SSHCertificate) and found.type is SSHCertificateType.HOST else None


def _authority(certificate: SSHCertificate) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    line = certificate.signature_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    return base64.b64decode(line.split()[1])


def _is_forged(parsed: SSHCertificate, certificate: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    signer = parsed.signature_key()
    if isinstance(signer, RSAPublicKey):
        size = (signer.key_size + 7) // 8
        if certificate[-(size + 4 + len(_SHA1)) :].startswith(_SHA1):  # its last field is the kind of the signature
            return True
    try:
        parsed.verify_cert_signature()
    except (InvalidSignature, ValueError):
        return True
    return False
