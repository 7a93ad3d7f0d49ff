"""What is sent to a host is sent to a reader that has announced itself: sudo by its prompt, su by the line before its
prompt, the shell by its line.

A password is sent once. If sudo or su asks again, or reports a wrong one, it has refused it: its input ends, before it
takes anything else for one.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final

from reconciler.clients.ssh import posix_shell
from reconciler.model.login_gate import Attempt, LoginGate


@dataclass(frozen=True, slots=True)
class Elevation:
    """A program that makes a login root. It reads a password after `asks`, which ends with its `prompt`; `refusal` is
    what it prints about a wrong one. Output without one of its `signs` is that of the login shell before it."""

    program: str
    signs: tuple[str, ...]
    asks: str
    prompt: str
    refusal: str
    hint: str

    @property
    def what(self) -> str:
        return f"becoming root with {self.program}"

    def printed(self, stderr: bytes) -> bool:
        return any(sign.encode() in stderr for sign in self.signs)


SUDO: Final = Elevation(
    "sudo",
    ("sudo", "Sorry", posix_shell.PROMPT),
    posix_shell.PROMPT,
    posix_shell.PROMPT,
    "incorrect password attempt",
    "Check the password of the credential and the sudo rights of its user, or set `sudo: false`.",
)
SU: Final = Elevation(
    "su",
    (posix_shell.SU,),
    f"{posix_shell.SU}\n{posix_shell.SU_PROMPT}",
    posix_shell.SU_PROMPT,
    "su: Authentication failure",
    "Check `root_password` of the credential, whether root has a password on the host (Ubuntu locks it), and whether "
    "the user may use su (pam_wheel).",
)


class Password:
    """The password of an account for sudo or su on one host."""

    def __init__(self, how: Elevation, gate: LoginGate, peer: str, username: str, password: str) -> None:
        self._gate = gate
        self._given = (peer, how.what, username, password)
        self._asks, self._prompts, self._refusal = Marks(how.asks), Marks(how.prompt), Marks(how.refusal)

    def check(self) -> None:
        """Before sudo or su starts: it would log a failed login. Raises AuthenticationFailed if another host refused
        the password."""
        self._gate.check(*self._given)

    def is_wanted(self, output: bytearray) -> bool:
        return self._asks.count(output) > 0

    def is_refused(self, output: bytearray) -> bool:
        """After it was sent."""
        return self._prompts.count(output) > 1 or self._refusal.count(output) > 0

    def send(self, stack: ExitStack, send: Callable[[bytes], None]) -> Attempt:
        """Raises AuthenticationFailed if another host refused it. The attempt lasts as long as `stack`."""
        attempt = stack.enter_context(self._gate.attempt(*self._given))
        send(self._given[-1].encode() + b"\n")
        return attempt


class Marks:
    """Counts a mark in output that grows, and looks at each part of it once."""

    def __init__(self, mark: str) -> None:
        self._mark = mark.encode()
        self._from = 0
        self._count = 0

    def count(self, output: bytearray) -> int:
        while (found := output.find(self._mark, self._from)) >= 0:
            self._count += 1
            self._from = found + len(self._mark)
        self._from = max(self._from, len(output) - len(self._mark) + 1)
        return self._count


def converse(
    output: bytearray, listen: Callable[[], bool], send: Callable[[bytes], None], password: Password | None
) -> bool:
    """Answer the prompt for a password until the shell announces itself in `output`, which `listen` adds to while there
    is more. False if the shell does not start."""
    shell, ended = Marks(posix_shell.SHELL), Marks(posix_shell.ENDED)
    attempt: Attempt | None = None
    with ExitStack() as stack:
        more = True
        while True:
            if shell.count(output):
                if attempt is not None:
                    attempt.accept()
                return True
            if password is not None and attempt is None and password.is_wanted(output):
                attempt = password.send(stack, send)
            elif password is not None and attempt is not None and password.is_refused(output):
                attempt.refuse()
                return False
            if ended.count(output) or not more:
                return False
            more = listen()
