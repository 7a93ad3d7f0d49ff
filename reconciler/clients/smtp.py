"""A small client for SMTP (RFC 5321) over a socket: EHLO, STARTTLS, AUTH, one message, QUIT.

`clients.mail` sends notices with it, and the lab the mails of its proxies. It needs nothing but the standard library.
"""

from __future__ import annotations

import base64
import re
import socket
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

Connect = Callable[[str, int, float], socket.socket]
"""(host, port, seconds) to a connection. Raises OSError."""

IMPLICIT_TLS: Final = 465
_SECONDS: Final = 10.0
_LONGEST: Final = 4096
_BARE: Final = re.compile(rb"\r\n|\r|\n")


class MailError(OSError):
    """The mail was not taken. `code` is the server's three digits, 0 where it was not the server that refused."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code

    def __str__(self) -> str:
        return f"{self.code} {self.args[0]}" if self.code else str(self.args[0])


@dataclass(frozen=True, slots=True)
class Relay:
    """Where mail is handed in. `security` is none or tls: at once on port 465, else with STARTTLS, which then must be
    there. Without `username` it does not log in."""

    host: str
    port: int
    security: str = "tls"
    username: str = ""
    password: str = ""


def send(
    relay: Relay,
    sender: str,
    recipients: Sequence[str],
    message: bytes,
    *,
    connect: Connect,
    tls: Callable[[], ssl.SSLContext],
    name: str,
) -> Mapping[str, str]:
    """Hand in one message; `name` is what the client calls itself. Gives the recipients that were refused, and how.

    Raises MailError if no recipient gets it (no TLS, no login, every recipient refused), other OSErrors where the
    connection fails. Certificates are checked by the context that `tls` gives, for the name `relay.host`.
    """
    connection = connect(relay.host, relay.port, _SECONDS)
    try:
        if relay.security == "tls" and relay.port == IMPLICIT_TLS:
            connection = tls().wrap_socket(connection, server_hostname=relay.host)
        dialogue = _Dialogue(connection, name)
        dialogue.greet()
        if relay.security == "tls" and relay.port != IMPLICIT_TLS:
            connection = dialogue.start_tls(tls(), relay.host)
        if relay.username:
            dialogue.log_in(relay.username, relay.password)
        return dialogue.deliver(sender, recipients, message)
    finally:
        connection.close()


class _Dialogue:
    """Commands and replies on one connection."""

    def __init__(self, connection: socket.socket, name: str) -> None:
        self._connection = connection
        self._name = name
        self._buffer = b""
        self._offers: dict[str, str] = {}

    def greet(self) -> None:
        self._expect(self._reply(), 220)
        self._hello()

    def _hello(self) -> None:
        lines = self._command(f"EHLO {self._name}", 250)
        self._offers = {word.upper(): rest for word, _, rest in (line.partition(" ") for line in lines[1:])}

    def start_tls(self, context: ssl.SSLContext, host: str) -> socket.socket:
        if "STARTTLS" not in self._offers:
            raise MailError(0, f"{host} offers no TLS")
        self._command("STARTTLS", 220)
        if self._buffer:
            raise MailError(0, f"{host} went on in clear text after STARTTLS")
        self._connection = context.wrap_socket(self._connection, server_hostname=host)
        self._hello()
        return self._connection

    def log_in(self, username: str, password: str) -> None:
        ways = self._offers.get("AUTH", "").upper().split()
        if "PLAIN" in ways:
            plain = f"\0{username}\0{password}"
            self._command(f"AUTH PLAIN {_encoded(plain)}", 235, shown="AUTH PLAIN")
        elif "LOGIN" in ways:
            self._command("AUTH LOGIN", 334)
            self._command(_encoded(username), 334, shown="AUTH LOGIN")
            self._command(_encoded(password), 235, shown="AUTH LOGIN")
        else:
            raise MailError(0, "the server offers no login that is known here")

    def deliver(self, sender: str, recipients: Sequence[str], message: bytes) -> Mapping[str, str]:
        self._command(f"MAIL FROM:<{_address(sender)}>", 250)
        refused: dict[str, MailError] = {}
        for recipient in recipients:
            try:
                self._command(f"RCPT TO:<{_address(recipient)}>", 250, 251)
            except MailError as error:
                if not error.code:
                    raise
                refused[recipient] = error
        if len(refused) == len(recipients):
            raise next(iter(refused.values()), MailError(0, "no recipients"))
        self._command("DATA", 354)
        self._connection.sendall(stuffed(message))
        self._expect(self._reply(), 250)
        self._connection.sendall(b"QUIT\r\n")
        return {recipient: str(error) for recipient, error in refused.items()}

    def _command(self, line: str, *wanted: int, shown: str = "") -> list[str]:
        self._connection.sendall(line.encode() + b"\r\n")
        return self._expect(self._reply(), *wanted, to=shown or line)

    def _expect(self, reply: tuple[int, list[str]], *wanted: int, to: str = "connecting") -> list[str]:
        code, lines = reply
        if code not in wanted:
            raise MailError(code, f"{' '.join(lines)} (to {to})")
        return lines

    def _reply(self) -> tuple[int, list[str]]:
        lines = []
        while True:
            line = self._line()
            if len(line) < 3 or not line[:3].isdigit():
                raise MailError(0, "this is not an SMTP server")
            lines.append(line[4:])
            if line[3:4] != "-":
                return int(line[:3]), lines

    def _line(self) -> str:
        while b"\n" not in self._buffer:
            data = self._connection.recv(_LONGEST)
            if not data or len(self._buffer) > _LONGEST:
                raise MailError(0, "the SMTP server ended the connection")
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line.rstrip(b"\r").decode("utf-8", "replace")


def stuffed(message: bytes) -> bytes:
    """The message as DATA wants it: CRLF line ends, leading dots doubled, a lone dot at the end."""
    lines = _BARE.sub(b"\n", message).removesuffix(b"\n").split(b"\n")
    return b"".join((b"." if line.startswith(b".") else b"") + line + b"\r\n" for line in lines) + b".\r\n"


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _address(text: str) -> str:
    if any(char in text for char in "\r\n<>"):
        raise MailError(0, f"{text!r} is not a mail address")
    return text
