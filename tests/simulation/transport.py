"""The REST API without sockets: a request goes to the lab's server, in a thread of the server's process."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from email.utils import formatdate
from functools import lru_cache, partial
from typing import Any
from urllib.parse import parse_qsl, unquote

import httpx

from reconciler import timing
from reconciler.clients.http.connections import Asked
from reconciler.lab.server.answer import Answer
from reconciler.lab.server.call import Request
from reconciler.lab.server.dispatch import Dispatcher
from reconciler.lab.server.faults import WireFault
from tests.simulation.hosts import elsewhere
from tests.simulation.scheduler import Process, scheduler

Sent = Callable[[str, str, bytes, int], None]
"""Hears of every request that the server has answered: method, path, body, and status, 0 for a broken connection."""


class Reply:
    """What comes of an answer until the connection breaks, see `clients.http.connections.Reply`."""

    def __init__(self, status: int, headers: Mapping[str, str], content: bytes, *, is_cut: bool) -> None:
        self.status = status
        self.headers = headers
        self._content = content
        self._is_cut = is_cut

    def header(self, name: str) -> str:
        return self.headers.get(name, "")

    def parts(self) -> Iterator[bytes]:
        yield self._content
        if self._is_cut:
            raise httpx.RemoteProtocolError("peer closed connection without sending complete message body")

    def close(self) -> None:
        pass


class Sender:
    """In the place of `clients.http.connections.Connections`. `dispatcher` is None while the server is down. `sent`
    hears of the requests of this client."""

    def __init__(
        self, dispatcher: Callable[[], Dispatcher | None], server: Callable[[], Process], sent: Sent = lambda *_: None
    ) -> None:
        self._dispatcher = dispatcher
        self._server = server
        self._sent = sent

    def send(self, asked: Asked) -> Reply:
        scheduler.check(scheduler.current)
        dispatcher = self._dispatcher()
        if dispatcher is None:
            timing.sleep(0.01)
            raise httpx.ConnectError("[Errno 111] Connection refused")
        path, _, query = asked.path.partition("?")
        body = asked.content or b""
        found = Request(
            method=asked.method,
            path=unquote(path).strip("/"),
            query={name.lower(): value for name, value in parse_qsl(query, keep_blank_values=True)},
            headers={name.lower(): value for name, value in asked.headers.items()},
            body=body,
        )
        try:
            name, work = f"{asked.method} {path}", partial(self._served, dispatcher, found)
            answer = elsewhere(self._server(), name, work, asked.seconds)
        except TimeoutError:
            raise httpx.ReadTimeout("The read operation timed out") from None
        except ConnectionResetError:
            raise httpx.ReadError("[Errno 104] Connection reset by peer") from None
        except WireFault as fault:
            if fault.reset:
                raise httpx.ReadError("[Errno 104] Connection reset by peer") from None
            raise httpx.RemoteProtocolError("Server disconnected without sending a response.") from None
        return _reply(answer)

    def close(self) -> None:
        pass

    def _served(self, dispatcher: Dispatcher, asked: Request) -> Answer:
        timing.sleep(scheduler.random.uniform(0.002, 0.05))
        if self._dispatcher() is not dispatcher:
            raise WireFault(reset=True)
        status = 0
        try:
            answer = dispatcher.answer(asked)
            status = answer.status
        finally:
            self._sent(asked.method, asked.path, asked.body, status)
        if self._dispatcher() is not dispatcher:
            raise WireFault(reset=True)
        return answer


def _reply(answer: Answer) -> Reply:
    """A connection breaks at any byte of an answer."""
    content, headers = rendered(answer)
    if answer.cut:
        content = content[: scheduler.random.randrange(len(content)) if content else 0]
    return Reply(answer.status, headers, content, is_cut=bool(answer.cut))


class Body(httpx.SyncByteStream):
    def __init__(self, reply: Reply) -> None:
        self._reply = reply

    def __iter__(self) -> Iterator[bytes]:
        return self._reply.parts()


class Transport(httpx.BaseTransport):
    """The same for a client of httpx."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        seconds = request.extensions.get("timeout", {}).get("read") or 3600.0
        path = request.url.raw_path.decode("ascii")
        asked = Asked(request.method, path, request.headers, request.read(), seconds, seconds)
        reply = self._sender.send(asked)
        return httpx.Response(reply.status, headers=dict(reply.headers), stream=Body(reply), request=request)


@lru_cache(maxsize=256)
def _date(second: int) -> str:
    return formatdate(second, usegmt=True)


def rendered(answer: Answer) -> tuple[bytes, dict[str, str]]:
    """The body and the headers of an answer, as the lab writes them on the wire."""
    content = b"" if answer.body is None else json.dumps(answer.body, ensure_ascii=False).encode()
    headers: dict[str, Any] = {"Date": _date(int(timing.epoch())), "X-Lab": "vbo-reconcile"}
    if answer.body is not None:
        headers["Content-Type"] = "application/json; charset=utf-8"
    if answer.status != 204:
        headers["Content-Length"] = str(len(content))
    return content, headers | dict(answer.headers)
