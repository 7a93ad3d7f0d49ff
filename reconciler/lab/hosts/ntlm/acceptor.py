"""One login: NEGOTIATE in, CHALLENGE out, AUTHENTICATE in."""

from __future__ import annotations

import hmac
import struct
from collections.abc import Callable

from reconciler import randomness, timing
from reconciler.lab.hosts.ntlm.messages import OFFERED, Authenticate, Av, Flag, Malformed, challenge, negotiate_flags
from reconciler.lab.hosts.ntlm.sealing import Sealing, hmac_md5, md5, rc4

_EPOCH = 11644473600  # seconds from 1601, where FILETIME begins, to 1970
_HAS_MIC = 2
_UNBOUND = b"\0" * 16
"""The channel binding of a client that has none, if it gives one at all."""

RELAXED, STRICT, NONE = "relaxed", "strict", "none"
HARDENING = (RELAXED, STRICT, NONE)
"""CbtHardeningLevel of Windows: a login that is bound to another connection is refused with `relaxed` (Windows'
default), one that is bound to none with `strict` as well."""

Hashes = Callable[[str, str], bytes | None]
"""(domain, user) as the client gave them, to the NT hash of that account; None for an unknown account."""


class LoginRefused(Exception):
    """The login is not accepted. The message says why, for logs: the client does not see it."""


def channel_binding(certificate_hash: bytes) -> bytes:
    """What a client must bind its login to on a TLS connection (RFC 5929, tls-server-end-point)."""
    data = b"tls-server-end-point:" + certificate_hash
    return md5(b"\0" * 16 + struct.pack("<I", len(data)) + data)


class Acceptor:
    """`computer` is the host's name, `binding` that of the connection (empty over plain HTTP), `hardening` how far it
    is compared."""

    def __init__(
        self,
        computer: str,
        hashes: Hashes,
        binding: bytes = b"",
        *,
        hardening: str = RELAXED,
        random: Callable[[int], bytes] = randomness.token_bytes,
        clock: Callable[[], float] = timing.epoch,
    ) -> None:
        self._computer = computer
        self._hashes = hashes
        self._binding = binding if hardening != NONE else b""
        self._strict = hardening == STRICT
        self._random = random
        self._clock = clock
        self._seen: tuple[bytes, bytes] = (b"", b"")
        self._challenge = b""
        self.domain = ""
        self.user = ""
        self.sealing: Sealing | None = None

    @property
    def complete(self) -> bool:
        return self.sealing is not None

    def step(self, token: bytes) -> bytes:
        """The answer to a token, empty at the end. Raises LoginRefused."""
        try:
            if not self._challenge:
                return self._challenged(token)
            self._authenticated(Authenticate.parse(token))
        except Malformed as error:
            raise LoginRefused(str(error)) from error
        return b""

    def _challenged(self, token: bytes) -> bytes:
        asked = negotiate_flags(token)
        if not asked & (Flag.UNICODE | Flag.OEM) or not asked & Flag.EXTENDED_SECURITY:
            raise LoginRefused("Unicode or OEM names and extended session security are required")
        names = Flag.UNICODE if asked & Flag.UNICODE else Flag.OEM
        flags = asked & OFFERED | names | Flag.NTLM | Flag.REQUEST_TARGET | Flag.TARGET_TYPE_SERVER | Flag.TARGET_INFO
        short = self._computer.partition(".")[0].upper()
        info: dict[int, bytes] = {
            Av.NB_DOMAIN: short.encode("utf-16-le"),
            Av.NB_COMPUTER: short.encode("utf-16-le"),
            Av.DNS_DOMAIN: self._computer.encode("utf-16-le"),
            Av.DNS_COMPUTER: self._computer.encode("utf-16-le"),
            Av.TIMESTAMP: struct.pack("<Q", int((self._clock() + _EPOCH) * 10_000_000)),
        }
        self._challenge = self._random(8)
        answer = challenge(flags, self._challenge, short, info)
        self._seen = (token, answer)
        return answer

    def _authenticated(self, message: Authenticate) -> None:
        known = self._hashes(message.domain, message.user)
        if known is None:
            raise LoginRefused(f"no account {message.domain}\\{message.user}")
        owned = hmac_md5(known, (message.user.upper() + message.domain).encode("utf-16-le"))
        if not hmac.compare_digest(hmac_md5(owned, self._challenge + message.blob), message.proof):
            raise LoginRefused(f"wrong password for {message.domain}\\{message.user}")
        bound_to = message.info.get(Av.CHANNEL_BINDINGS, _UNBOUND)
        if self._binding and bound_to != self._binding and (self._strict or bound_to != _UNBOUND):
            raise LoginRefused("the login is not bound to this TLS connection")
        key = hmac_md5(owned, message.proof)
        if message.flags & Flag.KEY_EXCHANGE:
            key = rc4(key).update(message.session_key)
        flags = struct.unpack("<I", message.info.get(Av.FLAGS, b"\0\0\0\0"))[0]
        if flags & _HAS_MIC:
            mic = hmac_md5(key, b"".join(self._seen) + message.without_mic)
            if not hmac.compare_digest(mic, message.mic):
                raise LoginRefused("the messages of the login were changed on their way")
        self.domain, self.user = message.domain, message.user
        self.sealing = Sealing(key, message.flags)
