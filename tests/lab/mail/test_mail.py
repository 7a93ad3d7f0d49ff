"""Client and server of the lab's mail, against one another and each against a dialogue in plain bytes."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from reconciler.clients.smtp import MailError, Relay, send, stuffed
from reconciler.lab.mail.inbox import read_mail
from reconciler.lab.mail.server import MailServer
from reconciler.lab.mail.state import new_state
from reconciler.lab.network import Network
from reconciler.lab.pki import Authority
from reconciler.lab.state import Document

HOST = "smtp.example.com"
LOGIN = {"username": "vbo", "password": "s:cret 1"}


@dataclass(frozen=True, slots=True)
class World:
    network: Network
    document: Document
    trust: Callable[[], ssl.SSLContext]

    @property
    def mails(self) -> list[dict[str, Any]]:
        mails: list[dict[str, Any]] = self.document.data["mails"]
        return mails

    def send(self, relay: Relay, *to: str, body: str = "Hello.\n") -> Mapping[str, str]:
        message = EmailMessage()
        message["Subject"] = "[Success] contoso – daily"
        message["X-Lab-Proxy"] = "px-1.example.com"
        message["X-Lab-Job"] = "daily"
        message["X-Lab-Result"] = "Success"
        message.set_content(body)
        recipients = to or ("ops@example.com",)
        return send(
            relay,
            "vbo@example.com",
            recipients,
            message.as_bytes(),
            connect=self.network.connect,
            tls=self.trust,
            name="px-1",
        )


@contextmanager
def mail_world(folder: Path, *, login: bool, tls: bool) -> Iterator[World]:
    network, authority = Network(str(folder)), Authority(folder / "pki")
    document = Document(folder / "mail.json", new_state)
    context = authority.context(authority.host(HOST))
    server = MailServer(document, context, HOST, clock=lambda: datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    server.demand(accounts={LOGIN["username"]: LOGIN["password"]} if login else {}, tls=tls)
    for port in (25, 465, 587):
        server.open(network.listen(HOST, port), port)
    try:
        yield World(network, document, authority.client_context)
    finally:
        server.close()
        network.close()


@pytest.mark.parametrize("port", [587, 465], ids=["starttls", "implicit"])
def test_a_mail_over_tls_with_a_login(tmp_path: Path, port: int) -> None:
    with mail_world(tmp_path, login=True, tls=True) as world:
        assert world.send(Relay(HOST, port, **LOGIN), "a@example.com", "b@example.com") == {}
        mail = world.mails[0]
        assert mail.pop("peer").startswith("127.")
        assert mail == {
            "from": "vbo@example.com",
            "to": ["a@example.com", "b@example.com"],
            "subject": "[Success] contoso – daily",
            "proxy": "px-1.example.com",
            "job": "daily",
            "result": "Success",
            "body": "Hello.\n",
            "tls": True,
            "login": "vbo",
            "at": "2026-01-02T03:04:05Z",
        }
        kept = (tmp_path / "mail.json").read_text()
        assert "daily" in kept
        assert LOGIN["password"] not in kept


def test_without_tls_and_login_where_none_is_asked_for(tmp_path: Path) -> None:
    with mail_world(tmp_path, login=False, tls=False) as world:
        world.send(Relay(HOST, 25, "none"))
        world.send(Relay(HOST, 587, "tls"))
        assert [mail["tls"] for mail in world.mails] == [False, True]


def test_a_login_without_tls_where_the_inventory_says_so(tmp_path: Path) -> None:
    with mail_world(tmp_path, login=True, tls=False) as world:
        world.send(Relay(HOST, 25, "none", **LOGIN))
        assert world.mails[0]["login"] == "vbo"


@pytest.mark.parametrize(
    ("relay", "code"),
    [
        (Relay(HOST, 587, "tls", "vbo", "wrong"), 535),
        (Relay(HOST, 587, "tls", "stranger", "s:cret 1"), 535),
        (Relay(HOST, 587, "tls"), 530),
        (Relay(HOST, 587, "none", **LOGIN), 0),
        (Relay(HOST, 587, "none"), 530),
    ],
    ids=["password", "user", "no-login", "no-tls", "nothing"],
)
def test_what_the_server_refuses(tmp_path: Path, relay: Relay, code: int) -> None:
    with mail_world(tmp_path, login=True, tls=True) as world:
        with pytest.raises(MailError) as refused:
            world.send(relay)
        assert refused.value.code == code
        assert world.mails == []


def test_single_recipients_can_be_refused(tmp_path: Path) -> None:
    with mail_world(tmp_path, login=False, tls=False) as world:
        world.document.data["refuse"]["gone@example.com"] = "550 5.1.1 No such user"
        refused = world.send(Relay(HOST, 25, "none"), "gone@example.com", "here@example.com")
        assert refused == {"gone@example.com": "550 5.1.1 No such user (to RCPT TO:<gone@example.com>)"}
        assert world.mails[0]["to"] == ["here@example.com"]
        with pytest.raises(MailError, match=r"No such user"):
            world.send(Relay(HOST, 25, "none"), "gone@example.com")


def test_the_client_checks_the_certificate(tmp_path: Path) -> None:
    stranger = Authority(tmp_path / "stranger")
    with mail_world(tmp_path, login=False, tls=True) as world:
        suspicious = World(world.network, world.document, stranger.client_context)
        with pytest.raises(ssl.SSLCertVerificationError):
            suspicious.send(Relay(HOST, 587))
        world.network.add("other.example.com")
        place = world.network.resolve(HOST, 587)
        with pytest.raises(ssl.SSLCertVerificationError, match=r"not valid for 'other\.example\.com'"):
            send(
                Relay("other.example.com", 587),
                "a@example.com",
                ["b@example.com"],
                b"x",
                connect=lambda host, port, seconds: socket.create_connection(place, seconds),
                tls=world.trust,
                name="px-1",
            )


DOTS = [(b"a\n.b\n..\n", b"a\r\n..b\r\n...\r\n.\r\n"), (b"a\rb\r\nc", b"a\r\nb\r\nc\r\n.\r\n"), (b"", b"\r\n.\r\n")]


@pytest.mark.parametrize(("message", "on_the_wire"), DOTS)
def test_dots_and_line_ends(message: bytes, on_the_wire: bytes) -> None:
    assert stuffed(message) == on_the_wire


def test_lines_that_begin_with_a_dot_arrive(tmp_path: Path) -> None:
    with mail_world(tmp_path, login=False, tls=False) as world:
        world.send(Relay(HOST, 25, "none"), body=".\n..\n.x\n")
        assert world.mails[0]["body"] == ".\n..\n.x\n"


def scripted(*replies: bytes) -> tuple[Callable[[str, int, float], socket.socket], list[bytes], Thread]:
    """A server that says one reply after the other, and what it heard."""
    here, there = socket.socketpair()
    heard: list[bytes] = []

    def serve() -> None:
        with there:
            for reply in replies:
                there.sendall(reply)
                heard.append(there.recv(4096))

    thread = Thread(target=serve)
    thread.start()
    return (lambda host, port, seconds: here), heard, thread


NO_TLS = [
    ((b"220 hi\r\n", b"250-x\r\n250 AUTH PLAIN\r\n"), "offers no TLS"),
    ((b"220 hi\r\n", b"250-x\r\n250 STARTTLS\r\n", b"220 go\r\n250 injected\r\n"), "clear text after STARTTLS"),
    ((b"nonsense\r\n",), "not an SMTP server"),
    ((b"554 5.3.2 closed\r\n",), "554"),
]


@pytest.mark.parametrize(("replies", "reason"), NO_TLS, ids=["stripped", "injected", "no-smtp", "closed"])
def test_a_server_that_cannot_be_trusted_gets_nothing(replies: tuple[bytes, ...], reason: str) -> None:
    connect, heard, thread = scripted(*replies)
    relay = Relay(HOST, 587, "tls", **LOGIN)
    with pytest.raises(MailError, match=reason):
        send(
            relay, "a@b", ["c@d"], b"x", connect=connect, tls=lambda: ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), name="n"
        )
    thread.join(5)
    assert not any(b"AUTH" in line or b"MAIL" in line for line in heard)


def test_login_in_two_steps_where_that_is_all_there_is() -> None:
    connect, heard, thread = scripted(
        b"220 hi\r\n",
        b"250-x\r\n250 AUTH LOGIN\r\n",
        b"334 VXNlcg==\r\n",
        b"334 UGFzcw==\r\n",
        b"235 ok\r\n",
        b"250 ok\r\n",
        b"250 ok\r\n",
        b"354 go\r\n",
        b"250 kept\r\n",
    )
    relay = Relay(HOST, 25, "none", "user", "pass")
    assert send(relay, "a@b", ["c@d"], b"x", connect=connect, tls=ssl.create_default_context, name="n") == {}
    thread.join(5)
    assert heard[1:4] == [b"AUTH LOGIN\r\n", b"dXNlcg==\r\n", b"cGFzcw==\r\n"]
    assert heard[-2:] == [b"x\r\n.\r\n", b"QUIT\r\n"]


def test_addresses_cannot_smuggle_commands(tmp_path: Path) -> None:
    with mail_world(tmp_path, login=False, tls=False) as world, pytest.raises(MailError, match="not a mail address"):
        world.send(Relay(HOST, 25, "none"), "a@b>\r\nRCPT TO:<c@d")


def test_a_long_subject_is_one_line() -> None:
    assert read_mail(b"Subject: [Success]\r\n contoso\r\n\tdaily\r\n\r\nx")["subject"] == "[Success] contoso daily"
