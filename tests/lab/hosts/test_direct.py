"""Windows hosts of the lab that are read without a network: the same answers, and none where WinRM has to be asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reconciler.clients.host_session import open_host
from reconciler.lab.hosts.windows.direct import DirectSession, direct_session
from reconciler.model.connection import Connection, ConnectionContext, Credential
from reconciler.model.errors import AuthenticationFailed, ScriptFailed
from reconciler.model.script import Script
from reconciler.model.secret import Secret, SecretRef
from reconciler.package_data import shipped_script
from tests.lab.hosts.hosts_world import LON, PASSWORDS, SERVER, Given, World, hosts_world

FACTS = {"port": 9193, "server": SERVER, "smtp": "", "smtp_port": 25}
ACCOUNT = Credential("c", "CORP\\svc", password=SecretRef("lab", "p"))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with hosts_world(tmp_path) as made:
        yield made


def context(password: str = PASSWORDS["lon"]) -> ConnectionContext:
    return ConnectionContext(Given(p=password), "/")


def direct(world: World, connection: Connection | None = None, **given: str) -> DirectSession | None:
    found = direct_session(world.lon, connection or world.connection(world.lon, ACCOUNT), context(**given))
    if found is None:
        return None
    with found as session:
        return session


def both(world: World, script: Script, args: Mapping[str, Any]) -> tuple[Any, Any]:
    """What a script answers over WinRM, and without a network."""
    session = direct(world)
    assert session is not None
    with open_host(world.connection(world.lon, ACCOUNT), context()) as wire:
        return wire.execute(script, args, deadline=10), session.execute(script, args, deadline=10)


@pytest.mark.parametrize("name", ["windows/facts.ps1", "windows/open-port.ps1", "windows/remote-registry.ps1"])
def test_scripts_answer_what_they_answer_over_winrm(world: World, name: str) -> None:
    over, without = both(world, shipped_script(name), FACTS)
    assert without == over
    assert over


def test_scripts_fail_as_they_fail_over_winrm(world: World) -> None:
    session, script = direct(world), Script("windows/own.ps1", "Get-Date")
    secret = {"password": Secret("hosts do not know")}
    assert session is not None
    with (
        open_host(world.connection(world.lon, ACCOUNT), context()) as wire,
        pytest.raises(ScriptFailed, match=r"The lab.s •+ this script") as over,
    ):
        wire.execute(script, secret, deadline=10)
    with pytest.raises(ScriptFailed) as without:
        session.execute(script, secret, deadline=10)
    assert vars(without.value) == vars(over.value)


def test_the_account_is_the_one_that_logged_in(world: World) -> None:
    for username in ("CORP\\svc", "svc@corp.example.com", "corp.example.com\\SVC"):
        session = direct(world, world.connection(world.lon, replace(ACCOUNT, username=username)))
        assert session is not None
        assert session.user.principal == "CORP\\svc"


@pytest.mark.parametrize(
    ("key", "value"), [("power", "off"), ("wrong-password", "yes"), ("winrm", "busy"), ("certificate", "expired")]
)
def test_a_host_with_a_switch_is_read_over_winrm(world: World, key: str, value: str) -> None:
    assert direct(world) is not None
    world.lon.change(key, value)
    assert direct(world) is None


def test_a_login_that_the_host_does_not_take_is_tried_over_winrm(world: World) -> None:
    plain = world.connection(world.lon, ACCOUNT)
    other = [
        replace(plain, credential=replace(ACCOUNT, username="CORP\\other")),
        replace(plain, credential=replace(ACCOUNT, password=None)),
        replace(plain, credential=replace(ACCOUNT, auth="certificate")),
        replace(plain, credential=None),
        replace(plain, verified_name="px-lon-9.corp.example.com"),
    ]
    assert [direct(world, connection) for connection in other] == [None] * len(other)
    assert direct(world, password="wrong") is None
    world.lon.accounts.adopt("CORP\\user", PASSWORDS["lon"], admin=False)
    assert direct(world, replace(plain, credential=replace(ACCOUNT, username="CORP\\user"))) is None


def test_a_password_that_another_host_refused_is_not_tried(world: World) -> None:
    known = context()
    with known.logins.attempt("px-0", "logging in", ACCOUNT.username, PASSWORDS["lon"]) as attempt:
        attempt.refuse()
    found = direct_session(world.lon, world.connection(world.lon, ACCOUNT), known)
    assert found is not None
    with pytest.raises(AuthenticationFailed, match="not tried"), found:
        pass


def test_a_host_that_nobody_connects_to_has_no_certificate(world: World, tmp_path: Path) -> None:
    assert direct(world) is not None
    assert not list(tmp_path.rglob(f"*{LON}*.pem"))
    both(world, shipped_script("windows/facts.ps1"), FACTS)
    assert list(tmp_path.rglob(f"*{LON}*.pem"))
