"""The wire: HTTP/1.1 with keep-alive over TLS, one thread a connection, everything closed at the end."""

from __future__ import annotations

import json
import logging
import socket
import ssl
import struct
import sys
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from threading import Lock, Thread
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from reconciler import timing
from reconciler.lab.server.answer import Answer
from reconciler.lab.server.call import Request
from reconciler.lab.server.dispatch import Dispatcher
from reconciler.lab.server.faults import WireFault

log = logging.getLogger(__name__)
LARGEST_BODY = 64 * 1024 * 1024
_LONGEST_LINE = 8192


class Handler(BaseHTTPRequestHandler):
    """One connection. Answers are written in one piece."""

    protocol_version = "HTTP/1.1"
    server_version = "vbo-reconcile-lab"
    sys_version = ""
    disable_nagle_algorithm = True
    wbufsize = 65536
    timeout = 300
    server: Listener

    def setup(self) -> None:
        if isinstance(self.request, ssl.SSLSocket):
            self.request.do_handshake()
        super().setup()

    def serve(self) -> None:
        body = self._body()
        if body is None:
            return
        target = urlsplit(self.path)
        request = Request(
            method=self.command,
            path=unquote(target.path).strip("/"),
            query={name.lower(): value for name, value in parse_qsl(target.query, keep_blank_values=True)},
            headers={name.lower(): value for name, value in self.headers.items()},
            body=body,
        )
        try:
            self._send(self.server.dispatcher.answer(request))
        except WireFault as fault:
            self._break(reset=fault.reset)

    def __getattr__(self, name: str) -> Any:
        """Every method is answered, also those that HTTP does not have."""
        if name.startswith("do_"):
            return self.serve
        raise AttributeError(name)

    def _body(self) -> bytes | None:
        """The body of the request; None where it was refused."""
        length = self.headers.get("Content-Length", "0")
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            try:
                return self._chunks()
            except ValueError:
                self._refuse(HTTPStatus.BAD_REQUEST)
                return None
        if not length.isdigit() or int(length) > LARGEST_BODY:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return None
        return self.rfile.read(int(length))

    def _chunks(self) -> bytes:
        """A body in chunks. Raises ValueError for one that is too large or not framed correctly."""
        body = bytearray()
        while size := int(self.rfile.readline(_LONGEST_LINE).partition(b";")[0], 16):
            if size < 0 or len(body) + size > LARGEST_BODY:
                raise ValueError("too large")
            body += self.rfile.read(size)
            if self.rfile.readline(_LONGEST_LINE).strip():
                raise ValueError("a chunk has another length")
        while self.rfile.readline(_LONGEST_LINE).strip():
            pass  # trailers
        return bytes(body)

    def _refuse(self, status: HTTPStatus) -> None:
        self.close_connection = True
        self._send(Answer(status, {"message": status.phrase}, {"Connection": "close"}))

    def date_time_string(self, timestamp: float | None = None) -> str:
        """The `Date` of an answer, by the clock of the server."""
        try:
            ahead = self.server.dispatcher.api.options.clock_minutes * 60
        except ValueError:  # an option that does not exist is reported by the request itself
            ahead = 0
        return super().date_time_string((timing.epoch() if timestamp is None else timestamp) + ahead)

    def _send(self, answer: Answer) -> None:
        content = b"" if answer.body is None else json.dumps(answer.body, ensure_ascii=False).encode()
        self.send_response(answer.status)
        self.send_header("X-Lab", "vbo-reconcile")
        if answer.body is not None:
            self.send_header("Content-Type", "application/json; charset=utf-8")
        if answer.status != HTTPStatus.NO_CONTENT:
            self.send_header("Content-Length", str(len(content)))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        if answer.cut:
            content = content[: len(content) // 2]
            self.close_connection = True
        if self.command != "HEAD":
            self.wfile.write(content)

    def _break(self, *, reset: bool) -> None:
        self.close_connection = True
        if reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, *args: Any, **_: Any) -> None:
        log.debug("%s", args)


class Listener(ThreadingHTTPServer):
    """Listens, and knows its connections so that it can end them."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], context: ssl.SSLContext, dispatcher: Dispatcher) -> None:
        self.dispatcher = dispatcher
        self._context = context
        self._lock = Lock()
        self._open: dict[socket.socket, Thread] = {}
        super().__init__(address, Handler)

    def server_bind(self) -> None:
        """Without the look-up of the own name, which may take seconds."""
        TCPServer.server_bind(self)

    def get_request(self) -> tuple[socket.socket, Any]:
        """The handshake is left to the thread of the connection: a silent client must not hold up the others."""
        connection, peer = super().get_request()
        connection.settimeout(Handler.timeout)
        return self._context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False), peer

    def process_request(self, request: Any, client_address: Any) -> None:
        thread = Thread(target=self.process_request_thread, args=(request, client_address), daemon=True)
        with self._lock:
            self._open[request] = thread
        thread.start()

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._open.pop(request, None)
        if request.fileno() == -1:
            return
        lingering = request.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8)
        if struct.unpack("ii", lingering)[0]:
            request.close()
        else:
            super().shutdown_request(request)

    def handle_error(self, _request: Any, client_address: Any, /) -> None:
        """Clients that go away or do not trust the certificate are no errors of the server."""
        log.debug("connection from %s ended: %r", client_address, sys.exception())

    def end(self) -> None:
        """Stop serving, and end all connections. Shutting the socket down wakes the loop up where the system can."""
        waiting = Thread(target=self.shutdown, daemon=True)
        waiting.start()
        hang_up(self.socket)
        waiting.join()
        self.server_close()

    def server_close(self) -> None:
        super().server_close()
        with self._lock:
            connections = dict(self._open)
        for connection in connections:
            hang_up(connection)
        for thread in connections.values():
            thread.join(5)


def hang_up(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError as error:
        log.debug("nothing to hang up: %s", error)
