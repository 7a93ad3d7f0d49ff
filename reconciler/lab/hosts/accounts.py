"""Accounts of the lab's hosts. What is kept of a password is what Windows keeps of it: a hash, never the text."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import MutableSequence
from dataclasses import dataclass
from typing import Any

from reconciler import randomness
from reconciler.lab.hosts.ntlm import nt_hash
from reconciler.lab.hosts.wsman import User


@dataclass(frozen=True, slots=True)
class AccountName:
    """`DOMAIN\\user`, `user@REALM` or `user`, taken apart. A domain is compared by its first label, so that CORP and
    corp.example.com are the same."""

    domain: str
    user: str

    @classmethod
    def parse(cls, text: str, computer: str) -> AccountName:
        """`computer` (and a dot) in the place of a domain means a local account, as no domain does."""
        head, separator, tail = text.partition("\\")
        domain, user = (head, tail) if separator else ("", text)
        if not domain and "@" in user:
            user, _, domain = user.rpartition("@")
        label = domain.partition(".")[0].upper()
        return cls("" if label in ("", computer.partition(".")[0].upper()) else label, user.lower())


class WindowsAccounts:
    """The accounts that may log in to one Windows host; implements what WinRM asks for.

    `kept` is the list in the host's state: `{domain, user, name, nt, admin}`. `computer` is the host's name.
    """

    def __init__(self, computer: str, kept: MutableSequence[dict[str, Any]]) -> None:
        self._computer = computer
        self._kept = kept
        self._mapped: dict[bytes, str] = {}

    def adopt(self, username: str, password: str, *, admin: bool = True) -> None:
        """Let the account exist with this password. One that exists gets the password; its rights stay."""
        name = AccountName.parse(username, self._computer)
        found = self._find(name)
        if found is None:
            found = {"domain": name.domain, "user": name.user, "name": username, "admin": admin}
            self._kept.append(found)
        found["nt"] = nt_hash(password).hex()

    def map_certificate(self, certificate: bytes, username: str) -> None:
        """Let a client certificate (DER) log in as a local account, which is an administrator.

        That needs no password: such an account gets a random one.
        """
        name = AccountName.parse(username, self._computer)
        if self._find(name) is None:
            self.adopt(username, randomness.token_urlsafe(24))
        self._mapped[hashlib.sha256(certificate).digest()] = username

    def _find(self, name: AccountName) -> dict[str, Any] | None:
        for kept in self._kept:
            if (kept["domain"], kept["user"]) == (name.domain, name.user):
                return kept
        return None

    def _named(self, domain: str, user: str) -> dict[str, Any] | None:
        return self._find(AccountName.parse(f"{domain}\\{user}" if domain else user, self._computer))

    def nt_hash(self, domain: str, user: str) -> bytes | None:
        found = self._named(domain, user)
        return None if found is None or found.get("locked") else bytes.fromhex(found["nt"])

    def user(self, domain: str, user: str) -> User:
        found = self._named(domain, user)
        return self._user(found) if found else User(user, admin=False)

    def logged_in(self, username: str, password: str) -> User | None:
        """The account that these log in as; None if they do not."""
        name = AccountName.parse(username, self._computer)
        kept = self.nt_hash(name.domain, name.user)
        accepted = kept is not None and hmac.compare_digest(kept, nt_hash(password))
        return self.user(name.domain, name.user) if accepted else None

    def mapped(self, certificate: bytes) -> User | None:
        username = self._mapped.get(hashlib.sha256(certificate).digest())
        found = self._find(AccountName.parse(username, self._computer)) if username else None
        return self._user(found) if found else None

    def _user(self, kept: dict[str, Any]) -> User:
        domain = kept["domain"] or self._computer.partition(".")[0].upper()
        return User(f"{domain}\\{kept['user']}", bool(kept["admin"]))


def salted(password: str) -> str:
    """`salt:hash` of a password, for the accounts of Linux hosts and of the mail server."""
    salt = randomness.token_hex(8)
    return f"{salt}:{_digest(salt, password)}"


def matches(kept: str, password: str) -> bool:
    salt, _, digest = kept.partition(":")
    return hmac.compare_digest(_digest(salt, password), digest)


def _digest(salt: str, password: str) -> str:
    """Plain SHA-256, because the lab's `sudo` has to compute the same in a shell."""
    return hashlib.sha256((salt + password).encode()).hexdigest()
