"""The server's own proxy: declared as `local`, whatever its host is called, and never created, replaced or deleted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reconciler.model.address import Address
from tests.inventory.writing import HEAD, RETENTION, load_text
from tests.worlds.base import Edit, applied, inventory
from tests.worlds.world import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    return applied(tmp_path)


def local(world: World) -> dict[str, Any]:
    found: dict[str, Any] = next(raw for raw in world.server.data["Proxies"].values() if raw["type"] == "Local")
    return found


def declared(**fields: Any) -> Edit:
    return lambda document: document["proxies"].update(local=fields)


@pytest.mark.parametrize("name", ["VBO", "vbo.example.com", "10.0.0.1"])
def test_it_is_found_by_any_name_of_its_host(world: World, name: str) -> None:
    local(world)["hostName"] = name
    found = inventory(world, declared())
    assert world.look(found).resources[Address("proxy.local")].id == local(world)["id"]
    assert world.plan(found).changes == ()
    assert world.plan(found).reports == ()


def test_it_owns_repositories(world: World) -> None:
    def edit(document: dict[str, Any]) -> None:
        document["proxies"]["local"] = {}
        document["repositories"]["own"] = {"proxy": "local", "path": "D:\\VBO\\own"}

    world.apply(inventory(world, edit))
    raw = next(raw for raw in world.server.data["BackupRepositories"].values() if raw["name"] == "own")
    assert raw["proxyId"] == local(world)["id"]
    assert world.plan(inventory(world, edit)).changes == ()


def test_what_is_declared_of_it_is_changed_and_nothing_else(world: World) -> None:
    before = dict(local(world))
    wanted = inventory(world, declared(description="On the server itself"))
    assert [change.key for change in world.apply(wanted).changes] == ["update:proxy.local"]
    assert local(world) == before | {"description": "On the server itself"}
    assert world.plan(wanted).changes == ()


@pytest.mark.parametrize("edit", [{"type": None}, {"type": "Domain"}])
def test_if_the_server_does_not_show_it_nothing_is_created(world: World, edit: dict[str, Any]) -> None:
    local(world).update(edit)
    plan = world.plan(inventory(world, declared(description="On the server itself")))
    assert plan.changes == ()
    assert "The server does not show which proxy is its own" in plan.problems[0].detail


def test_it_is_not_deleted_although_it_has_our_mark(world: World) -> None:
    local(world)["description"] = "[vbo-reconcile:world]"
    assert world.plan(inventory(world)).changes == ()


def test_defaults_are_not_for_it(tmp_path: Path) -> None:
    body = f"""
defaults: {{proxy: {{throttle: 10 Mbps, type: domain, credentials: admin, port: 9193}}}}
proxies: {{local: {{}}, px: {{host: px.example.com}}}}
repositories: {{own: {{proxy: local, path: 'D:\\VBO', {RETENTION}}}}}
"""
    found = load_text(tmp_path, body, HEAD)
    assert found.resources[Address("proxy.local")].fields == {}
    assert found.resources[Address("proxy.px")].fields["throttle"] == "10 Mbps"
    assert list(found.access.connections) == ["px"]
