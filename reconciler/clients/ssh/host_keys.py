"""SSH host keys that are trusted, from the inventory and from known_hosts files. Only reading, no network."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from reconciler.clients.ssh import host_certificates as hostcerts
from reconciler.clients.ssh.known_hosts import AUTHORITY, REVOKED, Entry, entries, kind_of, names_of, pinned
from reconciler.model.connection import Connection
from reconciler.model.errors import UntrustedPeer


def fingerprint(blob: bytes) -> str:
    """`SHA256:…`, as ssh-keygen -l shows it."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


@dataclass(frozen=True, slots=True)
class HostKeys:
    """In wire format: the keys trusted for one host, what was declared revoked, and the authorities whose host
    certificates are believed."""

    trusted: tuple[bytes, ...]
    revoked: tuple[bytes, ...] = ()
    authorities: tuple[bytes, ...] = ()

    @classmethod
    def of(cls, connection: Connection, root: str) -> HostKeys:
        """Keys pinned in the inventory and those in the files it names; without either, ~/.ssh/known_hosts."""
        trust = connection.trust
        found = [_pinned(text, connection) for text in trust.host_keys]
        files = [Path(root, name).expanduser() for name in trust.known_hosts]
        optional = not found and not files
        if optional:
            files = [Path.home() / ".ssh" / "known_hosts"]
        names = names_of(connection.host, connection.target[1])
        for file in files:
            found += entries(_text(file, connection, optional=optional).splitlines(), names)
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
        """Why the host is not to be believed that offers `key`, with a certificate for it or an empty one.

        Empty where it is. `now` is in seconds since 1970.
        """
        offer = f"it offers the {kind_of(key)} key {fingerprint(key)}"
        if key in self.revoked:
            return f"{offer}, which known_hosts calls revoked"
        flaw = ""
        if certificate and hostcerts.authority_of(certificate) in self.authorities:
            flaw = hostcerts.flaw(certificate, host, now)
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
        raise UntrustedPeer(
            connection.peer,
            "reading its pinned host keys",
            f"{text[:40]!r} is not a host key",
            hint="Write the type and the key, as in the .pub file: ssh-ed25519 AAAA…",
        )
    return entry


def _text(file: Path, connection: Connection, *, optional: bool) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        if optional:
            return ""
        raise UntrustedPeer(
            connection.peer,
            "reading its known host keys",
            f"{file.name} cannot be read: {error.strerror}",
            hint="`known_hosts` names files relative to the inventory.",
        ) from error
