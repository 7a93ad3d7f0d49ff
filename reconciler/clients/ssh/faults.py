"""Maps the exceptions of paramiko, invoke, fabric and sockets to the errors of the model."""

from __future__ import annotations

import socket
import struct
from collections.abc import Mapping
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from fabric import exceptions as fabric
from invoke import exceptions as invoke
from invoke.config import AmbiguousMergeError
from paramiko import SFTPError, hostkeys, packet, pkey
from paramiko import ssh_exception as ssh
from paramiko.ber import BERException
from paramiko.buffered_pipe import PipeTimeout

from reconciler.model.errors import (
    AuthenticationFailed,
    BadAnswer,
    ConnectionLost,
    DeadlineExceeded,
    RemoteError,
    ScriptFailed,
    Unavailable,
    Unreachable,
    UntrustedPeer,
)

_OF_INVOKE: Final[Mapping[type[Exception], type[RemoteError]]] = {
    invoke.CommandTimedOut: DeadlineExceeded,
    invoke.AuthFailure: AuthenticationFailed,
    invoke.ResponseNotAccepted: AuthenticationFailed,
    invoke.WatcherError: AuthenticationFailed,
    invoke.UnexpectedExit: ScriptFailed,
    invoke.Failure: ScriptFailed,
    invoke.Exit: ScriptFailed,
    invoke.ThreadException: ConnectionLost,
    invoke.SubprocessPipeError: ConnectionLost,
    # about task files, configuration and command lines of invoke and fabric, which are not used here
    invoke.CollectionNotFound: BadAnswer,
    invoke.ParseError: BadAnswer,
    invoke.PlatformError: BadAnswer,
    invoke.AmbiguousEnvVar: BadAnswer,
    invoke.UncastableEnvVar: BadAnswer,
    invoke.UnknownFileType: BadAnswer,
    invoke.UnpicklableConfigMember: BadAnswer,
    AmbiguousMergeError: BadAnswer,
    fabric.GroupException: BadAnswer,
    fabric.InvalidV1Env: BadAnswer,
    fabric.NothingToDo: BadAnswer,
}

_OF_GARBAGE: Final[tuple[type[Exception], ...]] = (
    BERException,
    InvalidSignature,
    UnsupportedAlgorithm,
    hostkeys.InvalidHostKey,
    packet.NeedRekeyException,
    pkey.UnknownKeyType,
    struct.error,
    AssertionError,
    LookupError,
    TypeError,
    ValueError,
)
"""What paramiko raises for data that violates the protocol: its thread catches everything and passes it to the caller
that waits."""

FAULTS: Final[Mapping[type[Exception], type[RemoteError]]] = {
    ssh.AuthenticationException: AuthenticationFailed,
    ssh.PasswordRequiredException: AuthenticationFailed,
    ssh.BadAuthenticationType: AuthenticationFailed,
    ssh.PartialAuthentication: AuthenticationFailed,
    ssh.UnableToAuthenticate: AuthenticationFailed,
    ssh.BadHostKeyException: UntrustedPeer,
    ssh.ChannelException: Unavailable,
    ssh.IncompatiblePeer: BadAnswer,
    ssh.MessageOrderError: BadAnswer,
    ssh.ProxyCommandFailure: Unreachable,
    ssh.NoValidConnectionsError: Unreachable,
    ssh.CouldNotCanonicalize: Unreachable,
    ssh.ConfigParseError: BadAnswer,
    **_OF_INVOKE,
    **dict.fromkeys(_OF_GARBAGE, BadAnswer),
    SFTPError: BadAnswer,
    socket.gaierror: Unreachable,
    ConnectionRefusedError: Unreachable,
    UnicodeError: Unreachable,
}
"""Classes with one meaning; the nearest base class counts."""

BY_CONTEXT: Final = (ssh.SSHException, EOFError, OSError, PipeTimeout)
"""Classes whose meaning depends on their text, and on whether anything was sent."""

CAUGHT: Final = (*BY_CONTEXT, *FAULTS)
"""What a call through fabric may raise; UnicodeError comes from host names that are not valid in DNS."""

HINTS: Final[Mapping[type[RemoteError], str]] = {
    Unreachable: "Is the host up, does its name resolve from here, and does sshd listen on the port? "
    "`connection.address` and `connection.port` say where to connect.",
    AuthenticationFailed: "Check user name and password or key of the credential, and what sshd allows on the host "
    "(PasswordAuthentication, authorized_keys, AllowUsers; the login shell must exist).",
    ConnectionLost: "The change may have been made: run a new plan before you retry.",
    DeadlineExceeded: "The script may run for another second. Increase `deadlines` in the inventory if needed.",
    Unavailable: "sshd limits sessions and unauthenticated connections (MaxSessions, MaxStartups): retry later.",
    BadAnswer: "Is this the port of an SSH server that supports SHA-2 signatures (not only ssh-rsa)?",
}


def translate(error: Exception, peer: str, what: str, *, sent: bool) -> RemoteError:
    """The error for an exception of CAUGHT. `sent` is true after a command was sent to the host."""
    kind = _kind(error, sent=sent)
    return kind(peer, what, _reason(error), hint=HINTS.get(kind, ""))


def _kind(error: Exception, *, sent: bool) -> type[RemoteError]:
    if isinstance(error, ssh.AuthenticationException) and _is_no_refusal(error):
        return Unreachable
    for known in type(error).__mro__:
        if known in FAULTS:
            return FAULTS[known]
    if isinstance(error, TimeoutError):
        return DeadlineExceeded if sent else Unreachable
    return ConnectionLost if sent else Unreachable


def is_refusal(error: Exception) -> bool:
    """Whether a host did not accept user and password, which counts as a failed login there."""
    known = isinstance(error, ssh.AuthenticationException) and not _is_no_refusal(error)
    return known and not isinstance(error, ssh.BadAuthenticationType | ssh.PartialAuthentication)


def _is_no_refusal(error: Exception) -> bool:
    """paramiko also raises an authentication error when the peer disconnects or does not answer during the login."""
    text = str(error).lower()
    return "timeout" in text or "shut down" in text


def _reason(error: Exception) -> str:
    if isinstance(error, ssh.BadAuthenticationType):
        return f"the host accepts only {', '.join(sorted(error.allowed_types))}"
    if isinstance(error, ssh.AuthenticationException) and not _is_no_refusal(error):
        return "the host does not accept this user with this password or key"
    if isinstance(error, ssh.NoValidConnectionsError):
        return "; ".join(sorted({(each.strerror or str(each)).lower() for each in error.errors.values()}))
    if isinstance(error, socket.gaierror):
        return "its name does not resolve"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error).strip() or type(error).__name__
