"""Wires that break: each place has its class of error, within its deadline, and nothing is left behind."""

from __future__ import annotations

import threading
import time

import paramiko
import pytest
from paramiko.pipe import PosixPipe

from reconciler.clients.host_session import open_host
from reconciler.clients.ssh import exec as ssh_exec
from reconciler.model.errors import (
    BadAnswer,
    ConnectionLost,
    DeadlineExceeded,
    RemoteError,
    Unreachable,
)
from reconciler.model.script import Script
from tests.clients.hosts.broken_ssh import broken, left_behind, measure, open_files
from tests.clients.hosts.conftest import Connect
from tests.clients.hosts.secrets import context
from tests.clients.hosts.sshd import Sshd
from tests.clients.hosts.wire import Then

PLACES: list[tuple[str, Then, type[RemoteError]]] = [
    ("nothing", Then.SILENCE, Unreachable),
    ("nothing", Then.CLOSE, Unreachable),
    ("nothing", Then.RESET, Unreachable),
    ("nothing", Then.GARBAGE, Unreachable),
    ("half a banner", Then.SILENCE, Unreachable),
    ("half a banner", Then.CLOSE, Unreachable),
    ("key exchange", Then.SILENCE, Unreachable),
    ("key exchange", Then.RESET, Unreachable),
    ("key exchange", Then.GARBAGE, BadAnswer),
    ("login", Then.SILENCE, Unreachable),
    ("login", Then.RESET, Unreachable),
    ("login", Then.GARBAGE, Unreachable),
    ("request for a command", Then.SILENCE, DeadlineExceeded),
    ("request for a command", Then.RESET, Unreachable),  # without its input the command does nothing
    ("output", Then.SILENCE, DeadlineExceeded),
    ("output", Then.CLOSE, ConnectionLost),
    ("output", Then.RESET, ConnectionLost),
    ("output", Then.GARBAGE, ConnectionLost),
]


@pytest.mark.parametrize(("place", "then", "kind"), PLACES, ids=str)
def test_a_wire_that_breaks(connect: Connect, place: str, then: Then, kind: type[RemoteError]) -> None:
    connection = connect()
    login, end = measure(connection)
    after = {
        "nothing": 0,
        "half a banner": 5,
        "key exchange": 200,
        "login": login - 40,
        "request for a command": login,
        "output": end - 2000,
    }[place]
    threads, files = set(threading.enumerate()), open_files()
    error = broken(connection, after, then, login=login)
    assert type(error) is kind, error
    assert error.hint
    assert error.nothing_sent == isinstance(error, Unreachable)
    assert left_behind(threads, files) == []


def test_a_whole_session_leaves_nothing_behind(sshd: Sshd, connect: Connect) -> None:
    threads, files = set(threading.enumerate()), open_files()
    for text in ("echo 1", "exit 1", "sleep 30"):
        with open_host(connect(), context()) as host:
            try:
                assert host.execute(Script("linux/x.sh", text), {}, deadline=1) == 1
            except RemoteError:
                assert text != "echo 1"
    assert left_behind(threads, files) == []


def test_output_without_end_is_not_kept(sshd: Sshd, connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ssh_exec, "OUTPUT_LIMIT", 1 << 20)
    with open_host(connect(), context()) as host:
        began = time.monotonic()
        with pytest.raises(BadAnswer, match="more than 1 MB"):
            host.execute(Script("linux/big.sh", "head -c 100000000 /dev/zero"), {}, deadline=60)
        assert time.monotonic() - began < 60
        assert host.execute(Script("linux/one.sh", "echo 1"), {}, deadline=20) == 1


def test_output_that_arrives_while_a_channel_is_closed(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is written to the pipe that announces output neither after it is closed nor to the file that has its number
    by then. Seen with real floods about once in a hundred."""
    channels, closed = [], []
    open_session, close = paramiko.Transport.open_session, PosixPipe.close

    def opening(transport: paramiko.Transport, *, timeout: float) -> paramiko.Channel:
        channels.append(open_session(transport, timeout=timeout))
        return channels[-1]

    def closing(pipe: PosixPipe) -> None:
        close(pipe)
        pipe._closed = pipe._set = False  # the thread has looked at both a moment before
        for buffer in (channels[-1].in_buffer, channels[-1].in_stderr_buffer):
            buffer.feed(b"late")
        closed.append(pipe)

    monkeypatch.setattr(paramiko.Transport, "open_session", opening)
    monkeypatch.setattr(PosixPipe, "close", closing)
    monkeypatch.setattr(ssh_exec, "OUTPUT_LIMIT", 1 << 10)
    with open_host(connect(), context()) as host:
        with pytest.raises(BadAnswer, match="it printed more than"):
            host.execute(Script("linux/big.sh", "head -c 100000 /dev/zero; sleep 5"), {}, deadline=20)
        assert host.execute(Script("linux/one.sh", "echo 1"), {}, deadline=20) == 1
    assert len(closed) == 2


@pytest.mark.parametrize("name", ["utf-16-le", "utf-16-be", "utf-16"])
def test_output_in_utf_16_is_called_that(connect: Connect, name: str) -> None:
    octal = "".join(f"\\{byte:03o}" for byte in '{"a": 1}'.encode(name))
    script = Script("linux/wide.sh", f"printf '{octal}'")
    with open_host(connect(), context()) as host, pytest.raises(BadAnswer, match="UTF-16"):
        host.execute(script, {}, deadline=20)
