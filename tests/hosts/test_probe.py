"""Probing a host from end to end: SSH, the real facts script, one diagnostic where it does not work."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from reconciler.model.connection import (
    Access,
    Certificate,
    Connection,
    ConnectionContext,
    Credential,
    Deadlines,
    Server,
    Transport,
    Trust,
)
from reconciler.model.errors import SecretError, Unreachable
from reconciler.model.inventory import Resource
from reconciler.model.secret import Secret, SecretRef
from reconciler.observe.probe import deploying_login, host_problem, judged, probe, probe_hosts
from reconciler.package_data import playbooks_folder
from reconciler.requirements import load
from tests.clients.hosts.sshd import Sshd, running
from tests.plan.world import inventory

PLAYBOOKS = load(playbooks_folder())
PARAMS: dict[str, Any] = {"port": 9193, "server": "localhost", "now": "ignored", "other": {"a": 1}}


class Resolver:
    def resolve(self, reference: SecretRef) -> Secret:
        if reference.path == "missing":
            raise SecretError(f"{reference}: the secret does not exist")
        return Secret(reference.path)


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with running(Sshd(tmp_path_factory.mktemp("bin"), passwords={"root": "correct"})) as server:
        yield server


@pytest.fixture
def connection(sshd: Sshd) -> Connection:
    return Connection(
        "px-1",
        "px-1.example.net",
        Transport.SSH,
        Credential("linux", "root", password=SecretRef("test", "correct")),
        address="127.0.0.1",
        port=sshd.port,
        trust=Trust(host_keys=(sshd.public,)),
        deadlines=Deadlines(connect=10, call=20),
    )


@pytest.mark.parametrize(
    ("deploying", "by_certificate", "user", "deploys"),
    [
        (None, False, "CORP\\svc", True),  # a package, or nothing declared
        (Credential("again", "CORP\\SVC"), False, "CORP\\svc", True),
        (Credential("other", "CORP\\deploy"), False, "CORP\\svc", None),
        (Credential("other", "CORP\\svc", sudo=True), False, "svc", None),  # root only with sudo
        (Credential("other", "Administrator"), True, "PX-1\\administrator", True),
        (Credential("other", "deploy@px-1"), True, "PX-1\\administrator", None),
    ],
)
def test_the_account_that_deploys_is_judged(
    deploying: Credential | None, by_certificate: bool, user: str, deploys: bool | None
) -> None:
    login = None if by_certificate else Credential("own", "CORP\\svc")
    certificate = Certificate("logon", cert="c.pem") if by_certificate else None
    connection = Connection("px-1", "px-1", Transport.WINRM, login, certificate=certificate)
    facts = {"account": {"user": user, "admin": True, "deploys": True}}
    found = judged(facts, deploying, connection)
    assert found["account"] == {"user": user, "admin": True, "deploys": deploys}


def test_the_login_that_the_server_deploys_with() -> None:
    login = Credential("corp", "CORP\\svc")
    access = Access(Server("vbo01", login), {}, {"corp": login}, {}, "/")
    fields = {"host": "px-1", "credentials": "corp"}
    assert deploying_login(access, Resource("proxy", "px-1", fields)) is login
    assert deploying_login(access, Resource("proxy", "px-1", {**fields, "service.install": "package"})) is None
    assert deploying_login(access, Resource("proxy", "px-1", {"host": "px-1"})) is None


def test_facts_come_in_one_connection_and_one_command(sshd: Sshd, connection: Connection) -> None:
    before = (sshd.connections, len(sshd.commands))
    found = probe(connection, ConnectionContext(Resolver(), "/"), PLAYBOOKS["linux"], PARAMS)
    assert found.problem is None
    assert found.name == "px-1"
    assert found.facts["os"]["family"] == "linux"
    assert found.facts["server"]["resolves"] is True
    assert found.facts["clock"]["minutes_off"] == 0
    assert (sshd.connections, len(sshd.commands)) == (before[0] + 1, before[1] + 1)


@pytest.mark.parametrize("minutes", [-7, 7])
def test_the_clock_is_compared_with_the_middle_of_the_call(connection: Connection, minutes: int) -> None:
    found = probe(
        connection,
        ConnectionContext(Resolver(), "/"),
        PLAYBOOKS["linux"],
        PARAMS,
        clock=lambda: datetime.now(UTC) - timedelta(minutes=minutes),
    )
    assert found.facts["clock"]["minutes_off"] == minutes


def test_trouble_is_a_diagnostic_and_no_exception(sshd: Sshd, connection: Connection) -> None:
    login = connection.credential
    assert login is not None
    wrong = dataclasses.replace(login, password=SecretRef("test", "wrong-w0rd"))
    missing = dataclasses.replace(login, password=SecretRef("test", "missing"))
    other = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ1bL8pgYpHxC0xkkBf9kYk2dQSXJqZdXnVqVtVbZbXz"
    cases = {
        "authentication": dataclasses.replace(connection, credential=wrong),
        "untrusted-peer": dataclasses.replace(connection, trust=Trust(host_keys=(other,))),
        "unreachable": dataclasses.replace(connection, port=1),
        "secret": dataclasses.replace(connection, credential=missing),
    }
    for code, broken in cases.items():
        found = probe(broken, ConnectionContext(Resolver(), "/"), PLAYBOOKS["linux"], PARAMS)
        assert found.facts == {}
        assert found.problem is not None
        assert found.problem.code == code
        assert found.problem.address == "host.px-1"
        assert found.problem.fix
        assert "wrong-w0rd" not in repr(found)


def test_a_host_that_is_another_system_than_declared(connection: Connection) -> None:
    windows = dataclasses.replace(PLAYBOOKS["windows"], facts=PLAYBOOKS["linux"].facts)
    found = probe(connection, ConnectionContext(Resolver(), "/"), windows, PARAMS)
    assert found.problem is not None
    assert found.problem.code == "bad-answer"
    assert "declares windows" in found.problem.detail


def test_a_diagnostic_keeps_the_words_of_the_error(connection: Connection) -> None:
    error = Unreachable(connection.peer, "connecting with SSH", "no answer in time", hint="Look.")
    found = host_problem(error, connection)
    assert found.summary == "No connection"
    assert found.detail == "px-1 (px-1.example.net): connecting with SSH: no answer in time"
    assert found.fix == "Look."


def test_the_first_host_of_a_login_is_the_one_that_a_wrong_password_is_tried_on(
    sshd: Sshd, connection: Connection
) -> None:
    wrong = Credential("linux", "root", password=SecretRef("test", "rotated"))
    names = [f"px-{number}" for number in range(8)]
    wanted = inventory(proxy={name: {"host": f"{name}.example.net", "os": "linux"} for name in names})
    connections = {name: dataclasses.replace(connection, name=name, credential=wrong) for name in names}
    access = dataclasses.replace(wanted.access, connections=connections)
    before = len(sshd.logins)
    with ThreadPoolExecutor(8) as pool:
        context = ConnectionContext(Resolver(), "/")
        probes = probe_hosts(
            pool, wanted, access=access, context=context, playbooks=PLAYBOOKS, clock=lambda: datetime.now(UTC)
        )
        problems = [probes[name].result().problem for name in names]
    said = [problem.detail.partition("logging in: ")[2] or problem.detail for problem in problems if problem]
    assert len(said) == 8
    assert "not tried" not in said[0]
    assert all(
        text == said[1] and "not tried: px-0 (px-1.example.net) did not accept root" in text for text in said[1:]
    )
    assert sshd.logins[before:] == ["root password"]
