"""WinRM's listener: HTTP with keep-alive, over TLS (5986) or plain with sealed messages (5985)."""

from __future__ import annotations

import re
import socket
import ssl
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from http.client import HTTPException, parse_headers
from threading import Lock
from typing import BinaryIO, Final

from reconciler.lab.hosts.ntlm import RELAXED
from reconciler.lab.hosts.wsman import sealing
from reconciler.lab.hosts.wsman.engine import Caller, Engine
from reconciler.lab.hosts.wsman.login import Accept, Accounts, Login, Reply
from reconciler.lab.hosts.wsman.trouble import SILENCE, closes, mangled

_LONGEST_LINE: Final = 65536
_LARGEST_BODY: Final = 16 * 1024 * 1024
_SOAP: Final = "application/soap+xml;charset=UTF-8"
_REFUSALS: Final = {"expire": 401, "busy": 503}
_VERB: Final = re.compile(rb"Action[^>]*>[^<]*/(\w+)\s*<")

Troubles = dict[str, list[str]]
"""Faults to inject (see `trouble.TROUBLES`), by verb (Create, Command, Receive, …), used up one by one."""
Standing = Callable[[str], str]
"""What goes wrong beyond that with a verb, empty for nothing."""


def _nothing(verb: str) -> str:
    del verb
    return ""


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes = b""
    content_type: str = _SOAP
    offers: tuple[str, ...] = ()
    close: bool = False
    trouble: str = ""

    def bytes(self) -> bytes:
        lines = [f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}", "Server: Microsoft-HTTPAPI/2.0"]
        lines += [f"WWW-Authenticate: {offer}" for offer in self.offers]
        lines += [f"Content-Type: {self.content_type}"] if self.body else []
        lines += ["Connection: close"] if self.close else []
        return mangled(self.trouble, "".join(f"{line}\r\n" for line in lines).encode("latin-1"), self.body)


class Dropped(Exception):
    """The connection is closed without an answer."""


@dataclass(slots=True)
class Endpoint:
    """`serve` talks to one client until it goes. `certificate_hash` (SHA-256 of the TLS certificate) is what logins
    are bound to, as far as `hardening` wants it; empty means plain HTTP, where every message must be sealed. `accept`
    takes the place of NTLM.
    `troubles` and `standing` are what goes wrong; `connections` and `statuses` count.
    """

    engine: Engine
    accounts: Accounts
    computer: str
    certificate_hash: bytes = b""
    accept: Accept | None = None
    troubles: Troubles = field(default_factory=dict)
    standing: Standing = _nothing
    hardening: str = RELAXED
    statuses: Counter[int] = field(default_factory=Counter)
    connections: int = 0
    _lock: Lock = field(default_factory=Lock)

    def serve(self, connection: socket.socket) -> None:
        with self._lock:
            self.connections += 1
        peer = str(connection.getpeername()[0])
        certificate = b""
        if isinstance(connection, ssl.SSLSocket):
            certificate = connection.getpeercert(binary_form=True) or b""
        login = Login(
            self.accounts,
            self.computer,
            bound_to=self.certificate_hash,
            certificate=certificate,
            accept=self.accept,
            hardening=self.hardening,
        )
        with connection.makefile("rb") as stream:
            while True:
                request = read_request(stream)
                if request is None:
                    return
                try:
                    answer = self._answer(request, login, peer)
                except Dropped:
                    return
                if answer.trouble == SILENCE:
                    stream.read(1)  # until the client goes
                    return
                with self._lock:
                    self.statuses[answer.status] += 1
                self.send(connection, answer.bytes())
                if answer.close or closes(answer.trouble):
                    return

    def send(self, connection: socket.socket, data: bytes) -> None:
        """Send an answer. What it raises (OSError) ends the connection."""
        connection.sendall(data)

    def _answer(self, request: Request, login: Login, peer: str) -> Answer:
        if request.method != "POST" or not request.path.lower().startswith("/wsman"):
            return Answer(404)
        reply = login.check(request.headers.get("authorization", ""))
        if reply.status != HTTPStatus.OK:
            return Answer(reply.status, offers=reply.offers)
        if not request.body:  # a client that sets up its login first
            return Answer(200, offers=reply.offers)
        is_sealed = "multipart/encrypted" in request.headers.get("content-type", "")
        body = request.body
        if is_sealed:
            if login.sealing is None:
                return Answer(401, offers=login.offers)
            try:
                body = sealing.unseal(login.sealing, body)
            except ValueError:
                return Answer(400, close=True)
        elif not self.certificate_hash:  # AllowUnencrypted is false
            return Answer(500, offers=reply.offers)
        if len(body) > self.engine.limits.envelope:
            return Answer(413)
        return self._handled(body, login, reply, Caller(_name(login), peer, self._url(request)), is_sealed=is_sealed)

    def _handled(self, body: bytes, login: Login, reply: Reply, caller: Caller, *, is_sealed: bool) -> Answer:
        trouble = self._trouble(body)
        refusal = _REFUSALS.get(trouble)
        if refusal is not None:
            return Answer(refusal, offers=login.offers if refusal == 401 else ())
        if trouble == "drop":
            raise Dropped
        work = {"fault": self.engine.fault, "late": self.engine.too_late}.get(trouble)
        status, xml = work(body) if work else self.engine.handle(body, caller)
        if trouble == "lose":
            raise Dropped
        if is_sealed and login.sealing is not None:
            sealed = sealing.sealed(login.sealing, xml)
            return Answer(status, sealed, sealing.CONTENT_TYPE, reply.offers, trouble=trouble)
        return Answer(status, xml, offers=reply.offers, trouble=trouble)

    def _trouble(self, body: bytes) -> str:
        found = _VERB.search(body)
        verb = found.group(1).decode() if found else ""
        with self._lock:
            waiting = self.troubles.get(verb)
            chosen = waiting.pop(0) if waiting else ""
        return chosen or self.standing(verb)

    def _url(self, request: Request) -> str:
        scheme = "https" if self.certificate_hash else "http"
        return f"{scheme}://{request.headers.get('host', self.computer)}/wsman"


def _name(login: Login) -> str:
    return login.user.principal if login.user else ""


def read_request(stream: BinaryIO) -> Request | None:
    """The next request of a connection; None at its end and for invalid requests."""
    words = stream.readline(_LONGEST_LINE).decode("latin-1").split()
    if len(words) != 3:
        return None
    try:
        headers = {name.lower(): value for name, value in parse_headers(stream).items()}
    except HTTPException:
        return None
    length = headers.get("content-length", "0")
    if not length.isdigit() or int(length) > _LARGEST_BODY:
        return None
    body = stream.read(int(length))
    return Request(words[0], words[1], headers, body) if len(body) == int(length) else None
