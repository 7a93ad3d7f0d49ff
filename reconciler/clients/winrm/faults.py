"""Maps the exceptions of pywinrm and the libraries below it to the errors of the model. The table has every class."""

from __future__ import annotations

import binascii
import http.client as hc
import re
import socket
import ssl
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Final

import requests.exceptions as rq
import urllib3.exceptions as u3
import winrm.exceptions as wr
from spnego.exceptions import FeatureMissingError, NativeError, SpnegoError

from reconciler.model.errors import (
    AuthenticationFailed,
    BadAnswer,
    ConnectionLost,
    DeadlineExceeded,
    Refused,
    RemoteError,
    Unavailable,
    Unreachable,
    UntrustedPeer,
)


def _kerberos() -> tuple[type[Exception], ...]:
    """The exceptions of the libraries for Kerberos, which are optional."""
    found: list[type[Exception]] = []
    names = (("gssapi.raw.misc", "GSSError"), ("gssapi.exceptions", "GeneralError"), ("krb5", "Krb5Error"))
    for module, name in names:
        try:
            found.append(getattr(import_module(module), name))
        except ImportError:
            continue
    return tuple(found)


KERBEROS: Final = _kerberos()
CAUGHT: Final[tuple[type[Exception], ...]] = (
    wr.WinRMError,
    wr.WinRMTransportError,
    wr.WinRMOperationTimeoutError,
    rq.RequestException,
    u3.HTTPError,
    hc.HTTPException,
    SpnegoError,
    NativeError,
    FeatureMissingError,
    *KERBEROS,
    OSError,
    ET.ParseError,  # an answer that is not XML
    StopIteration,  # pywinrm: an answer without an expected element
    KeyError,  # ... or attribute
    AttributeError,  # ... or text
    AssertionError,  # ... or that belongs to another request
    ValueError,  # ... or with an invalid number or base64
)

FAULTS: Final[Mapping[type[Exception], type[RemoteError] | None]] = {
    wr.WinRMError: BadAnswer,
    wr.WSManFaultError: Refused,
    wr.WinRMTransportError: BadAnswer,
    wr.WinRMOperationTimeoutError: DeadlineExceeded,
    wr.AuthenticationError: AuthenticationFailed,
    wr.BasicAuthDisabledError: AuthenticationFailed,
    wr.InvalidCredentialsError: AuthenticationFailed,
    SpnegoError: AuthenticationFailed,
    NativeError: AuthenticationFailed,
    FeatureMissingError: AuthenticationFailed,
    **dict.fromkeys(KERBEROS, AuthenticationFailed),
    # nothing was sent
    rq.ConnectTimeout: Unreachable,
    rq.ProxyError: Unreachable,
    rq.InvalidURL: Unreachable,
    rq.InvalidSchema: Unreachable,
    rq.MissingSchema: Unreachable,
    rq.URLRequired: Unreachable,
    rq.InvalidProxyURL: Unreachable,
    rq.InvalidHeader: Unreachable,
    u3.NewConnectionError: Unreachable,
    u3.NameResolutionError: Unreachable,
    u3.ConnectTimeoutError: Unreachable,
    u3.LocationValueError: Unreachable,
    u3.LocationParseError: Unreachable,
    u3.HostChangedError: Unreachable,
    u3.FullPoolError: Unreachable,
    u3.EmptyPoolError: Unreachable,
    u3.ClosedPoolError: Unreachable,
    u3.ProxyError: Unreachable,
    u3.ProxySchemeUnknown: Unreachable,
    u3.ProxySchemeUnsupported: Unreachable,
    u3.URLSchemeUnknown: Unreachable,
    # timeouts
    rq.ReadTimeout: DeadlineExceeded,
    rq.Timeout: DeadlineExceeded,
    u3.ReadTimeoutError: DeadlineExceeded,
    u3.TimeoutError: DeadlineExceeded,
    u3.TimeoutStateError: DeadlineExceeded,
    # not an answer of a WinRM service
    rq.ContentDecodingError: BadAnswer,
    rq.JSONDecodeError: BadAnswer,
    rq.InvalidJSONError: BadAnswer,
    rq.TooManyRedirects: BadAnswer,
    rq.StreamConsumedError: BadAnswer,
    rq.HTTPError: BadAnswer,
    u3.DecodeError: BadAnswer,
    u3.HeaderParsingError: BadAnswer,
    u3.InvalidHeader: BadAnswer,
    u3.InvalidChunkLength: BadAnswer,
    u3.BodyNotHttplibCompatible: BadAnswer,
    u3.ResponseError: BadAnswer,
    u3.ResponseNotChunked: BadAnswer,
    u3.UnrewindableBodyError: BadAnswer,
    # the connection was lost: depends on whether anything was sent
    hc.RemoteDisconnected: None,
    hc.IncompleteRead: None,
    hc.NotConnected: None,
    hc.InvalidURL: Unreachable,
    hc.CannotSendRequest: BadAnswer,
    hc.CannotSendHeader: BadAnswer,
    hc.ResponseNotReady: BadAnswer,
    hc.ImproperConnectionState: BadAnswer,
    hc.BadStatusLine: BadAnswer,
    hc.LineTooLong: BadAnswer,
    hc.UnknownProtocol: BadAnswer,
    hc.UnknownTransferEncoding: BadAnswer,
    hc.UnimplementedFileMode: BadAnswer,
    hc.HTTPException: BadAnswer,
    ET.ParseError: BadAnswer,
    StopIteration: BadAnswer,
    KeyError: BadAnswer,
    AttributeError: BadAnswer,
    AssertionError: BadAnswer,
    binascii.Error: BadAnswer,
    ValueError: BadAnswer,
}
"""The error for each class; None: it depends on whether anything was sent. Wrapped exceptions take precedence."""

