"""SSH host keys that are trusted, from the inventory and from known_hosts files. Only reading, no network.

OpenSSH's format: plain and hashed names, `[host]:port`, patterns with `*`, `?` and `!`, `@revoked`. Lines of host
certificate authorities are passed over: the SSH library cannot check host certificates, so keys have to be pinned.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from reconciler.model.connection import Connection
from reconciler.model.errors import UntrustedPeer


def fingerprint(blob: bytes) -> str:
    """`SHA256:…`, as ssh-keygen -l shows it."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def kind_of(blob: bytes) -> str:
    """The type that a key in wire format names itself: `ssh-ed25519`. Empty where it is no key."""
    size = int.from_bytes(blob[:4], "big")
    return blob[4 : 4 + size].decode("ascii", "replace") if 0 < size <= 64 and len(blob) > 4 + size else ""


@dataclass(frozen=True, slots=True)
class HostKeys:
    """The keys trusted for one host, and those that were declared revoked, in wire format."""

    trusted: tuple[bytes, ...]
    revoked: tuple[bytes, ...] = ()

    @classmethod
    def of(cls, connection: Connection, root: str) -> HostKeys:
        """Keys pinned in the inventory and those in the files it names; without either, ~/.ssh/known_hosts."""
        trust = connection.trust
        pinned = [_pinned(text, connection) for text in trust.host_keys]
        files = [Path(root, name).expanduser() for name in trust.known_hosts]
        optional = not pinned and not files
        if optional:
            files = [Path.home() / ".ssh" / "known_hosts"]
        names = _names(connection)
        entries = [
            entry
            for file in files
            for entry in _entries(_text(file, connection, optional=optional).splitlines(), names)
        ]
        revoked = tuple(sorted({blob for blob, bad in entries if bad}))
        trusted = {*pinned, *(blob for blob, bad in entries if not bad)} - set(revoked)
        return cls(tuple(sorted(trusted)), revoked)

    @property
    def kinds(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(kind_of(blob) for blob in self.trusted))


def _names(connection: Connection) -> tuple[str, ...]:
    """What known_hosts may call the host: its own name, with the port where that is not the usual one."""
    port = connection.target[1]
    host = connection.host.lower()
    return (host,) if port == 22 else (f"[{host}]:{port}", host)


def _pinned(text: str, connection: Connection) -> bytes:
    blob = _decode(text)
    if blob is None:
        raise UntrustedPeer(
            connection.peer,
            "reading its pinned host keys",
            f"{text[:40]!r} is not a host key",
            hint="Write the type and the key, as in the .pub file: ssh-ed25519 AAAA…",
        )
    return blob


def _decode(text: str) -> bytes | None:
    words = text.split()
    if len(words) < 2:
        return None
    try:
        blob = base64.b64decode(words[1], validate=True)
    except (binascii.Error, ValueError):
        return None
    return blob if kind_of(blob) == words[0] else None


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


def _entries(lines: Iterable[str], names: tuple[str, ...]) -> Iterator[tuple[bytes, bool]]:
    """(key, revoked) of the lines that concern one of `names`."""
    for raw in lines:
        line = raw.strip()
        mark, _, rest = line.partition(" ") if line.startswith("@") else ("", "", line)
        if not rest or rest.startswith("#") or mark not in ("", "@revoked"):
            continue
        hosts, _, key = rest.strip().partition(" ")
        blob = _decode(key)
        if blob is not None and any(_matches(hosts, name) for name in names):
            yield blob, mark == "@revoked"


def _matches(hosts: str, name: str) -> bool:
    if hosts.startswith("|1|"):
        return _matches_hashed(hosts, name)
    patterns = hosts.lower().split(",")
    if any(pattern.startswith("!") and _fits(pattern[1:], name) for pattern in patterns):
        return False
    return any(_fits(pattern, name) for pattern in patterns)


def _fits(pattern: str, name: str) -> bool:
    """Brackets are part of `[host]:port` here, not a set of characters."""
    return fnmatchcase(name, pattern.replace("[", "[[]"))


def _matches_hashed(hosts: str, name: str) -> bool:
    """`|1|salt|HMAC-SHA1 of the name|`: how OpenSSH hides the names in known_hosts."""
    try:
        salt, wanted = (base64.b64decode(part, validate=True) for part in hosts[3:].split("|", 1))
    except (binascii.Error, ValueError):
        return False
    return hmac.compare_digest(hmac.new(salt, name.encode(), "sha1").digest(), wanted)
