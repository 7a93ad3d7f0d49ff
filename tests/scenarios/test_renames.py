"""Another user renames objects in the console and edits their descriptions, while the inventory stays as it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.scenarios.by_hand import Hand, by_hand
from tests.scenarios.rehearsal import Rehearsal

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
