"""Runs one script over one channel of an open SSH connection, with limits on time and size.

A raw channel is faster than `fabric.Connection.run`, and no parameter appears in a command line: see `posix_shell`.
"""

from __future__ import annotations

import selectors
from collections.abc import Callable, Sequence
from threading import Event
from typing import Any

import paramiko

from reconciler.clients.script_output import OUTPUT_LIMIT, document, script_failed, shorten
from reconciler.clients.ssh import posix_shell
from reconciler.clients.ssh.conversation import Elevation, Marks, Password, converse
from reconciler.clients.ssh.faults import CAUGHT, translate
from reconciler.clients.ssh.peer_reason import ACCOUNT_HINT
from reconciler.clients.ssh.watchdog import hang_up, within
from reconciler.model.errors import AuthenticationFailed, BadAnswer, ConnectionLost, DeadlineExceeded, RemoteError
from reconciler.model.secret import mask_secrets

_CHUNK = 65536
_SHELL_HINT = (
    "The login shell of the account must run `sh`, and its start files (.bashrc, .cshrc) must not ask or exit; sudo "
    "must ask with the prompt that it is given (passprompt_override), and su with `Password:` and nothing before it."
)
_STDERR_SECONDS = 0.5
"""Seconds without standard output after which standard error is read, so that its buffer does not fill up."""


