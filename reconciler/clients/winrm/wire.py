"""The transport for pywinrm's protocol: one authenticated connection.

It connects to the address in the inventory, while certificate, URL and login use the name that the host proves.
Environment variables (proxies, CA bundles) are ignored, and answers have a maximum size. Over plain HTTP, NTLM or
Kerberos encrypts each message ([MS-WSMV] 2.2.9.1).
"""

from __future__ import annotations

import base64
import re
import socket
import ssl
import struct
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from http.client import IncompleteRead
from typing import TYPE_CHECKING, Final

from urllib3.connection import HTTPConnection
from winrm.exceptions import InvalidCredentialsError, WinRMError, WinRMTransportError
from winrm.transport import Transport

from reconciler.clients.sockets import dial
from reconciler.clients.winrm.faults import is_wrong_password
from reconciler.model.errors import AuthenticationFailed, BadAnswer
from reconciler.model.login_gate import Attempt

if TYPE_CHECKING:
    import spnego
    from urllib3.response import BaseHTTPResponse

    from reconciler.clients.winrm.authentication import Begin
    from reconciler.model.connection import Connection

_LONGEST: Final = 4 * 1024 * 1024
"""Bytes of one answer. Requests announce a maximum envelope of 150 KiB."""
_SOAP: Final = "application/soap+xml;charset=UTF-8"
_MUTUAL: Final = "http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/https/mutual"
_TOKEN: Final = re.compile(r"(?:^|,)\s*(?:Negotiate|Kerberos)\s+([A-Za-z0-9+/=]+)\s*(?:,|$)", re.IGNORECASE)
_SCHEME: Final = re.compile(r"\b(?:Basic|Bearer|CredSSP|Digest|Kerberos|Negotiate|NTLM)\b")
_PROTOCOL: Final = "application/HTTP-SPNEGO-session-encrypted"
_SEALED: Final = f'multipart/encrypted;protocol="{_PROTOCOL}";boundary="Encrypted Boundary"'
_BOUNDARY: Final = b"--Encrypted Boundary"
_END: Final = _BOUNDARY + b"--\r\n"
_FRAME: Final = re.compile(
    rb"^--Encrypted Boundary\r\n.*?Length=(\d+)\s*\r\n--Encrypted Boundary\r\n[^\r]*octet-stream\r\n", re.DOTALL
)


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    content_type: str
    token: bytes | None
    body: bytes
    offers: tuple[str, ...]


