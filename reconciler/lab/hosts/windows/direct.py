"""Sessions on Windows hosts of the lab without a network between: what is read there is what WinRM would bring.

Only for a host that is as everyone expects it. With a switch, another name or a login that it does not take, the host
is reached over WinRM, which has the error.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from threading import RLock
from typing import TYPE_CHECKING, Any, Final

from reconciler.clients.script_output import reveal, script_failed
from reconciler.lab.hosts.windows.powershell import FAILED, printed, problem
from reconciler.lab.hosts.windows.twins import ScriptError
from reconciler.model.connection import Connection, ConnectionContext, Transport

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from reconciler.lab.hosts.windows.host import WindowsHost
    from reconciler.lab.hosts.wsman import User
    from reconciler.model.script import Script

_ONE_AT_A_TIME: Final = RLock()
"""A session computes and does not wait, so threads that have one at the same time only take the interpreter from each
other."""


@dataclass(frozen=True, slots=True)
class DirectSession:
    """`clients.host_session.ScriptRunner` on a host of the lab, as `user`."""

    host: WindowsHost
    connection: Connection
    user: User

    def execute(self, script: Script, params: Mapping[str, Any], *, deadline: float) -> Any:
        """See `ScriptRunner.execute`. What the lab answers is there at once."""
        del deadline
        peer, what = self.connection.peer, f"running {script.name}"
        args, secrets = reveal(params)
        try:
            return printed(script.text, args, self.user.principal, self.host.run)
        except ScriptError as error:
            raise script_failed(peer, what, FAILED, problem(error), secrets) from error


def direct_session(
    host: WindowsHost, connection: Connection, context: ConnectionContext
) -> AbstractContextManager[DirectSession] | None:
    """A session on the host; None if how it ends is known only after a connection. Raises SecretError."""
    login = connection.credential
    is_plain = host.is_on and not host.faults and connection.identity.lower() == host.own_name
    if not is_plain or connection.transport is not Transport.WINRM or login is None or login.auth != "ntlm":
        return None
    password = context.reveal(login.password)
    user = host.accounts.logged_in(login.username, password) if password else None
    if password is None or user is None or not user.admin:
        return None
    return _opened(DirectSession(host, connection, user), context, login.username, password)


@contextmanager
def _opened(
    session: DirectSession, context: ConnectionContext, username: str, password: str
) -> Iterator[DirectSession]:
    with context.logins.attempt(session.connection.peer, "logging in", username, password) as attempt:
        attempt.accept()
    with _ONE_AT_A_TIME:
        yield session
