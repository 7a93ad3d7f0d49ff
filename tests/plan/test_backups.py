"""Deletes, replaces and moves say what becomes of the backups; blocked ones say the way, step by step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from reconciler.model.address import Address
from reconciler.model.live import Live, LiveResource, ServerInfo
from reconciler.model.plan import Action, Cause, Change, FieldChange, Plan, Reason, Report, ReportLevel
from reconciler.model.steps import DeleteObject
from reconciler.plan.backups import CODE, with_backups

BUCKET = {"object_storage.bucket": "b", "owner": "proxy.px-1"}
DISK = {"path": "D:\\VBO", "owner": "proxy.px-1"}


def change(
    where: str, action: Action, fields: Mapping[str, tuple[Any, Any]] | None = None, blocked: str = ""
) -> Change:
    changed = tuple(FieldChange(path, *sides) for path, sides in (fields or {}).items())
    return Change(where, action, changed, Cause(Reason.INVENTORY), blocked=blocked)


def reports(found: Change, rest: int = 8, where: str = "", fields: Mapping[str, Any] | None = None) -> list[Report]:
    kind, _, name = where.partition(".")
    objects = {Address(where): LiveResource(kind, name, "1", dict(fields or {}))} if where else {}
    server = ServerInfo("vbo.example.com", rest, "8.5.0.1014")
    plan = Plan("corp", "0", server, (found,))
    return list(with_backups(plan, Live(server, objects, {}, {})).reports)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (
            change("job.a", Action.DELETE, {"repository": ("disk", None)}),
            "stay in repository.disk when its organization",
        ),
        (
            change("job.a", Action.UPDATE, {"repository": ("disk", "new")}),
            "the next run is a full backup into repository.new",
        ),
        (change("job.a", Action.UPDATE, {"organization": ("o", "p")}), "of the earlier organization stay"),
        (
            change("copy_job.a", Action.DELETE, {"repository": ("disk", None)}),
            "copies in repository.disk is not documented",
        ),
        (change("repository.a", Action.DELETE, {"path": ("D:\\VBO", None)}), "the backups stay on disk (D:\\VBO)"),
        (
            change("repository.a", Action.REPLACE, {"path": ("D:\\VBO", "E:\\")}),
            "in an empty new place the next runs are",
        ),
        (
            change("repository.a", Action.DELETE, {"object_storage.name": ("Bucket", None)}),
            "the backups stay in object storage (Bucket)",
        ),
        (change("proxy.a", Action.DELETE), "backups and logs on the host stay"),
        (change("proxy.a", Action.REPLACE), "uninstalled from the host, and added again"),
        (change("pool.a", Action.DELETE), "its members stay"),
    ],
)
def test_what_becomes_of_the_backups(found: Change, said: str) -> None:
    (report,) = reports(found)
    assert (report.address, report.code, report.level, report.fix) == (found.address, CODE, ReportLevel.INFO, "")
    assert said in report.detail


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ((True,), "its service stays there"),
        ((False,), "the service is uninstalled from the host;"),
        ((False, True), "its service stays there"),
        ((), "the service is uninstalled from the host;"),
    ],
)
def test_a_proxy_that_goes_by_force_leaves_its_service(steps: tuple[bool, ...], said: str) -> None:
    made = tuple(DeleteObject(kind="proxy", name="a", id="1", owner="corp", force=force) for force in steps)
    found = Change("proxy.a", Action.DELETE, (), Cause(Reason.INVENTORY), steps=made)
    assert said in reports(found)[0].detail


@pytest.mark.parametrize("field", ["description", "retention.keep"])
def test_other_changes_say_nothing(field: str) -> None:
    assert reports(change("repository.a", Action.UPDATE, {field: ("a", "b")})) == []
    assert reports(change("job.a", Action.UPDATE, {field: ("a", "b")})) == []


@pytest.mark.parametrize(
    ("rest", "fields", "steps"),
    [
        (8, DISK, ["1. Declare another repository on pool.p.", "Move-VBOEntityData", "4. Delete repository.a when"]),
        (7, DISK, ["1. Declare another repository on pool.p.", "Move-VBOEntityData", "4. Delete repository.a when"]),
        (7, {"object_storage.name": "b"}, ["1. Delete repository.a", "2. Declare it again on pool.p"]),
        (8, BUCKET, ["1. Bring both proxies online. 2. Plan and apply again."]),
    ],
)
def test_a_move_that_is_blocked_says_the_way(rest: int, fields: dict[str, Any], steps: list[str]) -> None:
    moved = change("repository.a", Action.UPDATE, {"owner": ("proxy.px-1", "pool.p")}, "blocked")
    (report,) = reports(moved, rest, "repository.a", fields)
    assert report.level is ReportLevel.WARNING
    assert all(step in report.fix for step in steps), report.fix


@pytest.mark.parametrize(
    ("where", "user", "fields", "way"),
    [
        (
            "proxy.px-1",
            "repository.a",
            DISK,
            "1. Move to another proxy or pool, or delete, what uses it: repository.a.",
        ),
        (
            "repository.disk",
            "job.j",
            {"repository": "disk"},
            "1. Delete, or point to another repository, what uses it",
        ),
    ],
)
def test_a_delete_that_is_blocked_says_the_way(where: str, user: str, fields: dict[str, Any], way: str) -> None:
    (report,) = reports(change(where, Action.DELETE, blocked="in use"), 8, user, fields)
    assert report.fix.startswith(way)
    assert report.fix.endswith("Plan again: the change is not blocked any more.")


def test_a_replace_that_is_blocked_says_the_way() -> None:
    found = change("repository.a", Action.REPLACE, {"retention.type": ("snapshot", "item-level")}, "cannot be changed")
    assert reports(found)[0].fix.startswith("1. Declare another repository")


@pytest.mark.parametrize("action", list(Action))
@pytest.mark.parametrize("where", ["certificate", "host.px-1", "organization.contoso", "smtp"])
def test_a_change_that_no_backup_is_behind_says_nothing_of_backups(where: str, action: Action) -> None:
    made = Plan("corp", "", ServerInfo("vbo01", 8, ""), (Change(where, action, (), Cause(Reason.DRIFT)),))
    assert with_backups(made, Live(made.server, {}, {}, {})) is made
