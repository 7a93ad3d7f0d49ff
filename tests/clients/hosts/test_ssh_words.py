"""What the other side sends if the login does not succeed, and what we make of it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import repeat
from types import SimpleNamespace

import paramiko
import pytest

from reconciler.clients.host_session import open_host
from reconciler.clients.sockets import dial
from reconciler.clients.ssh.faults import translate
from reconciler.clients.ssh.login_slots import Arrivals
from reconciler.clients.ssh.peer_reason import Words, explained
from reconciler.model.connection import Deadlines
from reconciler.model.errors import AuthenticationFailed, BadAnswer, RemoteError, Unreachable
from tests.clients.hosts.conftest import Connect
from tests.clients.hosts.secrets import context


@contextmanager
def saying(*greetings: bytes) -> Iterator[int]:
    """A port that says each of these to one connection and closes it; the last one again and again."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        said = iter([*greetings[:-1], *repeat(greetings[-1], 20)])

        def speak() -> None:
            for words in said:
                try:
                    line, _ = server.accept()
                except OSError:
                    return
                with line:
                    line.sendall(words)
                    line.shutdown(socket.SHUT_WR)
                    while line.recv(4096):
                        pass

        thread = threading.Thread(target=speak)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


GREETINGS = [
    (b"Exceeded MaxStartups\r\n", Unreachable, "the host says: Exceeded MaxStartups", "MaxStartups"),
    (b"Not allowed at this time\r\n", Unreachable, "the host says: Not allowed at this time", "PerSourcePenalties"),
    (b"", Unreachable, "it closed the connection before its greeting", "MaxStartups"),
    (
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        BadAnswer,
        "it is not an SSH server: it says: HTTP/1.1 400",
        "connection.port",
    ),
    (b"220 mail.example.com ESMTP\r\n", BadAnswer, "it is not an SSH server: it says: 220 mail", "connection.port"),
]


@pytest.mark.parametrize(("said", "kind", "reason", "hint"), GREETINGS)
def test_a_greeting_that_is_not_ssh(
    connect: Connect, said: bytes, kind: type[RemoteError], reason: str, hint: str
) -> None:
    with (
        saying(said) as port,
        pytest.raises(RemoteError) as caught,
        open_host(connect(port=port, deadlines=Deadlines(connect=0.6)), context()),
    ):
        pass
    assert type(caught.value) is kind
    assert reason in caught.value.reason
    assert hint in caught.value.hint


class Ended:
    """A transport whose other side has greeted, and ended the connection."""

    remote_version = "SSH-2.0-OpenSSH_9.2"

    def __init__(self, banner: str = "") -> None:
        self.auth_handler = SimpleNamespace(banner=banner.encode() or None)


SHUT = paramiko.AuthenticationException("Authentication failed: transport shut down or saw EOF")
WRONG = paramiko.AuthenticationException("Authentication failed.")
ENDINGS = [
    ("Too many authentication failures", "", SHUT, AuthenticationFailed, "Too many authentication failures", "agent"),
    ("", "Your account has expired; please contact", SHUT, AuthenticationFailed, "account has expired", "chage"),
    ("", "System is going down.", SHUT, AuthenticationFailed, "System is going down.", "nologin"),
    ("", "", SHUT, Unreachable, "the host ended the login without a reason", "AllowUsers"),
    ("", "Authorized use only", WRONG, AuthenticationFailed, "does not accept this user", "authorized_keys"),
    ("no matching host key", "", paramiko.SSHException("closed"), Unreachable, "no matching host key", ""),
]


@pytest.mark.parametrize(("farewell", "banner", "cause", "kind", "reason", "hint"), ENDINGS)
def test_how_a_login_ends(
    farewell: str, banner: str, cause: Exception, kind: type[RemoteError], reason: str, hint: str
) -> None:
    words = Words()
    words.farewell = farewell
    error = explained(words, Ended(banner), translate(cause, "px-1", "connecting", sent=False), cause)
    assert type(error) is kind
    assert reason in error.reason
    assert hint in error.hint


def test_the_logins_at_one_address_are_limited() -> None:
    arrivals, most, now, lock = Arrivals(3), [0], [0], threading.Lock()
    full = threading.Barrier(3)

    def log_in(index: int) -> None:
        with arrivals.at("10.0.0.1"):
            with lock:
                now[0] += 1
                most[0] = max(most[0], now[0])
            full.wait(30)
            with lock:
                now[0] -= 1

    threads = [threading.Thread(target=log_in, args=(index,)) for index in range(12)]
    for thread in threads:
        thread.start()
    with arrivals.at("10.0.0.2"):  # another address does not wait
        pass
    for thread in threads:
        thread.join()
    assert most == [3]


def addresses(monkeypatch: pytest.MonkeyPatch, *found: tuple[str, int]) -> None:
    families = [(socket.AF_INET6 if ":" in host else socket.AF_INET, 1, 6, "", (host, port)) for host, port in found]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_more: families)


def test_an_address_that_drops_does_not_use_up_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as full, socket.create_server(("127.0.0.1", 0)) as server:
        full.listen(0)
        dropping = full.getsockname()[1]
        crowd = [socket.socket() for _ in range(8)]
        for one in crowd:
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", dropping))  # the queue is full: what follows is dropped
        addresses(monkeypatch, ("127.0.0.1", dropping), ("127.0.0.1", server.getsockname()[1]))
        try:
            with dial(("px-1", 22), 60.0) as made:
                assert made.getpeername() == server.getsockname()
                assert made.gettimeout()
        finally:
            for one in crowd:
                one.close()


def test_a_refused_address_is_followed_by_the_next_one(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        addresses(monkeypatch, ("::1", 1), ("127.0.0.1", 1), ("127.0.0.1", server.getsockname()[1]))
        with dial(("px-1", 22), 60.0) as made:
            assert made.getpeername() == server.getsockname()


def test_only_refused_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    addresses(monkeypatch, ("127.0.0.1", 1), ("127.0.0.1", 2))
    with pytest.raises(ConnectionRefusedError):
        dial(("px-1", 22), 60.0)
