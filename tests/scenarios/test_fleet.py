"""A fleet in the lab: a server that fails stops no other, batches stop after a failure, and a second plan is empty."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.running import call
from tests.scenarios.rehearsal import INVENTORIES, Rehearsal

pytestmark = pytest.mark.matrix

SMALL = (INVENTORIES / "small.yml").read_text("utf-8")
FLEET = """\
version: 1
fleet: {name: corp}
inventories: {london: london.yml, paris: paris.yml, rome: rome.yml}
defaults: {parallelism: 4}
"""


@pytest.fixture
def fleet(tmp_path: Path) -> Rehearsal:
    """london and rome are fine; paris is edited by the test. Two of them have one name and different servers."""
    for name in ("london", "paris", "rome"):
        own = SMALL.replace("vbo.example.com, ", f"vbo-{name}.example.com, ")
        (tmp_path / f"{name}.yml").write_text(own if name == "rome" else own.replace("small", name), "utf-8")
    (tmp_path / "fleet.yml").write_text(FLEET, "utf-8")
    return Rehearsal(tmp_path, inventory=Path("fleet.yml"))


def found(ended: Any) -> dict[str, Any]:
    whole: dict[str, Any] = json.loads(ended.out)
    return whole


def test_one_that_is_invalid_and_one_that_is_away_stop_no_other(fleet: Rehearsal) -> None:
    (fleet.folder / "paris.yml").write_text("version: 1\nname: paris\n", "utf-8")
    opened = fleet.run("plan", "--lab", str(fleet.file), "--server", "rome", "--format", "json")
    assert (opened.code, found(opened)["status"]) == (0, "pending")
    away = Rehearsal(fleet.folder, inventory=Path("rome.yml"))
    away.set("server", 'faults=[{"kind": "reset", "path": "token", "times": 99}]')
    ended = fleet.apply("--format", "json")
    whole = found(ended)
    assert ended.code == 1
    assert whole["statuses"] == {"london": "ok", "paris": "error", "rome": "error"}
    assert [item["code"] for item in whole["members"]["paris"]["diagnostics"]] == ["no-server"]
    assert [item["code"] for item in whole["members"]["rome"]["diagnostics"]] == ["connection-lost"]
    assert whole["members"]["london"]["exit_code"] == 0
    again = fleet.run("plan", "--lab", str(fleet.file), "--server", "london", "--detailed-exitcode", "--format", "json")
    assert (again.code, found(again)["members"]["london"]["changes"]) == (0, [])


def test_a_batch_that_fails_stops_the_next_one(fleet: Rehearsal) -> None:
    (fleet.folder / "paris.yml").write_text("version: 1\nname: paris\n", "utf-8")
    ended = fleet.apply("--server-batch", "1,50%")
    assert ended.code == 1
    assert ended.out.splitlines()[-4:] == [
        "Fleet corp: 3 servers",
        "  london  Applied: 5 done, 0 failed, 0 skipped, 0 not started.",
        "  paris   error: No management server",
        "  rome    not started",
    ]
    assert "A batch failed (paris): the servers of later batches are not started." in ended.err


@pytest.mark.parametrize(("answer", "code", "status"), [("yes\n", 0, "ok"), ("no\n", 4, "refused")])
def test_the_plans_of_all_servers_are_approved_at_once(fleet: Rehearsal, answer: str, code: int, status: str) -> None:
    environment = {"XDG_STATE_HOME": str(fleet.folder / "state"), "TERM": "dumb", "HOME": str(fleet.folder)}
    arguments = ("apply", "--lab", str(fleet.file), "--server", "london", "--server", "rome")
    ended = call(*arguments, answer=answer, terminal=True, environment=environment)
    assert ended.code == code
    assert ended.err.count("Apply these changes to 2 servers?") == 1
    after = fleet.run("drift", "--lab", str(fleet.file), "--server", "[lr]o*", "--format", "json")
    statuses = found(after)["statuses"]
    assert statuses == dict.fromkeys(("london", "rome"), "ok" if status == "ok" else "pending")


def test_each_server_has_its_own_lab_plan_file_and_page(fleet: Rehearsal) -> None:
    (fleet.folder / "paris.yml").write_text(SMALL.replace("vbo.example.com, ", "vbo-paris.example.com, "), "utf-8")
    plan, page = fleet.folder / "plan.json", fleet.folder / "fleet.html"
    arguments = ["plan", "--lab", str(fleet.file), "--out", str(plan), "--format", f"html={page}", "--format", "json"]
    whole = found(fleet.run(*arguments))
    assert set(whole["statuses"].values()) == {"pending"}
    assert sorted(file.name for file in (fleet.folder / "state/vbo-reconcile/lab").iterdir()) == [
        "london",
        "small--paris",
        "small--rome",
    ]
    saved = {name: json.loads((fleet.folder / f"plan-{name}.json").read_text("utf-8")) for name in whole["members"]}
    assert {name: item["server"]["host"] for name, item in saved.items()} == {
        name: f"vbo-{name}.example.com" for name in ("london", "paris", "rome")
    }
    for name in whole["members"]:
        assert f'href="fleet-{name}.html"' in page.read_text("utf-8")
        assert (fleet.folder / f"fleet-{name}.html").read_text("utf-8").startswith("<!DOCTYPE html>")
    applied = fleet.run(
        "apply", "--lab", str(fleet.folder / "plan-london.json"), "--inventory", str(fleet.folder / "london.yml")
    )
    assert applied.code == 0, applied.err