_AUTH_HINT = (
    "Check user name (HOST\\user for a local account, else DOMAIN\\user or user@REALM) and password. Only "
    "administrators and members of Remote Management Users may use WinRM; a local account other than the built-in "
    "Administrator needs LocalAccountTokenFilterPolicy."
)
HINTS: Final[Mapping[type[RemoteError], str]] = {
    Unreachable: "Is the host up, does its name resolve from here, and is there an HTTPS listener (port 5986: "
    "`winrm enumerate winrm/config/listener`)? `connection.address` and `connection.port` say where to connect.",
    AuthenticationFailed: _AUTH_HINT,
    ConnectionLost: "The change may have been made: run a new plan before you retry.",
    DeadlineExceeded: "The change may have been made. Increase `deadlines` in the inventory if it needs more time.",
    BadAnswer: "Does WinRM answer with HTTPS on this port?",
    Unavailable: "Windows limits shells and users (MaxShellsPerUser, MaxConcurrentUsers): retry later.",
    UntrustedPeer: "Trust its issuer with `ca_file`, or pin the certificate: fingerprint: sha256:…",
}
_NAME_HINT = (
    "Set `connection.name` (`server.powershell.name` for the server; the default is `host`) to the name in the "
    "certificate of the host's HTTPS listener; `address` is where to connect."
)
_CERTIFICATE_HINTS: Final[Mapping[int, str]] = {  # by the numbers of OpenSSL's X509_V_ERR_…
    9: "The certificate of the host's HTTPS listener is not valid yet: compare the clocks.",
    10: "Renew the certificate of the host's HTTPS listener (`winrm enumerate winrm/config/listener` names it).",
    62: _NAME_HINT,
    64: _NAME_HINT,
}
CERTIFICATE_HINT: Final = (
    "The certificate must be mapped to a local user on the host (winrm/config/service/certmapping: its issuer, and "
    "the user principal name in it), and Certificate must be an enabled authentication method."
)
KERBEROS_HINT: Final = (
    "Kerberos uses the name in the inventory (`connection.name`, by default `host`). It needs a service principal "
    "HTTP/NAME, clocks that differ by at most five minutes, and a krb5.conf that finds the realm. Without password and "
    "keytab, run kinit first."
)
_NO_KDC: Final = frozenset({-1765328228, -1765328230})
"""KRB5_KDC_UNREACH and KRB5_REALM_CANT_RESOLVE."""
_WRONG_PASSWORD: Final = frozenset({-1765328360, -1765328353})
"""KRB5KDC_ERR_PREAUTH_FAILED, and the client's error in a realm without preauthentication."""
_MANGLED: Final = (AssertionError, StopIteration, ET.ParseError, KeyError, AttributeError, ValueError)
_WORDS: Final[Mapping[type, str]] = {
    wr.InvalidCredentialsError: "the host does not accept this user with this password or certificate",
    hc.RemoteDisconnected: "the connection was closed during the request",
    hc.IncompleteRead: "the connection was closed during the request",
    hc.NotConnected: "the connection was closed during the request",
    hc.BadStatusLine: "its answer is not HTTP",
    **dict.fromkeys(_MANGLED, "its answer is not WS-Management"),
}
"""Messages for exceptions whose own text is unclear."""
_SLOW_HINT: Final = "The host is slow or busy: increase `connection.deadlines` (`connect`, `call`), or retry later."
_SHELL_GONE_HINT: Final = "The host closed the shell: its WinRM service was restarted, perhaps. Run a new plan."
_SETUP_HINT: Final = "Compare the WinRM service with a host that works: `winrm get winrm/config`, `winrm quickconfig`."
FAULT_HINTS: Final[Mapping[str, str]] = {
    "InvalidSelectors": _SHELL_GONE_HINT,
    "DestinationUnreachable": _SETUP_HINT,
    "ActionNotSupported": _SETUP_HINT,
    "InvalidParameter": _SETUP_HINT,
    "SchemaValidationError": _SETUP_HINT,
    "InvalidMessageInformationHeader": _SETUP_HINT,
    "UnsupportedFeature": _SETUP_HINT,
    "EncodingLimit": "Raise MaxEnvelopeSizekb of the WinRM service (the default is 500).",
    "InternalError": "See the event log Microsoft-Windows-WinRM/Operational of the host.",
}
"""By the subcode of a fault that is neither a quota nor a refused login."""
_MINOR = re.compile(r"Minor \(\d+\): ([^\n]+)")
_ACCESS_DENIED = 5
_BUSY = frozenset({429, 502, 503, 504})


