"""An apply changes nothing that its plan did not show, whether a PUT of the server merges or replaces."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenarios.by_hand import Hand, by_hand
from tests.scenarios.rehearsal import Rehearsal

pytestmark = pytest.mark.matrix

SEMANTICS = ("merge", "replace")
SELECTED = [
    {"type": "Site", "site": {"id": "s-1", "name": "Projects"}, "sites": True},
    {"type": "Team", "team": {"id": "t-1", "displayName": "Backup"}, "teams": True},
    {"type": "Group", "group": {"id": "g-1", "displayName": "Staff"}, "mailbox": True, "members": True},
]
RETRY = {"retryEnabled": True, "retryNumber": 5, "retryWaitInterval": 30, "backupWindowEnabled": False}


def plain(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    kept = [{name: value for name, value in item.items() if name not in ("id", "_links")} for item in items]
    return sorted(kept, key=repr)


def job_of(hand: Hand, name: str) -> dict[str, Any]:
    """A job with its items, without what moves by itself."""
    job = hand.by_name("Jobs", "name", name)
    for collection in ("SelectedItems", "ExcludedItems"):
        job[collection] = plain(hand.request("GET", f"Jobs/{job['id']}/{collection}").json()["results"])
    moving = {"eTag", "lastRun", "nextRun", "lastBackup", "lastStatus", "_links"}
    return {name: value for name, value in job.items() if name not in moving}


@pytest.mark.parametrize("semantics", SEMANTICS)
def test_a_schedule_leaves_the_items_of_a_job_alone(demo: Rehearsal, semantics: str) -> None:
    demo.set("server", f"put_jobs={semantics}")
    with by_hand(demo) as hand:
        job = hand.by_name("Jobs", "name", "fabrikam-daily")
        body = {**job, "backupType": "SelectedItems", "selectedItems": SELECTED, "schedulePolicy": RETRY}
        hand.request("PUT", f"Jobs/{job['id']}", json=body)
        excluded = [{"type": "User", "user": {"id": "u-1", "displayName": "Intern"}, "mailbox": True}]
        hand.request("POST", f"Jobs/{job['id']}/ExcludedItems", json=excluded)
        before = job_of(hand, "fabrikam-daily")
    assert len(before["SelectedItems"]) == 3
    demo.replace("repository: fabrikam, items: all}", 'repository: fabrikam, schedule: {daily: "21:00"}}')
    change = next(item for item in demo.plan()["changes"] if item["key"] == "update:job.fabrikam-daily")
    assert [field["path"] for field in change["fields"]] == ["schedule"]
    assert demo.apply().code == 0
    with by_hand(demo) as hand:
        after = job_of(hand, "fabrikam-daily")
    assert after["schedulePolicy"]["dailyTime"] == "21:00:00"
    planned = {"scheduleEnabled", "type", "dailyType", "dailyTime"}
    assert {name for name in before if before[name] != after[name]} == {"schedulePolicy"}
    policies = before["schedulePolicy"], after["schedulePolicy"]
    assert {name for name in policies[0] | policies[1] if policies[0].get(name) != policies[1].get(name)} <= planned


@pytest.mark.parametrize("semantics", SEMANTICS)
@pytest.mark.parametrize("mode", ["Microsoft365", "GoogleGmail"])
def test_a_recipient_leaves_the_sign_in_of_the_mail_alone(demo: Rehearsal, mode: str, semantics: str) -> None:
    demo.set("server", f"put_email={semantics}")
    demo.set("server", f"sign-in={mode}")
    with by_hand(demo) as hand:
        before = hand.request("GET", "VboEmailSettings").json()
    assert before["authenticationType"] == mode
    demo.replace("to: [backup-team@corp.example.com]", "to: [backup-team@corp.example.com, more@corp.example.com]")
    assert demo.changes()["update:smtp"].keys() == {"to"}
    demo.apply()
    with by_hand(demo) as hand:
        after = hand.request("GET", "VboEmailSettings").json()
    assert after["to"] == "backup-team@corp.example.com;more@corp.example.com"
    assert {name for name in before | after if before.get(name) != after.get(name)} == {"to"}


@pytest.mark.parametrize("semantics", SEMANTICS)
def test_a_description_leaves_the_rest_of_a_repository_alone(demo: Rehearsal, semantics: str) -> None:
    demo.set("server", f"put_repositories={semantics}")
    clean = {"dailyTime": "04:30:00", "dailyType": "Weekends"}
    with by_hand(demo) as hand:
        found = hand.by_name("BackupRepositories", "name", "fabrikam")
        hand.request("PUT", f"BackupRepositories/{found['id']}", json={**found, **clean})
        before = hand.by_name("BackupRepositories", "name", "fabrikam")
    demo.replace("  fabrikam: {", "  fabrikam: {description: seven years, ")
    assert demo.changes()["update:repository.fabrikam"].keys() == {"description"}
    assert demo.apply().code == 0
    with by_hand(demo) as hand:
        after = hand.by_name("BackupRepositories", "name", "fabrikam")
    moving = {"freeSpaceBytes", "capacityBytes"}
    assert {name for name in before if before[name] != after[name]} - moving == {"description"}
    assert demo.changes() == {}


def test_a_saved_plan_is_refused_if_a_field_changed_that_it_cannot_read(demo: Rehearsal) -> None:
    """Nothing of mail in Microsoft 365 mode is comparable with a server and a port: the approval is for that mode."""
    demo.set("server", "sign-in=Microsoft365")
    demo.replace("to: [backup-team@corp.example.com]", "to: [backup-team@corp.example.com, more@corp.example.com]")
    out = str(demo.folder / "plan.json")
    assert demo.run("plan", "--lab", str(demo.file), "--out", out).code == 0
    demo.set("server", "sign-in=GoogleGmail")
    ended = demo.run("apply", "--lab", out, "--inventory", str(demo.file))
    assert ended.code == 5, ended.out + ended.err
    assert "another property of the object changed after approval" in ended.out + ended.err
    demo.set("server", "sign-in=Microsoft365")
    assert demo.run("apply", "--lab", out, "--inventory", str(demo.file)).code == 0
