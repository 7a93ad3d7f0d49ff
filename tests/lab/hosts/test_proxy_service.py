"""The proxy service: whom it lets in, what it runs, and the mail that it sends."""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email import message_from_bytes
from pathlib import Path

import pytest

from reconciler.clients.smtp import MailError, Relay
from reconciler.lab.fleet import MailSettings, SessionOrder
from reconciler.lab.hosts import link
from reconciler.lab.hosts.acceptor import Acceptor
from reconciler.lab.hosts.proxy_service import Installed, ProxyService
from reconciler.lab.hosts.server_link import Dialler
from reconciler.lab.hosts.sessions import Worker
from reconciler.lab.network import Network
from reconciler.lab.pki import Authority

HOST, SERVER, ACCOUNT = "px-1.example.net", "vbo01.corp.example.com", "CORP\\svc-proxy"
MAIL = MailSettings(
    server="smtp.example.com",
    port=587,
    security="tls",
    username="vbo",
    password="pw",
    sender="vbo@example.com",
    recipients=["ops@example.com"],
    subject="[%JobResult%] %OrgName% - %JobName% (%ObjectCount% objects), %Issues% issues",
    notify=["warning", "failure"],
)
ORDER = SessionOrder("s-1", "daily", "contoso.example.com", 12, full=True, mail=MAIL)


@dataclass(slots=True)
class World:
    network: Network
    authority: Authority
    service: ProxyService
    dialler: Dialler
    installed: Installed
    sent: list[bytes] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    mail_fails: bool = False
    refused: dict[str, str] = field(default_factory=dict)

    def certificate(self, label: str) -> str:
        """A server certificate with its key."""
        identity = self.authority.self_signed(label)
        return (identity.cert_pem + identity.key_pem).decode()


@contextmanager
def proxy(folder: Path, *, domain: bool) -> Iterator[World]:
    network, authority, vouching = Network(str(folder)), Authority(folder / "pki"), link.Domain(b"key")
    network.add(HOST)
    kept: list[str] = []

    def send(host: str, relay: Relay, sender: str, recipients: Sequence[str], message: bytes) -> dict[str, str]:
        if world.mail_fails:
            raise MailError(535, "not accepted")
        assert (host, relay, sender) == (HOST, Relay("smtp.example.com", 587, "tls", "vbo", "pw"), "vbo@example.com")
        world.sent.append(message)
        return world.refused

    worker = Worker(HOST, lambda: datetime(2026, 1, 2, tzinfo=UTC), lambda seconds: None, send)
    with Acceptor() as acceptor:
        service = ProxyService(HOST, network, acceptor, vouching, worker, kept.append)
        dialler = Dialler(network, vouching, authority.client_context)
        identity = authority.host(HOST).file
        installed = Installed("8.5.0.1014", SERVER, 9193, domain, ACCOUNT, "", identity)
        world = World(network, authority, service, dialler, installed, kept=kept)
        if not domain:
            world.installed = replace(installed, trust=link.public_part(world.certificate("first")))
        service.settle(world.installed)
        yield world
        service.close()
    network.close()


def test_a_workgroup_proxy_lets_its_server_in(tmp_path: Path) -> None:
    with (
        proxy(tmp_path, domain=False) as world,
        world.dialler.line(HOST, 9193, server=SERVER, certificate=world.certificate("first")) as line,
    ):
        assert line.version == "8.5.0.1014"


@pytest.mark.parametrize("certificate", ["second", ""], ids=["another", "none"])
def test_a_workgroup_proxy_refuses_another_certificate(tmp_path: Path, certificate: str) -> None:
    with proxy(tmp_path, domain=False) as world:
        given = world.certificate(certificate) if certificate else ""
        with pytest.raises(OSError, match=r"."), world.dialler.line(HOST, 9193, server=SERVER, certificate=given):
            pytest.fail("it was let in")


def test_the_refusal_is_made_by_tls(tmp_path: Path) -> None:
    """A client that knows nothing of the protocol sees it too."""
    with proxy(tmp_path, domain=False) as world:
        context = world.authority.client_context()
        with (
            socket.create_connection(world.network.resolve(HOST, 9193), 5) as plain,
            pytest.raises(ssl.SSLError, match=r"certificate required"),
            context.wrap_socket(plain, server_hostname=HOST) as connection,
        ):
            connection.recv(1)


def test_the_server_refuses_a_proxy_that_it_does_not_know(tmp_path: Path) -> None:
    with proxy(tmp_path, domain=False) as world:
        stranger = Dialler(world.network, link.Domain(b""), Authority(tmp_path / "other").client_context)
        with (
            pytest.raises(ssl.SSLCertVerificationError),
            stranger.line(HOST, 9193, server=SERVER, certificate=world.certificate("first")),
        ):
            pytest.fail("it was believed")


def test_a_proxy_belongs_to_one_server(tmp_path: Path) -> None:
    with (
        proxy(tmp_path, domain=False) as world,
        pytest.raises(link.LinkError, match=r"belongs to vbo01\.corp"),
        world.dialler.line(HOST, 9193, server="other.example.com", certificate=world.certificate("first")),
    ):
        pytest.fail("it was let in")


