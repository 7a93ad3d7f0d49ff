"""Certificates of an inventory in the lab: the user's own where they can be read, the lab's in the place of others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID

from reconciler.lab.pki import Authority, write_private
from reconciler.lab.secrets import LabSecrets
from reconciler.model.connection import Access, Certificate

_CLIENT: Final = ExtendedKeyUsageOID.CLIENT_AUTH


def replacements(access: Access, secrets: LabSecrets, authority: Authority, folder: Path) -> dict[str, Certificate]:
    """The certificates of `access`, with absolute paths to the lab's own where the user's cannot be used.

    A key or passphrase that the user has is never replaced by one of the lab, except together with its certificate.
    """
    made = {}
    for name, certificate in sorted(access.certificates.items()):
        if certificate.pfx:
            made[name] = _pfx(certificate, secrets, authority, folder, access.root)
        else:
            made[name] = _pem(certificate, secrets, authority, folder, access.root)
    return made


def client_pem(certificate: Certificate, root: str) -> str:
    """The certificate that a client logs in with, as PEM; empty where the entry is a PFX or cannot be read."""
    try:
        return Path(root, certificate.cert).read_text(encoding="ascii") if certificate.cert else ""
    except (OSError, ValueError):
        return ""


def _pfx(certificate: Certificate, secrets: LabSecrets, authority: Authority, folder: Path, root: str) -> Certificate:
    phrase = secrets.resolve(certificate.passphrase).reveal() if certificate.passphrase else ""
    path = Path(root, certificate.pfx)
    if _is_usable_pfx(path, phrase) or (path.exists() and not _is_invented(certificate, secrets)):
        return certificate  # also one that its real passphrase does not open: that is for the user to see
    ours = folder / f"{certificate.name}.pfx"
    if not _is_usable_pfx(ours, phrase):
        write_private(ours, authority.self_signed(f"pfx-{certificate.name}").pfx(phrase))
    return replace(certificate, pfx=str(ours))


def _is_usable_pfx(path: Path, phrase: str) -> bool:
    try:
        _, found, _ = pkcs12.load_key_and_certificates(path.read_bytes(), phrase.encode() or None)
    except (OSError, ValueError, TypeError):
        return False
    return found is not None and _may_be_shown(found)


def _is_invented(certificate: Certificate, secrets: LabSecrets) -> bool:
    references = (certificate.passphrase, certificate.key)
    return any(secrets.is_invented(reference) for reference in references if reference is not None)


def _may_be_shown(certificate: x509.Certificate) -> bool:
    """Whether TLS lets it be shown by the side that dials: the server to its proxies, a client to WinRM."""
    try:
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return True
    return _CLIENT in usage or ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE in usage


def _pem(certificate: Certificate, secrets: LabSecrets, authority: Authority, folder: Path, root: str) -> Certificate:
    readable = Path(root, certificate.cert).exists()
    if certificate.key is None or (readable and not _is_invented(certificate, secrets)):
        return certificate
    identity = authority.client(certificate.name, f"{certificate.name}@localhost")
    ours = folder / f"{certificate.name}.crt"
    write_private(ours, identity.cert_pem)
    write_private(ours.with_suffix(".key"), identity.key_pem)
    secrets.supply(certificate.key, identity.key_pem.decode())
    return replace(certificate, cert=str(ours), passphrase=None)


def by_name(certificate: Certificate | None, made: Mapping[str, Certificate]) -> Certificate | None:
    return made.get(certificate.name, certificate) if certificate is not None else None
