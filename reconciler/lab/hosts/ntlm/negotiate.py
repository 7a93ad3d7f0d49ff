"""NTLM inside SPNEGO (RFC 4178, [MS-SPNG]): what clients send that ask for Negotiate and not for NTLM by name."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import Final

from reconciler.lab.hosts.ntlm.acceptor import Acceptor, LoginRefused
from reconciler.lab.hosts.ntlm.messages import SIGNATURE
from reconciler.lab.hosts.ntlm.sealing import Sealing

SPNEGO: Final = bytes.fromhex("06062b0601050502")
NTLM: Final = bytes.fromhex("060a2b06010401823702020a")
"""Object identifiers with their DER tags."""

_APPLICATION, _OCTETS, _ENUMERATED, _SEQUENCE = 0x60, 0x04, 0x0A, 0x30
_COMPLETED, _INCOMPLETE, _REQUEST_MIC = 0, 1, 3


def _context(number: int) -> int:
    return 0xA0 + number


def der(tag: int, content: bytes) -> bytes:
    length = len(content)
    if length < 0x80:
        return bytes((tag, length)) + content
    size = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 + len(size))) + size + content


def values(data: bytes) -> list[tuple[int, bytes]]:
    """(tag, content) of each value. Raises ValueError."""
    found = []
    while data:
        if len(data) < 2:
            raise ValueError("a value without a length")
        start, length = 2, data[1]
        if length >= 0x80:
            start += length & 0x7F
            length = int.from_bytes(data[2:start], "big")
        if start + length > len(data):
            raise ValueError("a value that is cut off")
        found.append((data[0], data[start : start + length]))
        data = data[start + length :]
    return found


def _only(data: bytes, tag: int) -> bytes:
    """The content of the one value that `data` is."""
    found = values(data)
    if len(found) != 1 or found[0][0] != tag:
        raise ValueError(f"one value with the tag {tag:#x} was expected")
    return found[0][1]


@dataclass(frozen=True, slots=True)
class Token:
    """`mechanisms` is the list as it was sent, of a first token (NegTokenInit) only."""

    token: bytes
    mic: bytes
    mechanisms: bytes = b""

    @classmethod
    def parse(cls, data: bytes) -> Token:
        """Raises ValueError."""
        (tag, content), *rest = values(data) or [(0, b"")]
        if rest or tag not in (_APPLICATION, _context(1)):
            raise ValueError("not a token of SPNEGO")
        first = tag == _APPLICATION
        if first:
            if not content.startswith(SPNEGO):
                raise ValueError("a token of another mechanism")
            content = _only(content[len(SPNEGO) :], _context(0))
        fields = dict(values(_only(content, _SEQUENCE)))
        found = {number: _only(fields[tag], _OCTETS) for number in (2, 3) if (tag := _context(number)) in fields}
        return cls(found.get(2, b""), found.get(3, b""), fields.get(_context(0), b"") if first else b"")

    @property
    def offered(self) -> list[bytes]:
        return [der(tag, content) for tag, content in values(_only(self.mechanisms, _SEQUENCE))]


def response(state: int, *, token: bytes = b"", mic: bytes = b"", names_mechanism: bool = False) -> bytes:
    fields = der(_context(0), der(_ENUMERATED, bytes((state,))))
    fields += der(_context(1), NTLM) if names_mechanism else b""
    fields += der(_context(2), der(_OCTETS, token)) if token else b""
    fields += der(_context(3), der(_OCTETS, mic)) if mic else b""
    return der(_context(1), der(_SEQUENCE, fields))


class Negotiator:
    """A login with NTLM, plain or inside SPNEGO: the first token decides."""

    def __init__(self, ntlm: Acceptor) -> None:
        self._ntlm = ntlm
        self._mechanisms = b""
        self._needs_mic = False
        self._started = self._plain = False

    @property
    def domain(self) -> str:
        return self._ntlm.domain

    @property
    def user(self) -> str:
        return self._ntlm.user

    @property
    def complete(self) -> bool:
        return self._ntlm.complete

    @property
    def sealing(self) -> Sealing | None:
        return self._ntlm.sealing

    def step(self, token: bytes) -> bytes:
        """The answer to a token, empty at the end of plain NTLM. Raises LoginRefused."""
        if not self._started:
            self._started, self._plain = True, token.startswith(SIGNATURE)
        if self._plain:
            return self._ntlm.step(token)
        try:
            parsed = Token.parse(token)
            return self._answer(parsed) if self._mechanisms else self._begin(parsed)
        except ValueError as error:
            raise LoginRefused(f"not a token of SPNEGO: {error}") from error

    def _begin(self, first: Token) -> bytes:
        """A token for another mechanism is dropped, and the client begins again with NTLM."""
        if NTLM not in first.offered:
            raise LoginRefused("the client does not offer NTLM")
        self._mechanisms = first.mechanisms
        self._needs_mic = first.offered[0] != NTLM
        if self._needs_mic:
            return response(_REQUEST_MIC, names_mechanism=True)
        challenge = self._ntlm.step(first.token) if first.token else b""
        return response(_INCOMPLETE, token=challenge, names_mechanism=True)

    def _answer(self, later: Token) -> bytes:
        challenge = self._ntlm.step(later.token)
        sealing = self._ntlm.sealing
        if sealing is None:
            return response(_INCOMPLETE, token=challenge)
        if self._needs_mic and not later.mic:
            raise LoginRefused("the list of mechanisms is not signed")
        if not later.mic:
            return response(_COMPLETED)
        if not hmac.compare_digest(sealing.signed_by_client(self._mechanisms), later.mic):
            raise LoginRefused("the list of mechanisms was changed on its way")
        return response(_COMPLETED, mic=sealing.signed(self._mechanisms))
