"""Names of items: looked up in their organization, refused if they mean nothing or several things."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.model.plan import Plan
from tests.plan.world import FakeReader, inventory, plan

ORGANIZATION = "contoso.example.com"
SALES = [{"id": f"g-{number}", "displayName": "Sales", "name": f"sales{number}@example.com"} for number in (1, 2)]
FLAGS = ("mailbox", "groupSite", "members", "memberMailbox", "memberArchiveMailbox", "memberOnedrive", "memberSite")
LIVE: dict[str, Any] = {
    "Organizations": [{"id": "o", "name": ORGANIZATION}],
    "BackupRepositories": [{"id": "r", "name": "disk", "proxyId": "local", "path": "D:\\"}],
    "Jobs": [{"id": "j", "name": "daily", "organizationId": "o", "repositoryId": "r", "backupType": "SelectedItems"}],
    "Jobs/j/SelectedItems": [{"id": "1", "type": "Group", "group": SALES[0], **dict.fromkeys(FLAGS, True)}],
    "Organizations/o/Groups": SALES,
}
EVERYTHING = [
    "mailbox",
    "site",
    "members",
    "member-mailbox",
    "member-archive-mailbox",
    "member-onedrive",
    "member-site",
]


def planned(*groups: str, answers: dict[str, Any] | None = None, name: str = "daily") -> tuple[Plan, FakeReader]:
    items = [{"group": group, "services": EVERYTHING} for group in groups]
    job = {"organization": ORGANIZATION, "repository": "disk", "items": items, "run": "never"}
    reader = FakeReader({**LIVE, **(answers or {})})
    return plan(inventory(organization={ORGANIZATION: {}}, job={name: job}), reader), reader


def looked_up(reader: FakeReader) -> list[str]:
    return [path for path in reader.asked if path.endswith("/Groups")]


@pytest.mark.parametrize("name", ["sales1@example.com", "SALES1@example.com", "Sales", "g-1"])
def test_an_item_that_is_there_is_recognised_by_each_of_its_names_without_a_look_up(name: str) -> None:
    made, reader = planned(name)
    assert (made.changes, looked_up(reader)) == ((), [])


def test_a_new_item_is_sent_with_the_object_that_its_unique_name_means() -> None:
    made, _ = planned("sales1@example.com", "sales2@example.com")
    (change,) = made.changes
    (step,) = change.steps
    assert step.verb == "job.item.add"
    assert step.params["item"][0]["object"] == SALES[1]


def test_a_name_of_several_objects_is_refused_with_the_candidates() -> None:
    made, _ = planned("Sales", name="new")
    (change,) = [item for item in made.changes if item.address == "job.new"]
    assert change.steps == ()
    (problem,) = [item for item in made.problems if item.code == "item-ambiguous"]
    assert problem.detail == (
        "Group `Sales` is the name of several objects in `contoso.example.com`: "
        "sales1@example.com (g-1), sales2@example.com (g-2)."
    )
    assert problem.fix == "Write the unique name, or the id."


def test_a_name_of_nothing_is_refused() -> None:
    made, _ = planned("sales1@example.com", "sales3@example.com")
    (change,) = made.changes
    assert change.blocked == "Group `sales3@example.com` is not in `contoso.example.com`"
    assert change.steps == ()


def test_items_are_added_before_others_are_removed() -> None:
    made, _ = planned("sales2@example.com")
    assert [step.verb for step in made.changes[0].steps] == ["job.item.add", "job.item.remove"]
