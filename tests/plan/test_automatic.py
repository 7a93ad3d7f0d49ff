"""What `policy.auto` allows of a plan: never what destroys, nothing that needs something else, nothing by default."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from reconciler.model.inventory import AutomaticRule, Inventory, Policy, Resource, Window
from reconciler.model.live import Live
from reconciler.model.plan import Action, Cause, Change, FieldChange, Reason
from reconciler.plan.automatic import permitted, refusals
from tests.cli.running import SERVER, inventory
from tests.watching.samples import plan_of

SATURDAY = datetime(2026, 3, 7, 21, 0, tzinfo=UTC)
EVERYTHING = AutomaticRule(("create", "update", "upgrade", "run"), ("*",))


def change(where: str, action: Action = Action.UPDATE, path: str = "throttle", **more: Any) -> Change:
    return Change(where, action, (FieldChange(path, 1, 2),), Cause(Reason.DRIFT), **more)


def keys(
    *changes: Change, rules: tuple[AutomaticRule, ...] = (EVERYTHING,), without: tuple[str, ...] = (), **more: Inventory
) -> list[str]:
    wanted = replace(more.get("wanted", inventory()), policy=Policy(automatic=rules))
    return [item.key for item in permitted(plan_of(changes), wanted, SATURDAY, without=without)]


def test_nothing_is_automatic_by_default() -> None:
    assert keys(change("smtp"), rules=()) == []


@pytest.mark.parametrize("action", Action)
def test_what_destroys_or_takes_over_is_never_automatic(action: Action) -> None:
    made = keys(change("proxy.px-1", action), rules=(AutomaticRule(tuple(Action), ("*",)),))
    assert bool(made) == (action in (Action.CREATE, Action.UPDATE, Action.UPGRADE, Action.RUN))


def test_a_rule_is_for_its_actions_at_its_addresses() -> None:
    rules = (AutomaticRule(("update",), ("smtp", "job.*")), AutomaticRule(("upgrade",), ("proxy.px-1",)))
    changes = [change("smtp"), change("job.a", Action.CREATE), change("job.b"), change("proxy.px-1")]
    changes += [change("proxy.px-1", Action.UPGRADE), change("proxy.px-2", Action.UPGRADE)]
    assert keys(*changes, rules=rules) == ["update:smtp", "update:job.b", "upgrade:proxy.px-1"]


@pytest.mark.parametrize(("begin", "made"), [("Sat 20:00", ["update:smtp"]), ("Sat 22:00", []), ("Sun 20:00", [])])
def test_a_rule_is_for_its_windows(begin: str, made: list[str]) -> None:
    assert keys(change("smtp"), rules=(AutomaticRule(("update",), ("*",), (Window(begin, 8),)),)) == made


def test_a_window_that_cannot_be_computed_is_closed() -> None:
    assert keys(change("smtp"), rules=(AutomaticRule(("update",), ("*",), (Window("20:00", 8, "No/Where"),)),)) == []


def test_what_needs_a_change_that_is_not_made_is_not_made() -> None:
    first = change("proxy.px-1", Action.CREATE)
    second = change("repository.a", Action.CREATE, depends_on=(first.key,))
    third = change("job.a", Action.CREATE, depends_on=(second.key,))
    rules = (AutomaticRule(("create",), ("repository.*", "job.*")),)
    assert keys(first, second, third, rules=rules) == []
    assert keys(first, second, third, change("smtp"), without=(second.key,)) == [first.key, "update:smtp"]
    assert keys(first, second, third) == [first.key, second.key, third.key]


def test_what_decides_which_backups_are_deleted_is_left_to_a_person() -> None:
    assert keys(change("repository.a", path="retention.keep"), change("repository.b", path="description")) == [
        "update:repository.b"
    ]
    assert keys(change("repository.a", path="object_storage.immutability_days")) == []
    assert keys(change("repository.a", Action.CREATE, path="retention.keep")) == ["create:repository.a"]


def test_a_blocked_change_is_not_made() -> None:
    assert keys(change("smtp", blocked="the server does not answer")) == []


def test_maintenance_mode_that_an_interrupted_apply_left_is_cleared() -> None:
    rules = (AutomaticRule(("upgrade",), ("proxy.*",)),)
    assert keys(change("proxy.px-1", path="maintenance"), change("proxy.px-2"), rules=rules) == ["update:proxy.px-1"]


def test_a_job_that_every_apply_starts_is_started_by_none_of_these() -> None:
    jobs = [Resource("job", name, {"name": name, "run": run}) for name, run in (("a", "always"), ("b", "on-change"))]
    wanted = replace(inventory(), resources={job.address: job for job in jobs})
    assert keys(change("job.a", Action.RUN), change("job.b", Action.RUN), wanted=wanted) == ["run:job.b"]


def test_guards_judge_exactly_what_would_be_made() -> None:
    wanted = replace(inventory(), policy=Policy(max_changes=1, automatic=(EVERYTHING,)))
    two = [change("pool.a"), change("pool.b")]
    plan = plan_of(two)
    world = Live(SERVER, {}, {}, {})
    assert refusals(plan, two[:1], wanted, world, SATURDAY) == ()
    assert [item.code for item in refusals(plan, two, wanted, world, SATURDAY)] == ["max-changes"]
