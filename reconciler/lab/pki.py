"""Keys and certificates of the lab: one authority for each lab, and what it issues. Kept in the state folder, 0600.

Everything is on the curve P-256 (and Ed25519 for SSH): made in a millisecond.
"""

from __future__ import annotations

import hashlib
import ipaddress
import os
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from reconciler import randomness
from reconciler.timing import utc_now

UPN: Final = x509.ObjectIdentifier("1.3.6.1.4.1.311.20.2.3")
"""User principal name in the SAN of a client certificate: what WinRM maps to a local user."""
_YEARS: Final = timedelta(days=3650)
_RENEW: Final = timedelta(days=30)

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Identity:
    """A certificate with its key. `file` holds both as PEM, as `ssl` wants them."""

    file: Path
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def thumbprint(self) -> str:
        return thumbprint(self.certificate)

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def cert_pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    def pfx(self, passphrase: str) -> bytes:
        """PKCS #12 with the certificate and its key."""
        return pkcs12.serialize_key_and_certificates(b"lab", self.key, self.certificate, None, _lock(passphrase))


class Authority:
    """The authority of one lab, in `folder`. What was issued before is used again until it is about to expire."""

    def __init__(self, folder: Path, clock: Clock = utc_now) -> None:
        self.folder = folder
        self._clock = clock
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._ca = self._keep(
            "ca", lambda: self._make(_name(f"Lab Authority {randomness.token_hex(4)}"), authority=True)
        )

    @property
    def ca_file(self) -> Path:
        """PEM file with the certificate of the authority alone: what clients are given to trust."""
        return self.folder / "ca.crt"

    @property
    def certificate(self) -> x509.Certificate:
        return self._ca.certificate

    def host(self, name: str, addresses: Sequence[str] = ()) -> Identity:
        """TLS server certificate for a host name (and for addresses, for clients that know nothing else)."""
        sans: list[x509.GeneralName] = [x509.DNSName(name)] if not _is_address(name) else []
        sans += [x509.IPAddress(ipaddress.ip_address(item)) for item in sorted({*addresses, name}) if _is_address(item)]
        usage = ExtendedKeyUsageOID.SERVER_AUTH
        label = hashlib.sha256("\n".join([name, *addresses]).encode()).hexdigest()[:8]
        return self._keep(f"host-{_label(name)}-{label}", lambda: self._make(_name(name), sans=sans, usage=usage))

    def expired(self, name: str) -> Identity:
        """A certificate for a host name that was valid until yesterday."""
        made = self._make(
            _name(name),
            sans=[x509.DNSName(name)],
            usage=ExtendedKeyUsageOID.SERVER_AUTH,
            until=self._clock() - timedelta(days=1),
        )
        return _write(self.folder / f"expired-{_label(name)}.pem", *made)

    def client(self, name: str, user: str) -> Identity:
        """WinRM client certificate of a local user: clientAuth, and the user's principal name in the SAN."""
        text = user.encode()
        sans = [x509.OtherName(UPN, b"\x0c" + bytes([len(text)]) + text)]
        usage = ExtendedKeyUsageOID.CLIENT_AUTH
        return self._keep(f"client-{_label(name)}", lambda: self._make(_name(user), sans=sans, usage=usage))

    def self_signed(self, label: str) -> Identity:
        """A self-signed certificate such as the product makes at installation: CN, O and OU are all its vendor's."""
        parts = (NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME, NameOID.ORGANIZATIONAL_UNIT_NAME)
        subject = x509.Name([x509.NameAttribute(part, "Veeam Software") for part in parts])
        return self._keep(f"self-{_label(label)}", lambda: self._make(subject, own=True))

    def context(self, identity: Identity) -> ssl.SSLContext:
        """TLS for a server that presents `identity`."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.num_tickets = 0  # sessions are never resumed, and unread tickets turn a client's close into a reset
        context.load_cert_chain(identity.file)
        return context

    def client_context(self) -> ssl.SSLContext:
        """TLS for a client inside the lab: trusts only this authority."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(self.ca_file)
        return context

    def _keep(self, label: str, make: Callable[[], tuple[x509.Certificate, ec.EllipticCurvePrivateKey]]) -> Identity:
        path = self.folder / f"{label}.pem"
        if path.exists():
            kept = read_identity(path)
            fresh = kept.certificate.not_valid_after_utc - self._clock() > _RENEW
            signs_itself = kept.certificate.issuer == kept.certificate.subject
            if fresh and (signs_itself or kept.certificate.issuer == self.certificate.subject):
                return kept
        identity = _write(path, *make())
        if label == "ca":
            write_private(self.ca_file, identity.cert_pem)
        return identity

    def _make(
        self,
        subject: x509.Name,
        *,
        sans: Sequence[x509.GeneralName] = (),
        usage: x509.ObjectIdentifier | None = None,
        authority: bool = False,
        own: bool = False,
        until: datetime | None = None,
    ) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
        key = ec.generate_private_key(ec.SECP256R1())
        signs_itself = authority or own
        issuer, signer = (subject, key) if signs_itself else (self.certificate.subject, self._ca.key)
        end = until or self._clock() + _YEARS
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(min(self._clock(), end) - timedelta(days=1))
            .not_valid_after(end)
            .add_extension(x509.BasicConstraints(authority, None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
            .add_extension(_key_usage(authority=authority), critical=True)
        )
        if sans:
            builder = builder.add_extension(x509.SubjectAlternativeName(sans), critical=False)
        if usage:
            builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        return builder.sign(signer, hashes.SHA256()), key


def thumbprint(certificate: x509.Certificate) -> str:
    """SHA-1 in upper-case hexadecimal: the name that Windows has for a certificate."""
    der = certificate.public_bytes(serialization.Encoding.DER)
    return hashlib.sha1(der, usedforsecurity=False).hexdigest().upper()


def read_identity(path: Path) -> Identity:
    """A PEM file with certificate and key, as written here."""
    data = path.read_bytes()
    key = serialization.load_pem_private_key(data, None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError(f"{path} does not hold a key of the lab")
    return Identity(path, x509.load_pem_x509_certificate(data), key)


def ssh_key(path: Path) -> bytes:
    """An Ed25519 key in OpenSSH's format, made once and kept at `path`."""
    if not path.exists():
        write_private(path, _openssh(ed25519.Ed25519PrivateKey.generate(), serialization.NoEncryption()))
    return path.read_bytes()


def locked_ssh_key(private: bytes, passphrase: str) -> bytes:
    """The same key under a passphrase. Takes a tenth of a second: that is what its key derivation is for."""
    key = serialization.load_ssh_private_key(private, None)
    return _openssh(key, serialization.BestAvailableEncryption(passphrase.encode()))


def _openssh(key: serialization.SSHPrivateKeyTypes, protection: serialization.KeySerializationEncryption) -> bytes:
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, protection)


def ssh_public(private: bytes, passphrase: str = "") -> str:
    """`ssh-ed25519 AAAA…` of a private key. Raises ValueError for what is none."""
    try:
        key = serialization.load_ssh_private_key(private, passphrase.encode() or None)
    except TypeError as error:  # locked and no passphrase, or the other way round
        raise ValueError(str(error)) from error
    line = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    return line.decode()


def write_private(path: Path, data: bytes) -> None:
    """A file that only its owner may read, replaced in one piece."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(data)
    temporary.replace(path)


def _write(path: Path, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> Identity:
    identity = Identity(path, certificate, key)
    write_private(path, identity.cert_pem + identity.key_pem)
    return identity


def _lock(passphrase: str) -> serialization.KeySerializationEncryption:
    """Few rounds: every look at an inventory opens its files, and the passphrase of these protects nothing."""
    if not passphrase:
        return serialization.NoEncryption()
    builder = serialization.PrivateFormat.PKCS12.encryption_builder()
    return builder.kdf_rounds(1_000).build(passphrase.encode())


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name[:64])])


def _label(name: str) -> str:
    return "".join(char if char.isalnum() or char in ".-_" else "_" for char in name.lower())


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _key_usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )
