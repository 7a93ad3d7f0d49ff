"""Cycles of the watcher with observations made up: ledger in the journal, notices, restarts, failures of everything."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.journal import Journal, JournalError
from reconciler.model.errors import ReconcileError, Unreachable
from reconciler.operations.journals import open_journal
from reconciler.watching.notices import Channel
from tests.watching.samples import World, observed, plan_of, update

HOOK = Channel("json", "https://hooks.example.com/T0K3N")
THROTTLE = observed(plan_of([update("proxy.px-1", "throttle")]))
IN_SYNC = observed(plan_of())
AWAY = Unreachable("vbo01", "connecting", "no route to host")


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_a_difference_is_opened_goes_on_and_is_resolved(world: World) -> None:
    watcher = world.watcher("corp", channels=(HOOK,))
    for answer in (THROTTLE, THROTTLE, THROTTLE, IN_SYNC, IN_SYNC):
        world.answers["corp"] = answer
        watcher.cycle()
        world.later(minutes=5)
    assert world.changes() == ["opened proxy.px-1 throttle", "resolved proxy.px-1 throttle"]
    assert len({message["id"] for _, message in world.sent}) == 2
    assert watcher.states["corp"].open == []


def test_a_restart_opens_nothing_again(world: World) -> None:
    world.answers["corp"] = THROTTLE
    for _ in range(3):
        world.watcher("corp", channels=(HOOK,)).cycle()
        world.later(minutes=5)
    world.answers["corp"] = IN_SYNC
    world.watcher("corp", channels=(HOOK,)).cycle()
    assert world.changes() == ["opened proxy.px-1 throttle", "resolved proxy.px-1 throttle"]


def test_a_server_that_cannot_be_observed_is_one_problem_and_resolves_nothing(world: World) -> None:
    watcher = world.watcher("corp", channels=(HOOK,))
    for answer in (THROTTLE, AWAY, AWAY, THROTTLE):
        world.answers["corp"] = answer
        watcher.cycle()
        world.later(minutes=5)
    assert world.changes() == [
        "opened proxy.px-1 throttle",
        "opened server observation",
        "resolved server observation",
    ]
    state = watcher.states["corp"]
    assert (state.successes, state.failures, state.error) == (2, 2, "")


def test_a_failing_server_stops_no_other(world: World) -> None:
    watcher = world.watcher("corp", "other", channels=(HOOK,))
    world.answers |= {"corp": AWAY, "other": THROTTLE}
    watcher.cycle()
    assert sorted(world.changes()) == ["opened proxy.px-1 throttle", "opened server observation"]
    assert watcher.states["corp"].error.endswith("no route to host")


def test_a_notice_that_is_not_taken_is_sent_again_and_then_no_more(world: World) -> None:
    watcher = world.watcher("corp", channels=(HOOK,))
    world.answers["corp"] = THROTTLE
    world.refuse = lambda _address: ReconcileError("it answered 503")
    watcher.cycle()
    assert (world.sent, watcher.states["corp"].pending_notices) == ([], 1)
    world.refuse = lambda _address: None
    for _ in range(3):
        world.later(minutes=5)
        watcher.cycle()
    assert world.changes() == ["opened proxy.px-1 throttle"]
    assert watcher.states["corp"].pending_notices == 0


def test_each_channel_gets_what_another_did_not_take(world: World) -> None:
    other = Channel("json", "https://other.example.com/")
    watcher = world.watcher("corp", channels=(HOOK, other))
    world.answers["corp"] = THROTTLE
    world.refuse = lambda address: ReconcileError("no") if address == other.address else None
    watcher.cycle()
    world.refuse = lambda _address: None
    world.later(minutes=5)
    watcher.cycle()
    assert [address for address, _ in world.sent] == [HOOK.address, other.address]


def test_a_notice_that_was_sent_and_not_recorded_is_sent_with_the_same_id(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    watcher = world.watcher("corp", channels=(HOOK,))
    world.answers["corp"] = THROTTLE

    def full(*_: object) -> None:
        raise JournalError("no space left on the device")

    with monkeypatch.context() as patched:
        patched.setattr("reconciler.journal.outbox.Outbox.sent", full)
        watcher.cycle()
    assert watcher.states["corp"].journal_error
    world.later(minutes=5)
    watcher.cycle()
    assert world.changes() == ["opened proxy.px-1 throttle"] * 2
    assert len({message["id"] for _, message in world.sent}) == 1


def test_a_journal_that_is_lost_and_back_loses_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    watcher = world.watcher("corp", channels=(HOOK,))
    world.answers["corp"] = THROTTLE

    def gone(*_: object, **__: object) -> Journal:
        raise JournalError("no connection")

    with monkeypatch.context() as patched:
        patched.setattr("reconciler.watching.watcher.open_journal", gone)
        watcher.cycle()
        world.later(minutes=5)
        watcher.cycle()
    assert (world.sent, watcher.states["corp"].journal_error) == ([], "no connection")
    assert world.lines.count("corp: no connection") == 1
    watcher.cycle()
    assert (world.changes(), watcher.states["corp"].journal_error) == (["opened proxy.px-1 throttle"], "")


def test_two_watchers_of_one_server_notify_once(world: World) -> None:
    one, two = world.watcher("corp", channels=(HOOK,)), world.watcher("corp", channels=(HOOK,))
    for answer in (THROTTLE, IN_SYNC):
        world.answers["corp"] = answer
        one.cycle()
        two.cycle()
        world.later(minutes=5)
    assert world.changes() == ["opened proxy.px-1 throttle", "resolved proxy.px-1 throttle"]


def test_the_journal_keeps_the_latest_observations(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reconciler.journal.findings.KEPT", 3)
    watcher = world.watcher("corp")
    for _ in range(5):
        watcher.cycle()
        world.later(minutes=5)
    with open_journal(world.runtime) as journal:
        kept = journal.findings.observations("corp", 1000)
    assert len(kept) == 3
    assert kept[0].started > kept[-1].started
