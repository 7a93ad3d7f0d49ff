"""Kept connections, against a server that answers with given bytes."""

from __future__ import annotations

import gzip
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from reconciler import timing
from reconciler.clients.http import connections
from reconciler.clients.http.connections import Asked, Connections
from reconciler.clients.http.tls import Peer, context_for
from reconciler.clients.sockets import socket_deadline
from reconciler.model.connection import Trust
from tests.clients.vbo.tls import NAME, Made, Tls, make, serving

DATA = b'{"results": []}'


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make(tmp_path_factory.mktemp("pki"), "server")


def answer(*headers: str, status: str = "200 OK", body: bytes = DATA) -> bytes:
    return b"\r\n".join([f"HTTP/1.1 {status}".encode(), *(item.encode() for item in headers), b"", body])


def whole(body: bytes = DATA, *headers: str, status: str = "200 OK") -> bytes:
    return answer(f"Content-Length: {len(body)}", *headers, status=status, body=body)


@contextmanager
def connected(made: Made, *answers: bytes | Callable[[socket.socket], None]) -> Iterator[tuple[Connections, Tls]]:
    """The server gives these answers in turn, the last one again and again."""
    left = list(answers)

    def speak(peer: socket.socket, _: bytes) -> None:
        given = left.pop(0) if len(left) > 1 else left[0]
        if callable(given):
            given(peer)
        else:
            peer.sendall(given)

    with serving(made, speak) as tls:
        trust = Trust(ca_file=made.file.name)
        context = context_for(Peer(NAME, ("127.0.0.1", tls.port), trust, 5.0), str(made.file.parent), shared=False)
        found = Connections(("127.0.0.1", tls.port), NAME, context)
        try:
            yield found, tls
        finally:
            found.close()


def ask(found: Connections, method: str = "GET", content: bytes | None = None, seconds: float = 5.0) -> bytes:
    reply = found.send(Asked(method, "/v8/Jobs?limit=1", {"Host": NAME}, content, 5.0, seconds))
    try:
        return b"".join(reply.parts())
    finally:
        reply.close()


def closed(peer: socket.socket) -> None:
    peer.sendall(whole())
    peer.close()


@pytest.mark.parametrize(
    "given",
    [
        whole(),
        answer("Transfer-Encoding: chunked", body=b'5\r\n{"res\r\na\r\nults": []}\r\n0\r\n\r\n'),
        whole(gzip.compress(DATA), "Content-Encoding: gzip"),
        answer("X: interim", status="103 Early Hints", body=b"") + whole(),
    ],
    ids=["length", "chunks", "gzip", "interim"],
)
def test_one_connection_serves_one_request_after_another(made: Made, given: bytes) -> None:
    with connected(made, given) as (found, tls):
        assert [ask(found) for _ in range(3)] == [DATA] * 3
    assert tls.names == [NAME]


@pytest.mark.parametrize(
    "given",
    [answer(), whole(DATA, "Connection: close"), whole().replace(b"HTTP/1.1", b"HTTP/1.0")],
    ids=["until the end", "close", "HTTP/1.0"],
)
def test_a_connection_that_is_not_kept_is_replaced(made: Made, given: bytes) -> None:
    def speak(peer: socket.socket) -> None:
        peer.sendall(given)
        peer.close()

    with connected(made, speak) as (found, tls):
        assert [ask(found) for _ in range(2)] == [DATA] * 2
    assert tls.names == [NAME] * 2


def test_a_connection_that_the_server_closes_is_not_used_again(made: Made) -> None:
    with connected(made, closed, whole()) as (found, tls):
        assert ask(found) == DATA
        (line, _), *_ = found._idle
        line.sock.settimeout(5)
        assert ssl.SSLSocket.recv(line.sock, 1) == b""  # the end has arrived
        assert ask(found) == DATA
    assert tls.names == [NAME] * 2


def test_an_old_connection_is_not_used_again(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    with connected(made, whole()) as (found, tls):
        ask(found)
        monkeypatch.setattr(connections, "IDLE_SECONDS", 0.0)
        ask(found)
    assert tls.names == [NAME] * 2


def test_each_thread_has_its_connection(made: Made) -> None:
    together = threading.Barrier(3)

    def speak(peer: socket.socket) -> None:
        together.wait(5)
        peer.sendall(whole())

    with connected(made, speak) as (found, tls), ThreadPoolExecutor(3) as pool:
        assert list(pool.map(lambda _: ask(found), range(3))) == [DATA] * 3
        assert list(pool.map(lambda _: ask(found), range(3))) == [DATA] * 3
    assert tls.names == [NAME] * 3


@pytest.mark.parametrize(
    ("method", "content", "length"),
    [("GET", None, b""), ("POST", None, b"0"), ("PUT", b"12", b"2"), ("DELETE", None, b"")],
)
def test_a_request_names_the_length_of_its_body(made: Made, method: str, content: bytes | None, length: bytes) -> None:
    with connected(made, answer(status="204 No Content", body=b"")) as (found, tls):
        assert ask(found, method, content) == b""
        ask(found, method, content)
    head, _, body = tls.heard[0].partition(b"\r\n\r\n")
    assert head.startswith(f"{method} /v8/Jobs?limit=1 HTTP/1.1\r\n".encode())
    sent = dict(line.lower().split(b": ") for line in head.split(b"\r\n")[1:])
    assert sent.get(b"content-length", b"") == length
    assert (body, sent[b"host"], sent[b"user-agent"]) == (content or b"", NAME.encode(), b"vbo-reconcile")
    assert tls.names == [NAME]


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        (b"", httpx.RemoteProtocolError, "without sending a response"),
        (answer("Content-Length: 99"), httpx.RemoteProtocolError, "without sending complete"),
        (answer("Transfer-Encoding: chunked", body=b"ff\r\nx"), httpx.RemoteProtocolError, "without sending complete"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", httpx.RemoteProtocolError, "is not HTTP"),
        (whole(DATA, "Content-Encoding: gzip"), httpx.DecodingError, "header"),
        (whole(DATA, "Content-Encoding: br"), httpx.DecodingError, "packed as br"),
    ],
)
def test_an_answer_that_is_none_is_an_error(made: Made, given: bytes, error: type[Exception], words: str) -> None:
    def speak(peer: socket.socket) -> None:
        peer.sendall(given)
        peer.close()

    with connected(made, speak, whole()) as (found, tls):
        with pytest.raises(error, match=words):
            ask(found)
        assert ask(found) == DATA
    assert tls.names == [NAME] * 2


def test_a_server_that_does_not_answer_or_drips_is_left_in_time(made: Made) -> None:
    over = threading.Event()

    def drip(peer: socket.socket) -> None:
        peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        while not over.wait(0.02):
            peer.sendall(b"x")

    with connected(made, lambda _: None, drip) as (found, _):
        with pytest.raises(httpx.ReadTimeout):
            ask(found, seconds=0.2)
        end = timing.monotonic() + 0.3
        with pytest.raises(httpx.ReadTimeout), socket_deadline(lambda: end - timing.monotonic()):
            ask(found)
        over.set()


def test_a_certificate_is_verified_before_anything_is_sent(made: Made, tmp_path: Path) -> None:
    other = make(tmp_path, "other")
    with connected(made, whole()) as (found, tls):
        context = context_for(Peer(NAME, ("", 0), Trust(ca_file=other.file.name), 5.0), str(tmp_path))
        with pytest.raises(httpx.ConnectError):
            ask(Connections(("127.0.0.1", tls.port), NAME, context))
        assert tls.heard == []
    with pytest.raises(httpx.ConnectError):  # it no longer listens
        ask(found)
