"""Notices by mail, through the SMTP server of the inventory: a real one on loopback."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass, replace
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest

from reconciler.lab.mail.server import MailServer
from reconciler.lab.mail.state import new_state
from reconciler.lab.pki import Authority
from reconciler.lab.state import Document
from reconciler.model.errors import ReconcileError, Refused, Unreachable
from reconciler.operations.events import Message
from reconciler.operations.mailing import letter, send_mail
from reconciler.operations.runtime import Runtime
from reconciler.watching.notices import MAIL, Channel
from tests.cli.running import call
from tests.ports import refused_port
from tests.watching.samples import World, observed, plan_of, update

MESSAGE = {"id": "01M", "subject": "[vbo-reconcile] corp: 1 opened", "text": "! opened proxy.px-1 – throttle\n.\n"}


LOGIN = "mailer"
MAILER = f"mailer: {{username: {LOGIN}, password: secret://env/MAIL}}"
RUNTIME = Runtime(environment={"MAIL": "s:cret"})


@dataclass
class Post:
    """The mail server of the lab on loopback, which asks for TLS and a login."""

    document: Document
    port: int

    @property
    def mails(self) -> list[dict[str, Any]]:
        return list(self.document.data["mails"])

    def refuse(self, reply: str) -> None:
        self.document.data["refuse"] = {"ops@corp.example.com": reply} if reply else {}


@pytest.fixture
def post(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Post]:
    authority, document = Authority(tmp_path / "pki"), Document(tmp_path / "mail.json", new_state)
    server = MailServer(document, authority.context(authority.host("localhost")), "localhost")
    server.demand(accounts={LOGIN: "s:cret"}, tls=True)
    monkeypatch.setattr("reconciler.clients.http.tls.context_for", lambda *_: authority.client_context())
    listening = socket.create_server(("127.0.0.1", 0))
    server.open(listening, 587)
    yield Post(document, listening.getsockname()[1])
    server.close()


def written(folder: Path, port: int, smtp: str = "") -> Path:
    file = folder / "corp.yml"
    settings = smtp or (
        f"{{server: localhost, port: {port}, security: tls, credentials: mailer, from: vbo@corp.example.com, "
        "to: [ops@corp.example.com]}"
    )
    file.write_text(
        "version: 1\nname: corp\nserver: {host: vbo.example.com, credentials: admin}\n"
        f"credentials: {{admin: {{username: svc, password: secret://env/P}}, {MAILER}}}\nsmtp: {settings}\n",
        encoding="utf-8",
    )
    return file


def test_a_mail_goes_through_the_server_of_the_inventory(tmp_path: Path, post: Post) -> None:
    assert send_mail(written(tmp_path, post.port), "", MESSAGE, RUNTIME, lab=False)
    (mail,) = post.mails
    assert (mail["from"], mail["to"]) == ("vbo@corp.example.com", ["ops@corp.example.com"])
    assert (mail["subject"], mail["body"]) == (MESSAGE["subject"], MESSAGE["text"])
    assert (mail["tls"], mail["login"]) == (True, LOGIN)


def test_the_id_of_a_mail_is_that_of_the_notice() -> None:
    mail = message_from_bytes(letter(MESSAGE, "vbo@corp.example.com", ["a@b.example.com"], RUNTIME))
    assert (mail["Message-ID"], mail["Auto-Submitted"]) == ("<01M@vbo-reconcile>", "auto-generated")


def test_recipients_of_the_command_line_take_the_place_of_those_of_the_inventory(tmp_path: Path, post: Post) -> None:
    send_mail(written(tmp_path, post.port), "a@example.com,b@example.com", MESSAGE, RUNTIME, lab=False)
    assert post.mails[0]["to"] == ["a@example.com", "b@example.com"]


def test_a_recipient_that_the_mail_server_refuses_is_reported(tmp_path: Path, post: Post) -> None:
    """The others have the mail: it is not sent again."""
    said: list[object] = []
    post.refuse("550 5.1.1 gone")
    runtime = replace(RUNTIME, listen=said.append)
    assert send_mail(written(tmp_path, post.port), "ops@corp.example.com,a@b.example.com", MESSAGE, runtime, lab=False)
    assert post.mails[0]["to"] == ["a@b.example.com"]
    (text,) = [event.text for event in said if isinstance(event, Message)]
    assert "refuses ops@corp.example.com; the others have the mail: 550 5.1.1 gone" in text


def test_what_keeps_a_mail_from_being_sent_is_an_error(tmp_path: Path, post: Post) -> None:
    post.refuse("550 no")
    with pytest.raises(Refused, match="550 no"):
        send_mail(written(tmp_path, post.port), "", MESSAGE, RUNTIME, lab=False)
    with refused_port() as closed, pytest.raises(Unreachable):
        send_mail(written(tmp_path, closed), "", MESSAGE, RUNTIME, lab=False)
    with pytest.raises(ReconcileError, match=r"declares no SMTP server"):
        send_mail(written(tmp_path, post.port, "{to: [ops@corp.example.com]}"), "", MESSAGE, RUNTIME, lab=False)
    assert not send_mail(tmp_path / "absent.yml", "", MESSAGE, RUNTIME, lab=True)
    assert post.mails == []


def test_a_server_that_the_trust_file_does_not_allow_gets_nothing(tmp_path: Path, post: Post) -> None:
    (tmp_path / "inventory").mkdir()
    file, trust = written(tmp_path / "inventory", post.port), tmp_path / "trust.yml"
    trust.write_text("version: 1\nservers: [vbo.example.com]\n", encoding="utf-8")
    trusting = replace(RUNTIME, trust=trust)
    with pytest.raises(ReconcileError, match=r"hosts: \[localhost\]"):
        send_mail(file, "", MESSAGE, trusting, lab=False)
    trust.write_text("version: 1\nservers: [vbo.example.com]\nhosts: [localhost]\n", encoding="utf-8")
    assert send_mail(file, "", MESSAGE, trusting, lab=False)
    assert len(post.mails) == 1


def test_a_notice_by_mail_is_sent_again_until_it_is_taken(tmp_path: Path, post: Post) -> None:
    world = World(tmp_path)
    world.environment["MAIL"] = "s:cret"
    written(tmp_path, post.port)
    world.answers["corp"] = observed(plan_of([update("proxy.px-1", "throttle")]))
    watcher = world.watcher("corp", channels=(Channel(MAIL, ""),))
    post.refuse("451 later")
    watcher.cycle()
    assert watcher.states["corp"].pending_notices == 1
    post.refuse("")
    for _ in range(2):
        world.later(minutes=5)
        watcher.cycle()
    (mail,) = post.mails
    assert (mail["to"], mail["subject"]) == (["ops@corp.example.com"], "[vbo-reconcile] corp: 1 opened")
    assert "! opened proxy.px-1 throttle (low): off -> on" in mail["body"]


def test_an_address_that_is_none_is_refused_at_the_start() -> None:
    ended = call("watch", "x.yml", "--once", "--notify-url", "mailto:ops@example.com,ops")
    assert (ended.code, "'ops' is not a mail address" in ended.err) == (64, True)
