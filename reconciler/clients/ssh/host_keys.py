"""SSH host keys that are trusted: keys pinned in the inventory, known_hosts files, and OpenSSH host certificates.

Reads files and nothing else. The SSH library accepts host certificates without checking them, so the rules of OpenSSH
are here: signed by an authority that is trusted for this name, issued for the name, valid now, without critical
options, and not signed with SHA-1.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from reconciler.model.connection import Connection
from reconciler.model.errors import UnusableTrust

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.serialization import SSHCertificate

AUTHORITY: Final = "@cert-authority"
REVOKED: Final = "@revoked"
_SHA1: Final = b"\0\0\0\x07ssh-rsa"


class Entry(NamedTuple):
    """One line: its mark (empty, AUTHORITY or REVOKED) and the key in wire format."""

    mark: str
    key: bytes


def kind_of(blob: bytes) -> str:
    """The type inside a key in wire format: `ssh-ed25519`. Empty if it is not a key."""
    size = int.from_bytes(blob[:4], "big")
    return blob[4 : 4 + size].decode("ascii", "replace") if 0 < size <= 64 and len(blob) > 4 + size else ""


def names_of(host: str, port: int) -> tuple[str, ...]:
    """The names of a host in known_hosts: with the port unless it is 22, and without."""
    name = host.lower()
    return (name,) if port == 22 else (f"[{name}]:{port}", name)


def decode(text: str) -> bytes | None:
    """The key in `ssh-ed25519 AAAA… comment`; None if it is not a key, or its type differs from the first word."""
    words = text.split()
    if len(words) < 2:
        return None
    try:
        blob = base64.b64decode(words[1], validate=True)
    except (binascii.Error, ValueError):
        return None
    return blob if kind_of(blob) == words[0] else None


def pinned(text: str) -> Entry | None:
    """A line without names, as in an inventory: a key, or an authority."""
    mark, _, rest = _spaced(text).partition(" ")
    key = decode(rest if mark == AUTHORITY else text)
    return None if key is None else Entry(mark if mark == AUTHORITY else "", key)


def entries(lines: Iterable[str], names: tuple[str, ...]) -> Iterator[Entry]:
    """The entries for one of `names`. Invalid lines are skipped, as in OpenSSH."""
    for raw in lines:
        line = _spaced(raw)
        mark, _, rest = line.partition(" ") if line.startswith("@") else ("", "", line)
        if not rest or rest.startswith("#") or mark not in ("", AUTHORITY, REVOKED):
            continue
        hosts, _, key = rest.strip().partition(" ")
        blob = decode(key)
        if blob is not None and any(_matches(hosts, name) for name in names):
            yield Entry(mark, blob)


def _spaced(line: str) -> str:
    """A line with blanks between its words: tabs separate them too."""
    return line.replace("\t", " ").strip()


def _matches(hosts: str, name: str) -> bool:
    if hosts.startswith("|1|"):
        return _matches_hashed(hosts, name)
    patterns = hosts.lower().split(",")
    if any(pattern.startswith("!") and fits(pattern[1:], name) for pattern in patterns):
        return False
    return any(fits(pattern, name) for pattern in patterns)


def fits(pattern: str, name: str) -> bool:
    """Whether a name matches a pattern. Brackets are literal: they belong to `[host]:port`."""
    return fnmatchcase(name, pattern.replace("[", "[[]"))


def _matches_hashed(hosts: str, name: str) -> bool:
    """`|1|salt|HMAC-SHA1 of the name|`: the hashed names of OpenSSH."""
    try:
        salt, wanted = (base64.b64decode(part, validate=True) for part in hosts[3:].split("|", 1))
    except (binascii.Error, ValueError):
        return False
    return hmac.compare_digest(hmac.new(salt, name.encode(), "sha1").digest(), wanted)


def fingerprint(blob: bytes) -> str:
    """`SHA256:…`, as ssh-keygen -l shows it."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


