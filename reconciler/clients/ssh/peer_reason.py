"""What the other side of a connection sends if the login does not succeed: it has the reason.

A server of another kind, or one that is busy, answers with a line of text; one that ends a login says why in its last
message or in a banner. paramiko only logs them.
"""

from __future__ import annotations

from typing import Any, Final

import paramiko

from reconciler.clients.script_output import shorten
from reconciler.model.errors import AuthenticationFailed, BadAnswer, RemoteError, Unreachable

_LONGEST: Final = 200
_BUSY: Final = ("exceeded maxstartups", "not allowed at this time")
"""How OpenSSH refuses a connection before its greeting: too many without a login, or a penalty for the address."""
_BUSY_HINT: Final = (
    "sshd limits connections without a login (MaxStartups) and of one address (PerSourceMaxStartups, "
    "PerSourcePenalties): raise the limit, or lower --parallelism."
)
_NO_SSH_HINT: Final = "Another service answers: `connection.address` and `connection.port` say where sshd listens."
_ATTEMPTS_HINT: Final = (
    "sshd takes 6 attempts (MaxAuthTries), and an agent offers all of its keys: keep fewer keys in it, or name the one "
    "with `private_key`."
)
ACCOUNT_HINT: Final = (
    "The password or key may be right: look at the account on the host (`chage -l USER`, `passwd -S USER`, "
    "/etc/nologin, AllowUsers) and at the log of sshd."
)


class Busy(Unreachable):
    """The server takes no connection now. A later attempt may succeed; few are worth it if it gave no reason."""

    gave_reason = False


class Words:
    """What the other side of a transport says besides the protocol: `greeting` is the first line that is not SSH,
    `farewell` the text of the message that ends the connection."""

    def __init__(self) -> None:
        self.greeting = ""
        self.farewell = ""

    def hear(self, transport: paramiko.Transport) -> None:
        """Keep what `transport` reads and only logs."""
        read = transport.packetizer.readline

        def noting(timeout: float) -> Any:
            line = read(timeout)
            if not line.startswith("SSH-") and line.strip().isprintable():
                self.greeting = self.greeting or line.strip()
            return line

        def parse_disconnect(message: paramiko.Message) -> None:
            message.get_int()
            self.farewell = message.get_text().strip()

        transport.packetizer.readline = noting
        vars(transport)["_parse_disconnect"] = parse_disconnect


def explained(words: Words, transport: Any, error: RemoteError, cause: Exception) -> RemoteError:
    """`error`, or a better one if the other side gave a reason. `cause` is what paramiko raised."""
    if transport is None:
        return error
    if not transport.remote_version:
        return _without_greeting(words.greeting, error, str(cause))
    said = words.farewell
    if "too many authentication failures" in said.lower():
        return AuthenticationFailed(error.peer, error.what, _quoted("the host says", said), hint=_ATTEMPTS_HINT)
    if isinstance(error, Unreachable) and isinstance(cause, paramiko.AuthenticationException):
        said = said or _banner(transport)
        if said:
            reason = _quoted("the host ended the login and says", said)
            return AuthenticationFailed(error.peer, error.what, reason, hint=ACCOUNT_HINT)
        if "timeout" not in str(cause).lower():
            reason = "the host ended the login without a reason"
            return Unreachable(error.peer, error.what, reason, hint=ACCOUNT_HINT)
    if said:
        return type(error)(error.peer, error.what, _quoted(f"{error.reason}; the host says", said), hint=error.hint)
    return error


def _banner(transport: Any) -> str:
    """The text that OpenSSH sends for PAM (account, nologin). `get_banner` of paramiko has none once the connection has
    ended."""
    handler = transport.auth_handler
    banner = (handler.banner if handler else None) or b""
    return str(banner.decode("utf-8", "replace").strip())


def _without_greeting(said: str, error: RemoteError, cause: str) -> RemoteError:
    if said.lower().startswith(_BUSY):
        busy = Busy(error.peer, error.what, _quoted("the host says", said), hint=_BUSY_HINT)
        busy.gave_reason = True
        return busy
    if said:
        reason = _quoted("it is not an SSH server: it says", said)
        return BadAnswer(error.peer, error.what, reason, hint=_NO_SSH_HINT)
    if cause == "Error reading SSH protocol banner":  # nothing after it: the connection was closed
        reason = "it closed the connection before its greeting"
        return Busy(error.peer, error.what, reason, hint=_BUSY_HINT)
    return error


def _quoted(lead: str, said: str) -> str:
    return f"{lead}: {shorten(said, _LONGEST)}"
