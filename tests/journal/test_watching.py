"""What `watch` keeps, on SQLite and on PostgreSQL: findings, notices, attempts of automatic changes, counts of runs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from reconciler.journal import ChangeState, Journal, RunState
from reconciler.model.event import Outcome
from reconciler.watching.notices import Channel
from tests.cli.running import inventory
from tests.journal.samples import WHO, ended, key, plan, started
from tests.watching.automatic import Applies, seen
from tests.watching.samples import World, update


def test_attempts_are_those_of_one_operation_with_the_inventory_as_it_is(
    journal: Journal, opened: Callable[[], Journal]
) -> None:
    wanted = inventory()
    for operation, digest in (("watch", wanted.digest), ("apply", wanted.digest), ("watch", "older")):
        document = plan("a", "b", "c")
        document["inventory"]["digest"] = digest
        run = journal.begin(document, WHO, operation=operation)
        started(run, "a")
        ended(run, "a", Outcome.FAILED, detail="no route")
        started(run, "b")
    found = opened().attempts.of("watch", wanted, journal.run(run.id).started - timedelta(days=1))
    assert [(item.key, item.state, item.detail) for item in found] == [
        (key("b"), ChangeState.IN_FLIGHT, ""),
        (key("a"), ChangeState.FAILED, "no route"),
    ]
    assert opened().attempts.of("watch", wanted, journal.run(run.id).started + timedelta(days=1)) == []


def test_runs_are_counted_by_operation_and_state(journal: Journal) -> None:
    for state in (RunState.DONE, RunState.DONE, RunState.FAILED):
        journal.begin(plan("a"), WHO, operation="watch").end(state)
    lock = journal.locks.acquire("vbo", owner="alice", operation="apply")
    journal.begin(plan("a"), WHO, lock=lock)
    assert dict(journal.run_counts("corp")) == {
        ("apply", RunState.RUNNING): 1,
        ("watch", RunState.DONE): 2,
        ("watch", RunState.FAILED): 1,
    }
    lock.release()
    assert journal.run_counts("corp")["apply", RunState.KILLED] == 1
    assert not journal.run_counts("other")


def test_cycles_that_apply_and_notify(place: str, tmp_path: Path) -> None:
    world = World(tmp_path, environment={"VBO_RECONCILE_JOURNAL": place})
    applies = Applies(world)
    throttle = update("proxy.px-1", "throttle")
    for _ in range(4):  # each in a new process, as it were
        world.answers["corp"] = [seen(throttle), seen()] if len(applies.made) < 3 else seen(throttle)
        hook = Channel("json", "https://hooks.example.com/")
        world.watcher("corp", apply=True, applies=applies, channels=(hook,)).cycle()
        world.later(hours=2)
    assert len(applies.made) == 3
    assert world.changes()[:2] == ["opened proxy.px-1 throttle", "resolved proxy.px-1 throttle"]
    assert world.changes().count("opened proxy.px-1 auto-reverted-update") == 1
    assert len({message["id"] for _, message in world.sent}) == len(world.sent)
