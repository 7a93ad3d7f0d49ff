"""The three messages of NTLM: bytes to data and back ([MS-NLMP] 2.2.1)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import Final

SIGNATURE: Final = b"NTLMSSP\0"
_FIELDS_OF_AUTHENTICATE: Final = ("lm", "nt", "domain", "user", "workstation", "session_key")
_MIC: Final = slice(72, 88)
_VERSION: Final = struct.pack("<BBHBBBB", 10, 0, 20348, 0, 0, 0, 15)


class Flag(IntFlag):
    UNICODE = 0x00000001
    OEM = 0x00000002
    REQUEST_TARGET = 0x00000004
    SIGN = 0x00000010
    SEAL = 0x00000020
    NTLM = 0x00000200
    ALWAYS_SIGN = 0x00008000
    TARGET_TYPE_SERVER = 0x00020000
    EXTENDED_SECURITY = 0x00080000
    TARGET_INFO = 0x00800000
    VERSION = 0x02000000
    KEY_128 = 0x20000000
    KEY_EXCHANGE = 0x40000000
    KEY_56 = 0x80000000


OFFERED: Final = (
    Flag.UNICODE
    | Flag.SIGN
    | Flag.SEAL
    | Flag.NTLM
    | Flag.ALWAYS_SIGN
    | Flag.EXTENDED_SECURITY
    | Flag.VERSION
    | Flag.KEY_128
    | Flag.KEY_EXCHANGE
    | Flag.KEY_56
)


class Av(IntEnum):
    """What stands in target information."""

    END = 0
    NB_COMPUTER = 1
    NB_DOMAIN = 2
    DNS_COMPUTER = 3
    DNS_DOMAIN = 4
    FLAGS = 6
    TIMESTAMP = 7
    CHANNEL_BINDINGS = 10


class Malformed(ValueError):
    """Not a message of NTLM, or not one that is accepted here."""


def negotiate_flags(token: bytes) -> int:
    """The flags that a NEGOTIATE message asks for."""
    if len(token) < 16 or token[:8] != SIGNATURE or struct.unpack_from("<I", token, 8)[0] != 1:
        raise Malformed("a NEGOTIATE message was expected")
    return int(struct.unpack_from("<I", token, 12)[0])


def encoding(flags: int) -> str:
    """Of names in messages: that of the OEM is the client's choice, and ASCII is what all of them have in common."""
    return "utf-16-le" if flags & Flag.UNICODE else "ascii"


def challenge(flags: int, server_challenge: bytes, target: str, info: dict[int, bytes]) -> bytes:
    """A CHALLENGE message."""
    name = target.encode(encoding(flags))
    pairs = b"".join(struct.pack("<HH", key, len(value)) + value for key, value in info.items()) + b"\0\0\0\0"
    start = 56
    return (
        SIGNATURE
        + struct.pack("<IHHII", 2, len(name), len(name), start, flags)
        + server_challenge
        + b"\0" * 8
        + struct.pack("<HHI", len(pairs), len(pairs), start + len(name))
        + _VERSION
        + name
        + pairs
    )


@dataclass(frozen=True, slots=True)
class Authenticate:
    """An AUTHENTICATE message with a response of version 2. `info` is the target information that the client signs."""

    user: str
    domain: str
    proof: bytes
    blob: bytes
    info: dict[int, bytes]
    session_key: bytes
    flags: int
    mic: bytes
    without_mic: bytes

    @classmethod
    def parse(cls, token: bytes) -> Authenticate:
        """Raises Malformed, also for the responses of NTLM version 1 and for anonymous logins."""
        if len(token) < _MIC.stop or token[:8] != SIGNATURE or struct.unpack_from("<I", token, 8)[0] != 3:
            raise Malformed("an AUTHENTICATE message was expected")
        parts = {}
        for number, name in enumerate(_FIELDS_OF_AUTHENTICATE):
            length, _, offset = struct.unpack_from("<HHI", token, 12 + 8 * number)
            if offset + length > len(token):
                raise Malformed(f"the field {name} lies outside of the message")
            parts[name] = token[offset : offset + length]
        if len(parts["nt"]) <= 24 or not parts["user"]:
            raise Malformed("only NTLM version 2 with a user name is accepted")
        blob = parts["nt"][16:]
        flags = int(struct.unpack_from("<I", token, 60)[0])
        return cls(
            user=parts["user"].decode(encoding(flags), "replace"),
            domain=parts["domain"].decode(encoding(flags), "replace"),
            proof=parts["nt"][:16],
            blob=blob,
            info=_pairs(blob[28:]),
            session_key=parts["session_key"],
            flags=flags,
            mic=token[_MIC],
            without_mic=token[: _MIC.start] + b"\0" * 16 + token[_MIC.stop :],
        )


def _pairs(data: bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    place = 0
    while place + 4 <= len(data):
        key, length = struct.unpack_from("<HH", data, place)
        if key == Av.END:
            return found
        found[key] = data[place + 4 : place + 4 + length]
        place += 4 + length
    raise Malformed("target information without an end")
