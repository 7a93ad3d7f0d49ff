"""Another user renames objects in the console and edits their descriptions, while the inventory stays as it is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.scenarios.by_hand import Hand, by_hand
from tests.scenarios.rehearsal import INVENTORIES, Rehearsal

pytestmark = pytest.mark.matrix

OBJECTS = {
    "pool": ("ProxyPools", "cloud"),
    "repository": ("BackupRepositories", "northwind"),
    "job": ("Jobs", "northwind-mail"),
}


def edited(hand: Hand, collection: str, named: str, **more: str) -> dict[str, Any]:
    """What the console sends: the object as it is, with what the user typed."""
    raw = hand.by_name(collection, "name", named)
    kept = {key: value for key, value in raw.items() if not key.startswith("_") and value is not None}
    if collection == "ProxyPools":
        members = hand.request("GET", f"ProxyPools/{raw['id']}/proxies").json()["results"]
        return {"name": raw["name"], "proxyIds": [{"proxyId": item["id"]} for item in members], **more}
    if collection == "Jobs":
        for part in ("selectedItems", "excludedItems"):
            path = f"Jobs/{raw['id']}/{part[0].upper()}{part[1:]}"
            kept[part] = hand.request("GET", path).json()["results"]
    return {**kept, **more}


def counted(hand: Hand) -> Iterator[tuple[str, list[str]]]:
    for collection, _ in OBJECTS.values():
        items = hand.request("GET", collection, params={"limit": 1000}).json()["results"]
        yield collection, sorted(item["id"] for item in items)


@pytest.mark.parametrize("kind", OBJECTS)
def test_a_rename_in_the_console_is_undone(demo: Rehearsal, kind: str) -> None:
    collection, name = OBJECTS[kind]
    with by_hand(demo) as hand:
        before = dict(counted(hand))
        hand.change(collection, "name", name, edited(hand, collection, name, name="Renamed", description="by hand"))
    saved = demo.folder / "plan.json"
    assert demo.run("plan", "--lab", str(demo.file), "--out", str(saved)).code == 0
    changed = {key: set(fields) for key, fields in demo.changes().items() if not key.startswith("run:")}
    assert changed == {f"update:{kind}.{name}": {"name", "description"}}
    ended = demo.run("apply", "--lab", str(saved), "--inventory", str(demo.file))
    assert ended.code == 0, ended.out + ended.err
    assert demo.changes() == {}
    with by_hand(demo) as hand:
        assert dict(counted(hand)) == before
        assert hand.by_name(collection, "name", name)["description"].endswith("[vbo-reconcile:demo]")


def test_a_rename_in_the_inventory_says_what_to_write(demo: Rehearsal) -> None:
    demo.replace("  northwind-mail:\n", "  northwind-post:\n")
    plan = demo.plan()
    assert [change["key"] for change in plan["changes"] if not change["blocked"]] == []
    (report,) = [item for item in plan["reports"] if item["code"] == "renamed"]
    line = next(line for line in report["fix"].splitlines() if line.startswith("  formerly"))
    demo.replace("  northwind-post:\n", f"  northwind-post:\n  {line}\n")
    demo.converges()
    demo.replace(f"  {line}\n", "")
    assert demo.changes() == {}


def test_two_organizations_have_jobs_of_one_name(demo: Rehearsal) -> None:
    demo.replace("  contoso-mail:\n    organization", "  contoso-mail:\n    name: Mail\n    organization")
    demo.replace("  northwind-mail:\n", "  northwind-mail:\n    name: Mail\n")
    demo.converges()
    with by_hand(demo) as hand:
        jobs = hand.request("GET", "Jobs", params={"limit": 1000}).json()["results"]
        assert [item["name"] for item in jobs].count("Mail") == 2


def test_a_removed_object_is_targeted_by_its_address(demo: Rehearsal) -> None:
    demo.replace("  northwind-mail:\n", "  northwind-mail:\n    name: Mail\n")
    demo.converges()
    text = demo.file.read_text(encoding="utf-8")
    start = text.index("  northwind-mail:")
    demo.file.write_text(text[:start] + text[text.index("  northwind-files:", start) :], encoding="utf-8")
    demo.replace("northwind.example.net: {proxies: [px-dmz-2, cloud]}", "northwind.example.net: {proxies: [cloud]}")
    ended = demo.apply("--target", "job.northwind-mail")
    assert ended.code == 0, ended.out + ended.err
    assert demo.changes() == {}


CONTOSO = "contoso.example.com"


def kept(demo: Rehearsal) -> dict[str, list[str]]:
    """The jobs of the server, with their organization."""
    state = json.loads((lab_folder(demo) / "server.json").read_text(encoding="utf-8"))
    return {ident: [job["name"], job["organizationId"]] for ident, job in state["jobs"].items()}


def lab_folder(demo: Rehearsal) -> Path:
    (found,) = (demo.folder / "state").glob("*/lab/*/server.json")
    return found.parent


def fix_of(plan: dict[str, Any], where: str) -> list[str]:
    """The lines that a report or problem says to add."""
    found = [item for item in (*plan["reports"], *plan["problems"]) if item["address"] == where]
    assert len(found) == 1, found
    return [line for line in found[0]["fix"].splitlines() if line.startswith("  ")]


@pytest.fixture(params=["v8", "v7", "v5"])
def renamed(request: pytest.FixtureRequest, demo: Rehearsal, tmp_path: Path) -> Rehearsal:
    """An applied inventory, and an organization that another user renamed in the console afterwards."""
    rest = str(request.param)
    if rest != "v8":
        demo = Rehearsal.of(tmp_path / rest, INVENTORIES / "v7.yml")
        demo.replace("rest: v7", f"rest: {rest}")
        demo.converges()
    demo.set(CONTOSO, "name=Contoso")
    return demo


def test_an_organization_that_was_renamed_in_the_console_keeps_its_jobs(renamed: Rehearsal) -> None:
    before, plan = kept(renamed), renamed.plan()
    assert (plan["changes"], plan["problems"], plan["code"]) == ([], [], 0)
    lines = fix_of(plan, f"organization.{CONTOSO}")
    assert lines == ['  name: "Contoso"']
    assert renamed.apply().code == 0
    assert kept(renamed) == before
    renamed.replace(f"  {CONTOSO}: {{", f"  {CONTOSO}: {{{lines[0].strip()}, ")
    after = renamed.plan()
    assert (after["changes"], [item["code"] for item in after["reports"] if "organization" in item["address"]]) == (
        [],
        [],
    )


def test_without_the_journal_its_jobs_stay_and_the_plan_says_what_to_write(renamed: Rehearsal) -> None:
    before = kept(renamed)
    for file in lab_folder(renamed).glob("journal.db*"):
        file.unlink()
    plan = renamed.plan()
    assert [change["key"] for change in plan["changes"] if not change["blocked"]] == []
    lines = fix_of(plan, f"organization.{CONTOSO}")
    assert lines == ['  name: "Contoso"']
    assert renamed.apply().code == 1
    assert kept(renamed) == before
    renamed.replace(f"  {CONTOSO}: {{", f"  {CONTOSO}: {{{lines[0].strip()}, ")
    assert renamed.changes() == {}
