"""What is sent to a host is sent to a reader that has announced itself: sudo by its prompt, the shell by its line.

A password is sent once. If sudo asks again, it has refused it: its input ends, before it takes anything else for one.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Final

from reconciler.clients.ssh import posix_shell
from reconciler.model.login_gate import Attempt, LoginGate

BECOMING: Final = "becoming root with sudo"


class Password:
    """The password of a user for sudo on one host."""

    def __init__(self, gate: LoginGate, peer: str, username: str, password: str) -> None:
        self._gate = gate
        self._given = (peer, BECOMING, username, password)

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
    """Answer the prompt of sudo until the shell announces itself in `output`, which `listen` adds to while there is
    more. False if the shell does not start."""
    prompts, shell, ended = (Marks(mark) for mark in (posix_shell.PROMPT, posix_shell.SHELL, posix_shell.ENDED))
    attempt: Attempt | None = None
    with ExitStack() as stack:
        more = True
        while True:
            if shell.count(output):
                if attempt is not None:
                    attempt.accept()
                return True
            asked = prompts.count(output)
            if asked and attempt is None and password is not None:
                attempt = password.send(stack, send)
            elif asked > 1 and attempt is not None:
                attempt.refuse()
                return False
            if ended.count(output) or not more:
                return False
            more = listen()
