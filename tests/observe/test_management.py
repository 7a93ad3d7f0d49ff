"""What only PowerShell on the management server knows: asked if it matters, and once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from reconciler.model.connection import ConnectionContext
from reconciler.model.errors import Unreachable
from reconciler.model.live import Live
from reconciler.observe import observe
from reconciler.observe.management import read_security
from tests.worlds.base import Edit, applied, inventory
from tests.worlds.world import World


class PowerShell:
    """Answers by the name of the script; `asked` is what ran."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **answers: Any) -> None:
        self.answers, self.asked = answers, list[str]()
        monkeypatch.setattr("reconciler.clients.host_session.open_host", self.open_host)

    @contextmanager
    def open_host(self, connection: Any, *more: Any) -> Iterator[Any]:
        yield SimpleNamespace(execute=self.execute)

    def execute(self, script: Any, arguments: Mapping[str, Any], *, deadline: float) -> Any:
        name = script.name.rpartition("/")[2].partition(".")[0].replace("-", "_")
        self.asked.append(name)
        if name not in self.answers:
            raise Unreachable("vbo.example.com", "connecting", "no answer")
        return self.answers[name]


def seen(world: World, *edits: Edit, since: Mapping[str, int] | None = None) -> Live:
    wanted = inventory(world, hosts_are_left_alone, *edits)
    context = ConnectionContext(cast("Any", world.secrets), wanted.access.root)
    reader = cast("Any", world.server)
    return observe(
        wanted,
        access=wanted.access,
        context=context,
        reader=reader,
        playbooks={},
        clock=lambda: datetime(2026, 1, 1, tzinfo=UTC),
        since=since,
    )


def hosts_are_left_alone(document: dict[str, Any]) -> None:
    for item in document["proxies"].values():
        item["connection"] = {**item.get("connection", {}), "enabled": False}


def declare_certificate(document: dict[str, Any]) -> None:
    document["certificates"] = {"dmz": {"pfx": "dmz.pfx", "passphrase": "secret://env/PFX"}}
    document["server"]["certificate"] = "dmz"


def outdated(live: Live) -> dict[str, bool | None]:
    return {found.name: found.proxy.outdated for found in live.resources.values() if found.kind == "proxy"}


def set_version(world: World, host: str, version: str) -> None:
    for item in world.server.data["Proxies"].values():
        if item["hostName"] == host:
            item["version"] = version


def test_nothing_is_asked_where_every_proxy_has_the_version_of_the_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell = PowerShell(monkeypatch)
    live = seen(applied(tmp_path))
    assert shell.asked == []
    assert {*outdated(live).values()} == {None}
    assert live.problems == ()


@pytest.mark.parametrize("version", ["8.4.0.1", "8.5.0.1013", "8.6.0.1"])
def test_the_word_of_the_server_decides_whether_a_proxy_is_out_of_date(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    answer = {
        "proxies": [{"host": "PX-1.Example.com", "outdated": True}, {"host": "px-2.example.com", "outdated": False}]
    }
    shell = PowerShell(monkeypatch, version=answer)
    world = applied(tmp_path)
    set_version(world, "px-1.example.com", version)
    found = outdated(seen(world))
    assert shell.asked == ["version"]
    assert (found["px-1"], found["px-2"], found["px-3"]) == (True, False, None)
    assert found["vbo.example.com"] is None


def test_up_to_v7_no_version_is_shown_so_the_server_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shell = PowerShell(monkeypatch, version={"proxies": [{"host": "px-1.example.com", "outdated": True}]})
    found = outdated(seen(applied(tmp_path, rest=7)))
    assert shell.asked == ["version"]
    assert (found["px-1"], found["px-2"]) == (True, None)


def test_without_powershell_nothing_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shell = PowerShell(monkeypatch)
    world = applied(tmp_path)
    set_version(world, "px-1.example.com", "8.4.0.1")
    live = seen(world, lambda document: document["server"].pop("powershell"))
    assert shell.asked == []
    assert outdated(live)["px-1"] is None


def test_a_server_that_does_not_answer_is_a_problem_and_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell = PowerShell(monkeypatch)
    world = applied(tmp_path)
    set_version(world, "px-1.example.com", "8.4.0.1")
    live = seen(world, declare_certificate)
    assert sorted(shell.asked) == ["security_settings", "version"]
    assert [problem.code for problem in live.problems] == ["unreachable", "unreachable"]
    assert "certificate" not in live.resources
    assert outdated(live)["px-1"] is None


def test_the_certificate_is_asked_for_if_one_is_declared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shell = PowerShell(monkeypatch, security_settings={"thumbprint": "ab" * 20})
    live = seen(applied(tmp_path), declare_certificate)
    assert shell.asked == ["security_settings"]
    (found,) = [item for where, item in live.resources.items() if where == "certificate"]
    assert str(found.fields["thumbprint"]).upper() == "AB" * 20


def test_a_certificate_without_powershell_is_a_problem_that_says_what_to_declare(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell = PowerShell(monkeypatch)
    live = seen(applied(tmp_path), lambda document: document["server"].pop("powershell"))
    assert live.problems == ()
    found = inventory_without_powershell(tmp_path / "more")
    assert [problem.code for problem in found.problems] == ["no-powershell"]
    assert "server.powershell" in found.problems[0].fix
    assert shell.asked == []


def inventory_without_powershell(folder: Path) -> Live:
    """The rules of the inventory refuse this one, but an observation must not depend on that."""
    world = applied(folder)
    wanted = inventory(world, declare_certificate)
    context = ConnectionContext(cast("Any", world.secrets), wanted.access.root)
    access = replace(wanted.access, server=replace(wanted.access.server, powershell=None))
    resources, problems = read_security(wanted, access, context)
    return replace(world.look(wanted), resources=resources, problems=problems)


def test_requests_of_before_do_not_count(tmp_path: Path) -> None:
    world = applied(tmp_path)
    assert seen(world).requests == {"GET": 1}
    assert seen(world, since={"GET": 1}).requests == {}
