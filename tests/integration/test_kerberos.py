"""Kerberos from end to end: MIT's KDC with two realms and a trust between them, and a WS-Management server that accepts
its tickets. Both ends of the login are MIT's library, used through different bindings."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from reconciler.clients.host_session import open_host
from reconciler.lab.hosts.ntlm import LoginRefused
from reconciler.lab.hosts.wsman import Acceptor, Command
from reconciler.lab.hosts.wsman.sealing import Seal
from reconciler.model.connection import Connection, ConnectionContext, Credential
from reconciler.model.errors import AuthenticationFailed, BadAnswer, RemoteError, Unreachable
from reconciler.model.script import Script
from reconciler.model.secret import Secret, SecretRef
from tests.clients.hosts.secrets import Resolver
from tests.clients.hosts.winrmd import Winrmd, running
from tests.integration.kdc import CORP, FABRIKAM, PASSWORDS, Realms, missing, realms

pytestmark = pytest.mark.integration
spnego = pytest.importorskip("spnego")
pytest.importorskip("gssapi", reason="the extra `kerberos` is not installed")
pytest.importorskip("krb5", reason="the extra `kerberos` is not installed")

ALICE, BOB = f"alice@{CORP}", f"bob@{FABRIKAM}"
OWN, TRUSTED = "srv1.corp.test", "srv2.fabrikam.test"


@pytest.fixture(scope="module")
def kdc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Realms]:
    reason = missing()
    if reason:
        pytest.skip(reason)
    with realms(tmp_path_factory.mktemp("kdc")) as made:
        yield made


@pytest.fixture(autouse=True)
def _environment(kdc: Realms, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KRB5_CONFIG", str(kdc.config))
    monkeypatch.setenv("KRB5_KTNAME", f"FILE:{kdc.keytab}")  # of the server
    monkeypatch.delenv("KRB5CCNAME", raising=False)


class Kerberos:
    """The accepting side: what http.sys and Negotiate are on Windows."""

    def __init__(self, host: str, bound_to: bytes) -> None:
        bindings = None
        if bound_to:
            data = b"tls-server-end-point:" + bound_to
            bindings = spnego.channel_bindings.GssChannelBindings(application_data=data)
        self._begin = partial(
            spnego.server,
            host,
            "HTTP",
            bindings,
            protocol="kerberos",
            options=spnego.NegotiateOptions.wrapping_winrm,
        )
        self._context: Any = None
        self.domain = self.user = ""

    @property
    def complete(self) -> bool:
        return self._context is not None and bool(self._context.complete)

    @property
    def sealing(self) -> Seal:
        return self

    def step(self, token: bytes) -> bytes:
        try:
            self._context = self._context or self._begin()
            answer = self._context.step(token) or b""
        except (spnego.exceptions.SpnegoError, AttributeError) as error:  # it trips over logins that it refuses
            raise LoginRefused(str(error)) from error
        self.user, _, self.domain = str(self._context.client_principal).partition("@")
        return bytes(answer)

    def seal(self, plain: bytes) -> tuple[bytes, bytes]:
        sealed = self._context.wrap_winrm(plain)
        return sealed.header, sealed.data

    def open(self, signature: bytes, sealed: bytes) -> bytes:
        return bytes(self._context.unwrap_winrm(signature, sealed))


class Unproven(Kerberos):
    """A host that accepts every login and cannot authenticate itself."""

    def step(self, token: bytes) -> bytes:
        super().step(token)
        return b""


def whoami(command: Command) -> int:
    command.write("stdout", f'"{command.owner}"'.encode())
    return 0


@pytest.fixture(params=["https", "http"])
def listener(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def serving(folder: Path, host: str, listener: str, acceptor: type[Kerberos] = Kerberos) -> Any:
    def accept(bound_to: bytes) -> Acceptor:
        return acceptor(host, bound_to)

    return running(
        folder,
        whoami,
        identity=lambda ca: ca.host(host, ["127.0.0.1"]),
        tls=listener == "https",
        accept=accept,
        by_realm=True,
    )


def credential(username: str, **changes: Any) -> Credential:
    given: dict[str, Any] = {"password": SecretRef("test", PASSWORDS[username]) if username in PASSWORDS else None}
    return Credential("corp-admin", username, auth="kerberos", **{**given, **changes})


def run(connection: Connection, root: str = "/") -> Any:
    with open_host(connection, ConnectionContext(Resolver(), root)) as session:
        first = session.execute(Script("windows/any.ps1", "x"), {"key": Secret("hush")}, deadline=20)
        assert session.execute(Script("windows/any.ps1", "x"), {}, deadline=20) == first
    return first


def refused(server: Winrmd, host: str, login: Credential) -> RemoteError:
    with pytest.raises(RemoteError) as caught:
        run(server.connection(host=host, credential=login))
    assert server.engine.shells == {}
    return caught.value


@pytest.mark.parametrize(
    ("user", "host"), [(ALICE, OWN), (ALICE, TRUSTED), (BOB, OWN)], ids=["own realm", "across the trust", "and back"]
)
def test_a_password_is_enough(kdc: Realms, tmp_path: Path, user: str, host: str, listener: str) -> None:
    before = dict(os.environ)
    with serving(tmp_path, host, listener) as server:
        assert run(server.connection(host=host, credential=credential(user))) == user
        assert server.endpoint.connections == 1
        assert 401 not in server.endpoint.statuses
        assert server.orders[0]["args"] == {"key": "hush"}
        assert server.engine.shells == {}
    assert dict(os.environ) == before
    assert not (kdc.folder / "operator.cache").exists()


def test_a_keytab(kdc: Realms, tmp_path: Path, listener: str) -> None:
    with serving(tmp_path, OWN, listener) as server:
        login = credential(ALICE, password=None, keytab="alice.keytab")
        assert run(server.connection(host=OWN, credential=login), str(kdc.folder)) == ALICE


def test_tickets_of_the_operator(kdc: Realms, tmp_path: Path, listener: str, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = f"FILE:{tmp_path}/cache"
    kdc.run("kinit", ALICE, given=f"{PASSWORDS[ALICE]}\n", cache=cache)
    monkeypatch.setenv("KRB5CCNAME", cache)
    with serving(tmp_path / "pki", TRUSTED, listener) as server:
        assert run(server.connection(host=TRUSTED, credential=credential(ALICE, password=None))) == ALICE
    tickets = kdc.run("klist", cache=cache)
    assert f"krbtgt/{FABRIKAM}@{CORP}" in tickets
    assert f"HTTP/{TRUSTED}@{FABRIKAM}" in tickets


def test_users_of_two_realms_at_once(tmp_path: Path) -> None:
    users = [ALICE, BOB] * 6
    with serving(tmp_path, OWN, "http") as server, ThreadPoolExecutor(6) as threads:
        connections = [server.connection(host=OWN, credential=credential(user)) for user in users]
        assert list(threads.map(run, connections)) == users
        assert server.engine.shells == {}


REFUSALS: list[tuple[str, str, dict[str, Any], type[RemoteError], str]] = [
    (
        OWN,
        ALICE,
        {"password": SecretRef("test", "wr0ng-horse")},
        AuthenticationFailed,
        "does not accept this password",
    ),
    (OWN, f"nobody@{CORP}", {"password": SecretRef("test", "x")}, AuthenticationFailed, "not found in Kerberos"),
    (OWN, ALICE, {"password": None}, AuthenticationFailed, "(?i)credential|cache"),
    (OWN, ALICE, {"password": None, "keytab": "/nowhere.keytab"}, AuthenticationFailed, "(?i)no such file|not found"),
    ("px-9.corp.test", ALICE, {}, AuthenticationFailed, "not found in Kerberos database"),
    (OWN, "alice@NOWHERE.TEST", {"password": SecretRef("test", "x")}, Unreachable, "(?i)realm|KDC"),
]


@pytest.mark.parametrize(("host", "user", "changes", "kind", "words"), REFUSALS)
def test_what_is_refused_before_the_host_is_asked(
    tmp_path: Path, host: str, user: str, changes: dict[str, Any], kind: type[RemoteError], words: str
) -> None:
    with serving(tmp_path, OWN, "http") as server:
        error = refused(server, host, credential(user, **changes))
        assert server.endpoint.statuses == {}
    assert type(error) is kind
    assert re.search(words, error.reason)
    assert error.hint
    assert "wr0ng-horse" not in f"{error!r} {error.__cause__!r}"


def test_a_realm_whose_kdc_does_not_answer(kdc: Realms, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "krb5.conf"
    text = kdc.config.read_text()
    ports = [line.rpartition(":")[2] for line in text.splitlines() if "kdc =" in line]
    for port in ports:
        text = text.replace(f":{port}", ":1")
    config.write_text(text)
    monkeypatch.setenv("KRB5_CONFIG", str(config))
    with serving(tmp_path / "pki", OWN, "http") as server:
        error = refused(server, OWN, credential(ALICE))
    assert isinstance(error, Unreachable)
    assert "KDC" in error.reason


def test_a_host_that_has_other_keys(kdc: Realms, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KRB5_KTNAME", f"FILE:{kdc.alice}")
    with serving(tmp_path, OWN, "http") as server:
        error = refused(server, OWN, credential(ALICE))
    assert isinstance(error, AuthenticationFailed)


def test_a_host_that_does_not_prove_who_it_is(tmp_path: Path, listener: str) -> None:
    with serving(tmp_path, OWN, listener, Unproven) as server:
        error = refused(server, OWN, credential(ALICE))
        assert server.orders == []
    assert isinstance(error, BadAnswer)
    assert "does not authenticate itself" in error.reason


def test_a_login_is_bound_to_its_tls_connection(tmp_path: Path) -> None:
    """A relayed ticket is refused, whatever certificate the relay has."""
    with serving(tmp_path, OWN, "https") as server:
        server.endpoint.certificate_hash = b"x" * 32
        error = refused(server, OWN, credential(ALICE))
    assert isinstance(error, AuthenticationFailed)


def test_a_client_of_others_agrees_with_the_server(tmp_path: Path, listener: str) -> None:
    from pypsrp.shell import Process, SignalCode, WinRS
    from pypsrp.wsman import WSMan

    with serving(tmp_path, OWN, listener) as server:
        options: dict[str, Any] = {"cert_validation": str(server.authority.ca_file)} if listener == "https" else {}
        with (
            WSMan(
                "127.0.0.1",
                port=server.port,
                ssl=listener == "https",
                auth="kerberos",
                username=ALICE,
                password=PASSWORDS[ALICE],
                negotiate_service="HTTP",
                negotiate_hostname_override=OWN,
                **options,
            ) as client,
            WinRS(client) as shell,
        ):
            process = Process(shell, "whoami")
            process.begin_invoke()
            process.send(b"", end=True)
            process.end_invoke()
            process.signal(SignalCode.TERMINATE)
            assert process.stdout == f'"{ALICE}"'.encode()