def test_a_domain_proxy_wants_the_account_that_it_was_deployed_with(tmp_path: Path) -> None:
    with proxy(tmp_path, domain=True) as world:
        with world.dialler.line(HOST, 9193, server=SERVER, account=ACCOUNT.upper()) as line:
            assert line.version == "8.5.0.1014"
        forger = Dialler(world.network, link.Domain(b"another key"), world.authority.client_context)
        for dialler, account in ((world.dialler, "CORP\\other"), (forger, ACCOUNT)):
            with (
                pytest.raises(link.LinkError, match=r"not accepted"),
                dialler.line(HOST, 9193, server=SERVER, account=account),
            ):
                pytest.fail("it was let in")


def test_the_trust_moves_to_a_new_certificate(tmp_path: Path) -> None:
    with proxy(tmp_path, domain=False) as world:
        first, second = world.certificate("first"), world.certificate("second")
        with world.dialler.line(HOST, 9193, server=SERVER, certificate=first) as line:
            assert line.ask(trust=second) == {"trusted": True}
        assert world.kept == [link.public_part(second)]
        assert "PRIVATE" not in world.kept[0]
        with world.dialler.line(HOST, 9193, server=SERVER, certificate=second) as line:
            assert line.version
        with pytest.raises(OSError, match=r"."), world.dialler.line(HOST, 9193, server=SERVER, certificate=first):
            pytest.fail("the old one was let in")


def run(world: World, order: SessionOrder) -> dict[str, object]:
    with world.dialler.line(HOST, 9193, server=SERVER, account=ACCOUNT) as line:
        result: dict[str, object] = line.ask(run=link.order_to_json(order))["result"]
        return result


RESULTS = [
    ("", "Success", 12, None),
    ("warning", "Warning", 11, "[Warning] contoso.example.com - daily (11 objects), 1 issues"),
    ("failure", "Failed", 0, "[Failed] contoso.example.com - daily (0 objects), 1 issues"),
]


@pytest.mark.parametrize(("trouble", "status", "processed", "subject"), RESULTS)
def test_sessions_and_their_mails(
    tmp_path: Path, trouble: str, status: str, processed: int, subject: str | None
) -> None:
    with proxy(tmp_path, domain=True) as world:
        result = run(world, replace(ORDER, trouble=trouble))
        assert (result["status"], result["processed"]) == (status, processed)
        mails = [message_from_bytes(data) for data in world.sent]
        assert [mail["Subject"] for mail in mails] == ([subject] if subject else [])
        assert all((mail["X-Lab-Proxy"], mail["To"]) == (HOST, "ops@example.com") for mail in mails)


def test_a_mail_that_cannot_be_sent_is_noted_and_changes_nothing_else(tmp_path: Path) -> None:
    with proxy(tmp_path, domain=True) as world:
        world.mail_fails = True
        result = run(world, replace(ORDER, trouble="warning"))
        assert result["status"] == "Warning"
        assert "could not be sent from px-1.example.net: 535 not accepted" in json.dumps(result["log"])


def test_a_recipient_that_is_refused_is_noted(tmp_path: Path) -> None:
    with proxy(tmp_path, domain=True) as world:
        world.refused = {"ops@example.com": "550 5.1.1 no such user"}
        result = run(world, replace(ORDER, trouble="warning"))
        assert (result["status"], len(world.sent)) == ("Warning", 1)
        note = "The notification could not be sent from px-1.example.net to ops@example.com: 550 5.1.1 no such user"
        assert json.dumps(["Warning", note]) in json.dumps(result["log"])


def test_nonsense_is_answered(tmp_path: Path) -> None:
    with proxy(tmp_path, domain=True) as world:
        messages: list[dict[str, object]] = [{"run": {}}, {"trust": "no certificate"}, {"dance": True}]
        for message in messages:
            with (
                world.dialler.line(HOST, 9193, server=SERVER, account=ACCOUNT) as line,
                pytest.raises(link.LinkError, match=r"not understood"),
            ):
                line.ask(**message)


def test_it_follows_its_configuration(tmp_path: Path) -> None:
    with proxy(tmp_path, domain=True) as world:
        world.service.settle(replace(world.installed, port=9194, version="9.0"))
        with world.dialler.line(HOST, 9194, server=SERVER, account=ACCOUNT) as line:
            assert (line.version, world.service.port) == ("9.0", 9194)
        with pytest.raises(ConnectionRefusedError), world.dialler.line(HOST, 9193, server=SERVER, account=ACCOUNT):
            pytest.fail("the old port is still open")
        world.service.settle(None)
        with pytest.raises(ConnectionRefusedError), world.dialler.line(HOST, 9194, server=SERVER, account=ACCOUNT):
            pytest.fail("it still runs")


def test_a_broken_configuration_does_not_come_up(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with proxy(tmp_path, domain=False) as world:
        world.service.settle(replace(world.installed, trust="nonsense"))
        assert world.service.port == 0
        assert "did not start" in caplog.text
