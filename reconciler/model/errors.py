"""The errors of the reconciler.

ReconcileError
├── Diagnosed (in `diagnostic`)      user input that cannot be used
├── SecretError                      a secret reference that cannot be resolved
├── UnknownName                      a name that stands for nothing on the server
└── RemoteError                      something on the other end of a wire
    ├── Unreachable                  no connection: nothing was sent
    ├── ConnectionLost               the wire broke after sending: the work may have been done
    ├── DeadlineExceeded             the time allowed is over: the work may have been done
    ├── AuthenticationFailed         the peer does not accept who we are
    │   └── AccessDenied             it does, and does not let us do this
    ├── UntrustedPeer                we do not accept who the peer is (host key, certificate)
    ├── Unavailable                  the peer asks to come back later (429, 502, 503, 504)
    ├── BadAnswer                    an answer that is not what the protocol says
    ├── Refused                      the peer understood and said no
    │   ├── Missing                  what was asked for does not exist
    │   └── Conflict                 it already exists, or another operation is running
    └── ScriptFailed                 a script on a host ended with an error

Clients map every exception of the libraries below them to one of these and keep it as `__cause__`.
"""

from __future__ import annotations

from typing import ClassVar, Final


class ReconcileError(Exception):
    """Root of everything the reconciler raises on purpose."""


class SecretError(ReconcileError):
    """A secret reference could not be resolved. The message names the reference, never a value; `hint` says how to mend
    it, if the message does not."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class UnknownName(ReconcileError):
    """A declared name that nothing on the server answers to, so that it has no id to send."""


class RemoteError(ReconcileError):
    """An error at `peer` (a host name or URL without secrets) while doing `what`.

    `code` is a stable word for diagnostics; `hint` says how to mend it. `nothing_sent` is true where it is certain
    that the peer did nothing, so that repeating is safe whatever the request was; `is_local` where nothing was
    connected to, because this machine lacks something.
    """

    code: ClassVar[str] = "remote-error"
    summary: ClassVar[str] = "The other end failed"
    nothing_sent: ClassVar[bool] = False
    is_local: ClassVar[bool] = False
    retryable: ClassVar[bool] = False

    def __init__(self, peer: str, what: str, reason: str, *, hint: str = "") -> None:
        super().__init__(f"{peer}: {what}: {reason}")
        self.peer = peer
        self.what = what
        self.reason = reason
        self.hint = hint


class Unreachable(RemoteError):
    """No connection could be made: unknown name, refused, no route, or no answer within the connect deadline."""

    code = "unreachable"
    summary = "No connection"
    nothing_sent = True
    retryable = True


class ConnectionLost(RemoteError):
    """The connection broke after something was sent. Read back before anything is repeated."""

    code = "connection-lost"
    summary = "Connection lost"
    retryable = True


class DeadlineExceeded(RemoteError):
    """The deadline of the call passed. Read back before anything is repeated."""

    code = "deadline"
    summary = "Deadline exceeded"
    retryable = True


class AuthenticationFailed(RemoteError):
    """User name, password, key, ticket or certificate was not accepted, or has no right to do this."""

    code = "authentication"
    summary = "Login refused"
    nothing_sent = True


class AccessDenied(AuthenticationFailed):
    """The login is accepted, and has no right to do this."""


class UntrustedPeer(RemoteError):
    """The host key or certificate of the peer is not the one that the inventory trusts."""

    code = "untrusted-peer"
    summary = "Identity not trusted"
    nothing_sent = True


class UnusableTrust(UntrustedPeer):
    """What is to verify the peer cannot be used, as a CA file that is not there. Nothing was connected to."""

    is_local = True


class IncompleteLogin(AuthenticationFailed):
    """The inventory has no login of the kind that is needed. Nothing was connected to."""

    is_local = True


class Unavailable(RemoteError):
    """The peer cannot answer now. `status` is 429, 502, 503 or 504, `retry_after` the seconds after which it wants to
    be asked again, 0 if it does not say."""

    code = "unavailable"
    summary = "Temporarily unavailable"
    retryable = True

    def __init__(
        self, peer: str, what: str, reason: str, *, hint: str = "", status: int = 0, retry_after: float = 0.0
    ) -> None:
        super().__init__(peer, what, reason, hint=hint)
        self.status = status
        self.retry_after = retry_after


class BadAnswer(RemoteError):
    """The answer is not what the protocol or the API document says."""

    code = "bad-answer"
    summary = "Answer not understood"


class Refused(RemoteError):
    """The peer understood the request and refused it. `status` is the HTTP status, `error_code` the product's word."""

    code = "refused"
    summary = "Request refused"

    def __init__(
        self,
        peer: str,
        what: str,
        reason: str,
        *,
        hint: str = "",
        status: int = 0,
        error_code: str = "",
    ) -> None:
        super().__init__(peer, what, reason, hint=hint)
        self.status = status
        self.error_code = error_code


class Missing(Refused):
    """What was asked for does not exist."""

    code = "missing"
    summary = "Not found"


class Conflict(Refused):
    """It already exists, or another operation is running."""

    code = "conflict"
    summary = "In conflict with something else"


UNREADABLE: Final = (AccessDenied, BadAnswer, Refused, Unavailable)
"""What a peer answers that does not show one thing, and may show others."""


def retry_after(error: RemoteError) -> float:
    """Seconds for which the peer asks to be left alone."""
    return error.retry_after if isinstance(error, Unavailable) else 0.0


class ScriptFailed(RemoteError):
    """A script on a host ended with `exit_code`; `reason` is its own account, masked and shortened."""

    code = "script-failed"
    summary = "Script failed"

    def __init__(self, peer: str, what: str, reason: str, *, hint: str = "", exit_code: int = 1) -> None:
        super().__init__(peer, what, reason, hint=hint)
        self.exit_code = exit_code
