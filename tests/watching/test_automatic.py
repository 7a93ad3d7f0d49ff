"""Cycles with `--apply`: what is made, what is left, and what is said about it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.journal import Holder, LockHeld
from reconciler.model.errors import Unreachable
from reconciler.model.event import Outcome
from reconciler.model.inventory import Policy
from reconciler.plan.document import change_to_json
from reconciler.watching.notices import Channel
from reconciler.watching.watcher import Watcher
from tests.watching.automatic import RULES, Applies, seen, write_run
from tests.watching.samples import NOON, World, update

HOOK = Channel("json", "https://hooks.example.com/")
THROTTLE = update("proxy.px-1", "throttle")
MAIL = update("smtp", "to")
KEY = str(THROTTLE.key)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def watching(world: World, applies: Applies, **options: object) -> Watcher:
    return world.watcher("corp", channels=(HOOK,), applies=applies, **{"apply": True, **options})


def test_what_is_allowed_is_made_and_looked_at_again(world: World) -> None:
    applies = Applies(world)
    watcher = watching(world, applies)
    world.answers["corp"] = [seen(THROTTLE, MAIL), seen(MAIL), seen(MAIL)]
    watcher.cycle()
    world.later(minutes=5)
    watcher.cycle()
    assert applies.made == [[KEY]]
    assert world.changes() == ["opened proxy.px-1 throttle", "opened smtp to", "resolved proxy.px-1 throttle"]
    assert [run.operation for run in watcher.states["corp"].runs] == ["watch"]


def test_without_the_option_nothing_is_made(world: World) -> None:
    applies = Applies(world)
    world.answers["corp"] = seen(THROTTLE)
    watching(world, applies, apply=False).cycle()
    assert applies.made == []


def test_without_a_rule_nothing_is_made(world: World) -> None:
    applies = Applies(world)
    world.answers["corp"] = seen(THROTTLE, rules=())
    watching(world, applies).cycle()
    assert applies.made == []


def test_known_drift_is_left(world: World) -> None:
    applies = Applies(world)
    other = update("proxy.px-2", "throttle")
    world.answers["corp"] = [seen(other, accepted=[THROTTLE]), seen(accepted=[THROTTLE])]
    watching(world, applies).cycle()
    assert applies.made == [[str(other.key)]]


def test_a_change_that_fails_is_not_tried_every_cycle_and_becomes_a_finding(world: World) -> None:
    applies = Applies(world, ends=Outcome.FAILED)
    watcher = watching(world, applies)
    world.answers["corp"] = seen(THROTTLE)
    for _ in range(24):
        watcher.cycle()
        world.later(minutes=5)
    assert applies.made == [[KEY]] * 3
    assert world.changes() == ["opened proxy.px-1 throttle", "opened proxy.px-1 auto-failed-update"]
    world.answers["corp"] = seen()
    watcher.cycle()
    assert "resolved proxy.px-1 auto-failed-update" in world.changes()


def test_an_edited_inventory_is_tried_at_once(world: World) -> None:
    applies = Applies(world, ends=Outcome.FAILED)
    watcher = watching(world, applies)
    world.answers["corp"] = seen(THROTTLE)
    watcher.cycle()
    edited = seen(THROTTLE)
    world.answers["corp"] = replace(edited, inventory=replace(edited.inventory, digest="edited"))
    watcher.cycle()
    assert applies.made == [[KEY]] * 2


def test_what_something_changes_back_is_made_three_times_a_day(world: World) -> None:
    applies = Applies(world)
    watcher = watching(world, applies)
    for _ in range(6):
        world.answers["corp"] = [seen(THROTTLE), seen()] if len(applies.made) < 3 else seen(THROTTLE)
        watcher.cycle()
        world.later(hours=1)
    assert applies.made == [[KEY]] * 3
    assert world.changes().count("opened proxy.px-1 auto-reverted-update") == 1


def test_an_interrupted_apply_of_a_person_is_left_to_that_person(world: World) -> None:
    applies = Applies(world)
    write_run(world, [change_to_json(THROTTLE)], "0", None, "apply")
    watcher = watching(world, applies)
    other = update("proxy.px-2", "throttle")
    world.answers["corp"] = seen(THROTTLE, other)
    watcher.cycle()
    assert applies.made == [[str(other.key)]]
    assert "opened server auto-left" in world.changes()
    world.later(minutes=5)
    write_run(world, [change_to_json(THROTTLE)], "0", Outcome.DONE, "apply")
    watcher.cycle()
    assert applies.made[-1] == [KEY, str(other.key)]
    assert "resolved server auto-left" in world.changes()


def test_a_guard_that_would_refuse_is_a_finding_and_no_apply(world: World) -> None:
    applies = Applies(world)
    found = seen(THROTTLE)
    policy = Policy(max_changes=0, automatic=RULES)
    world.answers["corp"] = replace(found, inventory=replace(found.inventory, policy=policy))
    watching(world, applies).cycle()
    assert applies.made == []
    assert "opened server auto-refused-max-changes" in world.changes()


def test_another_run_is_waited_for_without_a_word_to_the_receivers(world: World) -> None:
    holder = Holder("1", "k", "vbo", "alice@ci", "apply", "01", NOON, NOON, NOON, "", 30)
    applies = Applies(world, error=LockHeld(holder))
    watcher = watching(world, applies)
    world.answers["corp"] = seen(THROTTLE)
    watcher.cycle()
    watcher.cycle()
    assert len(applies.made) == 2
    assert world.changes() == ["opened proxy.px-1 throttle"]
    assert watcher.states["corp"].error == ""


def test_an_apply_that_ends_with_an_error_is_one_finding_also_after_a_restart(world: World) -> None:
    applies = Applies(world, error=Unreachable("vbo01", "connecting", "no route"))
    world.answers["corp"] = seen(THROTTLE)
    for _ in range(3):
        watching(world, applies).cycle()
        world.later(minutes=5)
    assert world.changes() == ["opened proxy.px-1 throttle", "opened server auto-apply"]
    applies.error = None
    world.answers["corp"] = [seen(THROTTLE), seen()]
    watching(world, applies).cycle()
    assert world.changes()[2:] == ["resolved proxy.px-1 throttle", "resolved server auto-apply"]


def test_nothing_is_made_while_the_server_cannot_be_observed(world: World) -> None:
    applies = Applies(world)
    watcher = watching(world, applies)
    world.answers["corp"] = Unreachable("vbo01", "connecting", "no route")
    watcher.cycle()
    assert applies.made == []
