"""The multipart framing of sealed messages: `multipart/encrypted` with `application/HTTP-SPNEGO-session-encrypted`."""

from __future__ import annotations

import re
import struct
from typing import Final, Protocol

PROTOCOL: Final = "application/HTTP-SPNEGO-session-encrypted"
CONTENT_TYPE: Final = f'multipart/encrypted;protocol="{PROTOCOL}";boundary="Encrypted Boundary"'
_BOUNDARY: Final = b"--Encrypted Boundary"
_OCTETS: Final = b"octet-stream\r\n"
_LENGTH: Final = re.compile(rb"Length=(\d+)")


class Seal(Protocol):
    """A finished login that can seal."""

    def seal(self, plain: bytes) -> tuple[bytes, bytes]: ...

    def open(self, signature: bytes, sealed: bytes) -> bytes: ...


def unseal(seal: Seal, body: bytes) -> bytes:
    """The message inside. Raises ValueError for what is not framed or sealed rightly."""
    parts = body.split(_BOUNDARY + b"\r\n")
    found = _LENGTH.search(parts[1]) if len(parts) == 3 else None
    if found is None or _OCTETS not in parts[2]:
        raise ValueError("not a sealed message")
    data = parts[2][parts[2].index(_OCTETS) + len(_OCTETS) :].removesuffix(_BOUNDARY + b"--\r\n")
    if len(data) < 4:
        raise ValueError("not a sealed message")
    length = struct.unpack_from("<I", data)[0]
    plain = seal.open(data[4 : 4 + length], data[4 + length :])
    if len(plain) != int(found.group(1)):
        raise ValueError("the length of a sealed message does not fit")
    return plain


def sealed(seal: Seal, plain: bytes) -> bytes:
    """The body that carries `plain` sealed."""
    signature, data = seal.seal(plain)
    return b"".join(
        (
            _BOUNDARY,
            f"\r\n\tContent-Type: {PROTOCOL}\r\n".encode(),
            f"\tOriginalContent: type=application/soap+xml;charset=UTF-8;Length={len(plain)}\r\n".encode(),
            _BOUNDARY,
            b"\r\n\tContent-Type: application/octet-stream\r\n",
            struct.pack("<I", len(signature)),
            signature,
            data,
            _BOUNDARY,
            b"--\r\n",
        )
    )