@dataclass(frozen=True, slots=True)
class HostKeys:
    """In wire format: the trusted keys of one host, the revoked keys, and the authorities of trusted host
    certificates."""

    trusted: tuple[bytes, ...]
    revoked: tuple[bytes, ...] = ()
    authorities: tuple[bytes, ...] = ()

    @classmethod
    def of(cls, connection: Connection, root: str) -> HostKeys:
        """Keys pinned in the inventory and those in the files it names; without either, ~/.ssh/known_hosts."""
        trust = connection.trust
        found = [_pinned(text, connection) for text in trust.host_keys]
        files = [Path(root, name) for name in trust.known_hosts]
        optional = not found and not files
        if optional:
            with suppress(RuntimeError):  # an account without a home, as in a container
                files = [Path.home() / ".ssh" / "known_hosts"]
        names = names_of(connection.identity, connection.target[1])
        for file in files:
            found += entries(_text(file, connection, optional=optional).split("\n"), names)
        revoked = _keys(found, REVOKED)
        return cls(
            trusted=tuple(key for key in _keys(found, "") if key not in revoked),
            revoked=revoked,
            authorities=tuple(key for key in _keys(found, AUTHORITY) if key not in revoked),
        )

    @property
    def kinds(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(kind_of(blob) for blob in self.trusted))

    def objection(self, key: bytes, certificate: bytes, *, host: str, now: float) -> str:
        """Why a host that offers `key`, with its certificate if it has one, is not trusted; empty if it is.

        `now` is in seconds since 1970.
        """
        offer = f"it offers the {kind_of(key)} key {fingerprint(key)}"
        if key in self.revoked:
            return f"{offer}, which known_hosts marks as revoked"
        flaw = ""
        if certificate and authority_of(certificate) in self.authorities:
            flaw = certificate_flaw(certificate, host, now)
            if not flaw:
                return ""
        if key in self.trusted:
            return ""
        if flaw:
            return f"{offer} with a certificate, and {flaw}"
        if not self.trusted and not self.authorities:
            return f"{offer}, and no key of this host is trusted yet"
        expected = [fingerprint(trusted) for trusted in self.trusted]
        expected += [f"a certificate by {fingerprint(authority)}" for authority in self.authorities]
        return f"{offer}, and {', '.join(expected)} is trusted"


def _keys(found: Iterable[Entry], mark: str) -> tuple[bytes, ...]:
    return tuple(sorted({entry.key for entry in found if entry.mark == mark}))


def _pinned(text: str, connection: Connection) -> Entry:
    entry = pinned(text)
    if entry is None:
        raise UnusableTrust(
            connection.peer,
            "reading its pinned host keys",
            f"{text[:40]!r} is not a host key",
            hint="Use the type and the key, as in the .pub file: ssh-ed25519 AAAA…",
        )
    return entry


def _text(file: Path, connection: Connection, *, optional: bool) -> str:
    try:
        return file.read_text(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        if optional:
            return ""
        raise UnusableTrust(
            connection.peer,
            "reading its known host keys",
            f"{file.name} cannot be read: {error.strerror}",
            hint="`known_hosts` names files relative to the inventory.",
        ) from error


def authority_of(certificate: bytes) -> bytes:
    """The key that signed a certificate (both in wire format). Empty if it cannot be read."""
    parsed = _parse(certificate)
    return b"" if parsed is None else _authority(parsed)


def certificate_flaw(certificate: bytes, host: str, now: float) -> str:
    """Why a certificate that a trusted authority signed is not valid for `host` at `now` (seconds since 1970).

    Empty if it is.
    """
    parsed = _parse(certificate)
    if parsed is None:
        return "it cannot be read"
    names = [name.decode("utf-8", "replace").lower() for name in parsed.valid_principals]
    if _is_forged(parsed, certificate):
        return "its signature is not valid"
    if not any(fits(name, host.lower()) for name in names):
        return f"it is issued for {', '.join(names) or 'no name'}"
    if now < parsed.valid_after:
        return "it is not valid yet"
    if now >= parsed.valid_before:
        return "it has expired"
    if parsed.critical_options:
        return "it has critical options, which are not supported"
    return ""


def _parse(certificate: bytes) -> SSHCertificate | None:
    """The certificate, if it is a host certificate."""
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
            found.signature_key()  # raises here if it is not supported
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
