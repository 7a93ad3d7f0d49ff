"""Signing and sealing of messages after the login ([MS-NLMP] 3.4, with extended session security)."""

from __future__ import annotations

import hashlib
import hmac
import struct
from typing import Protocol

from reconciler.lab.hosts.ntlm.messages import Flag


class Cipher(Protocol):
    def update(self, data: bytes) -> bytes: ...


def rc4(key: bytes) -> Cipher:
    from cryptography.hazmat.decrepit.ciphers.algorithms import ARC4
    from cryptography.hazmat.primitives.ciphers import Cipher as OneCipher

    return OneCipher(ARC4(key), mode=None).encryptor()


def md5(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).digest()


def hmac_md5(key: bytes, data: bytes) -> bytes:
    return hmac.new(key, data, lambda: hashlib.md5(usedforsecurity=False)).digest()


class BadSignature(ValueError):
    """A message that was changed on its way, or that comes out of turn."""


class Direction:
    """One direction: its keys, its cipher, and the number of the next message."""

    def __init__(self, session_key: bytes, flags: int, words: str) -> None:
        length = 16 if flags & Flag.KEY_128 else 7 if flags & Flag.KEY_56 else 5
        constant = f"session key to {words} {{}} key magic constant\0"
        self._sign_key = md5(session_key + constant.format("signing").encode())
        self._seal_key = md5(session_key[:length] + constant.format("sealing").encode())
        self._cipher = rc4(self._seal_key)
        self._exchanged = bool(flags & Flag.KEY_EXCHANGE)
        self._next = 0

    def apply(self, data: bytes) -> bytes:
        """Seal or open: the cipher is its own inverse."""
        return self._cipher.update(data)

    def signature(self, plain: bytes) -> bytes:
        """The signature of the next message; call it after `apply`, whose cipher it goes on with."""
        number = struct.pack("<I", self._next)
        self._next += 1
        checksum = hmac_md5(self._sign_key, number + plain)[:8]
        return b"\1\0\0\0" + (self._cipher.update(checksum) if self._exchanged else checksum) + number

    def mic(self, mechanisms: bytes) -> bytes:
        """The signature of SPNEGO's list of mechanisms, after which the cipher starts anew ([MS-SPNG] 3.3.5.1)."""
        signature = self.signature(mechanisms)
        self._cipher = rc4(self._seal_key)
        return signature


class Sealing:
    """What both sides know after a login: how to seal an answer and to open a request."""

    def __init__(self, session_key: bytes, flags: int) -> None:
        self._in = Direction(session_key, flags, "client-to-server")
        self._out = Direction(session_key, flags, "server-to-client")

    def seal(self, plain: bytes) -> tuple[bytes, bytes]:
        """(signature, sealed data)."""
        sealed = self._out.apply(plain)
        return self._out.signature(plain), sealed

    def open(self, signature: bytes, sealed: bytes) -> bytes:
        """Raises BadSignature."""
        plain = self._in.apply(sealed)
        if not hmac.compare_digest(self._in.signature(plain), signature):
            raise BadSignature("the signature of a message does not fit")
        return plain

    def signed(self, mechanisms: bytes) -> bytes:
        """Our signature of SPNEGO's list of mechanisms."""
        return self._out.mic(mechanisms)

    def signed_by_client(self, mechanisms: bytes) -> bytes:
        """What the client's signature of that list must be."""
        return self._in.mic(mechanisms)
