"""Whom the client believes, on real TLS. What is not believed hears no HTTP."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path
from typing import Any

import pytest

from reconciler.clients.http.tls import Peer, context_for
from reconciler.clients.sockets import socket_deadline
from reconciler.clients.vbo import Reader, Session, connect
from reconciler.model.connection import ConnectionContext, Deadlines, Trust
from reconciler.model.errors import (
    BadAnswer,
    ConnectionLost,
    DeadlineExceeded,
    RemoteError,
    Unreachable,
    UntrustedPeer,
)
from tests.ports import refused_port

from .tls import NAME, Made, Speak, Tls, make, reply, send, serving
from .world import RESOLVER, server

SHORT = Deadlines(connect=5, call=5, long=5)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pki")


@pytest.fixture(scope="module")
def authority(folder: Path) -> Made:
    return make(folder, "Lab CA")


@pytest.fixture(scope="module")
def good(folder: Path, authority: Made) -> Made:
    return make(folder, "good", issuer=authority)


@pytest.fixture(scope="module")
def alone(folder: Path) -> Made:
    return make(folder, "alone")


def opened(tls: Tls, folder: Path, trust: Trust, **more: Any) -> Session:
    fields: dict[str, Any] = {"address": "127.0.0.1", "port": tls.port, "trust": trust, "deadlines": SHORT} | more
    return connect(server(**fields), ConnectionContext(RESOLVER, str(folder)), sleep=lambda seconds: None)


def refused(tls: Tls, folder: Path, trust: Trust, **more: Any) -> UntrustedPeer:
    with pytest.raises(UntrustedPeer) as caught:
        opened(tls, folder, trust, **more)
    assert tls.heard == [], "something was sent to a server that is not trusted"
    assert caught.value.nothing_sent
    return caught.value


def test_an_authority_in_a_file_next_to_the_inventory(good: Made, authority: Made, folder: Path) -> None:
    with serving(good) as tls, opened(tls, folder, Trust(ca_file="Lab CA.pem")) as session:
        assert session.build == "8.5.0.1014"
        assert set(tls.names) == {NAME}, "TLS names the host, not the address that packets go to"
    assert f"Host: {NAME}:{tls.port}".encode() in tls.heard[0]


def test_rest_on_another_machine_is_verified_by_the_name_of_that(good: Made, authority: Made, folder: Path) -> None:
    with serving(good) as tls:
        trust = Trust(ca_file="Lab CA.pem")
        with opened(tls, folder, trust, host="vbo.corp.example.com", rest_host=NAME) as session:
            assert (session.host, session.peer) == (NAME, f"{NAME}:{tls.port}")
        assert set(tls.names) == {NAME}
    assert f"Host: {NAME}:{tls.port}".encode() in tls.heard[0]
    with serving(good) as tls:
        error = refused(tls, folder, trust, host=NAME, rest_host="rest.corp.example.com")
    assert "for another name" in error.reason
    assert "`server.rest_host`" in error.hint


def test_the_certificate_itself_may_be_in_the_file(alone: Made, folder: Path) -> None:
    with serving(alone) as tls, opened(tls, folder, Trust(ca_file="alone.pem")) as session:
        assert session.rest == 8


def test_a_server_that_is_known_by_its_address(folder: Path, authority: Made) -> None:
    made = make(folder, "by-address", issuer=authority, name="127.0.0.1")
    with (
        serving(made) as tls,
        opened(tls, folder, Trust(ca_file="Lab CA.pem"), host="127.0.0.1", address="") as session,
    ):
        assert session.rest == 8


def test_the_store_of_the_system_does_not_know_our_authority(good: Made, folder: Path) -> None:
    with serving(good) as tls:
        error = refused(tls, folder, Trust())
    assert "an authority that is not trusted here" in error.reason
    assert "server.tls.ca_file" in error.hint
    assert f"echo Q | openssl s_client -connect {NAME}:{tls.port} |" in error.hint  # in sh and PowerShell


def test_a_self_signed_certificate_that_nobody_vouches_for(alone: Made, authority: Made, folder: Path) -> None:
    with serving(alone) as tls:
        assert "self-signed" in refused(tls, folder, Trust()).reason
        assert "self-signed" in refused(tls, folder, Trust(ca_file="Lab CA.pem")).reason


def test_another_authority_of_the_same_name(good: Made, tmp_path: Path) -> None:
    make(tmp_path, "Lab CA")
    with serving(good) as tls:
        refused(tls, tmp_path, Trust(ca_file="Lab CA.pem"))


def test_an_expired_certificate(folder: Path, authority: Made) -> None:
    made = make(folder, "old", issuer=authority, days=-1)
    with serving(made) as tls:
        error = refused(tls, folder, Trust(ca_file="Lab CA.pem"))
        assert "expired" in error.reason
        assert "Renew" in error.hint
        assert "expired" in refused(tls, folder, Trust(fingerprint=made.pin)).reason


def test_a_certificate_for_another_name(folder: Path, authority: Made) -> None:
    made = make(folder, "other", issuer=authority, name="vbo02.corp.example.com")
    with serving(made) as tls:
        error = refused(tls, folder, Trust(ca_file="Lab CA.pem"))
        assert "for another name" in error.reason
        error = refused(tls, folder, Trust(ca_file="Lab CA.pem"), host="127.0.0.1", address="")
        assert "not for this address" in error.reason


@pytest.mark.parametrize("spelling", [str, str.upper, lambda pin: "sha256:" + ":".join(pairs(pin))])
def test_a_pin(spelling: Any, alone: Made, folder: Path) -> None:
    with serving(alone) as tls, opened(tls, folder, Trust(fingerprint=spelling(alone.pin))) as session:
        assert session.rest == 8


def pairs(pin: str) -> list[str]:
    digits = pin.removeprefix("sha256:")
    return [digits[at : at + 2] for at in range(0, len(digits), 2)]


def test_a_pin_names_the_peer_so_that_neither_name_nor_authority_matter(folder: Path, authority: Made) -> None:
    made = make(folder, "pinned", issuer=authority, name="somewhere.else.example.com")
    with serving(made) as tls, opened(tls, folder, Trust(fingerprint=made.pin)) as session:
        assert session.rest == 8


def test_a_pin_of_another_certificate(good: Made, alone: Made, folder: Path) -> None:
    with serving(alone) as tls:
        error = refused(tls, folder, Trust(fingerprint=good.pin))
    assert alone.pin in error.reason
    assert good.pin in error.reason
    assert "server.tls.fingerprint" in error.hint


@pytest.mark.parametrize("pin", ["sha256:abcd", "sha1:" + "a" * 40, "a" * 64, "sha256:" + "g" * 64])
def test_a_pin_that_is_none(pin: str, folder: Path) -> None:
    with serving(None) as tls:
        assert "not of the form" in refused(tls, folder, Trust(fingerprint=pin)).reason


def test_a_pin_is_compared_in_every_handshake(folder: Path, authority: Made) -> None:
    """An authority that is pinned for itself does not vouch for the certificates that it signs."""
    signed = make(folder, "signed", issuer=authority)
    with (
        serving(authority) as tls,
        serving(signed) as other,
        opened(tls, folder, Trust(fingerprint=authority.pin)) as session,
    ):
        session._wire._sender.close()  # those that are open
        vars(session._wire._sender)["_target"] = ("127.0.0.1", other.port)
        with pytest.raises(UntrustedPeer) as caught:
            session.read("Proxies")
        assert other.heard == []
    assert "not the pinned one" in caught.value.reason


@pytest.mark.parametrize("content", [None, "", "not a certificate"])
def test_a_ca_file_that_cannot_be_used(content: str | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "ca.pem").write_text(content)
    with serving(None) as tls:
        error = refused(tls, tmp_path, Trust(ca_file="ca.pem"))
    assert "`ca_file` ca.pem cannot be used" in error.reason
    assert str(tmp_path) not in str(error)


def test_a_port_that_does_not_speak_tls(folder: Path, good: Made) -> None:
    def mail(peer: socket.socket, hello: bytes) -> None:
        heard.append(hello)
        peer.sendall(b"220 mail.example.com ESMTP\r\n")
        raise OSError("enough")

    heard: list[bytes] = []
    with serving(None, mail) as tls:
        for trust in (Trust(), Trust(fingerprint=good.pin)):
            with pytest.raises(UntrustedPeer) as caught:
                opened(tls, folder, trust)
            assert "the TLS handshake failed" in caught.value.reason
            assert "speak TLS" in caught.value.hint
    assert not any(b"HTTP" in hello for hello in heard)


@pytest.mark.parametrize("pinned", [False, True])
def test_a_port_that_nobody_listens_on(pinned: bool, folder: Path, good: Made) -> None:
    with refused_port() as port, pytest.raises(Unreachable) as caught:
        opened(Tls(port), folder, Trust(fingerprint=good.pin if pinned else ""))
    assert caught.value.reason == "connection refused"
    assert "server.port" in caught.value.hint


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a" * 64 + ".example.com", "spaced out"])
@pytest.mark.parametrize("pinned", [False, True])
def test_a_name_that_cannot_be_resolved(host: str, pinned: bool, folder: Path, good: Made) -> None:
    with pytest.raises(Unreachable) as caught:
        opened(Tls(1), folder, Trust(fingerprint=good.pin if pinned else ""), host=host, address="")
    assert caught.value.nothing_sent


def test_proxies_of_the_environment_are_not_used(good: Made, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with serving(good) as tls, opened(tls, folder, Trust(ca_file="Lab CA.pem")) as session:
        assert session.rest == 8


def then(misbehave: Speak) -> Speak:
    """A server that is fine until a user asks for a proxy."""

    def speak(peer: socket.socket, request: bytes) -> None:
        (misbehave if b"/v8/Proxies" in request else reply)(peer, request)

    return speak


def trickle(peer: socket.socket, request: bytes) -> None:
    """One byte now and then, far within any limit on a single read."""
    peer.sendall(b"HTTP/1.1 200 OK\r\n")
    for _ in range(2000):
        peer.sendall(b"X")
        time.sleep(0.005)


def trickle_body(peer: socket.socket, request: bytes) -> None:
    peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    for _ in range(2000):
        peer.sendall(b" ")
        time.sleep(0.005)


def flood(peer: socket.socket, request: bytes) -> None:
    peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000000\r\n\r\n")
    while True:
        peer.sendall(b" " * 65536)


def silence(peer: socket.socket, request: bytes) -> None:
    peer.recv(1)


@pytest.mark.parametrize("misbehave", [trickle, trickle_body, flood, silence])
def test_the_deadline_of_a_call_holds_whatever_the_server_does(misbehave: Speak, good: Made, folder: Path) -> None:
    with serving(good, then(misbehave)) as tls, opened(tls, folder, Trust(ca_file="Lab CA.pem")) as session:
        session._wire.deadlines = Deadlines(connect=5, call=0.3, long=5)
        with pytest.raises(DeadlineExceeded):
            Reader(session).get("Proxies/1")


def test_a_socket_refuses_to_wait_once_the_deadline_is_over(good: Made, folder: Path) -> None:
    """However fast bytes come in: a peer that never pauses meets no time limit on single reads."""
    left = [5.0]
    with serving(good) as tls, socket.create_connection(("127.0.0.1", tls.port)) as plain:
        reached = Peer("vbo01", ("127.0.0.1", tls.port), Trust(ca_file="Lab CA.pem"), 5)
        context = context_for(reached, str(folder))
        with socket_deadline(lambda: left[0]), context.wrap_socket(plain, server_hostname=NAME) as wrapped:
            wrapped.settimeout(60)
            assert wrapped.gettimeout() == 5
            left[0] = 0
            with pytest.raises(TimeoutError):
                wrapped.settimeout(60)


def hang_up(peer: socket.socket, request: bytes) -> None:
    raise OSError("gone")


def half(peer: socket.socket, request: bytes) -> None:
    peer.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"id":')
    raise OSError("gone")


def babble(peer: socket.socket, request: bytes) -> None:
    peer.sendall(b"I have no idea what you mean\r\n\r\n")


def compressed_badly(peer: socket.socket, request: bytes) -> None:
    peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope")


@pytest.mark.parametrize(
    ("misbehave", "kind"),
    [
        (hang_up, ConnectionLost),
        (half, ConnectionLost),
        (babble, BadAnswer),
        (compressed_badly, BadAnswer),
        (lambda peer, request: send(peer, 200, b"<html>"), BadAnswer),
    ],
)
def test_a_server_that_breaks_off_or_talks_nonsense(
    misbehave: Speak, kind: type[RemoteError], good: Made, folder: Path
) -> None:
    with (
        serving(good, then(misbehave)) as tls,
        opened(tls, folder, Trust(ca_file="Lab CA.pem")) as session,
        pytest.raises(RemoteError) as caught,
    ):
        Reader(session).get("Proxies/1")
    assert type(caught.value) is kind
    assert caught.value.__cause__ is not None


def test_names_of_files_need_not_be_utf_8(
    good: Made, authority: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = os.fsdecode(b"ca-\xff.pem")
    folder = tmp_path / os.fsdecode(b"pki-\xff")
    folder.mkdir()
    (folder / name).write_bytes(authority.file.read_bytes())
    with serving(good) as tls, opened(tls, folder, Trust(ca_file=name)) as session:
        assert session.rest == 8
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / name))
    with pytest.raises(UntrustedPeer, match=r"SSL_CERT_FILE names .*ca-.*, which does not exist"):
        context_for(Peer("vbo01", ("127.0.0.1", 1), Trust(), 1), "", shared=False)


@pytest.mark.parametrize("variable", ["SSLKEYLOGFILE", "SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_an_environment_that_tls_cannot_be_made_of_is_named(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    """It is a fault of this machine: neither of the network, nor of the server's certificate."""
    monkeypatch.setenv(variable, "/nowhere/at/all")
    with pytest.raises(UntrustedPeer, match=f"{variable} names /nowhere/at/all, which") as caught:
        context_for(Peer("vbo01", ("127.0.0.1", 1), Trust(), 1), "", shared=False)
    assert "variable of the environment" in caught.value.hint
