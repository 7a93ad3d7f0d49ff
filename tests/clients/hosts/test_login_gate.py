"""One mistake must not lock an account: a login is first tried on one host."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import asyncssh
import pytest

from reconciler.clients.host_session import open_host
from reconciler.model import login_gate
from reconciler.model.connection import Connection, ConnectionContext, Credential, Deadlines
from reconciler.model.errors import AuthenticationFailed, RemoteError, Unreachable
from reconciler.model.login_gate import LoginGate
from reconciler.model.secret import SecretRef
from tests.clients.hosts.conftest import Connect
from tests.clients.hosts.secrets import Resolver
from tests.clients.hosts.sshd import Sshd
from tests.clients.hosts.test_winrm import WRONG, says
from tests.clients.hosts.winrmd import running

FLEET = 20
ROTATED = Credential("linux", "backup", password=SecretRef("test", "an-old-one"))


@pytest.fixture
def context() -> ConnectionContext:
    return ConnectionContext(Resolver(), "/")


def open_all(connections: list[Connection], context: ConnectionContext) -> list[RemoteError | None]:
    """Log in on all of them at once."""

    def one(connection: Connection) -> RemoteError | None:
        try:
            with open_host(connection, context):
                return None
        except RemoteError as error:
            return error

    with ThreadPoolExecutor(len(connections)) as pool:
        return list(pool.map(one, connections))


def fleet(connection: Connection) -> list[Connection]:
    return [replace(connection, name=f"px-{number}") for number in range(FLEET)]


def is_held(error: RemoteError | None) -> bool:
    return isinstance(error, AuthenticationFailed) and error.reason.startswith("not tried: px-") and bool(error.hint)


def test_a_rotated_password_is_one_failure_for_ssh(sshd: Sshd, connect: Connect, context: ConnectionContext) -> None:
    found = open_all(fleet(connect(credential=ROTATED)), context)
    assert sshd.logins == ["backup password"]
    assert sum(map(is_held, found)) == FLEET - 1
    assert all(isinstance(error, AuthenticationFailed) for error in found)
    assert not any("an-old-one" in str(error) for error in found)


def test_a_right_password_is_used_side_by_side(sshd: Sshd, connect: Connect, context: ConnectionContext) -> None:
    assert open_all(fleet(connect()), context) == [None] * FLEET
    assert sshd.logins == ["backup password"] * FLEET


def test_keys_lock_no_account_and_are_not_held_back(sshd: Sshd, connect: Connect, context: ConnectionContext) -> None:
    key = asyncssh.generate_private_key("ssh-ed25519")
    sshd.keys["other"] = [key.export_public_key().decode()]
    login = Credential("linux", "backup", private_key=SecretRef("test", key.export_private_key().decode()))
    found = open_all(fleet(connect(credential=login))[:3], context)
    assert [is_held(error) for error in found] == [False] * 3


@pytest.mark.parametrize("tls", [True, False], ids=["tls", "sealed"])
def test_a_rotated_password_is_one_failure_for_ntlm(tmp_path: Path, context: ConnectionContext, tls: bool) -> None:
    with running(tmp_path, says(), tls=tls) as host:
        found = open_all(fleet(host.connection(credential=WRONG)), context)
        assert host.endpoint.statuses == {401: 2}  # the challenge, and the refusal
        assert sum(map(is_held, found)) == FLEET - 1
        assert open_all(fleet(host.connection())[:5], context) == [None] * 5


def test_a_host_that_cannot_be_reached_says_nothing_about_the_password(
    sshd: Sshd, connect: Connect, context: ConnectionContext
) -> None:
    lost = connect(port=1, deadlines=Deadlines(connect=5))
    found = open_all([lost, *fleet(connect())], context)
    assert isinstance(found[0], Unreachable)
    assert found[1:] == [None] * FLEET
    assert len(sshd.logins) == FLEET


@pytest.fixture
def attempt() -> Callable[..., str]:
    """Attempts of one gate, and what becomes of them."""
    gate = LoginGate()

    def made(peer: str, end: str = "", what: str = "logging in", password: str = "one") -> str:
        try:
            with gate.attempt(peer, what, "svc", password) as attempted:
                assert end != "lost"
                (attempted.refuse if end == "refused" else attempted.accept)()
        except AuthenticationFailed as error:
            return error.reason
        except AssertionError:
            return "lost"
        return "tried"

    return made


def test_what_a_gate_lets_through(attempt: Callable[..., str]) -> None:
    held = "not tried: px-2 did not accept svc with this password"
    assert [attempt("px-1", "lost"), attempt("px-2", "refused"), attempt("px-3")] == ["lost", "tried", held]
    assert attempt("px-4") == held
    assert attempt("px-5", password="another") == "tried"
    assert attempt("px-6", what="becoming root with sudo") == "tried"


def test_a_refusal_after_a_success_is_about_one_host(attempt: Callable[..., str]) -> None:
    assert [attempt("px-1"), attempt("px-2", "refused"), attempt("px-3")] == ["tried"] * 3


def test_a_host_that_does_not_answer_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(login_gate, "PATIENCE", 0.0)
    gate, hanging, done = LoginGate(), threading.Event(), threading.Event()

    def hang() -> None:
        with gate.attempt("px-1", "logging in", "svc", "one"):
            hanging.set()
            done.wait(20)

    thread = threading.Thread(target=hang)
    thread.start()
    assert hanging.wait(20)
    with gate.attempt("px-2", "logging in", "svc", "one"):
        pass
    done.set()
    thread.join(20)
