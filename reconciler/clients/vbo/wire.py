"""One HTTP request and its answer, with a deadline. No retries, no tokens, no interpretation of the answer."""

from __future__ import annotations

import ssl
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any, Final
from urllib.parse import quote, urlencode

import httpx

from reconciler import timing
from reconciler.clients.http.connections import Asked, Connections, Mocked, Reply, Sender
from reconciler.clients.http.faults import CAUGHT, translate, translate_connect
from reconciler.clients.http.tls import Peer, context_for
from reconciler.clients.sockets import socket_deadline
from reconciler.clients.vbo.answer import Answer
from reconciler.model.connection import Server
from reconciler.model.errors import BadAnswer, ConnectionLost, DeadlineExceeded, Unreachable

_LONGEST: Final = 256 * 1024 * 1024
"""Bytes of one answer, unpacked: some hundred thousand objects."""

_PLAIN: Final = "/%:@!$&'()*+,;=~-._"
"""What a path may contain as it is. An escape in it was made on purpose."""

Clock = Callable[[], float]


class Wire:
    """Connections to one server. Packets go to `server.target`, TLS and HTTP name `server.rest_name`.

    Proxies named in the environment are not used. `transport` or `sender` replace the network in tests.
    """

    def __init__(
        self,
        server: Server,
        root: str,
        *,
        clock: Clock,
        transport: httpx.BaseTransport | None = None,
        sender: Sender | None = None,
    ) -> None:
        self.peer = f"{server.rest_name}:{server.port}"
        self.deadlines = server.deadlines
        self.clock = clock
        self.host = server.rest_name
        self.clock_ahead = timedelta(0)
        """How far the clock of the server is ahead of this machine's, by the `Date` of the last answer."""
        self.outages = 0
        """How often the server could not be reached, or a connection broke."""
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()
        try:
            name = httpx.URL(scheme="https", host=self.host, port=server.port).netloc.decode("ascii")
            self._headers = {"Host": name, "Accept": "application/json"}
            if sender is None and transport is not None:
                sender = Mocked(transport, f"https://{name}")
            elif sender is None:
                sender = Connections((server.target[0], server.port), self.host, _context(self.peer, server, root))
            self._sender = sender
        except CAUGHT as error:
            raise translate(error, self.peer, "connect") from error

    @property
    def counts(self) -> Mapping[str, int]:
        """Requests sent so far, by verb."""
        with self._lock:
            return dict(sorted(self._counts.items()))

    def exchange(
        self,
        method: str,
        path: str,
        *,
        until: float,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        counted: str = "",
    ) -> Answer:
        """Send one request and read the whole answer. `path` starts at the root of the server (`/v8/Proxies`), `until`
        is a time on `clock`, `counted` the name under which it is counted, by default the method.

        Raises Unreachable and UntrustedPeer (nothing was sent), DeadlineExceeded, ConnectionLost, BadAnswer.
        """
        what = f"{method} {path}"
        left = until - self.clock()
        if left <= 0:
            raise DeadlineExceeded(self.peer, what, "its deadline has passed")
        connecting = min(self.deadlines.connect, left)
        with self._lock:
            self._counts[counted or method] += 1
        try:
            with socket_deadline(lambda: until - self.clock()):
                sent = {**self._headers, **(headers or {})}
                reply = self._sender.send(Asked(method, _target(path, query), sent, content, connecting, left))
                now = timing.utc_now()  # a long answer may take minutes, and its `Date` is from when it began
                try:
                    body = self._read(reply, what)
                finally:
                    reply.close()
        except CAUGHT as error:
            fault = translate(error, self.peer, what)
            if isinstance(fault, Unreachable | ConnectionLost):
                with self._lock:
                    self.outages += 1
            raise fault from error
        dates = {name: reply.header(name) for name in ("Age", "Date", "Retry-After")}
        self.clock_ahead = clock_ahead(dates, now, self.clock_ahead)
        return Answer(reply.status, body, retry_after(dates))

    def _read(self, reply: Reply, what: str) -> bytes:
        content = bytearray()
        for part in reply.parts():
            content += part
            if len(content) > _LONGEST:
                raise BadAnswer(self.peer, what, f"its answer is longer than {_LONGEST >> 20} MB")
        return bytes(content)

    def close(self) -> None:
        self._sender.close()


def _target(path: str, query: Mapping[str, Any] | None) -> str:
    plain = quote(path, safe=_PLAIN)
    return f"{plain}?{_encoded(tuple((name, _text(value)) for name, value in query.items()))}" if query else plain


@lru_cache(maxsize=64)
def _encoded(query: tuple[tuple[str, str], ...]) -> str:
    return urlencode(query)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def retry_after(headers: Mapping[str, str]) -> float:
    """Seconds of `Retry-After`: a number, or a time that is compared with the `Date` of the same answer. 0 without one,
    or if it cannot be read."""
    text = (headers.get("Retry-After") or "").strip()
    if not text:
        return 0.0
    if text.isascii() and text.isdigit():
        return float(text[:9])
    until, now = _date(text), _date(headers.get("Date", ""))
    return max(0.0, (until - now).total_seconds()) if until and now else 0.0


def clock_ahead(headers: Mapping[str, str], now: datetime, before: timedelta) -> timedelta:
    """`Date` minus `now`; `before` without a date, and where a cache in between answers (`Age`). A date has whole
    seconds: half of one is missing on average."""
    date = _date(headers.get("Date", ""))
    if date is None or headers.get("Age", "0").strip() not in ("", "0"):
        return before
    return date - now + timedelta(seconds=0.5)


@lru_cache(maxsize=256)
def _date(text: str) -> datetime | None:
    """A date of HTTP in any of its three formats; None for what cannot be read."""
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)


def _context(peer: str, server: Server, root: str) -> ssl.SSLContext:
    try:
        return context_for(Peer(peer, server.target, server.trust, server.deadlines.connect, "server.tls."), root)
    except (OSError, UnicodeError, ValueError) as error:
        raise translate_connect(error, peer, "connect") from error
