"""What the management server and a proxy service say to each other: lines of JSON over TLS.

The proxy listens. A workgroup proxy admits only the holder of its server's certificate, and no one else: TLS asks for
it. A domain proxy is opened by a login: a ticket that the lab's domain gives out for the account that the proxy was
deployed with. (In the lab a ticket takes the place of Kerberos; a password never travels here.)
"""

from __future__ import annotations

import hashlib
import hmac
import json
import socket
import ssl
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

from reconciler.lab.fleet import MailSettings, SessionOrder, SessionResult

LONGEST: Final = 1 << 20


class LinkError(OSError):
    """The other end does not follow the protocol, or refuses. The message is its own where it gave one."""


class Line:
    """One connection, after its handshake."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._stream = connection.makefile("rb")

    def close(self) -> None:
        self._stream.close()

    def send(self, message: Mapping[str, Any]) -> None:
        self._connection.sendall(json.dumps(message).encode() + b"\n")

    def hear(self) -> dict[str, Any] | None:
        """The next message; None at the end. Raises LinkError, and OSError where the connection fails."""
        line = self._stream.readline(LONGEST)
        if not line:
            return None
        try:
            message = json.loads(line)
        except ValueError as error:
            raise LinkError("what came is not JSON") from error
        if not isinstance(message, dict):
            raise LinkError("invalid message")
        return message

    def ask(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """Send and receive. Raises LinkError if the answer is missing or a refusal."""
        self.send(message)
        answer = self.hear()
        if answer is None:
            raise LinkError("the other end closed the connection")
        if "error" in answer:
            raise LinkError(str(answer["error"]))
        return answer


class Domain:
    """The lab's domain, as far as logins between server and proxies need it: it vouches for accounts."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def ticket(self, account: str, host: str) -> str:
        """For `account`, to be shown to `host`."""
        text = f"{account.lower()}\n{host.lower()}".encode()
        return hmac.digest(self._key, text, hashlib.sha256).hex()

    def vouches(self, ticket: str, account: str, host: str) -> bool:
        return hmac.compare_digest(ticket, self.ticket(account, host))


def order_to_json(order: SessionOrder) -> dict[str, Any]:
    return asdict(order)


def order_from_json(data: Mapping[str, Any]) -> SessionOrder:
    mail = data.get("mail")
    return SessionOrder(**{**data, "mail": MailSettings(**mail) if mail else None})


def result_to_json(result: SessionResult) -> dict[str, Any]:
    return {"status": result.status, "processed": result.processed, "log": [list(item) for item in result.log]}


def result_from_json(data: Mapping[str, Any]) -> SessionResult:
    log = tuple((str(kind), str(text)) for kind, text in data["log"])
    return SessionResult(str(data["status"]), int(data["processed"]), log)


def trusting(context: ssl.SSLContext, certificate: str) -> ssl.SSLContext:
    """Let a server context accept the one client certificate (PEM) and no other."""
    context.verify_mode = ssl.CERT_REQUIRED
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.load_verify_locations(cadata=public_part(certificate))
    return context


def public_part(pem: str) -> str:
    """The certificate alone, of a PEM text that may hold its key as well."""
    begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
    start = pem.find(begin)
    stop = pem.find(end, start)
    if start < 0 or stop < 0:
        raise ValueError("this holds no certificate")
    return pem[start : stop + len(end)] + "\n"
