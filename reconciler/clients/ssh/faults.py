"""Exceptions of paramiko, invoke, fabric and the sockets below to our errors: a table, and what depends on context."""

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
    # about task files, configuration and command lines of invoke and fabric themselves, which are not in use here
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
"""What paramiko trips over in the bytes of a peer that does not keep to the protocol: its thread catches everything,
and hands it to whoever waits."""

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
"""Classes that always mean the same; the nearest base class counts."""

BY_CONTEXT: Final = (ssh.SSHException, EOFError, OSError, PipeTimeout)
"""Those whose meaning depends on what they say, and on whether something was sent already."""

CAUGHT: Final = (*BY_CONTEXT, *FAULTS)
"""What a call through fabric may raise; UnicodeError comes from host names that cannot be a name in DNS."""

HINTS: Final[Mapping[type[RemoteError], str]] = {
    Unreachable: "Is the host up, does its name resolve from here, and does sshd listen on the port? "
    "`connection.address` and `connection.port` say where to connect.",
    AuthenticationFailed: "Check user name and password or key of the credential, and what sshd allows on the host "
    "(PasswordAuthentication, authorized_keys).",
    ConnectionLost: "The work may have been done: run the plan again before anything is repeated.",
    DeadlineExceeded: "The work may go on on the host for a second. `deadlines` in the inventory gives it more time.",
    Unavailable: "sshd limits sessions and unfinished logins (MaxSessions, MaxStartups): try again.",
    BadAnswer: "Does an SSH server of our time (no SHA-1, no ssh-rsa signatures) answer on this port?",
}


def translate(error: Exception, peer: str, what: str, *, sent: bool) -> RemoteError:
    """Our error for one of CAUGHT. `sent` is true once a command was handed to the host."""
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


def _is_no_refusal(error: Exception) -> bool:
    """paramiko also calls it an authentication error when the peer hangs up or stays silent while it logs in."""
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
