"""One wrong password must not lock an account: a refusal on one host holds back the others that use the same login."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Condition
from typing import Final

from reconciler import timing
from reconciler.model.errors import AuthenticationFailed

PATIENCE: Final = 3.0
"""Seconds that others wait for the first host. One that does not answer its login must not hold up the rest."""


@dataclass(slots=True)
class _Login:
    """`accepted` is final: a refusal after it is about one host. `next_start` is on the clock of the gate."""

    accepted: bool = False
    refused_by: str = ""
    running: int = 0
    next_start: float = 0.0


class Attempt:
    """One login that is in progress. What is neither accepted nor refused says nothing about user and password."""

    def __init__(self) -> None:
        self.is_accepted = False
        self.is_refused = False

    def accept(self) -> None:
        self.is_accepted = True

    def refuse(self) -> None:
        self.is_refused = True


class LoginGate:
    """Lets one host first use a login, then the rest side by side. Passwords are kept as digests only."""

    def __init__(self, clock: Callable[[], float] = timing.monotonic) -> None:
        self._clock = clock
        self._changed = Condition()
        self._logins: dict[bytes, _Login] = {}

    @contextmanager
    def attempt(self, peer: str, what: str, username: str, password: str) -> Iterator[Attempt]:
        """Around one login. `what` is what is done, such as logging in: each has separate logins.

        Raises AuthenticationFailed, with nothing sent, if another host refused this login.
        """
        login = self._enter(_key(what, username, password), peer, what, username)
        made = Attempt()
        try:
            yield made
        finally:
            with self._changed:
                login.running -= 1
                login.accepted = login.accepted or made.is_accepted
                if made.is_refused:
                    login.refused_by = login.refused_by or peer
                self._changed.notify_all()

    def check(self, peer: str, what: str, username: str, password: str) -> None:
        """Before something is started that asks for the password. Raises AuthenticationFailed if another host refused
        it."""
        with self._changed:
            self._check(self._logins.get(_key(what, username, password), _Login()), peer, what, username)

    def _check(self, login: _Login, peer: str, what: str, username: str) -> None:
        if login.refused_by and not login.accepted:
            reason = f"not tried: {login.refused_by} did not accept {username} with this password"
            hint = "Correct the password, then run again. Each further attempt could lock the account."
            raise AuthenticationFailed(peer, what, reason, hint=hint)

    def _enter(self, key: bytes, peer: str, what: str, username: str) -> _Login:
        with self._changed:
            login = self._logins.setdefault(key, _Login())
            while login.running and not (login.accepted or login.refused_by):
                left = login.next_start - self._clock()
                if left <= 0:
                    break
                self._changed.wait(left)
            self._check(login, peer, what, username)
            login.running += 1
            login.next_start = self._clock() + PATIENCE
            return login


def _key(what: str, username: str, password: str) -> bytes:
    return hashlib.sha256(repr((what, username, password)).encode("utf-8", "surrogatepass")).digest()
