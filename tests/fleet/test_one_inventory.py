"""Commands that are about one object or one inventory, with the path of a fleet."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.running import call
from tests.fleet.writing import write_fleet
from tests.scenarios.rehearsal import INVENTORIES, Rehearsal

SMALL = (INVENTORIES / "small.yml").read_text("utf-8")
FLEET = "version: 1\nfleet: {name: corp}\ninventories: {london: london.yml, paris: paris.yml}\n"


@pytest.fixture
def fleet(tmp_path: Path) -> Rehearsal:
    """Both have `repository.px-1`; `proxy.px-2` is of paris alone."""
    (tmp_path / "london.yml").write_text(SMALL, "utf-8")
    paris = SMALL.replace("name: small", "name: paris").replace("vbo.example.com, ", "vbo-2.example.com, ")
    more = "px-2: {host: px-2.example.com, type: domain, credentials: admin}}"
    first = "type: domain, credentials: admin}}"
    assert paris.count(first) == 1
    (tmp_path / "paris.yml").write_text(paris.replace(first, f"type: domain, credentials: admin}}, {more}"), "utf-8")
    (tmp_path / "fleet.yml").write_text(FLEET, "utf-8")
    return Rehearsal(tmp_path, inventory=Path("fleet.yml"))


def test_what_one_inventory_declares_is_explained(fleet: Rehearsal) -> None:
    ended = fleet.run("explain", "proxy.px-2", str(fleet.file), "--lab", "--format", "json")
    assert (ended.code, json.loads(ended.out)["address"]) == (0, "proxy.px-2")
    ended = fleet.run("explain", "host.px-1", str(fleet.file), "--server", "paris", "--lab", "--format", "json")
    assert (ended.code, json.loads(ended.out)["address"]) == (0, "proxy.px-1")


def test_what_several_or_no_inventories_declare_needs_a_server(fleet: Rehearsal) -> None:
    ended = fleet.run("explain", "proxy.px-1", str(fleet.file), "--lab")
    assert ended.code == 1
    assert "proxy.px-1 is declared by `london` and `paris`." in ended.err
    assert f"vbo-reconcile explain proxy.px-1 {fleet.file} --server london" in ended.err
    ended = fleet.run("explain", "proxy.px-9", str(fleet.file), "--lab")
    assert (ended.code, "No inventory declares proxy.px-9." in ended.err) == (1, True)


def test_another_command_names_the_inventories(tmp_path: Path) -> None:
    file = write_fleet(tmp_path, "inventories: [sites/*.yml]\n")
    for command in (["graph"], ["smtp", "test"], ["jobs", "list"]):
        ended = call(*command, str(file))
        assert ended.code == 1
        assert f"{file} is the fleet corp, and this command is for one inventory." in ended.err
        assert all(str(tmp_path / "sites" / f"{name}.yml") in ended.err for name in ("london", "paris", "rome"))
