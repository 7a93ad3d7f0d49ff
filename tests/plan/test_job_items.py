"""Names of items: looked up in their organization, refused if they mean nothing or several things."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.model.plan import Plan
from tests.plan.world import FakeReader, inventory, plan

ORGANIZATION = "contoso.example.com"
SALES = [{"id": f"g-{number}", "displayName": "Sales", "name": f"sales{number}@example.com"} for number in (1, 2)]
FLAGS = ("mailbox", "groupSite", "members", "memberMailbox", "memberArchiveMailbox", "memberOnedrive", "memberSite")
SELECTED = [{"id": "1", "type": "Group", "group": SALES[0], **dict.fromkeys(FLAGS, True)}]
LIVE: dict[str, Any] = {
    "Organizations": [{"id": "o", "name": ORGANIZATION}],
    "BackupRepositories": [{"id": "r", "name": "disk", "proxyId": "local", "path": "D:\\"}],
    "Jobs": [{"id": "j", "name": "daily", "organizationId": "o", "repositoryId": "r", "backupType": "SelectedItems"}],
    "Jobs/j/SelectedItems": SELECTED,
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


@pytest.mark.parametrize(
    ("left_out", "wanted", "verb"),
    [([], EVERYTHING, "add"), (SALES[1:], EVERYTHING[:2], "change"), (SALES[1:], None, "remove")],
)
@pytest.mark.parametrize("exclude", [True, False])
def test_a_step_says_whether_the_item_is_left_out(
    exclude: bool, left_out: list[Any], wanted: list[str] | None, verb: str
) -> None:
    """The same changes of an item that is backed up, and of one that is not."""
    first = {"group": "sales1@example.com", "services": EVERYTHING}
    second = [] if wanted is None else [{"group": "sales2@example.com", "services": wanted}]
    there = [
        {"id": str(number), "type": "Group", "group": group, **dict.fromkeys(FLAGS, True)}
        for number, group in enumerate(left_out, 7)
    ]
    lists = {"Jobs/j/ExcludedItems": there} if exclude else {"Jobs/j/SelectedItems": [*SELECTED, *there]}
    job: dict[str, Any] = {"organization": ORGANIZATION, "repository": "disk", "run": "never"}
    job |= {"items": [first], "exclude": second} if exclude else {"items": [first, *second]}
    made = plan(inventory(organization={ORGANIZATION: {}}, job={"daily": job}), FakeReader({**LIVE, **lists}))
    (change,) = made.changes
    assert [(step.verb, step.params.get("exclude", False)) for step in change.steps] == [(f"job.item.{verb}", exclude)]


def test_a_job_that_may_be_one_that_cannot_be_created_is_kept() -> None:
    """Names are the same in any letter case; other jobs of this inventory that are not declared go."""
    own = {"organizationId": "o2", "repositoryId": "r", "description": "[vbo-reconcile:corp]"}
    jobs = [{"id": name, "name": name, "backupType": "SelectedItems", **own} for name in ("Alpha", "Daily", "Zeta")]
    made, _ = planned(
        "Sales",
        answers={"Jobs": jobs, "Organizations": [*LIVE["Organizations"], {"id": "o2", "name": "fabrikam.example.com"}]},
    )
    kept = {change.address: change.blocked for change in made.changes if change.key.startswith("delete:")}
    assert {where: bool(why) for where, why in kept.items()} == {
        "job.Alpha": False,
        "job.Daily": True,
        "job.Zeta": False,
    }
    assert kept["job.Daily"].startswith("job.daily is declared and cannot be created (")
    assert kept["job.Daily"].endswith("): this may be the same job")