def translate(error: Exception, peer: str, what: str, *, sent: bool, hint: str = "") -> RemoteError:
    """The error for an exception of CAUGHT. `sent` is true after a command was sent to the host."""
    kind = _kind(error, sent=sent)
    text = hint if hint and kind is AuthenticationFailed else HINTS.get(kind, "")
    if isinstance(error, wr.WinRMOperationTimeoutError) and not sent:
        text = _SLOW_HINT
    if kind is UntrustedPeer:
        text = _certificate_hint(error) or text
    if isinstance(error, wr.WSManFaultError) and kind is Refused:
        subcode = error.fault_subcode or ""
        text = FAULT_HINTS.get(subcode.rpartition(":")[2], "")
        return Refused(peer, what, _reason(error), status=error.code, error_code=subcode, hint=text)
    return kind(peer, what, _reason(error), hint=text)


def _certificate_hint(error: Exception) -> str:
    codes = [item.verify_code for item in _inside(error) if isinstance(item, ssl.SSLCertVerificationError)]
    return next((_CERTIFICATE_HINTS[code] for code in codes if code in _CERTIFICATE_HINTS), "")


def _kind(error: Exception, *, sent: bool) -> type[RemoteError]:
    inside = list(_inside(error))
    kind = _kind_inside(inside)
    if kind is not None:
        return kind
    if isinstance(error, wr.WSManFaultError):
        return fault_kind(error)
    if isinstance(error, wr.WinRMOperationTimeoutError) and not sent:
        return Unreachable
    if isinstance(error, wr.WinRMTransportError):
        return Unavailable if error.code in _BUSY else AuthenticationFailed if error.code == 403 else BadAnswer
    if isinstance(error, UnicodeError):
        return BadAnswer if sent else Unreachable  # a text in an answer, or an invalid host name
    known = next((FAULTS[item] for item in type(error).__mro__ if item in FAULTS), None)
    if known is None and any(isinstance(item, TimeoutError) for item in inside):
        return DeadlineExceeded
    return known or (ConnectionLost if sent else Unreachable)


