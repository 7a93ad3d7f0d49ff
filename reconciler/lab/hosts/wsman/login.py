"""Logging in to WinRM: who a connection belongs to. Negotiate (NTLM), Basic over TLS, client certificates."""

from __future__ import annotations

import base64
import binascii
import hmac
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from reconciler.lab.hosts import ntlm
from reconciler.lab.hosts.wsman.sealing import Seal

log = logging.getLogger(__name__)

MUTUAL: Final = "http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/https/mutual"
_SCHEMES: Final = ("negotiate", "ntlm")


@dataclass(frozen=True, slots=True)
class User:
    """Who is logged in. Only administrators may use remote shells."""

    principal: str
    admin: bool = True


class Accounts(Protocol):
    """The accounts of one host, as its logins ask for them."""

    def nt_hash(self, domain: str, user: str) -> bytes | None:
        """Of the account that a client names; None where there is none, or where it may not log in."""
        ...

    def user(self, domain: str, user: str) -> User:
        """The account itself, after its password was right."""
        ...

    def mapped(self, certificate: bytes) -> User | None:
        """The local account that a client certificate (DER) is mapped to."""
        ...


class Acceptor(Protocol):
    """The accepting side of one login. `domain` and `user` are whose it was, once it is `complete`."""

    @property
    def domain(self) -> str: ...

    @property
    def user(self) -> str: ...

    @property
    def complete(self) -> bool: ...

    @property
    def sealing(self) -> Seal | None: ...

    def step(self, token: bytes) -> bytes:
        """The answer to a token, empty where there is none. Raises ntlm.LoginRefused."""
        ...


Accept = Callable[[bytes], Acceptor]
"""Makes the acceptor for logins that are bound to a certificate of this SHA-256 (empty: to none)."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What to do with a request: go on (`status` 200), or answer `status`. `offers` are WWW-Authenticate headers."""

    status: int
    offers: tuple[str, ...] = ()


class Login:
    """The login of one connection. `bound_to` is the SHA-256 of the certificate of its TLS layer, `certificate` is its
    client's. `accept` takes the place of NTLM in Negotiate, `hardening` is how far logins must be bound."""

    def __init__(
        self,
        accounts: Accounts,
        computer: str,
        *,
        bound_to: bytes = b"",
        certificate: bytes = b"",
        accept: Accept | None = None,
        hardening: str = ntlm.RELAXED,
    ) -> None:
        self._accounts = accounts
        self._hardening = hardening
        self._computer = computer
        self._bound_to = bound_to
        self._certificate = certificate
        self._accept = accept or self._ntlm
        self._acceptor: Acceptor | None = None
        self.user: User | None = None
        self.sealing: Seal | None = None

    def _ntlm(self, bound_to: bytes) -> Acceptor:
        binding = ntlm.channel_binding(bound_to) if bound_to else b""
        accounts = self._accounts.nt_hash
        return ntlm.Negotiator(ntlm.Acceptor(self._computer, accounts, binding, hardening=self._hardening))

    @property
    def offers(self) -> tuple[str, ...]:
        return ("Negotiate", 'Basic realm="WSMAN"') if self._bound_to else ("Negotiate",)

    def check(self, authorization: str) -> Reply:
        """Judge the Authorization header of a request, empty where there is none."""
        scheme, _, value = authorization.partition(" ")
        if authorization.strip() == MUTUAL:
            return self._mapped()
        if scheme.lower() == "basic" and self._bound_to:
            return self._basic(value)
        if scheme.lower() in _SCHEMES and value:
            return self._negotiate(scheme, value)
        if not authorization and self.user is not None and self.sealing is not None:
            return Reply(200)
        return self._refuse("no login")

    def _refuse(self, reason: str) -> Reply:
        log.debug("%s: login refused: %s", self._computer, reason)
        self._acceptor = self.user = self.sealing = None
        return Reply(401, self.offers)

    def _admit(self, user: User) -> Reply | None:
        """None where the user is admitted."""
        if not user.admin:
            return self._refuse(f"{user.principal} is not an administrator")
        self.user = user
        return None

    def _mapped(self) -> Reply:
        user = self._accounts.mapped(self._certificate) if self._certificate else None
        if user is None:
            return self._refuse("the client certificate is not mapped to an account")
        return self._admit(user) or Reply(200)

    def _basic(self, value: str) -> Reply:
        try:
            name, _, given = base64.b64decode(value, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return self._refuse("not a Basic login")
        head, separator, tail = name.partition("\\")
        domain, user = (head, tail) if separator else ("", name)
        expected = self._accounts.nt_hash(domain, user)
        if expected is None or not hmac.compare_digest(expected, ntlm.nt_hash(given)):
            return self._refuse(f"wrong password for {name}")
        return self._admit(self._accounts.user(domain, user)) or Reply(200)

    def _negotiate(self, scheme: str, value: str) -> Reply:
        if self._acceptor is None or self._acceptor.complete:
            self._acceptor = self._accept(self._bound_to)
        acceptor = self._acceptor
        try:
            token = acceptor.step(base64.b64decode(value, validate=True))
        except (binascii.Error, ntlm.LoginRefused) as error:
            return self._refuse(str(error))
        offers = (f"{scheme} {base64.b64encode(token).decode()}",) if token else ()
        if not acceptor.complete:
            return Reply(401, offers)
        refused = self._admit(self._accounts.user(acceptor.domain, acceptor.user))
        if refused is None:
            self.sealing = acceptor.sealing
        return refused or Reply(200, offers)
