"""The lock on the management server, and the journal: what `apply` and `jobs run` do where either is not to be had."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.apply.steps import RUN
from reconciler.journal import ChangeState, HeldLock, Journal, JournalError, RunState
from reconciler.journal.run_recorder import WriteQueue
from reconciler.journal.store import Store
from reconciler.model.plan import Action, Cause, Change, Plan, Reason
from reconciler.model.steps import RunJob
from tests.cli.running import SERVER, FakeLab, FakeWorld, call, install, inventory


def change(name: str, *needs: str) -> Change:
    keys = tuple(f"create:job.{need}" for need in needs)
    return Change(f"job.{name}", Action.CREATE, (), Cause(Reason.INVENTORY), (RunJob(name=name),), keys)


def plan(*changes: Change) -> Plan:
    return Plan("corp", "0", SERVER, changes)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal.open(tmp_path / "journal.db") as opened:
        yield opened


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, journal: Journal) -> FakeWorld:
    """Two jobs are to be made, one after the other."""
    made = FakeWorld([plan(change("daily"), change("weekly", "daily")), plan()], inventory("daily", "weekly"))
    made.journal = journal
    install(monkeypatch, made)
    return made


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of jobs, as they are made."""
    done: list[str] = []

    def do(context: Any, step: Any, report: Callable[[str], None]) -> None:
        done.append(step.name)

    monkeypatch.setitem(RUN, "job.run", do)
    return done


def take(journal: Journal, **more: Any) -> HeldLock:
    return journal.locks.acquire("vbo01.corp.example.com", owner="alice@ci-7", operation="apply", run="R1", **more)


def test_an_apply_is_written_from_its_plan_to_its_end(world: FakeWorld, journal: Journal, steps: list[str]) -> None:
    ended = call("apply", "x.yml", "--auto-approve", "--format", "json")
    assert ended.code == 0
    (run,) = journal.runs()
    assert run.id == json.loads(ended.out)["run"]
    assert run.state is RunState.DONE
    assert run.counts[ChangeState.DONE] == 2
    changes = journal.run(run.id).changes
    assert [(item.address, [step.text for step in item.steps]) for item in changes] == [
        ("job.daily", ["run job daily"]),
        ("job.weekly", ["run job weekly"]),
    ]
    assert journal.locks.list() == []


def test_nothing_to_do_is_no_run(world: FakeWorld, journal: Journal) -> None:
    world.plans = [plan()]
    assert call("apply", "x.yml", "--auto-approve").code == 0
    assert journal.runs() == []
    assert journal.locks.list() == []


@pytest.mark.parametrize("command", [["apply", "x.yml", "--auto-approve"], ["jobs", "run", "daily", "x.yml"]])
def test_a_lock_of_somebody_else_is_6_before_anything_is_looked_at(
    world: FakeWorld, journal: Journal, steps: list[str], command: list[str]
) -> None:
    with take(journal) as lock:
        ended = call(*command)
    assert ended.code == 6
    assert "vbo01.corp.example.com is locked by alice@ci-7 (apply, run R1) since " in ended.err
    assert f"vbo-reconcile lock break {lock.id}" in ended.err
    assert (world.looks, world.wrote, steps) == ([], [], [])


def test_in_the_lab_the_lock_to_break_is_the_one_of_the_lab(world: FakeWorld, journal: Journal) -> None:
    world.lab = FakeLab()
    with take(journal) as lock:
        ended = call("apply", "x.yml", "--auto-approve", "--lab")
    assert f"vbo-reconcile lock break {lock.id} --lab --inventory " in ended.err


def test_a_lock_is_waited_for(world: FakeWorld, journal: Journal, steps: list[str]) -> None:
    lock = take(journal, lease=0.5)
    lock._over.set()  # its owner is dead and does not renew it
    lock._thread.join()
    ended = call("apply", "x.yml", "--auto-approve", "--lock-wait", "20")
    assert ended.code == 0
    assert "Waiting for alice@ci-7 (apply, run R1)" in ended.err
    assert "Took over the lock of alice@ci-7" in ended.err
    assert steps == ["daily", "weekly"]


def test_a_broken_lock_ends_the_run_before_its_next_step(
    world: FakeWorld, journal: Journal, steps: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def do(context: Any, step: Any, report: Callable[[str], None]) -> None:
        steps.append(step.name)
        (holder,) = journal.locks.list()
        journal.locks.break_(holder.id)

    monkeypatch.setitem(RUN, "job.run", do)
    ended = call("apply", "x.yml", "--auto-approve")
    assert ended.code == 6
    assert steps == ["daily"]
    assert "The lock is lost" in ended.err
    assert "vbo-reconcile lock list" in ended.err
    assert "Applied: 1 done, 0 failed, 0 skipped, 1 not started.\n" in ended.out
    (run,) = journal.runs()
    assert run.state is RunState.FAILED
    assert journal.run(run.id).changes[1].steps == ()


def test_a_journal_that_fails_ends_the_run_before_its_next_step(
    world: FakeWorld, journal: Journal, steps: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    flush = WriteQueue.flush

    def full(queue: WriteQueue) -> None:
        if steps:
            raise JournalError("The journal cannot be written: no space left (/s/journal.db)", hint="Free it")
        flush(queue)

    monkeypatch.setattr(WriteQueue, "flush", full)
    ended = call("apply", "x.yml", "--auto-approve", "--format", "json")
    assert ended.code == 1
    assert steps == ["daily"]
    assert ended.err.count("no space left (/s/journal.db)\n") == 1
    data = json.loads(ended.out)
    assert {item["address"]: item["outcome"] for item in data["outcomes"]} == {
        "job.daily": "done",
        "job.weekly": "not started",
    }
    assert [item["code"] for item in data["diagnostics"]] == ["journal-failed"]


def test_a_journal_that_takes_nothing_any_more_is_reported_once(
    world: FakeWorld, journal: Journal, steps: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lock cannot be released either: its lease expires."""
    write = Store.write

    def full(store: Store, work: Any) -> Any:
        if steps:
            raise JournalError("The journal cannot be written: no space left (/s/journal.db)", hint="Free it")
        return write(store, work)

    monkeypatch.setattr(Store, "write", full)
    ended = call("apply", "x.yml", "--auto-approve")
    assert ended.code == 1
    assert ended.err.count("no space left (/s/journal.db)") == 1
    assert "Applied: 1 done" in ended.out
    assert [holder.operation for holder in journal.locks.list()] == ["apply"]


def test_a_journal_that_fails_at_once_lets_nothing_begin(
    world: FakeWorld, journal: Journal, steps: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_args: Any, **_more: Any) -> None:
        raise JournalError("The journal cannot be written: it is read-only (/s/journal.db)")

    monkeypatch.setattr(Journal, "begin", refuse)
    ended = call("apply", "x.yml", "--auto-approve")
    assert ended.code == 1
    assert "it is read-only (/s/journal.db)" in ended.err
    assert steps == []
    assert journal.locks.list() == []
