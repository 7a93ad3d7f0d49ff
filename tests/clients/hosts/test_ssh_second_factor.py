"""Hosts that want more than one factor: no prompt appears, nothing is printed, the diagnosis says what is wanted."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import paramiko
import pytest

from reconciler.clients.host_session import open_host
from reconciler.model.connection import Connection, Credential, Deadlines, Transport, Trust
from reconciler.model.errors import AuthenticationFailed
from reconciler.model.secret import SecretRef
from tests.clients.hosts.secrets import context

HOST_KEY = paramiko.ECDSAKey.generate()
USER_KEY = paramiko.ECDSAKey.generate()
PASSWORD = "corr3ct-horse"


@dataclass
class Server:
    """Accepts key or password, and then wants `then`. With `rounds` it only asks, one question of each in turn."""

    then: str = ""
    rounds: list[list[tuple[str, bool]]] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    attempts: list[str] = field(default_factory=list)
    accepted: bool = False

    def get_allowed_auths(self, _username: str) -> str:
        return "keyboard-interactive" if self.rounds else self.then if self.accepted else "publickey,password"

    def _first(self, method: str) -> int:
        self.attempts.append(method)
        if self.rounds:
            return int(paramiko.common.AUTH_FAILED)
        self.accepted = True
        return int(paramiko.common.AUTH_PARTIALLY_SUCCESSFUL if self.then else paramiko.common.AUTH_SUCCESSFUL)

    def check_auth_publickey(self, _username: str, _key: paramiko.PKey) -> int:
        return self._first("publickey")

    def check_auth_password(self, _username: str, _password: str) -> int:
        return self._first("password")

    def check_auth_interactive(self, _username: str, _submethods: str) -> int | paramiko.server.InteractiveQuery:
        self.attempts.append("keyboard-interactive")
        return self._ask()

    def check_auth_interactive_response(self, responses: list[str]) -> int | paramiko.server.InteractiveQuery:
        self.answers += responses
        return self._ask()

    def _ask(self) -> int | paramiko.server.InteractiveQuery:
        if not self.rounds:
            return int(paramiko.common.AUTH_SUCCESSFUL)
        asked = paramiko.server.InteractiveQuery("", "")
        for prompt, echo in self.rounds.pop(0):
            asked.add_prompt(prompt, echo)
        return asked

    def check_channel_request(self, _kind: str, _chanid: int) -> int:
        return int(paramiko.common.OPEN_SUCCEEDED)


INTERFACE: Any = type("Interface", (Server, paramiko.ServerInterface), {})


@contextmanager
def serving(server: Server) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        transports: list[paramiko.Transport] = []

        def accept() -> None:
            line, _ = listener.accept()
            transport = paramiko.Transport(line)
            transports.append(transport)
            transport.add_server_key(HOST_KEY)
            transport.start_server(threading.Event(), server)

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(10)
        for transport in transports:
            transport.close()
            transport.join(10)


@pytest.fixture
def no_questions(monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(*_: object) -> str:
        raise AssertionError("the operator was asked")

    monkeypatch.setattr("builtins.input", asked)
    monkeypatch.setattr(sys, "stdin", None)


def log_in(server: Server, tmp_path: Path, *, key: bool) -> None:
    file = tmp_path / "key"
    USER_KEY.write_private_key_file(str(file))
    login = (
        Credential("linux", "backup", private_key=SecretRef("test", file.read_text("ascii")))
        if key
        else Credential("linux", "backup", password=SecretRef("test", PASSWORD))
    )
    with serving(server) as port:
        connection = Connection(
            "px-lnx-1",
            "px-lnx-1.example.net",
            Transport.SSH,
            login,
            address="127.0.0.1",
            port=port,
            trust=Trust(host_keys=(f"{HOST_KEY.get_name()} {HOST_KEY.get_base64()}",)),
            deadlines=Deadlines(connect=10, call=10),
        )
        with open_host(connection, context()):
            pass


@pytest.mark.usefixtures("no_questions")
@pytest.mark.parametrize("then", ["keyboard-interactive", "password", "publickey", "keyboard-interactive,password"])
@pytest.mark.parametrize("key", [True, False])
def test_a_second_factor_is_named_and_nobody_is_asked(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], then: str, key: bool
) -> None:
    server: Server = INTERFACE(then=then)
    with pytest.raises(AuthenticationFailed) as caught:
        log_in(server, tmp_path, key=key)
    what = "the key" if key else "the password"
    wanted = ", ".join(sorted(then.split(",")))
    assert caught.value.reason == f"{what} was accepted, and the host requires another factor: {wanted}"
    assert "AuthenticationMethods" in caught.value.hint
    assert server.attempts == ["publickey" if key else "password"]
    assert capfd.readouterr() == ("", "")


@pytest.mark.usefixtures("no_questions")
@pytest.mark.parametrize(
    ("rounds", "answers", "shown"),
    [
        ([[("Password: ", False)], [("Verification code: ", False)]], [PASSWORD], "Verification code:"),
        ([[("Password: ", False)], [("New password: ", False)]], [PASSWORD], "New password:"),
        ([[("Password: ", False), ("Code: ", False)]], [], "Password: Code:"),
        ([[("Verification code: ", False)]], [], "Verification code:"),
        ([[("Passcode or option (1-3): ", True)]], [], "Passcode or option (1-3):"),
        ([[("Login: ", True)]], [], "Login:"),
    ],
)
def test_the_password_answers_one_question_and_no_other(
    tmp_path: Path, rounds: list[list[tuple[str, bool]]], answers: list[str], shown: str
) -> None:
    server: Server = INTERFACE(rounds=rounds)
    with pytest.raises(AuthenticationFailed, match="not the only answer that the host wants") as caught:
        log_in(server, tmp_path, key=False)
    assert repr(shown) in caught.value.reason
    assert server.answers == answers


@pytest.mark.usefixtures("no_questions")
@pytest.mark.parametrize("rounds", [[[("Password: ", False)]], [[], [("(backup@host) Password: ", False)], []]])
def test_a_host_that_asks_for_the_password_gets_it_once(tmp_path: Path, rounds: list[list[tuple[str, bool]]]) -> None:
    server: Server = INTERFACE(rounds=rounds)
    log_in(server, tmp_path, key=False)
    assert server.answers == [PASSWORD]
