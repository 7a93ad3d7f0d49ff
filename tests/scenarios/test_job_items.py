"""Items of jobs: declared as they are, added and removed one by one, and nothing else changed on the server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.scenarios.by_hand import Hand, by_hand
from tests.scenarios.rehearsal import Rehearsal

pytestmark = pytest.mark.matrix

INVENTORY = r"""version: 1
name: items
server: {{host: vbo.corp.example.com, rest: {rest}, credentials: admin}}
credentials:
  admin: {{username: 'CORP\svc-vbo', password: secret://env/VBO_PASSWORD}}
proxies:
  px-1: {{host: px-1.corp.example.com, type: domain, credentials: admin}}
repositories:
  disk: {{proxy: px-1, path: 'D:\VBO', retention: {{type: item-level, keep: 3 years}}}}
organizations:
  contoso.example.com: {{proxies: [px-1]}}
jobs:
  some:
    organization: contoso.example.com
    repository: disk
    run: never
    {items}
"""
ITEMS = """items:
      organization: [mailbox]
      users: [ann@contoso.example.com, {user: bob@contoso.example.com, services: [mailbox]}]
      groups: [Sales, {group: Staff, services: [members, member-mailbox]}]
      sites: [https://contoso.example/sites/projects]
      teams: [Backup, {team: Projects, services: [chats]}]
      personal_sites: true
      onedrive_folders: [Documents]
    exclude:
      users: [intern@contoso.example.com]
      sites: [https://contoso.example/sites/old]"""


def rehearsal(folder: Path, items: str, rest: str = "v8") -> Rehearsal:
    made = Rehearsal(folder)
    made.file.write_text(INVENTORY.format(rest=rest, items=items), encoding="utf-8")
    return made


def declare(demo: Rehearsal, items: str) -> None:
    text = demo.file.read_text(encoding="utf-8")
    demo.file.write_text(text[: text.index("run: never")] + f"run: never\n    {items}\n", encoding="utf-8")


def state(demo: Rehearsal) -> dict[str, Any]:
    """The job as the lab keeps it: its items with their flags, and the names of their objects."""
    (file,) = (demo.folder / "state").rglob("server.json")
    (job,) = json.loads(file.read_text(encoding="utf-8"))["jobs"].values()
    return {name: value for name, value in job.items() if name not in ("eTag", "lastRun", "lastStatus", "lastBackup")}


def names(items: list[dict[str, Any]]) -> list[str]:
    """What each item is of, sorted."""
    return sorted(
        next(
            (
                str(seen.get("url") or seen.get("mail") or seen["name"])
                for seen in item.values()
                if isinstance(seen, dict)
            ),
            item["type"],
        )
        for item in items
    )


def others(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> bool:
    """Whether every item that both lists have is the same in both, whatever its id."""
    old, new = ({json.dumps({**item, "id": ""}, sort_keys=True) for item in items} for items in (before, after))
    keys = [{(item["type"], *names([item])) for item in map(json.loads, items)} for items in (old - new, new - old)]
    return not keys[0] & keys[1]


@pytest.mark.parametrize("rest", ["v5", "v6", "v7", "v8"])
@pytest.mark.parametrize("semantics", ["merge", "replace"])
def test_every_type_of_item_is_created_changed_and_declared_as_it_is(tmp_path: Path, rest: str, semantics: str) -> None:
    demo = rehearsal(tmp_path, ITEMS, rest)
    demo.converges()
    demo.set("server", f"put_jobs={semantics}")
    before = state(demo)
    assert len(before["selectedItems"]) == 10
    demo.replace("services: [mailbox]}]", "services: [mailbox, onedrive]}, carol@contoso.example.com]")
    demo.replace("sites: [https://contoso.example/sites/projects]", "sites: [https://contoso.example/sites/new]")
    demo.replace("users: [intern@contoso.example.com]", "groups: [{group: Guests, services: [members]}]")
    demo.replace("services: [chats]", "services: []")
    (change,) = demo.plan()["changes"]
    lines = {item["path"]: {key: item[key] for key in ("added", "changed", "removed")} for item in change["fields"]}
    assert lines == {
        "items": {
            "added": [
                "user carol@contoso.example.com (mailbox, archive-mailbox, onedrive, site)",
                "site https://contoso.example/sites/new",
            ],
            "changed": ["user bob@contoso.example.com (mailbox) -> (mailbox, onedrive)", "team Projects (chats) -> ()"],
            "removed": ["site https://contoso.example/sites/projects"],
        },
        "exclude": {
            "added": ["group Guests (members)"],
            "changed": [],
            "removed": ["user intern@contoso.example.com (mailbox, archive-mailbox, onedrive, site)"],
        },
    }
    demo.converges()
    after = state(demo)
    assert {name for name in before if before[name] != after[name]} == {"selectedItems", "excludedItems"}
    assert "carol@contoso.example.com" in names(after["selectedItems"])
    assert names(after["excludedItems"]) == ["guests@contoso.example.com", "https://contoso.example/sites/old"]
    kept = [item for item in before["selectedItems"] if item.get("type") not in ("User", "Team")]
    assert others(kept, after["selectedItems"])


@pytest.mark.parametrize("rest", ["v5", "v6", "v7", "v8"])
@pytest.mark.parametrize("semantics", ["merge", "replace"])
def test_from_all_to_a_selection_and_back(tmp_path: Path, rest: str, semantics: str) -> None:
    demo = rehearsal(tmp_path, "items: all", rest)
    demo.converges()
    demo.set("server", f"put_jobs={semantics}")
    declare(
        demo, "items: {users: [ann@contoso.example.com]}\n    exclude: {sites: [https://contoso.example/sites/old]}"
    )
    fields = {item["path"]: item for item in demo.plan()["changes"][0]["fields"]}
    assert fields["items"]["removed"] == ["all"]
    demo.converges()
    assert state(demo)["backupType"] == "SelectedItems"
    declare(demo, "items: all")
    assert list(demo.changes()["update:job.some"]) == ["items"]
    demo.converges()
    after = state(demo)
    assert (after["backupType"], after["selectedItems"]) == ("EntireOrganization", [])
    assert names(after["excludedItems"]) == ["https://contoso.example/sites/old"], "not declared any more: not compared"


@pytest.mark.parametrize("items", ["items: unmanaged", "description: its items are not mentioned"])
def test_what_is_not_declared_is_left_as_it_is(tmp_path: Path, items: str) -> None:
    demo = rehearsal(tmp_path, ITEMS)
    demo.converges()
    before = state(demo)
    declare(demo, f'{items}\n    schedule: {{daily: "21:00"}}')
    assert "items" not in demo.changes()["update:job.some"]
    demo.converges()
    after = state(demo)
    assert [after[name] for name in ("backupType", "selectedItems", "excludedItems")] == [
        before[name] for name in ("backupType", "selectedItems", "excludedItems")
    ]


def test_a_new_job_without_items_is_not_guessed(tmp_path: Path) -> None:
    demo = rehearsal(tmp_path, "items: unmanaged")
    (change,) = [item for item in demo.plan()["changes"] if item["key"] == "create:job.some"]
    assert change["blocked"] == "it is not on the server, and `items: unmanaged` does not say what to back up"
    declare(demo, "description: the whole organization")
    change = next(item for item in demo.plan()["changes"] if item["key"] == "create:job.some")
    assert [item["after"] for item in change["fields"] if item["path"] == "items"] == ["all"]


def test_a_job_set_up_by_hand_is_declared_as_it_is(tmp_path: Path) -> None:
    """A site, a team, a group and an exclusion: only the schedule is changed."""
    demo = rehearsal(tmp_path, "items: [mailbox]")
    demo.converges()
    declare(demo, ITEMS)
    with by_hand(demo) as hand:
        set_up(hand)
        before = job_by_hand(hand)
    declare(
        demo,
        """items:
      groups: [{group: Staff, services: [mailbox, members]}]
      sites: [https://contoso.example/sites/projects]
      teams: [Backup]
    exclude: {users: [{user: intern@contoso.example.com, services: [mailbox]}]}""",
    )
    assert demo.plan()["changes"] == []
    demo.replace("    items:\n", '    schedule: {daily: "21:00"}\n    items:\n')
    assert list(demo.changes()["update:job.some"]) == ["schedule"]
    demo.converges()
    with by_hand(demo) as hand:
        after = job_by_hand(hand)
    assert {name for name in before if before[name] != after[name]} == {"schedulePolicy"}


def set_up(hand: Hand) -> None:
    organization = hand.by_name("Organizations", "name", "contoso.example.com")["id"]

    def found(collection: str, key: str, value: str) -> dict[str, Any]:
        return hand.by_name(f"Organizations/{organization}/{collection}", key, value)

    job = hand.by_name("Jobs", "name", "some")["id"]
    (first,) = hand.request("GET", f"Jobs/{job}/SelectedItems").json()["results"]
    group, team = found("Groups", "displayName", "Staff"), found("Teams", "displayName", "Backup")
    selected = [
        {"type": "Site", "site": found("Sites", "url", "https://contoso.example/sites/projects")},
        {"type": "Team", "team": team},
        {"type": "Group", "group": group, "mailbox": True, "members": True},
    ]
    hand.request("POST", f"Jobs/{job}/SelectedItems", json=selected)
    hand.request("DELETE", f"Jobs/{job}/SelectedItems", params={"ids": first["id"]})
    intern = found("Users", "name", "intern@contoso.example.com")
    hand.request("POST", f"Jobs/{job}/ExcludedItems", json=[{"type": "User", "user": intern, "mailbox": True}])


def job_by_hand(hand: Hand) -> dict[str, Any]:
    job = hand.by_name("Jobs", "name", "some")
    for name in ("SelectedItems", "ExcludedItems"):
        job[name] = hand.request("GET", f"Jobs/{job['id']}/{name}").json()["results"]
        for item in job[name]:
            item["id"] = ""
    return {name: value for name, value in job.items() if name not in ("eTag", "nextRun", "_links")}


def test_a_run_that_ended_between_two_items_goes_on(tmp_path: Path) -> None:
    demo = rehearsal(tmp_path, "items: {users: [ann@contoso.example.com]}")
    demo.converges()
    declare(demo, "items: {users: [bob@contoso.example.com, carol@contoso.example.com]}")
    fault = {"kind": "status", "status": 500, "method": "DELETE", "path": "Jobs/*/SelectedItems", "times": 1}
    demo.set("server", f"faults={json.dumps([fault])}")
    assert demo.apply().code == 3
    assert len(names(state(demo)["selectedItems"])) == 3, "added first, removed last"
    ended = demo.apply("--resume", "last")
    assert ended.code == 0, ended.out + ended.err
    assert names(state(demo)["selectedItems"]) == ["bob@contoso.example.com", "carol@contoso.example.com"]
    assert demo.plan()["changes"] == []


def test_an_unknown_name_is_a_problem_of_the_plan(tmp_path: Path) -> None:
    demo = rehearsal(tmp_path, "items: {users: [ann@contoso.example.com]}")
    demo.converges()
    declare(demo, "items: {users: [ann@contoso.example.com, anne@contoso.example.com], groups: [Nobody]}")
    demo.set("server", "hidden_objects=anne@contoso.example.com,Nobody")
    plan = demo.plan()
    (change,) = plan["changes"]
    assert (change["steps"], plan["code"]) == ([], 1)
    assert "`anne@contoso.example.com` is not in `contoso.example.com`" in change["blocked"]
    said = {item["detail"]: item["fix"] for item in plan["problems"]}
    assert said == {
        "User `anne@contoso.example.com` is not in `contoso.example.com`.": "Did you mean `ann@contoso.example.com`?",
        "Group `Nobody` is not in `contoso.example.com`.": "Correct it, or remove it from `items`.",
    }
    before = state(demo)
    demo.apply()
    assert state(demo) == before


def test_saved_plans_and_targets_change_the_same(tmp_path: Path) -> None:
    demo = rehearsal(tmp_path, "items: {users: [ann@contoso.example.com]}")
    demo.converges()
    declare(demo, "items: {users: [ann@contoso.example.com], teams: [Backup]}")
    file = str(demo.folder / "approved.plan")
    assert demo.run("plan", "--lab", str(demo.file), "--out", file).code == 0
    ended = demo.run("apply", "--lab", file, "--inventory", str(demo.file), "--auto-approve")
    assert ended.code == 0, ended.out + ended.err
    declare(demo, "items: {users: [ann@contoso.example.com]}")
    assert demo.apply("--target", "job.some").code == 0
    assert names(state(demo)["selectedItems"]) == ["ann@contoso.example.com"]
