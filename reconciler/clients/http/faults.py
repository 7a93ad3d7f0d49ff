"""Maps the exceptions of httpx and of sockets to the errors of the model. The table has every class of httpx."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Mapping
from typing import Final

import httpx

from reconciler.model.errors import (
    BadAnswer,
    ConnectionLost,
    DeadlineExceeded,
    RemoteError,
    Unreachable,
    UntrustedPeer,
)

CAUGHT: Final = (httpx.HTTPError, httpx.InvalidURL, httpx.CookieConflict, httpx.StreamError, OSError, UnicodeError)
"""What a call through httpx may raise; UnicodeError comes from host names that are not valid in DNS."""

FAULTS: Final[Mapping[type[Exception], type[RemoteError]]] = {
    # nothing was sent
    httpx.ConnectError: Unreachable,
    httpx.ConnectTimeout: Unreachable,
    httpx.PoolTimeout: Unreachable,
    httpx.ProxyError: Unreachable,
    httpx.UnsupportedProtocol: Unreachable,
    httpx.LocalProtocolError: Unreachable,
    httpx.InvalidURL: Unreachable,
    UnicodeError: Unreachable,
    # the request may have been executed
    httpx.ReadTimeout: DeadlineExceeded,
    httpx.WriteTimeout: DeadlineExceeded,
    httpx.TimeoutException: DeadlineExceeded,
    httpx.ReadError: ConnectionLost,
    httpx.WriteError: ConnectionLost,
    httpx.CloseError: ConnectionLost,
    httpx.NetworkError: ConnectionLost,
    httpx.TransportError: ConnectionLost,
    httpx.RequestError: ConnectionLost,
    httpx.HTTPError: ConnectionLost,
    OSError: ConnectionLost,
    # the answer is not valid HTTP
    httpx.RemoteProtocolError: BadAnswer,
    httpx.ProtocolError: BadAnswer,
    httpx.DecodingError: BadAnswer,
    httpx.TooManyRedirects: BadAnswer,
    httpx.HTTPStatusError: BadAnswer,
    httpx.CookieConflict: BadAnswer,
    httpx.StreamError: BadAnswer,
    httpx.StreamConsumed: BadAnswer,
    httpx.StreamClosed: BadAnswer,
    httpx.ResponseNotRead: BadAnswer,
    httpx.RequestNotRead: BadAnswer,
}

_HINTS: Final[Mapping[type[RemoteError], str]] = {
    Unreachable: "Check `server.host` (`server.rest_host` if the REST service runs on another machine) and "
    "`server.port` (4443 by default), the firewall between, and there the service Veeam Backup for Microsoft 365 REST "
    "API.",
    DeadlineExceeded: "The server may still execute the request: check the result there before you retry.",
    ConnectionLost: "The request may have been executed: check the result there before you retry.",
    BadAnswer: "Is this the port of the REST API (4443 by default), without a gateway in front that answers instead?",
}

_PIN_IT = (
    "Trust its issuer with `server.tls.ca_file`, or pin the certificate with `server.tls.fingerprint`. Compare its "
    "fingerprint with the one on the server:\n"
    "  echo Q | openssl s_client -connect {peer} | openssl x509 -noout -fingerprint -sha256"
)

_NAME_IT = (
    "Set `server.host` to the name in the certificate, or `server.rest_host` to it if the REST service runs on another "
    "machine."
)

_CERTIFICATES: Final[Mapping[int, tuple[str, str]]] = {
    # error code of OpenSSL: reason, fix
    9: ("its certificate is not valid yet", "Compare the clocks of this machine and of the server."),
    10: ("its certificate has expired", "Renew the certificate of the REST API on the server."),
    18: ("its certificate is self-signed and not trusted here", _PIN_IT),
    19: ("its certificate comes from an authority that is not trusted here", _PIN_IT),
    20: ("its certificate comes from an authority that is not trusted here", _PIN_IT),
    21: ("its certificate comes from an authority that is not trusted here", _PIN_IT),
    62: ("its certificate is for another name", _NAME_IT),
    64: ("its certificate is not for this address", _NAME_IT),
}


def translate(error: Exception, peer: str, what: str) -> RemoteError:
    """The error to raise (`from error`) for an exception of httpx or of a socket."""
    root = _root(error)
    if isinstance(error, httpx.ConnectError) or not isinstance(error, httpx.HTTPError):
        tls = translate_tls(root, peer, what)
        if tls is not None:
            return tls
    kind = next((FAULTS[base] for base in type(error).__mro__ if base in FAULTS), ConnectionLost)
    if isinstance(error, httpx.RemoteProtocolError) and "without sending" in str(error):
        kind = ConnectionLost
    return kind(peer, what, _words(error, root), hint=_HINTS.get(kind, ""))


def translate_tls(error: BaseException, peer: str, what: str) -> UntrustedPeer | None:
    """UntrustedPeer for an exception of a TLS handshake; None for other exceptions, such as a broken connection."""
    if isinstance(error, ssl.SSLCertVerificationError):
        known = _CERTIFICATES.get(getattr(error, "verify_code", 0))
        reason, hint = known or (getattr(error, "verify_message", "") or error.strerror or str(error), _PIN_IT)
        return UntrustedPeer(peer, what, reason, hint=hint.format(peer=peer))
    if isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        word = (error.reason or str(error)).replace("_", " ").lower()
        return UntrustedPeer(
            peer,
            what,
            f"the TLS handshake failed: {word}",
            hint="Does this port speak TLS? The REST API does, on port 4443 by default.",
        )
    return None


def translate_connect(error: Exception, peer: str, what: str) -> RemoteError:
    """The error for an exception while connecting, before anything was sent."""
    return translate_tls(error, peer, what) or Unreachable(peer, what, _words(error, error), hint=_HINTS[Unreachable])


def _root(error: BaseException) -> BaseException:
    """The root cause: httpx wraps the errors of httpcore, which wraps those of the socket and drops the cause, but not
    the context."""
    while (below := error.__cause__ or error.__context__) is not None:
        error = below
    return error


def _words(error: Exception, root: BaseException) -> str:
    if isinstance(root, socket.gaierror | UnicodeError):
        return "the name cannot be resolved"
    if isinstance(root, ConnectionRefusedError):
        return "connection refused"
    if isinstance(root, ssl.SSLEOFError | ConnectionResetError):
        return "closed by the other end"
    if isinstance(root, TimeoutError | httpx.TimeoutException):
        return "no answer in time"
    if isinstance(root, OSError) and root.strerror:
        return root.strerror.lower()
    return str(error) or type(error).__name__