class Exec:
    """One exec of one script. `peer` and `what` are for messages, `deadline` is in seconds of `clock`; `secrets` are
    masked in what the host printed."""

    def __init__(
        self, peer: str, what: str, clock: Callable[[], float], deadline: float, secrets: Sequence[str]
    ) -> None:
        self._peer = peer
        self._what = what
        self._sent = False
        self._clock = clock
        self._seconds = deadline
        self._end = clock() + deadline
        self._secrets = secrets
        self._channel: paramiko.Channel | None = None
        self._out = bytearray()
        self._err = bytearray()
        self._code = -1

    def run(
        self,
        transport: paramiko.Transport,
        command: str,
        data: bytes,
        *,
        password: Password | None = None,
        terminal: bool = False,
    ) -> None:
        """Run `command`, one of `posix_shell`, to its end with `data` on its standard input. Raises RemoteError.

        `password` is for sudo or su. With `terminal` the command is one of those for a terminal.
        """
        if password is not None:
            password.check()
        try:
            channel = self._start(transport, command, terminal=terminal)
            self._speak(channel, data, password, terminal=terminal)
            self._finish(channel)
            if terminal:
                self._out, self._err = map(bytearray, posix_shell.from_terminal(bytes(self._out)))
        except CAUGHT as error:
            raise translate(error, self._peer, self._what, sent=self._sent) from error
        finally:
            if self._channel is not None:
                _close(self._channel)

    @property
    def wants_terminal(self) -> bool:
        """Whether sudo refused to run the script without a terminal."""
        return posix_shell.wants_terminal(bytes(self._err))

    def _speak(self, channel: paramiko.Channel, data: bytes, password: Password | None, *, terminal: bool) -> None:
        """Send `data` once there is a shell that reads it. A host where none starts has been sent nothing to run."""
        form: Callable[[bytes], bytes] = posix_shell.block if terminal else bytes
        with selectors.DefaultSelector() as selector:
            selector.register(channel, selectors.EVENT_READ)
            try:
                ready = not terminal or self._is_ready(channel, selector)
                started = ready and converse(
                    self._out if terminal else self._err,
                    lambda: self._listen(channel, selector),
                    lambda answer: self._send(channel, form(answer)),
                    password,
                )
            except DeadlineExceeded as error:
                reason = f"no shell announced itself within {self._seconds:g} s, so nothing was sent to it"
                said = self._said()
                reason += f"; it printed: {said}" if said else ""
                raise BadAnswer(self._peer, self._what, reason, hint=_SHELL_HINT) from error
        self._send(channel, (form(data) if started else b"") + (form(b"") if ready else b""), last=True)

    def _is_ready(self, channel: paramiko.Channel, selector: selectors.BaseSelector) -> bool:
        ready = Marks(posix_shell.READY)
        while not ready.count(self._out):
            if not self._listen(channel, selector):
                return ready.count(self._out) > 0
        return True

    def _listen(self, channel: paramiko.Channel, selector: selectors.BaseSelector) -> bool:
        """Wait for output of either kind, and keep it. False at the end."""
        if not selector.select(self.left()):
            raise self._late()
        ended = channel.eof_received or channel.closed
        while channel.recv_ready():
            self._keep(self._out, channel.recv(_CHUNK))
        while channel.recv_stderr_ready():
            self._keep(self._err, channel.recv_stderr(_CHUNK))
        return not ended

    def _finish(self, channel: paramiko.Channel) -> None:
        while self._receive(channel):
            pass
        while self._keep(self._err, self._wait(channel, channel.recv_stderr, self.left())):
            pass
        if not channel.status_event.wait(self.left()):
            raise self._late()
        self._code = channel.exit_status

    def _start(self, transport: paramiko.Transport, command: str, *, terminal: bool) -> paramiko.Channel:
        """A host that does not answer the request for a command is disconnected."""
        with within(self.left(), lambda: hang_up(transport)) as watch:
            try:
                channel = self._channel = transport.open_session(timeout=self.left())
                if terminal:
                    self._take_terminal(channel)
                channel.exec_command(command)
            except CAUGHT:
                if watch.is_late or self._end <= self._clock():
                    raise self._late() from None
                raise
        self._sent = True
        return channel

    def _take_terminal(self, channel: paramiko.Channel) -> None:
        try:
            channel.get_pty()
        except paramiko.SSHException as error:
            reason = "sudo (requiretty) or su needs a terminal, and sshd gives none (PermitTTY no)"
            hint = "Exempt the account in sudoers: `Defaults:USER !requiretty`; su always needs a terminal."
            raise AuthenticationFailed(self._peer, self._what, reason, hint=hint) from error

    def left(self) -> float:
        """The remaining seconds. Raises DeadlineExceeded."""
        left = self._end - self._clock()
        if left <= 0:
            raise self._late()
        return left

    def _late(self) -> DeadlineExceeded:
        return DeadlineExceeded(
            self._peer,
            self._what,
            f"not done after {self._seconds:g} s",
            hint="The host now stops the script. Increase `deadlines` in the inventory if it needs more time.",
        )

    def _send(self, channel: paramiko.Channel, data: bytes, *, last: bool = False) -> None:
        try:
            while data:
                channel.settimeout(self.left())
                data = data[channel.send(data[:_CHUNK]) :]
            if last:
                channel.shutdown_write()
        except TimeoutError:
            raise self._late() from None
        except OSError:
            return  # closed by the host: its output explains why (sudo, su, a missing shell)

    def _receive(self, channel: paramiko.Channel) -> bool:
        """Read from standard output, and from standard error if there is any. False at the end."""
        try:
            channel.settimeout(min(self.left(), _STDERR_SECONDS))
            more = self._keep(self._out, channel.recv(_CHUNK))
        except TimeoutError:
            more = True
        while channel.recv_stderr_ready():
            self._keep(self._err, channel.recv_stderr(_CHUNK))
        return more

    def _wait(self, channel: paramiko.Channel, receive: Callable[[int], bytes], seconds: float) -> bytes:
        channel.settimeout(seconds)
        try:
            return receive(_CHUNK)
        except TimeoutError:
            raise self._late() from None

    def _keep(self, buffer: bytearray, data: bytes) -> bool:
        buffer += data
        if len(buffer) > OUTPUT_LIMIT:
            limit = OUTPUT_LIMIT >> 20
            raise BadAnswer(self._peer, self._what, f"it printed more than {limit} MB")
        return bool(data)

    def answer(self, *, how: Elevation | None) -> Any:
        """The JSON document that the script printed. Raises RemoteError; see `HostSession.execute`."""
        started, stderr = posix_shell.without_mark(bytes(self._err))
        if self._code == -1:
            raise ConnectionLost(
                self._peer,
                self._what,
                "the connection ended before the script did",
                hint="The change may have been made: run a new plan before you retry.",
            )
        if self._code == 0 and started:
            return document(self._peer, self._what, posix_shell.output(bytes(self._out)), self._secrets)
        if not started:
            raise self._not_started(how)
        if self._code in (124, 137):  # what timeout(1) ends with when it had to stop the script
            raise self._late()
        raise script_failed(self._peer, self._what, self._code, stderr, self._secrets)

    def _said(self) -> str:
        """What was printed before the script started, on standard error, or else on standard output."""
        _, stderr = posix_shell.without_mark(bytes(self._err))
        texts = (shorten(mask_secrets(text.decode("utf-8", "replace"), self._secrets)) for text in (stderr, self._out))
        return next(filter(None, texts), "")

    def _not_started(self, how: Elevation | None) -> RemoteError:
        """The login shell, sudo or su ended."""
        said = self._said()
        if "password has expired" in said.lower():
            return AuthenticationFailed(self._peer, self._what, said, hint=ACCOUNT_HINT)
        if how is not None and said and how.printed(bytes(self._err)):
            return AuthenticationFailed(self._peer, how.what, said, hint=how.hint)
        return BadAnswer(self._peer, self._what, said or f"no shell (exit code {self._code})", hint=_SHELL_HINT)


def _close(channel: paramiko.Channel) -> None:
    """Close a channel that was selected.

    The thread of paramiko announces output on a pipe that closing takes from it: announced a moment later, the pipe is
    closed, which ends the whole connection, or is another file of this process. So nothing is announced any more.
    """
    for buffer in (channel.in_buffer, channel.in_stderr_buffer):
        buffer.set_event(Event())
    channel.close()
