"""What a host shows before any login: its key or certificate, and nothing is sent that logs in."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest

from reconciler.clients.host_scan import Shown, scan
from reconciler.clients.sockets import dial
from reconciler.clients.ssh.host_keys import decode, fingerprint
from reconciler.model.connection import Connection, Transport, Trust
from reconciler.model.errors import RemoteError
from tests.clients.hosts import winrmd
from tests.clients.hosts.broken_ssh import left_behind, open_files
from tests.clients.hosts.conftest import Connect
from tests.clients.hosts.sshd import Sshd
from tests.clients.hosts.wire import Then, wire
from tests.ports import refused_port


def test_the_host_key_without_a_login(sshd: Sshd, connect: Connect) -> None:
    threads, files = set(threading.enumerate()), open_files()
    shown = scan(connect(trust=Trust()), "/nowhere")
    key = decode(sshd.public)
    assert key is not None
    assert shown == Shown("127.0.0.1", host_key=sshd.public, fingerprint=fingerprint(key))
    assert (sshd.logins, sshd.commands) == ([], [])
    assert left_behind(threads, files) == []


@pytest.mark.parametrize(("after", "then"), [(0, Then.CLOSE), (5, Then.RESET), (200, Then.GARBAGE)])
def test_a_host_that_breaks_off(connect: Connect, after: int, then: Then) -> None:
    connection = connect()
    threads, files = set(threading.enumerate()), open_files()
    with wire(connection.port, after, then) as line, pytest.raises(RemoteError):
        scan(connect(port=line.port), "/nowhere")
    assert left_behind(threads, files) == []


def test_a_certificate_that_is_not_trusted_is_only_seen(tmp_path: Path) -> None:
    with winrmd.running(tmp_path, lambda command: 0) as server:
        assert scan(server.connection(), "/nowhere") == Shown("127.0.0.1")
        shown = scan(server.connection(trust=Trust()), "/nowhere")
        assert shown == Shown("127.0.0.1", fingerprint=f"sha256:{server.endpoint.certificate_hash.hex()}")
        assert server.lines == []


def test_a_listener_without_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as plain, refused_port() as port:
        closed = ("127.0.0.1", port)
        places = {5985: plain.getsockname(), 5986: closed}
        monkeypatch.setattr(
            "reconciler.clients.host_scan.dial", lambda target, seconds: dial(places[target[1]], seconds)
        )
        connection = Connection("px-1", "127.0.0.1", Transport.WINRM)
        assert scan(connection, "/nowhere") == Shown("127.0.0.1", listener="http")
        places[5985] = closed
        with pytest.raises(RemoteError, match="refused"):
            scan(connection, "/nowhere")
