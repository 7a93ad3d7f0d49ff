"""Which proxies are out of date: PowerShell on the server says it, where a proxy may be."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest

from reconciler.model.address import Address
from reconciler.model.connection import Connection, Transport
from reconciler.model.live import LiveResource
from reconciler.observe import management
from reconciler.observe.management import read_versions
from tests.plan.world import BUILD, LOGIN, FakeReader, inventory, live

OLD = "8.1.0.305"


def proxy(name: str, **more: Any) -> dict[str, Any]:
    return {"id": name, "hostName": name.upper(), "type": "Domain", "status": "Online", "version": OLD, **more}


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What PowerShell answers; `asked` counts how often it is."""
    answer: dict[str, Any] = {"proxies": [], "asked": 0}

    def ask(*given: Any) -> tuple[dict[str, Any], tuple[()]]:
        answer["asked"] += 1
        return given[-1](answer), ()

    monkeypatch.setattr(management, "_ask", ask)
    return answer


def look(*proxies: dict[str, Any], rest: int = 8, powershell: bool = True) -> dict[Address, LiveResource]:
    wanted = inventory(proxy={str(item["id"]): {"host": item["hostName"]} for item in proxies})
    connection = Connection("server", "vbo01.corp.example.com", Transport.WINRM, LOGIN) if powershell else None
    access = replace(wanted.access, server=replace(wanted.access.server, powershell=connection))
    reader = FakeReader({"Proxies": list(proxies)}, rest=rest)
    found, problems = read_versions(
        dict(live(wanted, reader).resources), cast("Any", reader), wanted, access, cast("Any", None)
    )
    assert problems == ()
    return found


def outdated(found: dict[Address, LiveResource]) -> list[bool | None]:
    return [item.proxy.outdated for item in found.values()]


def test_hosts_are_found_in_any_letter_case(said: dict[str, Any]) -> None:
    said["proxies"] = [{"host": "a", "outdated": True}, {"host": "B", "outdated": False}]
    found = look(proxy("a"), proxy("b"), proxy("c"))
    assert outdated(found) == [True, False, None]
    assert [item.proxy.version for item in found.values()] == [OLD] * 3


@pytest.mark.parametrize("word", [None, "yes", "False", 1])
def test_an_answer_that_is_neither_yes_nor_no_is_unknown(said: dict[str, Any], word: Any) -> None:
    said["proxies"] = [{"host": "a", "outdated": word}]
    assert outdated(look(proxy("a"))) == [None]


@pytest.mark.parametrize("version", [BUILD, None, ""])
def test_in_v8_only_another_version_makes_it_ask(said: dict[str, Any], version: str | None) -> None:
    said["proxies"] = [{"host": "a", "outdated": True}]
    assert outdated(look(proxy("a", version=version))) == [None]
    assert said["asked"] == 0


@pytest.mark.parametrize("local", [{"type": "Local"}, {"type": "local"}, {"type": None, "isDefault": True}])
def test_before_v8_every_proxy_but_the_local_one_may_be(said: dict[str, Any], local: dict[str, Any]) -> None:
    said["proxies"] = [{"host": "a", "outdated": True}]
    assert outdated(look(proxy("a", **local), rest=7)) == [None]
    assert said["asked"] == 0
    assert outdated(look(proxy("a", version=None), rest=7)) == [True]


def test_without_powershell_it_is_unknown(said: dict[str, Any]) -> None:
    assert outdated(look(proxy("a"), powershell=False)) == [None]
    assert said["asked"] == 0


def test_before_v8_it_also_reports_repositories(said: dict[str, Any]) -> None:
    said["repositories"] = [{"id": "R-1", "outdated": True}, {"id": "r-2", "outdated": "yes"}]
    wanted = inventory(repository={"disk": {}, "spare": {}, "other": {}})
    stores = [{"id": f"r-{number}", "name": name} for number, name in enumerate(("disk", "spare", "other"), 1)]
    reader = FakeReader({"BackupRepositories": stores}, rest=7)
    found, problems = read_versions(
        dict(live(wanted, reader).resources), cast("Any", reader), wanted, wanted.access, cast("Any", None)
    )
    states = {str(where): item.repository.is_outdated for where, item in found.items() if item.kind == "repository"}
    assert (states, problems) == (
        {"repository.disk": True, "repository.spare": None, "repository.other": None},
        (),
    )