def _kind_inside(inside: list[BaseException]) -> type[RemoteError] | None:
    """The error for a wrapped exception."""
    if any(isinstance(item, ssl.SSLCertVerificationError) for item in inside):
        return UntrustedPeer
    if any(isinstance(item, ssl.SSLError) and _is_refusal(item) for item in inside):
        return AuthenticationFailed
    if any(isinstance(item, u3.NewConnectionError | u3.ConnectTimeoutError) for item in inside):
        return Unreachable
    return Unreachable if any(_code(item) in _NO_KDC for item in inside) else None


def _code(error: BaseException) -> int:
    """The error code of the libraries for Kerberos; one of them returns it unsigned."""
    code = getattr(error, "err_code", None) or getattr(error, "min_code", None)
    if not isinstance(code, int):
        return 0
    return code - (1 << 32) if code >= 1 << 31 else code


def is_wrong_password(error: Exception) -> bool:
    """Whether Kerberos did not accept a password, which counts as a failed login."""
    return any(_code(item) in _WRONG_PASSWORD for item in _inside(error))


def fault_kind(error: wr.WSManFaultError) -> type[RemoteError]:
    if "QuotaLimit" in (error.fault_subcode or ""):
        return Unavailable
    if error.wsman_fault_code == _ACCESS_DENIED or "AccessDenied" in (error.fault_subcode or ""):
        return AuthenticationFailed
    return Refused


def _is_refusal(error: ssl.SSLError) -> bool:
    """An alert that rejects the client certificate; with TLS 1.3 it arrives after the handshake."""
    text = str(error).lower()
    return "alert" in text and ("certificate" in text or "unknown ca" in text or "access denied" in text)


def _inside(error: BaseException) -> Iterator[BaseException]:
    """The exception and those that the libraries wrapped in it."""
    waiting: list[BaseException | None] = [error]
    seen: set[int] = set()
    while waiting:
        item = waiting.pop()
        if item is None or id(item) in seen:
            continue
        seen.add(id(item))
        yield item
        more = [*item.args, getattr(item, "reason", None), item.__cause__, item.__context__]
        waiting += [part for part in more if isinstance(part, BaseException)]


def _reason(error: Exception) -> str:
    inside = list(_inside(error))
    for item in inside:
        if isinstance(item, ssl.SSLCertVerificationError):
            return (getattr(item, "verify_message", "") or str(item.args[-1])).lower()
        if _code(item) in _WRONG_PASSWORD:
            return "Kerberos does not accept this password or keytab"
    if isinstance(error, wr.WSManFaultError):
        return " ".join(str(error.reason).split())
    if isinstance(error, wr.WinRMOperationTimeoutError):
        return "the host did not do it in the time it was given (OperationTimeout)"
    if isinstance(error, wr.WinRMTransportError):
        return f"it answered with HTTP status {error.code}"
    words = next((_WORDS[known] for known in type(error).__mro__ if known in _WORDS), "")
    return words or _innermost(inside) or type(error).__name__


def _innermost(inside: list[BaseException]) -> str:
    for item in reversed(inside):
        if isinstance(item, u3.NameResolutionError | socket.gaierror):
            return "its name does not resolve"
        if isinstance(item, TimeoutError | rq.Timeout | u3.TimeoutError):
            return "no answer in time"
        if isinstance(item, ssl.SSLEOFError | ssl.SSLZeroReturnError):
            return "closed by the other end"
        if isinstance(item, ssl.SSLError) and (word := getattr(item, "reason", "")):
            return f"the TLS handshake failed: {word.replace('_', ' ').lower()}"
        if isinstance(item, OSError) and item.strerror:
            return item.strerror.lower()
    text = str(inside[-1]).strip()
    minor = _MINOR.search(text)
    return minor[1] if minor else text
