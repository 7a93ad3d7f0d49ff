"""The REST API without sockets: httpx hands a request to the lab's server, in a thread of the server's process."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from email.utils import formatdate
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, unquote

import httpx

from reconciler import timing
from reconciler.lab.server.answer import Answer
from reconciler.lab.server.call import Request
from reconciler.lab.server.dispatch import Dispatcher
from reconciler.lab.server.faults import WireFault
from tests.simulation.hosts import elsewhere
from tests.simulation.scheduler import Process, scheduler

Sent = Callable[[str, str, bytes, int], None]
"""Hears of every request that the server has answered: method, path, body, and status, 0 for a broken connection."""


class Body(httpx.SyncByteStream):
    """What comes of an answer until the connection breaks."""

    def __init__(self, content: bytes, broken: httpx.TransportError | None) -> None:
        self._content = content
        self._broken = broken

    def __iter__(self) -> Iterator[bytes]:
        yield self._content
        if self._broken is not None:
            raise self._broken


class Transport(httpx.BaseTransport):
    """`dispatcher` is None while the server is down. `sent` hears of the requests of this client."""

    def __init__(
        self, dispatcher: Callable[[], Dispatcher | None], server: Callable[[], Process], sent: Sent = lambda *_: None
    ) -> None:
        self._dispatcher = dispatcher
        self._server = server
        self._sent = sent

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        scheduler.check(scheduler.current)
        dispatcher = self._dispatcher()
        if dispatcher is None:
            timing.sleep(0.01)
            raise httpx.ConnectError("[Errno 111] Connection refused", request=request)
        limits = request.extensions.get("timeout", {})
        name = f"{request.method} {request.url.path}"
        try:
            answer = elsewhere(
                self._server(), name, lambda: self._served(dispatcher, request), limits.get("read") or 3600.0
            )
        except TimeoutError:
            raise httpx.ReadTimeout("The read operation timed out", request=request) from None
        except ConnectionResetError:
            raise httpx.ReadError("[Errno 104] Connection reset by peer", request=request) from None
        except WireFault as fault:
            if fault.reset:
                raise httpx.ReadError("[Errno 104] Connection reset by peer", request=request) from None
            text = "Server disconnected without sending a response."
            raise httpx.RemoteProtocolError(text, request=request) from None
        return self._response(answer, request)

    def _served(self, dispatcher: Dispatcher, request: httpx.Request) -> Answer:
        timing.sleep(scheduler.random.uniform(0.002, 0.05))
        if self._dispatcher() is not dispatcher:
            raise WireFault(reset=True)
        body = request.read()
        asked = Request(
            method=request.method,
            path=unquote(request.url.path).strip("/"),
            query={
                name.lower(): value
                for name, value in parse_qsl(request.url.query.decode("ascii"), keep_blank_values=True)
            },
            headers={name.lower(): value for name, value in request.headers.items()},
            body=body,
        )
        status = 0
        try:
            answer = dispatcher.answer(asked)
            status = answer.status
        finally:
            self._sent(request.method, asked.path, body, status)
        if self._dispatcher() is not dispatcher:
            raise WireFault(reset=True)
        return answer

    def _response(self, answer: Answer, request: httpx.Request) -> httpx.Response:
        """A connection breaks at any byte of an answer."""
        content, headers = rendered(answer)
        broken: httpx.TransportError | None = None
        if answer.cut:
            content = content[: scheduler.random.randrange(len(content)) if content else 0]
            text = "peer closed connection without sending complete message body"
            broken = httpx.RemoteProtocolError(text, request=request)
        return httpx.Response(answer.status, headers=headers, stream=Body(content, broken), request=request)


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