class Wire(Transport):
    """`tls` is None for plain HTTP, where every message is encrypted; `begin` is None for a login with the client
    certificate in `tls`.

    Raises what sockets, urllib3 and the authentication libraries raise, and RemoteError.
    """

    def __init__(
        self,
        connection: Connection,
        tls: ssl.SSLContext | None,
        begin: Begin | None,
        attempt: Callable[[], AbstractContextManager[Attempt]] = lambda: nullcontext(Attempt()),
    ) -> None:
        name = f"[{connection.identity}]" if ":" in connection.identity else connection.identity
        self._host = f"{name}:{connection.target[1]}"
        # pywinrm validates credentials except for Kerberos; it gets none.
        super().__init__(f"{'https' if tls else 'http'}://{self._host}/wsman", auth_method="kerberos", proxy=None)
        self._connection = connection
        self._tls = tls
        self._begin = begin
        self._attempt = attempt
        self._line: HTTPConnection | None = None
        self._context: spnego.ContextProxy | None = None
        self.seconds = connection.deadlines.connect
        """The timeout of a single wait for the host."""
        self.delivered = False
        """Whether the host has, or may have, processed the last message."""

    def send_message(self, message: str | bytes) -> bytes:
        body = message.encode() if isinstance(message, str) else message
        self.delivered = False
        try:
            answer = self._exchange(body)
        except BaseException:
            self.close_session()
            raise
        self.delivered = answer.status == 200
        if answer.status == 401:
            raise InvalidCredentialsError("the login is not accepted")
        context = self._context
        if self._tls is None and context is not None:
            if answer.status not in (200, 500):
                raise WinRMTransportError(
                    "http", answer.status, ""
                )  # not from the service, whose answers are encrypted
            answer_body = _unseal(context, answer.content_type, answer.body)
        else:
            answer_body = answer.body
        if answer.status != 200:
            raise WinRMTransportError("http", answer.status, answer_body.decode("utf-8", "replace"))
        return answer_body

    def close_session(self) -> None:
        line, self._line, self._context = self._line, None, None
        if line is not None:
            line.close()

    def _exchange(self, body: bytes) -> _Answer:
        line = self._open()
        if self._begin is None:
            return self._post(line, body, {"Authorization": _MUTUAL})
        if self._context is not None:
            answer = self._request(line, self._context, body)
            if answer.status != 401:
                return answer  # else the host has dropped the login, and processed nothing
            line = self._open()
        with self._attempt() as attempt:
            try:
                context, answer = self._log_in(line, self._begin, b"" if self._tls is None else body)
            except Exception as error:
                if is_wrong_password(error):
                    attempt.refuse()
                raise
            if answer.status == 401:
                attempt.refuse()
            else:
                attempt.accept()
        if answer.status == 401 or self._tls is not None:
            return answer
        return self._request(line, context, body)

    def _request(self, line: HTTPConnection, context: spnego.ContextProxy, body: bytes) -> _Answer:
        if self._tls is not None:
            return self._post(line, body, {})
        return self._post(line, _seal(context, body), {"Content-Type": _SEALED})

    def _log_in(self, line: HTTPConnection, begin: Begin, rider: bytes) -> tuple[spnego.ContextProxy, _Answer]:
        """Log in on a connection. `rider` is a message that is sent with the token that can complete the login."""
        self._context = None
        certificate = line.sock.getpeercert(binary_form=True) if isinstance(line.sock, ssl.SSLSocket) else b""
        context = begin(certificate or b"")
        token = context.step()
        while True:
            rides = context.complete or context.negotiated_protocol == "kerberos"
            header = {"Authorization": f"Negotiate {base64.b64encode(token or b'').decode()}"}
            answer = self._post(line, rider if rides else b"", header)
            if context.complete or answer.token is None:
                break
            token = context.step(answer.token)
            if token is None or answer.status != 401:
                break
        if answer.status != 401:
            if not context.complete and answer.status not in (200, 500):  # another service, or a busy one
                raise WinRMTransportError("http", answer.status, "")
            if not context.complete:
                raise WinRMError("it does not authenticate itself")
            self._context = context
        elif not context.complete and context.negotiated_protocol != "kerberos":
            raise self._not_offered(answer)  # the first message of NTLM proves nothing, and is not answered
        return context, answer

    def _not_offered(self, answer: _Answer) -> AuthenticationFailed:
        offers = ", ".join(answer.offers) or "no login"
        hint = (
            "Enable Negotiate on the host: winrm set winrm/config/service/auth '@{Negotiate=\"true\"}'. If its policy "
            "blocks NTLM, use `auth: kerberos` or a certificate."
        )
        reason = f"the host does not answer NTLM: it offers {offers}"
        return AuthenticationFailed(self._connection.peer, "logging in", reason, hint=hint)

    def _open(self) -> HTTPConnection:
        """The connection, or a new one without a login if the host has closed it."""
        if self._line is not None and self._line.is_connected:
            return self._line
        self.close_session()
        opened: socket.socket = dial(self._connection.target, self.seconds)
        if self._tls is not None:
            opened = self._tls.wrap_socket(opened, server_hostname=self._connection.identity)
        self._line = HTTPConnection(*self._connection.target, timeout=self.seconds)
        self._line.auto_open = 0  # otherwise it reconnects by itself, without TLS and login
        self._line.sock = opened
        return self._line

    def _post(self, line: HTTPConnection, body: bytes, headers: Mapping[str, str]) -> _Answer:
        line.timeout = self.seconds
        sent = {"Host": self._host, "Content-Type": _SOAP, "User-Agent": "vbo-reconcile", **headers}
        self.delivered = self.delivered or bool(body)
        line.request("POST", "/wsman", body, sent, preload_content=False)
        response = line.getresponse()
        if "Content-Length" not in response.headers and "Transfer-Encoding" not in response.headers:
            response.close()  # Python's HTTP accepts headers that end with the connection
            raise IncompleteRead(b"")
        token = _TOKEN.search(",".join(response.headers.getlist("WWW-Authenticate")))
        answer = _Answer(
            response.status,
            response.headers.get("Content-Type", ""),
            base64.b64decode(token[1]) if token else None,
            self._read(response),
            tuple(dict.fromkeys(_SCHEME.findall(", ".join(response.headers.getlist("WWW-Authenticate"))))),
        )
        if "close" in response.headers.get("Connection", "").lower():
            line.close()
        return answer

    def _read(self, response: BaseHTTPResponse) -> bytes:
        data = bytearray()
        for part in response.stream(65536):
            data += part
            if len(data) > _LONGEST:
                reason = f"its answer is longer than {_LONGEST >> 20} MB"
                raise BadAnswer(self._connection.peer, "reading an answer", reason)
        return bytes(data)


def _seal(context: spnego.ContextProxy, plain: bytes) -> bytes:
    """The encrypted body of a request."""
    sealed = context.wrap_winrm(plain)
    length = len(plain) + sealed.padding_length
    head = f"\r\n\tContent-Type: {_PROTOCOL}\r\n\tOriginalContent: type={_SOAP};Length={length}\r\n".encode()
    data = struct.pack("<I", len(sealed.header)) + sealed.header + sealed.data
    return b"".join((_BOUNDARY, head, _BOUNDARY, b"\r\n\tContent-Type: application/octet-stream\r\n", data, _END))


def _unseal(context: spnego.ContextProxy, content_type: str, body: bytes) -> bytes:
    """The content of an answer. Raises WinRMError for one that is not encrypted or not framed correctly, and
    SpnegoError for an invalid signature."""
    if _PROTOCOL.lower() not in content_type.lower():
        raise WinRMError("its answer is not encrypted")
    frame = _FRAME.match(body)
    if frame is None or not body.endswith(_END) or len(body) < frame.end() + 4:
        raise WinRMError("its encrypted answer is not framed correctly")
    data = body[frame.end() : -len(_END)]
    length = int(struct.unpack_from("<I", data)[0])
    plain: bytes = context.unwrap_winrm(data[4 : 4 + length], data[4 + length :])
    if len(plain) != int(frame[1]):
        raise WinRMError("its encrypted answer has the wrong length")
    return plain
