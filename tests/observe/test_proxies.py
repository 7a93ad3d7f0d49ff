"""A proxy that was registered by another of its names is the same proxy, and one that is ambiguous is left alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reconciler.model.address import Address
from reconciler.model.plan import Plan
from tests.worlds.base import applied, inventory
from tests.worlds.world import World

FQDN = "px-1.example.com"


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Every host has a proxy service, as it is after an apply. The journal is lost."""
    found = applied(tmp_path)
    found.memory.ids.clear()
    found.services = {raw["hostName"]: {"installed": True} for raw in found.server.data["Proxies"].values()}
    return found


def registered(world: World, name: str, fqdn: str | None = None) -> dict[str, Any]:
    """The proxy px-1, as someone added it in the console."""
    raw: dict[str, Any] = next(raw for raw in world.server.data["Proxies"].values() if raw["hostName"] == FQDN)
    raw |= {"hostName": name, "fqdn": fqdn}
    return raw


def reports(plan: Plan) -> list[str]:
    return [item.detail for item in plan.reports if item.code == "registered-as"]


@pytest.mark.parametrize(("name", "fqdn"), [("PX-1", FQDN), ("PX-1", None), ("172.17.53.53", FQDN), ("px-1", "px-1")])
def test_a_proxy_that_has_another_name_on_the_server_is_the_same_one(world: World, name: str, fqdn: str | None) -> None:
    registered(world, name, fqdn)
    plan = world.plan(inventory(world))
    assert plan.changes == ()
    assert reports(plan) == [f"registered on the server as {name}: the same proxy by another name of its host"]
    assert world.look(inventory(world)).resources[Address("repository.disk-1")].fields["owner"] == "proxy.px-1"


def test_an_address_matches_the_declared_one(world: World) -> None:
    registered(world, "172.17.53.53")

    def edit(document: dict[str, Any]) -> None:
        document["proxies"]["px-1"]["connection"] = {"address": "172.17.53.53"}

    assert world.plan(inventory(world, edit)).changes == ()


def test_the_name_that_a_host_proves_is_one_of_its_names(world: World) -> None:
    def edit(document: dict[str, Any]) -> None:
        document["proxies"]["px-1"] |= {"host": "172.17.53.53", "connection": {"name": FQDN}}

    plan = world.plan(inventory(world, edit))
    assert plan.changes == ()
    assert reports(plan) == [f"registered on the server as {FQDN}: the same proxy by another name of its host"]


def test_a_change_keeps_the_name_on_the_server(world: World) -> None:
    raw = registered(world, "PX-1", FQDN)
    changed = inventory(world, lambda document: document["proxies"]["px-1"].update(description="Rack 2"))
    assert "update:proxy.px-1" in [change.key for change in world.apply(changed).changes]
    assert raw["hostName"] == "PX-1"
    assert raw["description"].startswith("Rack 2")
    assert world.plan(changed).changes == ()


AMBIGUOUS = {
    "two live ones": ("PX-1", FQDN, {"hostName": "10.0.0.7", "fqdn": FQDN}, ("px-1",)),
    "twice the same": (FQDN, None, {"hostName": FQDN.upper()}, ("px-1",)),
    "an address of which nothing is known": ("172.17.53.53", None, {}, ("px-1",)),
}


@pytest.mark.parametrize("case", AMBIGUOUS)
def test_what_is_ambiguous_is_a_problem_and_nothing_else(world: World, case: str) -> None:
    name, fqdn, twin, wanted = AMBIGUOUS[case]
    raw = registered(world, name, fqdn)
    if twin:
        ident = world.server.add("Proxies", **{**raw, **twin})
        world.server.data["Proxies"][ident]["id"] = ident
    plan = world.plan(inventory(world))
    assert [change.key for change in plan.changes if not change.blocked] == []
    (problem,) = [item for item in plan.problems if item.code == "incomplete-observation"]
    assert all(f"`{item}`" in problem.detail for item in wanted)
    assert problem.fix is not None
    assert "host: " in problem.fix


def test_the_fix_of_an_ambiguity_works(world: World) -> None:
    registered(world, "172.17.53.53")
    (problem,) = [item for item in world.plan(inventory(world)).problems if item.code == "incomplete-observation"]
    host = str(problem.fix).partition("host: ")[2].partition(". If")[0]

    def edit(document: dict[str, Any]) -> None:
        document["proxies"]["px-1"]["host"] = host

    plan = world.plan(inventory(world, edit))
    assert plan.problems == ()
    assert plan.changes == ()


def test_one_live_proxy_for_two_declared_ones_is_ambiguous(world: World) -> None:
    registered(world, "PX-1")

    def edit(document: dict[str, Any]) -> None:
        document["proxies"]["px-9"] = {**document["proxies"]["px-1"], "host": "px-1.example.net"}

    plan = world.plan(inventory(world, edit))
    assert [change.key for change in plan.changes if not change.blocked] == []
    assert [item.detail for item in plan.problems] == [
        "The declared proxies `px-1` and `px-9` may be the live `PX-1`. Nothing is deleted, replaced or taken over."
    ]


@pytest.mark.parametrize("shown", ["Workgroup", "Domain", "Local", "Linux", None])
@pytest.mark.parametrize("declared", ["workgroup", "domain", ""])
def test_the_type_of_a_linux_proxy_is_not_compared(world: World, shown: str | None, declared: str) -> None:
    for raw in world.server.data["Proxies"].values():
        raw["type"] = shown if raw.get("operatingSystem") == "Linux" else raw["type"]

    def edit(document: dict[str, Any]) -> None:
        proxy = document["proxies"]["px-3"]
        proxy["type"] = declared
        if not declared:
            del proxy["type"]

    plan = world.plan(inventory(world, edit))
    assert (plan.changes, plan.unknown, plan.problems) == ((), (), ())


def test_the_type_of_a_linux_proxy_is_not_sent(world: World) -> None:
    def edit(document: dict[str, Any]) -> None:
        document["proxies"]["px-9"] = {**document["proxies"]["px-3"], "host": "px-9.example.net", "type": "domain"}

    (change,) = [item for item in world.plan(inventory(world, edit)).changes if item.key == "create:proxy.px-9"]
    assert "type" not in {field.path for field in change.fields}
    assert "type" not in change.steps[0].params["fields"]
