"""Every guard: that it holds, that it lets pass what it should, and that it holds where it cannot be computed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from reconciler.model.inventory import Policy, Window
from reconciler.model.live import LiveResource
from reconciler.model.plan import Action, Cause, Change, FieldChange, Reason, UnknownField
from reconciler.plan.guards import GUARDS, Facts, guarded, limit_of
from tests.plan.test_chain import LIVE, proxy, world
from tests.plan.world import FakeReader, inventory, live, plan

NOW = datetime(2026, 3, 7, 21, 0, tzinfo=UTC)  # a Saturday


def facts(wanted: Any = None, reader: FakeReader | None = None, now: datetime = NOW, **policy: Any) -> Facts:
    wanted = replace(wanted or world(), policy=Policy(**{"max_deletes": 100, "max_changes": "100%", **policy}))
    reader = reader or FakeReader(LIVE)
    return Facts(plan(wanted, reader), wanted, live(wanted, reader), now)


def with_changes(found: Facts, *changes: Change) -> Facts:
    return replace(found, plan=replace(found.plan, changes=changes))


def change(address: str, action: Action) -> Change:
    return Change(address, action, (FieldChange("type", "a", "b"),), Cause(Reason.INVENTORY))


def codes(found: Facts, waivers: Mapping[str, str] | None = None) -> list[str]:
    return [item.code for item in guarded(found, waivers or {}).refusals if not item.waiver]


def test_a_plan_that_does_nothing_is_refused_by_none() -> None:
    assert codes(facts(max_deletes=0, max_changes=0, protect=("*",))) == []


@pytest.mark.parametrize(
    ("limit", "total", "allowed"),
    [(3, 10, 3), ("3", 10, 3), ("50%", 10, 5), ("10%", 3, 1), ("0%", 9, 0), ("100%", 7, 7)],
)
def test_limits_are_counts_or_percentages(limit: Any, total: int, allowed: int) -> None:
    assert limit_of(limit, total) == allowed


@pytest.mark.parametrize(
    ("code", "change_", "policy"),
    [
        ("max-deletes", change("proxy.px-1", Action.DELETE), {"max_deletes": 0}),
        ("max-deletes", change("proxy.px-1", Action.DELETE), {"max_deletes": "many"}),
        ("max-changes", change("proxy.px-1", Action.UPDATE), {"max_changes": 0}),
        ("max-changes", change("proxy.px-1", Action.UPDATE), {"max_changes": "200%"}),
        ("protected", change("proxy.px-1", Action.DELETE), {"protect": ("proxy.*",)}),
        ("takeover", change("proxy.px-1", Action.TAKEOVER), {}),
        ("replace", change("proxy.px-1", Action.REPLACE), {}),
        ("last-proxy", change("pool.a", Action.DELETE), {}),
        ("coverage", change("proxy.px-1", Action.UPGRADE), {"coverage": "100%"}),
        ("coverage", change("proxy.px-1", Action.UPGRADE), {"coverage": "most"}),
        ("window", change("proxy.px-1", Action.UPDATE), {"windows": (Window("Sun 20:00", 4),)}),
        ("window", change("proxy.px-1", Action.UPDATE), {"windows": (Window("Sat 20:00", 4, "Mars/Olympus"),)}),
        ("window", change("proxy.px-1", Action.UPDATE), {"windows": (Window("someday", 4),)}),
    ],
)
def test_a_guard_refuses_by_its_name_and_is_waived_by_it(code: str, change_: Change, policy: dict[str, Any]) -> None:
    found = with_changes(facts(**{"coverage": 0, **policy}), change_)
    assert codes(found) == [code]
    assert codes(found, {code: "agreed in the change board"}) == []
    kept = guarded(found, {code: "agreed in the change board"})
    assert kept.refusals[0].waiver == "agreed in the change board"
    assert not kept.is_refused


def test_creating_everything_is_not_a_change_of_what_exists() -> None:
    empty = FakeReader({"Proxies": [], "Organizations": LIVE["Organizations"]})
    assert codes(facts(reader=empty, max_changes=0)) == []


@pytest.mark.parametrize(
    ("window", "is_refused"),
    [
        (Window("Sat 20:00", 4), False),
        (Window("Sat 21:01", 4), True),
        (Window("Fri 22:00", 24), False),
        (Window("20:00", 2), False),
        (Window("Sat 20:00", 1, "America/New_York"), True),
        (Window("Sat 16:00", 1, "America/New_York"), False),
    ],
)
def test_windows_open_and_close(window: Window, is_refused: bool) -> None:
    found = with_changes(facts(windows=(window,)), change("proxy.px-1", Action.UPDATE))
    assert (codes(found) == ["window"]) is is_refused


def test_an_empty_inventory_deletes_nothing() -> None:
    marked = {**LIVE, "Proxies": [proxy(1, description="[vbo-reconcile:corp]")], "ProxyPools": [], "Jobs": []}
    found = facts(inventory(), FakeReader(marked), max_deletes=100)
    assert [item.action for item in found.plan.changes] == [Action.DELETE]
    assert "empty-inventory" in codes(found)


def test_the_last_proxy_is_kept_where_it_is_not_known_who_serves() -> None:
    found = with_changes(facts(), change("proxy.px-1", Action.DELETE))
    hidden = {
        where: LiveResource(item.kind, item.name, item.id, {**item.fields, "proxies": None})
        if item.kind == "organization"
        else item
        for where, item in found.live.resources.items()
    }
    assert codes(replace(found, live=replace(found.live, resources=hidden))) == ["last-proxy"]


def test_a_required_complete_observation_refuses_unknowns() -> None:
    found = facts()
    hidden = replace(found, plan=replace(found.plan, unknown=(UnknownField("proxy.px-1", "throttle", "offline"),)))
    assert codes(hidden) == []
    assert codes(replace(hidden, complete=True)) == ["incomplete"]


def test_blocked_changes_are_not_counted() -> None:
    stuck = replace(change("proxy.px-1", Action.DELETE), blocked="offline")
    assert codes(with_changes(facts(max_deletes=0), stuck)) == []


def test_the_table_is_sorted_so_that_refusals_are() -> None:
    assert list(GUARDS) == sorted(GUARDS)
