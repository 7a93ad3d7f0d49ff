"""SSH sessions on Linux hosts. fabric opens the connection, `exec` runs scripts over it, `sftp` uploads files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

import fabric
import paramiko

from reconciler import timing
from reconciler.clients.host_session import name_on_host
from reconciler.clients.script_output import reveal
from reconciler.clients.ssh import posix_shell, sftp
from reconciler.clients.ssh.connection import close_link, open_link
from reconciler.clients.ssh.conversation import SU, SUDO, Elevation, Password
from reconciler.clients.ssh.exec import Exec
from reconciler.clients.ssh.faults import CAUGHT
from reconciler.clients.ssh.jumps import JUMPS
from reconciler.clients.ssh.watchdog import hang_up, within
from reconciler.model.errors import BadAnswer, ReconcileError, Refused, Unreachable

if TYPE_CHECKING:
    from reconciler.model.connection import Connection, ConnectionContext, Credential
    from reconciler.model.script import Script

_ANSWER_SECONDS: Final = 5.0
_SUDO: Final = {  # by (whether there is a password, whether sudo wants a terminal)
    (False, False): posix_shell.SUDO_COMMAND,
    (True, False): posix_shell.SUDO_PASSWORD_COMMAND,
    (False, True): posix_shell.SUDO_COMMAND_ON_TERMINAL,
    (True, True): posix_shell.SUDO_PASSWORD_COMMAND_ON_TERMINAL,
}


class SshSession:
    """A `HostSession` over SSH. `clock` gives seconds and only differences of it count."""

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
        self._link: fabric.Connection | None = None
        self._stack = ExitStack()
        self._terminal = False  # set once sudo requires one

    def __enter__(self) -> Self:
        """Raises what `open_link` raises, for the host and its jump host; errors name the one they are about."""
        jump = self._connection.jump
        self._stack.callback(self._forget)
        try:
            if jump is None:
                self._link = open_link(self._connection, self._context)
            else:
                self._link = self._open_behind(jump)
            self._stack.callback(close_link, self._link)
        except BaseException:
            self._stack.close()
            raise
        return self

    def _open_behind(self, jump: Connection, *, again: bool = True) -> fabric.Connection:
        """Through the shared connection to the jump host. If that has just ended, retry once with a new one."""
        through = JUMPS.take(jump, self._context)
        try:
            link = open_link(self._connection, self._context, through)
        except BaseException as error:
            JUMPS.give(jump, self._context)
            if again and isinstance(error, Unreachable) and not through.is_active():
                return self._open_behind(jump, again=False)
            raise
        self._stack.callback(JUMPS.give, jump, self._context)
        return link

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def _forget(self) -> None:
        self._link = None

    def execute(self, script: Script, params: Mapping[str, Any], *, deadline: float) -> Any:
        """See `HostSession.execute`. Parameters become the shell variables `arg_NAME`."""
        if script.is_powershell or self._link is None:
            raise ValueError(f"{script.name} cannot be run over this session")
        return self._run(script, params, deadline, how=_elevation(self._connection.credential))

    def is_usable(self) -> bool:
        """See `HostSession.is_usable`."""
        link = self._link
        if link is None or not link.is_connected:
            return False
        try:
            with within(_ANSWER_SECONDS, lambda: hang_up(link.transport)):
                link.transport.open_session(timeout=_ANSWER_SECONDS).close()
        except CAUGHT:
            return False
        return True

    def upload(self, source: Path, sha256: str, *, deadline: float) -> str:
        """See `HostSession.upload`. The login account owns the file, even if scripts run as root."""
        end, what = self._clock() + deadline, f"uploading {source.name}"
        params = {"name": name_on_host(source, sha256), "sha256": sha256}
        found = self._own(sftp.LOOK, params, end)
        if found.get("there"):
            return str(found["path"])
        try:
            with source.open("rb") as file:
                path = f"{sftp.FOLDER}/{params['name']}.part"
                left = max(0.0, end - self._clock())
                sftp.put(self._transport(), file, path, peer=self._connection.peer, what=what, seconds=left)
        except Refused as error:
            said = self._own(sftp.EXPLAIN, params, end).get("said")
            if said:
                raise _takes_no_more(error.peer, what, f"{error.reason}; the host says: {said}") from error
            raise
        except OSError as error:
            raise ReconcileError(f"{source.name} cannot be read: {error.strerror}") from error
        arrived = self._own(sftp.FINISH, params, end)
        if arrived.get("said"):
            raise _takes_no_more(self._connection.peer, what, f"the host says: {arrived['said']}")
        if arrived.get("sha256") != sha256:
            reason = f"the uploaded file has the SHA-256 {arrived.get('sha256')}, expected {sha256}"
            raise BadAnswer(
                self._connection.peer, what, reason, hint="Did the file change during the upload? Run the plan again."
            )
        return str(arrived["path"])

    def remove(self, path: str, *, deadline: float) -> None:
        """See `HostSession.remove`."""
        self._own(sftp.REMOVE, {"name": path.rpartition("/")[2]}, self._clock() + deadline)

    def _own(self, script: Script, params: Mapping[str, Any], end: float) -> dict[str, Any]:
        """Run a script of the upload as the login account, as SFTP does."""
        answer = self._run(script, params, max(0.0, end - self._clock()), how=None)
        return answer if isinstance(answer, dict) else {}

    def _run(self, script: Script, params: Mapping[str, Any], deadline: float, *, how: Elevation | None) -> Any:
        plain, secrets = reveal(params)
        password = self._password(how) if how is not None else None
        if password:
            secrets.append(password)
        data = posix_shell.standard_input(script.text, plain, seconds=deadline + 1)
        run = Exec(self._connection.peer, f"running {script.name}", self._clock, deadline, secrets)
        on_terminal = self._terminal and how is SUDO
        asked = self._asked(how, password) if how is not None and password is not None else None
        run.run(
            self._transport(),
            _command(how, has_password=password is not None, terminal=on_terminal),
            data,
            password=asked,
            terminal=on_terminal,
        )
        if how is SUDO and not on_terminal and run.wants_terminal:
            self._terminal = True
            return self._run(script, params, run.left(), how=how)
        return run.answer(how=how)

    def _transport(self) -> paramiko.Transport:
        if self._link is None:
            raise ValueError("this session is not open")
        return self._link.transport

    def _asked(self, how: Elevation, password: str) -> Password:
        credential = self._connection.credential
        username = "root" if how is SU else credential.username if credential is not None else ""
        return Password(how, self._context.logins, self._connection.peer, username, password)

    def _password(self, how: Elevation) -> str | None:
        credential = self._connection.credential
        if credential is None:
            return None
        return self._context.reveal(credential.root_password if how is SU else credential.password)


def _takes_no_more(peer: str, what: str, reason: str) -> Refused:
    hint = f"The file goes to ~/{sftp.FOLDER} of the account that logs in: free some space there, or raise its quota."
    return Refused(peer, what, reason, hint=hint)


def _elevation(credential: Credential | None) -> Elevation | None:
    """How scripts become root, if the credential says so."""
    if credential is None:
        return None
    return SUDO if credential.sudo else SU if credential.su else None


def _command(how: Elevation | None, *, has_password: bool, terminal: bool) -> str:
    if how is SUDO:
        return _SUDO[has_password, terminal]
    return posix_shell.SU_COMMAND if how is SU else posix_shell.COMMAND
