"""Certificates of an inventory in the lab: the lab's own, since the keys of the user's are secrets that it does not
read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from cryptography.hazmat.primitives.serialization import pkcs12

from reconciler.lab.pki import Authority, write_private
from reconciler.lab.secrets import LabSecrets
from reconciler.model.connection import Access, Certificate


def replacements(access: Access, secrets: LabSecrets, authority: Authority, folder: Path) -> dict[str, Certificate]:
    """The certificates of `access`, with absolute paths to those of the lab."""
    return {
        name: (_pfx if certificate.pfx else _pem)(certificate, secrets, authority, folder)
        for name, certificate in sorted(access.certificates.items())
    }


def client_pem(certificate: Certificate, root: str) -> str:
    """The certificate that a client logs in with, as PEM; empty where the entry is a PFX or cannot be read."""
    try:
        return Path(root, certificate.cert).read_text(encoding="ascii") if certificate.cert else ""
    except (OSError, ValueError):
        return ""


def _pfx(certificate: Certificate, secrets: LabSecrets, authority: Authority, folder: Path) -> Certificate:
    phrase = secrets.resolve(certificate.passphrase).reveal() if certificate.passphrase else ""
    file = folder / f"{certificate.name}.pfx"
    if not _opens(file, phrase):
        write_private(file, authority.self_signed(f"pfx-{certificate.name}").pfx(phrase))
    return replace(certificate, pfx=str(file))


def _opens(file: Path, phrase: str) -> bool:
    try:
        pkcs12.load_key_and_certificates(file.read_bytes(), phrase.encode() or None)
    except (OSError, ValueError, TypeError):
        return False
    return True


def _pem(certificate: Certificate, secrets: LabSecrets, authority: Authority, folder: Path) -> Certificate:
    if certificate.key is None:
        return certificate
    identity = authority.client(certificate.name, f"{certificate.name}@localhost")
    file = folder / f"{certificate.name}.crt"
    write_private(file, identity.cert_pem)
    write_private(file.with_suffix(".key"), identity.key_pem)
    secrets.supply(certificate.key, identity.key_pem.decode())
    return replace(certificate, cert=str(file), passphrase=None)


def by_name(certificate: Certificate | None, made: Mapping[str, Certificate]) -> Certificate | None:
    return made.get(certificate.name, certificate) if certificate is not None else None
