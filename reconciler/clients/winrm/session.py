"""WinRM sessions on Windows hosts with pywinrm, with deadlines, and shells that are always closed.

One session has one shell and runs any number of scripts in it. pywinrm's receive loop is not used: it has no timeout.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from winrm.exceptions import WinRMOperationTimeoutError

from reconciler import randomness, timing
from reconciler.clients.host_session import name_on_host
from reconciler.clients.script_output import OUTPUT_LIMIT, document, reveal, script_failed
from reconciler.clients.sockets import socket_deadline
from reconciler.clients.winrm import powershell
from reconciler.clients.winrm.client import LONGEST_OPERATION, OPERATION_SECONDS, by_certificate, open_client
from reconciler.clients.winrm.faults import CAUGHT, CERTIFICATE_HINT, HINTS, KERBEROS_HINT, translate
from reconciler.clients.winrm.upload import Upload
from reconciler.model.errors import BadAnswer, DeadlineExceeded, RemoteError, Unreachable

if TYPE_CHECKING:
    from pathlib import Path

    from reconciler.clients.winrm.client import Client
    from reconciler.model.connection import Connection, ConnectionContext
    from reconciler.model.script import Script

_CLOSE_SECONDS = 5.0


class WinrmSession:
    """A `HostSession` over WinRM. `clock` gives seconds and only differences of it count."""

    def __init__(
        self,
        connection: Connection,
        context: ConnectionContext,
        *,
        clock: Callable[[], float] = timing.monotonic,
    ) -> None:
        self._connection = connection
        self._context = context
        self._clock = clock
        self._client: Client | None = None
        self._shell = ""

    def __enter__(self) -> Self:
        connection = self._connection
        what = "connecting with WinRM"
        try:
            with self._within(connection.deadlines.connect, what, late=Unreachable):
                client = self._client = open_client(connection, self._context)
            with self._within(connection.deadlines.connect, what, late=Unreachable):
                self._shell = randomness.uuid().upper()
                self._shell = client.open_named_shell(self._shell)
        except RemoteError:
            self._give_up()
            raise
        except CAUGHT as error:
            self._give_up()
            raise translate(error, connection.peer, what, sent=False, hint=self._login_hint()) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def _give_up(self) -> None:
        """Clean up after a failed login; the shell is closed if the host may have opened one."""
        if self._client is None or not self._client.wire.delivered:
            self._shell = ""
        self._close()

    def _close(self) -> None:
        """Close the shell in any case: one that stays open counts against the user's limit for two hours."""
        client, self._client = self._client, None
        shell, self._shell = self._shell, ""
        if client is None:
            return
        try:
            if shell:
                with (
                    suppress(*CAUGHT, RemoteError),
                    self._within(_CLOSE_SECONDS, "closing the shell", client=client),
                ):
                    client.close_shell(shell, close_session=False)
        finally:
            client.wire.close_session()

    def execute(self, script: Script, params: Mapping[str, Any], *, deadline: float) -> Any:
        """See `HostSession.execute`. Parameters become the one argument of the script, an object."""
        client = self._client
        if not script.is_powershell or client is None:
            raise ValueError(f"{script.name} cannot be run over this session")
        _, secrets = reveal(params)
        peer, what = self._connection.peer, f"running {script.name}"
        command, order = "", powershell.blob(script, params)
        end = self._clock() + deadline
        try:
            with self._within(deadline, what):
                command = client.run_command(
                    self._shell, powershell.PROGRAM, powershell.arguments(), console_mode_stdin=False
                )
                self._send(client, command, order)
                out, err, code = self._receive(client, command, end, what)
        except CAUGHT as error:
            raise translate(error, peer, what, sent=bool(command)) from error
        finally:
            if command:
                self._signal(client, command)
        if code != 0:
            raise script_failed(peer, what, code, err, secrets)
        return document(peer, what, out, secrets)

    def is_usable(self) -> bool:
        """False: a host closes idle connections, and an encrypted message on one is lost. Each use gets a new
        session."""
        return False

    def upload(self, source: Path, sha256: str, *, deadline: float) -> str:
        """See `HostSession.upload`. The folder is for administrators and the system."""
        name = name_on_host(source, sha256)
        upload = Upload(self, self._connection.peer, name, deadline=deadline, clock=self._clock)
        return upload.send(source, sha256)

    def remove(self, path: str, *, deadline: float) -> None:
        """See `HostSession.remove`."""
        name = path.replace("\\", "/").rpartition("/")[2]
        Upload(self, self._connection.peer, name, deadline=deadline, clock=self._clock).remove()

    def _send(self, client: Client, command: str, data: bytes) -> None:
        for start in range(0, len(data), powershell.CHUNK):
            last = start + powershell.CHUNK >= len(data)
            client.send_command_input(self._shell, command, data[start : start + powershell.CHUNK], end=last)

    def _receive(self, client: Client, command: str, end: float, what: str) -> tuple[bytes, bytes, int]:
        out, err = bytearray(), bytearray()
        while True:
            left = end - self._clock()
            if left <= 0:
                raise TimeoutError(what)
            client.operation_timeout_sec = max(1, min(OPERATION_SECONDS, math.ceil(left)))
            client.wire.seconds = OPERATION_SECONDS + 5
            try:
                more_out, more_err, code, done = client.get_command_output_raw(self._shell, command)
            except WinRMOperationTimeoutError:
                continue  # no output within one operation: the script still runs
            out += more_out
            err += more_err
            if len(out) + len(err) > OUTPUT_LIMIT:
                reason = f"it printed more than {OUTPUT_LIMIT >> 20} MB"
                raise BadAnswer(self._connection.peer, what, reason)
            if done:
                return bytes(out), bytes(err), code

    def _signal(self, client: Client, command: str) -> None:
        """End the command: it may still run, and the shell must be free for the next one."""
        with suppress(*CAUGHT, RemoteError), self._within(_CLOSE_SECONDS, "ending the command"):
            client.cleanup_command(self._shell, command)

    @contextmanager
    def _within(
        self,
        seconds: float,
        what: str,
        *,
        client: Client | None = None,
        late: type[RemoteError] = DeadlineExceeded,
    ) -> Iterator[None]:
        """Requests in the block time out after `seconds`; any exception of the library is then `late`."""
        end = self._clock() + seconds
        target = client or self._client
        if target is not None:
            target.operation_timeout_sec = max(1, min(LONGEST_OPERATION, math.ceil(seconds)))
            target.wire.seconds = target.operation_timeout_sec + 5
        try:
            with socket_deadline(lambda: end - self._clock()):
                yield
        except CAUGHT as error:
            if end - self._clock() > 0:
                raise
            raise late(self._connection.peer, what, f"not done after {seconds:g} s", hint=HINTS[late]) from error

    def _login_hint(self) -> str:
        credential = self._connection.credential
        if by_certificate(self._connection):
            return CERTIFICATE_HINT
        return KERBEROS_HINT if credential is not None and credential.auth == "kerberos" else ""
