"""The mail client of the project with a real mail server: TLS, SASL, and one recipient of several refused."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from reconciler.clients.smtp import MailError, Relay, send
from reconciler.lab.pki import Authority
from tests.integration.postfix import Postfix, missing, postfix

pytestmark = pytest.mark.integration
HOST = "smtp.example.net"
HERE, GONE = "team@example.net", "gone@example.net"
MESSAGE = b"From: vbo@example.net\r\nSubject: result\r\n\r\nSuccess.\r\n.\r\n..twice\r\n"


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[Postfix, Authority]]:
    if missing():
        pytest.skip(missing())
    with TemporaryDirectory(prefix="postfix-", dir="/var/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        authority = Authority(folder / "pki")
        identity = authority.host(HOST)
        (folder / "smtp.pem").write_bytes(identity.key_pem + identity.cert_pem)
        (folder / "smtp.pem").chmod(0o600)
        with postfix(folder / "postfix", folder / "smtp.pem", {"mailer": "s3cret w&rd"}, ("team",)) as server:
            yield server, authority


def deliver(
    served: tuple[Postfix, Authority], *to: str, security: str = "tls", password: str = "s3cret w&rd"
) -> dict[str, str]:
    server, authority = served

    def connect(host: str, port: int, seconds: float) -> socket.socket:
        assert (host, port) == (HOST, 587)
        return socket.create_connection(("127.0.0.1", server.port), seconds)

    relay = Relay(HOST, 587, security, "mailer" if password else "", password)
    context = authority.client_context
    return dict(send(relay, "vbo@example.net", to, MESSAGE, connect=connect, tls=context, name="px-1.example.net"))


def test_one_of_two_recipients_is_refused_and_the_other_has_the_mail(served: tuple[Postfix, Authority]) -> None:
    refused = deliver(served, GONE, HERE)
    assert list(refused) == [GONE]
    assert refused[GONE].startswith("550 5.1.1 <gone@example.net>: Recipient address rejected")
    (mail,) = served[0].mails("team")
    assert mail.endswith("\nSuccess.\n.\n..twice\n")


@pytest.mark.parametrize(
    ("to", "security", "password", "said"),
    [
        ((GONE,), "tls", "s3cret w&rd", "550 5.1.1"),
        ((HERE,), "tls", "wrong", "535 5.7.8"),
        ((HERE,), "tls", "", "554 5.7.1"),
        ((HERE,), "none", "", "530 5.7.0 Must issue a STARTTLS command first"),
    ],
)
def test_what_it_says_is_passed_on(
    served: tuple[Postfix, Authority], to: tuple[str, ...], security: str, password: str, said: str
) -> None:
    with pytest.raises(MailError) as caught:
        deliver(served, *to, security=security, password=password)
    assert str(caught.value).startswith(said)
