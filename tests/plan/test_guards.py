"""Every guard: that it holds, that it lets pass what it should, and that it holds where it cannot be computed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from reconciler.kinds import KINDS
from reconciler.model.diagnostic import Diagnostic
from reconciler.model.inventory import Policy, Window
from reconciler.model.plan import Action, Cause, Change, FieldChange, Reason, UnknownField
from reconciler.model.steps import AdoptObject, DeleteObject
from reconciler.model.value import UNKNOWN
from reconciler.plan import plan_to_json
from reconciler.plan.guards import GUARDS, GuardContext, guarded, limit_of
from reconciler.plan.guards.windows import is_open
from tests.plan.test_chain import LIVE, proxy, world
from tests.plan.world import FakeReader, inventory, live, plan

NOW = datetime(2026, 3, 7, 21, 0, tzinfo=UTC)  # a Saturday

FORCED = DeleteObject(kind="proxy", name="px-1", id="1", owner="corp", force=True, credentials="")


def facts(wanted: Any = None, reader: FakeReader | None = None, now: datetime = NOW, **policy: Any) -> GuardContext:
    wanted = replace(wanted or world(), policy=Policy(**{"max_deletes": 100, "max_changes": "100%", **policy}))
    reader = reader or FakeReader(LIVE)
    return GuardContext(plan(wanted, reader), wanted, live(wanted, reader), now)


def with_changes(found: GuardContext, *changes: Change) -> GuardContext:
    return replace(found, plan=replace(found.plan, changes=changes))


def change(address: str, action: Action) -> Change:
    return Change(address, action, (FieldChange("type", "a", "b"),), Cause(Reason.INVENTORY))


def ours(**raw: Any) -> dict[str, Any]:
    return proxy(1, type="Domain", description="[vbo-reconcile:corp]", **raw)


def silent() -> FakeReader:
    """No proxy shows whether it is online."""
    return FakeReader({**LIVE, "Proxies": [{**item, "status": None} for item in LIVE["Proxies"]]})


def with_unknown(found: GuardContext) -> GuardContext:
    return replace(found, plan=replace(found.plan, unknown=(UnknownField("proxy.px-1", "throttle", "offline"),)))


def with_problem(found: GuardContext) -> GuardContext:
    return replace(found, plan=replace(found.plan, problems=(Diagnostic("unreachable", "Unreachable", "No answer."),)))


def codes(found: GuardContext, waivers: Mapping[str, str] | None = None) -> list[str]:
    return [item.code for item in guarded(found, waivers or {}).refusals if not item.waiver]


def test_a_plan_that_does_nothing_is_refused_by_none() -> None:
    assert codes(facts(max_deletes=0, max_changes=0, protect=("*",))) == []


@pytest.mark.parametrize(
    ("limit", "total", "allowed"),
    [
        (3, 10, 3),
        ("3", 10, 3),
        ("50%", 10, 5),
        ("10%", 3, 1),
        ("50%", 1, 1),
        ("0%", 1, 0),
        ("0%", 9, 0),
        ("100%", 7, 7),
    ],
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
        ("force", replace(change("proxy.px-1", Action.DELETE), steps=(FORCED,)), {}),
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


@pytest.mark.parametrize("kind", sorted(kind.name for kind in KINDS.values() if not kind.singleton))
def test_objects_of_every_kind_are_protected(kind: str) -> None:
    for pattern in (f"{kind}.one", f"{kind}.*", "*"):
        found = facts(coverage=0, max_deletes=9, max_changes=9, protect=(pattern,))
        assert "protected" in codes(with_changes(found, change(f"{kind}.one", Action.DELETE)))
        assert "protected" not in codes(with_changes(found, change(f"{kind}.one", Action.UPDATE)))


def test_creating_everything_is_not_a_change_of_what_exists() -> None:
    empty = FakeReader({"Organizations": LIVE["Organizations"]})
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


class TestProtected:
    """A proxy that is taken out of the inventory loses its name there, and must not lose its protection with it."""

    def found(self, protect: str, host: str = "px-9.corp.example.com") -> list[str]:
        there = proxy(9, hostName=host, type="Domain", description="[vbo-reconcile:corp]")
        reader = FakeReader({**LIVE, "Proxies": [*LIVE["Proxies"], there]})
        return codes(facts(reader=reader, protect=(protect,)))

    @pytest.mark.parametrize("protect", ["proxy.px-9", "proxy.PX-9.*", "proxy.px-9.corp.example.com", "proxy.*", "*"])
    def test_it_is_known_by_its_host(self, protect: str) -> None:
        assert self.found(protect.lower()) == ["protected"]

    def test_a_protected_name_that_nothing_has_any_more_may_be_its_name(self) -> None:
        assert self.found("proxy.london") == ["protected"]

    @pytest.mark.parametrize("protect", ["proxy.px-1", "job.*", "repository.old", "proxy.lon-*"])
    def test_another_one_is_not_protected(self, protect: str) -> None:
        assert self.found(protect) == []


class TestLastProxy:
    """`contoso` is processed by the pool of px-1 and px-2."""

    def test_the_last_one_that_works_is_kept_though_another_is_listed(self) -> None:
        down = FakeReader({**LIVE, "Proxies": [proxy(1, proxyPoolId="pool-a", status="Offline"), *LIVE["Proxies"][1:]]})
        found = with_changes(facts(reader=down), change("proxy.px-2", Action.DELETE))
        assert codes(found) == ["last-proxy"]
        (refusal,) = guarded(found, {}).refusals
        assert refusal.addresses == ("proxy.px-2",)

    def test_members_of_a_pool_that_go_one_by_one_are_counted_together(self) -> None:
        both = (change("proxy.px-1", Action.DELETE), change("proxy.px-2", Action.DELETE))
        assert codes(with_changes(facts(), *both)) == ["last-proxy"]

    def test_whoever_takes_over_in_the_same_plan_counts(self) -> None:
        moved = replace(
            change("repository.cloud", Action.UPDATE), fields=(FieldChange("owner", "pool.a", "proxy.px-3"),)
        )
        both = (change("proxy.px-1", Action.DELETE), change("proxy.px-2", Action.DELETE))
        assert codes(with_changes(facts(), moved, *both)) == []
        assert codes(with_changes(facts(), replace(moved, blocked="on a disk"), *both)) == ["last-proxy"]

    def test_whoever_takes_over_must_work(self) -> None:
        down = FakeReader({**LIVE, "Proxies": [*LIVE["Proxies"][:2], proxy(3, status="Offline")]})
        moved = replace(
            change("repository.cloud", Action.UPDATE), fields=(FieldChange("owner", "pool.a", "proxy.px-3"),)
        )
        found = facts(world(pool={"a": {"members": ["px-1", "px-2"]}}), down)
        assert codes(with_changes(found, moved, change("pool.a", Action.DELETE))) == ["last-proxy"]

    def test_a_new_proxy_takes_over(self) -> None:
        wanted = world(
            proxy={f"px-{number}": {"type": "workgroup"} for number in (1, 2, 3, 4)},
            repository={"cloud": {"owner": "proxy.px-4"}},
        )
        moved = replace(
            change("repository.cloud", Action.UPDATE), fields=(FieldChange("owner", "pool.a", "proxy.px-4"),)
        )
        found = facts(wanted)
        assert (
            codes(with_changes(found, change("proxy.px-4", Action.CREATE), moved, change("pool.a", Action.DELETE)))
            == []
        )

    def test_deleting_a_job_alone_takes_no_proxy_away(self) -> None:
        assert codes(with_changes(facts(), change("job.daily", Action.DELETE))) == []

    def test_a_delete_disrupts_nobody_since_everything_has_moved_by_then_and_others_do_not_count_on_it(self) -> None:
        going = change("proxy.px-2", Action.DELETE)
        assert codes(with_changes(facts(), going)) == []
        both = with_changes(facts(), going, replace(change("proxy.px-1", Action.UPGRADE), disrupts=()))
        assert codes(both) == ["coverage"]


def hide(found: GuardContext, kind: str, **fields: Any) -> GuardContext:
    """`found` with fields of the objects of one kind that cannot be seen."""
    resources = {
        where: replace(item, fields={**item.fields, **fields}) if item.kind == kind else item
        for where, item in found.live.resources.items()
    }
    return replace(found, live=replace(found.live, resources=resources))


def nothing_seen(found: GuardContext) -> GuardContext:
    return replace(found, live=replace(found.live, resources={}))


DELETE, UPDATE, UPGRADE = (change("proxy.px-1", action) for action in (Action.DELETE, Action.UPDATE, Action.UPGRADE))


@cache
def cannot_be_computed() -> dict[str, dict[str, GuardContext]]:
    """For every guard, plans that it has to judge without being able to."""
    return {
        "adopt": {"a mark that was not seen": with_changes(facts(), replace(UPDATE, action=Action.ADOPT, steps=()))},
        "certificate": {
            "proxies that show no status": with_changes(facts(reader=silent()), change("certificate", Action.UPDATE)),
        },
        "coverage": {
            "a limit that is not a number": with_changes(facts(coverage="most"), UPGRADE),
            "a percentage that is not a number": with_changes(facts(coverage="x%"), UPGRADE),
            "a mapping that cannot be seen": with_changes(hide(facts(), "organization", proxies=None), UPGRADE),
            "a pool whose members cannot be seen": with_changes(hide(facts(), "pool", members=UNKNOWN), UPGRADE),
            "proxies of unknown state": with_changes(facts(reader=silent()), UPGRADE),
        },
        "empty-inventory": {
            "deletes of objects that were not seen": with_changes(nothing_seen(facts(inventory())), DELETE),
            "an inventory of nothing but organizations": with_changes(
                facts(inventory(organization={"contoso.example.com": {}})), DELETE
            ),
        },
        "force": {
            "a proxy that was not seen": with_changes(
                nothing_seen(facts(inventory())), replace(DELETE, steps=(FORCED,))
            )
        },
        "incomplete": {
            "one unknown field": replace(with_unknown(facts()), complete=True),
            "a host with a problem": replace(with_problem(facts()), complete=True),
        },
        "last-proxy": {
            "a mapping that cannot be seen": with_changes(hide(facts(), "organization", proxies=None), DELETE),
            "a pool whose members cannot be seen": with_changes(hide(facts(), "pool", members=UNKNOWN), DELETE),
            "a job whose repository cannot be seen": with_changes(hide(facts(), "job", repository=UNKNOWN), DELETE),
            "a repository whose owner cannot be seen": with_changes(hide(facts(), "repository", owner=UNKNOWN), DELETE),
        },
        "max-changes": {
            "a limit that is not a number": with_changes(facts(max_changes="some"), UPDATE),
            "a percentage above all": with_changes(facts(max_changes="101%"), UPDATE),
            "a percentage that is not a number": with_changes(facts(max_changes="nan%"), UPDATE),
            "a percentage of nothing": with_changes(nothing_seen(facts(inventory())), UPDATE),
        },
        "max-deletes": {
            "a limit that is not a number": with_changes(facts(max_deletes="some"), DELETE),
            "a limit of yes": with_changes(facts(max_deletes=True), DELETE),
            "a percentage of nothing": with_changes(nothing_seen(facts(inventory(), max_deletes="100%")), DELETE),
        },
        "protected": {
            "a protected name that nothing has any more": with_changes(
                facts(protect=("proxy.london",)), change("proxy.px-9.corp.example.com", Action.DELETE)
            ),
            "an object that was not seen": with_changes(nothing_seen(facts(protect=("proxy.px-1",))), DELETE),
        },
        "replace": {
            "fields that are not known": with_changes(facts(), replace(DELETE, action=Action.REPLACE, fields=()))
        },
        "takeover": {"an unknown owner": with_changes(facts(), replace(DELETE, action=Action.TAKEOVER))},
        "window": {
            "a zone that does not exist": with_changes(
                facts(windows=(Window("Sat 20:00", 4, "Mars/Olympus"),)), UPDATE
            ),
            "a day that does not exist": with_changes(facts(windows=(Window("someday", 4),)), UPDATE),
            "a length that is not a number": with_changes(facts(windows=(Window("Sat 20:00", float("nan")),)), UPDATE),
            "a clock without a zone": with_changes(
                facts(now=NOW.replace(tzinfo=None), windows=(Window("Sat 20:00", 4),)), UPDATE
            ),
        },
    }


def test_every_guard_has_such_a_plan() -> None:
    assert set(cannot_be_computed()) == set(GUARDS)


@pytest.mark.parametrize("code", sorted(GUARDS))
def test_a_guard_that_cannot_be_computed_refuses(code: str) -> None:
    for case, found in cannot_be_computed()[code].items():
        refusals = list(GUARDS[code](found))
        assert [item.code for item in refusals] == [code] * max(1, len(refusals)), case
        assert guarded(found, {}).is_refused, case
        assert guarded(found, dict.fromkeys(GUARDS, "seen by hand")).is_refused is False, case


class TestWaivers:
    def test_one_that_nothing_needs_is_a_warning(self) -> None:
        found = with_changes(facts(), UPDATE)
        made = guarded(found, {"takeover": "once upon a time"})
        (problem,) = made.problems
        assert (problem.code, problem.is_error) == ("waiver-not-needed", False)
        assert "`takeover`" in problem.detail
        assert not made.is_refused

    def test_when_everything_is_done_none_is_needed(self) -> None:
        made = guarded(facts(), {"takeover": "agreed"}, again=True)
        assert made.problems == ()

    def test_one_that_is_needed_is_kept_and_no_warning(self) -> None:
        made = guarded(with_changes(facts(max_deletes=0), DELETE), {"max-deletes": "agreed"})
        assert (made.problems, [item.waiver for item in made.refusals]) == ((), ["agreed"])

    def test_one_code_does_not_waive_another(self) -> None:
        made = guarded(with_changes(facts(max_deletes=0, protect=("proxy.*",)), DELETE), {"max-deletes": "agreed"})
        assert made.is_refused
        assert {item.code: item.waiver for item in made.refusals} == {"max-deletes": "agreed", "protected": ""}

    def test_they_are_part_of_the_plan_document_and_fit_its_schema(self) -> None:
        made = guarded(with_changes(facts(max_deletes=0), DELETE), {"max-deletes": "agreed", "force": "old habit"})
        document = plan_to_json(made)
        schema = json.loads((Path(__file__).parents[2] / "schemas" / "plan.schema.json").read_text(encoding="utf-8"))
        jsonschema.Draft202012Validator(schema).validate(document)
        assert [(item["code"], item["waiver"]) for item in document["refusals"]] == [("max-deletes", "agreed")]
        assert [item["code"] for item in document["problems"]] == ["waiver-not-needed"]


@pytest.mark.parametrize(
    ("now", "is_refused"),
    [
        (datetime(2026, 3, 29, 0, 30, tzinfo=UTC), False),
        (datetime(2026, 3, 29, 3, 59, tzinfo=UTC), False),
        (datetime(2026, 3, 29, 4, 0, tzinfo=UTC), True),
        (datetime(2026, 10, 25, 2, 59, tzinfo=UTC), False),
        (datetime(2026, 10, 25, 3, 0, tzinfo=UTC), True),
    ],
)
def test_a_window_has_its_length_in_the_nights_when_clocks_change(now: datetime, is_refused: bool) -> None:
    """Saturday 20:00 in London is 20:00 UTC in March and 19:00 UTC in October."""
    found = facts(now=now, windows=(Window("Sat 20:00", 8, "Europe/London"),))
    assert (codes(with_changes(found, UPDATE)) == ["window"]) is is_refused


def test_a_required_complete_observation_refuses_unknowns() -> None:
    assert codes(with_unknown(facts())) == []
    assert codes(replace(with_unknown(facts()), complete=True)) == ["incomplete"]


def test_blocked_changes_are_not_counted() -> None:
    stuck = replace(change("proxy.px-1", Action.DELETE), blocked="offline")
    assert codes(with_changes(facts(max_deletes=0), stuck)) == []


def test_the_table_is_sorted_so_that_refusals_are() -> None:
    assert list(GUARDS) == sorted(GUARDS)


@pytest.mark.parametrize(
    ("away", "refused"),
    [
        ({"status": "Offline"}, True),
        ({"status": None}, True),
        ({"status": "Offline", "type": "Strange"}, True),
        ({"status": "Offline", "type": "Domain"}, False),
        ({"status": "Offline", "operatingSystem": "Linux"}, False),
        ({"status": "Online"}, False),
    ],
)
def test_the_certificate_stays_while_a_proxy_would_not_hear_of_the_new_one(away: dict[str, Any], refused: bool) -> None:
    reader = FakeReader({**LIVE, "Proxies": [*LIVE["Proxies"][:2], proxy(3, proxyPoolId="pool-b", **away)]})
    given = with_changes(facts(reader=reader), change("certificate", Action.UPDATE))
    found = list(GUARDS["certificate"](given))
    assert [item.addresses for item in found] == ([("certificate",)] if refused else [])
    assert all("px-3 is not online" in item.detail for item in found)
    assert not list(GUARDS["certificate"](with_changes(given)))


@pytest.mark.parametrize("day", ["Sunday", "mon", "Tue", "Wednesday", "THU", "fri", "Saturday"])
def test_a_window_is_on_its_day_of_the_week(day: str) -> None:
    week = [NOW + timedelta(days=more) for more in range(1, 8)]
    is_on = [is_open(Window(f"{day} 20:30", 1), now) for now in week]
    names = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
    assert is_on == [name == day.lower()[:3] for name in names]


@pytest.mark.parametrize(
    ("owners", "said"),
    [
        ([], ["may belong to another inventory"]),
        ([""], []),
        (["other"], ["belongs to the inventory other"]),
    ],
)
def test_an_adoption_says_whose_the_object_is(owners: list[str], said: list[str]) -> None:
    steps = tuple(AdoptObject(kind="proxy", name="px-1", id="1", owner=owner) for owner in owners)
    found = with_changes(facts(), replace(UPDATE, action=Action.ADOPT, steps=steps))
    assert [item.detail for item in GUARDS["adopt"](found)] == [f"proxy.px-1 {text}" for text in said]
