"""Kept connections to one server, for many small requests: several times faster than a general HTTP client.

Errors are those of httpx, which `faults` translates.
"""

from __future__ import annotations

import http.client
import selectors
import ssl
import threading
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, NamedTuple, Protocol

import httpx

from reconciler import timing
from reconciler.clients.sockets import dial

IDLE_SECONDS: Final = 5.0
"""An idle connection that is older is not used again."""
_MOST_IDLE: Final = 20
_PART: Final = 1 << 16
_GZIP: Final = 16 + zlib.MAX_WBITS
_HEADERS: Final = {"User-Agent": "vbo-reconcile", "Accept-Encoding": "gzip", "Connection": "keep-alive"}
_CUT: Final = "peer closed connection without sending complete message body"


class Reply(Protocol):
    """Status of an answer, its headers (empty without one), and its body as it comes, unpacked. It is to be closed."""

    @property
    def status(self) -> int: ...

    def header(self, name: str) -> str: ...

    def parts(self) -> Iterator[bytes]: ...

    def close(self) -> None: ...


class Asked(NamedTuple):
    """A request; `path` has the query. `connecting` are the seconds to connect, `seconds` those of a read or write."""

    method: str
    path: str
    headers: Mapping[str, str]
    content: bytes | None
    connecting: float
    seconds: float


class Sender(Protocol):
    """Sends requests to one server, each of them once, and reads the answers. Raises the errors of httpx."""

    def send(self, asked: Asked) -> Reply: ...

    def close(self) -> None: ...


class Connections:
    """HTTP/1.1 over TLS to `target`, which has a certificate for `name`. For any number of threads: a thread takes an
    idle connection, or opens one."""

    def __init__(self, target: tuple[str, int], name: str, context: ssl.SSLContext) -> None:
        context.set_alpn_protocols(["http/1.1"])
        self._target = target
        self._name = name
        self._context = context
        self._idle: list[tuple[_Line, float]] = []
        self._lock = threading.Lock()
        self._closed = False

    def send(self, asked: Asked) -> Reply:
        line = self._taken() or self._opened(asked.connecting)
        try:
            return _Received(self, line, line.ask(asked))
        except BaseException:
            line.close()
            raise

    def give_back(self, line: _Line) -> None:
        """`line` has nothing more to read."""
        with self._lock:
            if not self._closed and len(self._idle) < _MOST_IDLE:
                self._idle.append((line, timing.monotonic()))
                return
        line.close()

    def close(self) -> None:
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for line, _ in idle:
            line.close()

    def _taken(self) -> _Line | None:
        """The connection that was used last: the others may become too old."""
        while True:
            with self._lock:
                if not self._idle:
                    return None
                line, since = self._idle.pop()
            if timing.monotonic() - since < IDLE_SECONDS and not line.is_readable:
                return line
            line.close()

    def _opened(self, seconds: float) -> _Line:
        try:
            plain = dial(self._target, seconds)
            try:
                plain.settimeout(seconds)
                return _Line(self._context.wrap_socket(plain, server_hostname=self._name))
            except BaseException:
                plain.close()
                raise
        except TimeoutError as error:
            raise httpx.ConnectTimeout(str(error)) from error
        except OSError as error:
            raise httpx.ConnectError(str(error)) from error


class _Line(http.client.HTTPConnection):
    """A connection that is open, and is not opened again."""

    auto_open = 0

    def __init__(self, sock: ssl.SSLSocket) -> None:
        super().__init__("connected")
        self.sock: ssl.SSLSocket = sock
        self._selector = selectors.DefaultSelector()
        self._selector.register(sock, selectors.EVENT_READ)

    @property
    def is_readable(self) -> bool:
        """Nothing can be read from an idle connection but its end."""
        return bool(self._selector.select(0))

    def close(self) -> None:
        self._selector.close()
        super().close()

    def ask(self, asked: Asked) -> http.client.HTTPResponse:
        self.sock.settimeout(asked.seconds)
        try:
            self.request(asked.method, asked.path, asked.content, {**_HEADERS, **asked.headers})
        except TimeoutError as error:
            raise httpx.WriteTimeout(str(error)) from error
        except OSError as error:
            raise httpx.WriteError(str(error)) from error
        with reading():
            return self._answered()

    def _answered(self) -> http.client.HTTPResponse:
        response = self.getresponse()
        while 101 < response.status < 200:  # an interim answer: the final one follows
            vars(response)["headers"] = None
            response.begin()
        return response

    def send(self, data: Any) -> None:
        """Part by part: `sendall` has no deadline for the whole."""
        left = memoryview(data)
        while left:
            self.sock.settimeout(self.sock.gettimeout())
            left = left[self.sock.send(left) :]


class _Received:
    """An answer on `line`, which other requests may use once all of it is read."""

    def __init__(self, owner: Connections, line: _Line, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self._owner = owner
        self._line = line
        self._response = response
        self._is_read = False

    def header(self, name: str) -> str:
        return self._response.headers.get(name, "")

    def parts(self) -> Iterator[bytes]:
        encoding = self.header("Content-Encoding").strip().lower()
        if encoding in ("", "identity"):
            yield from self._raw()
        elif encoding in ("gzip", "x-gzip"):
            yield from _unpacked(self._raw())
        else:
            raise httpx.DecodingError(f"it is packed as {encoding}, which was not asked for")

    def _raw(self) -> Iterator[bytes]:
        with reading():
            while part := self._response.read(_PART):
                yield part
        if self._response.length:
            raise httpx.RemoteProtocolError(_CUT)
        self._is_read = True

    def close(self) -> None:
        if self._is_read and not self._response.will_close:
            self._owner.give_back(self._line)
        else:
            self._line.close()
            self._response.close()


def _unpacked(parts: Iterable[bytes]) -> Iterator[bytes]:
    unpack = zlib.decompressobj(_GZIP)
    try:
        for part in parts:
            packed = part
            while packed:
                yield unpack.decompress(packed, _PART)
                packed = unpack.unconsumed_tail
        yield unpack.flush()
    except zlib.error as error:
        raise httpx.DecodingError(str(error)) from error


@contextmanager
def reading() -> Iterator[None]:
    """Exceptions of reading an answer become those of httpx."""
    try:
        yield
    except http.client.RemoteDisconnected as error:
        raise httpx.RemoteProtocolError("Server disconnected without sending a response.") from error
    except http.client.IncompleteRead as error:
        raise httpx.RemoteProtocolError(_CUT) from error
    except http.client.HTTPException as error:
        raise httpx.RemoteProtocolError(f"its answer is not HTTP: {error!r}") from error
    except TimeoutError as error:
        raise httpx.ReadTimeout(str(error)) from error
    except OSError as error:
        raise httpx.ReadError(str(error)) from error


class Mocked:
    """A transport of httpx in the place of connections to `url`."""

    def __init__(self, transport: httpx.BaseTransport, url: str) -> None:
        self._transport = transport
        self._url = url

    def send(self, asked: Asked) -> Reply:
        timeout = httpx.Timeout(asked.seconds, connect=asked.connecting, pool=asked.connecting).as_dict()
        url, more = f"{self._url}{asked.path}", {"timeout": timeout}
        request = httpx.Request(asked.method, url, headers=asked.headers, content=asked.content, extensions=more)
        return _MockedReply(self._transport.handle_request(request))

    def close(self) -> None:
        self._transport.close()


class _MockedReply:
    def __init__(self, response: httpx.Response) -> None:
        self.status = response.status_code
        self._headers = response.headers
        self.parts = response.iter_bytes
        self.close = response.close

    def header(self, name: str) -> str:
        return str(self._headers.get(name, ""))
