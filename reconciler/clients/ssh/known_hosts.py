"""OpenSSH's known_hosts format, as text: plain and hashed names, `[host]:port`, patterns, and marked lines."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from typing import Final, NamedTuple

AUTHORITY: Final = "@cert-authority"
REVOKED: Final = "@revoked"


class Entry(NamedTuple):
    """One line: its mark (empty, AUTHORITY or REVOKED) and the key in wire format."""

    mark: str
    key: bytes


def kind_of(blob: bytes) -> str:
    """The type that a key in wire format names itself: `ssh-ed25519`. Empty where it is no key."""
    size = int.from_bytes(blob[:4], "big")
    return blob[4 : 4 + size].decode("ascii", "replace") if 0 < size <= 64 and len(blob) > 4 + size else ""


def names_of(host: str, port: int) -> tuple[str, ...]:
    """What known_hosts may call a host: its own name, with the port where that is not the usual one."""
    name = host.lower()
    return (name,) if port == 22 else (f"[{name}]:{port}", name)


def decode(text: str) -> bytes | None:
    """The key in `ssh-ed25519 AAAA… comment`; None where it is none, or is of another type than it says."""
    words = text.split()
    if len(words) < 2:
        return None
    try:
        blob = base64.b64decode(words[1], validate=True)
    except (binascii.Error, ValueError):
        return None
    return blob if kind_of(blob) == words[0] else None


def pinned(text: str) -> Entry | None:
    """A line without names, as an inventory has it: a key, or an authority."""
    mark, _, rest = text.partition(" ")
    key = decode(rest if mark == AUTHORITY else text)
    return None if key is None else Entry(mark if mark == AUTHORITY else "", key)


def entries(lines: Iterable[str], names: tuple[str, ...]) -> Iterator[Entry]:
    """What the lines that concern one of `names` say. Lines that make no sense are passed over, as OpenSSH does."""
    for raw in lines:
        line = raw.strip()
        mark, _, rest = line.partition(" ") if line.startswith("@") else ("", "", line)
        if not rest or rest.startswith("#") or mark not in ("", AUTHORITY, REVOKED):
            continue
        hosts, _, key = rest.strip().partition(" ")
        blob = decode(key)
        if blob is not None and any(_matches(hosts, name) for name in names):
            yield Entry(mark, blob)


def _matches(hosts: str, name: str) -> bool:
    if hosts.startswith("|1|"):
        return _matches_hashed(hosts, name)
    patterns = hosts.lower().split(",")
    if any(pattern.startswith("!") and fits(pattern[1:], name) for pattern in patterns):
        return False
    return any(fits(pattern, name) for pattern in patterns)


def fits(pattern: str, name: str) -> bool:
    """Brackets are part of `[host]:port` here, not a set of characters."""
    return fnmatchcase(name, pattern.replace("[", "[[]"))


def _matches_hashed(hosts: str, name: str) -> bool:
    """`|1|salt|HMAC-SHA1 of the name|`: how OpenSSH hides the names in known_hosts."""
    try:
        salt, wanted = (base64.b64decode(part, validate=True) for part in hosts[3:].split("|", 1))
    except (binascii.Error, ValueError):
        return False
    return hmac.compare_digest(hmac.new(salt, name.encode(), "sha1").digest(), wanted)
