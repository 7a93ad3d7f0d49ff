"""Logins with one secret: no questions to the operator, and no login that is accepted in part only.

paramiko asks for a second factor on standard output and reads the answer from standard input, and it answers every
question of a host with the password.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import paramiko

from reconciler.clients.script_output import shorten
from reconciler.clients.ssh.faults import is_refusal
from reconciler.model.errors import AuthenticationFailed
from reconciler.model.login_gate import LoginGate

_INTERACTIVE: Final = "keyboard-interactive"
_CODES: Final = ("code", "token", "otp", "one-time", "factor", "pin")
_HINT: Final = (
    "vbo-reconcile answers no prompts. Exempt its account from the second factor on the host: `Match User NAME` with "
    "`AuthenticationMethods publickey` in sshd_config, or with `password` for a password."
)


class _Login:
    """The methods of a transport that log in. Each raises AuthenticationFailed if the host wants more than it sends."""

    def __init__(self, transport: paramiko.Transport, peer: str, gate: LoginGate) -> None:
        self._with_key: Callable[..., list[str]] = transport.auth_publickey
        self._with_password: Callable[..., list[str]] = transport.auth_password
        self._with_answers: Callable[..., list[str]] = transport.auth_interactive
        self._peer = peer
        self._gate = gate

    def key(self, *given: Any) -> list[str]:
        return self._complete("the key", self._with_key(*given))

    def password(self, username: str, password: str) -> list[str]:
        with self._gate.attempt(self._peer, "logging in", username, password) as attempt:
            try:
                left = self._sent(username, password)
                attempt.accept()
            except paramiko.AuthenticationException as error:
                if is_refusal(error):
                    attempt.refuse()
                raise
        return self._complete("the password", left)

    def _sent(self, username: str, password: str) -> list[str]:
        try:
            return self._with_password(username, password, fallback=False)
        except paramiko.BadAuthenticationType as error:
            if _INTERACTIVE not in error.allowed_types:
                raise
            return self._with_answers(username, self._one_answer(password))

    def prompt(self, *_: Any) -> list[str]:
        raise self._wants("the host asks for an answer", _INTERACTIVE)

    def _one_answer(self, password: str) -> Callable[..., list[str]]:
        """Answers the first question, if it can be one for a password. The host may show texts without questions."""
        answered: list[bool] = []

        def answer(_title: str, _instructions: str, fields: Sequence[tuple[str, bool]]) -> list[str]:
            if not fields:
                return []
            questions = shorten(" ".join(prompt for prompt, _ in fields), 80)
            is_code = any(word in questions.casefold() for word in _CODES)
            if answered or len(fields) > 1 or fields[0][1] or is_code:
                raise self._wants("the password is not the only answer that the host wants", f"it asks {questions!r}")
            answered.append(True)
            return [password]

        return answer

    def _complete(self, what: str, left: list[str]) -> list[str]:
        if left:
            raise self._wants(f"{what} was accepted, and the host requires another factor", ", ".join(sorted(left)))
        return left

    def _wants(self, reason: str, wanted: str) -> AuthenticationFailed:
        return AuthenticationFailed(self._peer, "logging in", f"{reason}: {wanted}", hint=_HINT)


def without_prompts(transport: paramiko.Transport, peer: str, gate: LoginGate) -> None:
    """Make the library log in to `peer` with one secret, without asking anybody, and with a password only if no other
    host refused it."""
    login = _Login(transport, peer, gate)
    transport.auth_publickey = login.key
    transport.auth_password = login.password
    transport.auth_interactive_dumb = login.prompt
