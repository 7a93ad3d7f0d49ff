"""The lock: one at a time, leases, and what becomes of an owner who lost it."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from reconciler.journal import Holder, Journal, JournalError, LeaseLost, LockHeld, NotInJournal, RunState
from reconciler.journal.lock import HeldLock, Locks
from reconciler.journal.process import this_process
from reconciler.journal.tables import locks as table
from reconciler.model.event import StepDone, StepStarted
from reconciler.timing import utc_now
from tests.journal.cluster import Cluster
from tests.journal.processes import contender, lines
from tests.journal.samples import WHO, counted, key, plan, started

Opened = Callable[[], Journal]


def still_held(lock: HeldLock) -> None:
    """Raises LeaseLost if it is not."""
    lock.renew()
    lock.raise_if_lost()


class Waiting:
    """A clock of seconds, and a sleep that only moves it; `then` is done at each sleep."""

    def __init__(self, then: Callable[[], object] = lambda: None) -> None:
        self.now = 0.0
        self.pauses: list[float] = []
        self.then = then

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds
        self.then()


def patient(journal: Journal, waiting: Waiting) -> Locks:
    return Locks(journal.store, counted("P"), sleep=waiting.sleep, ticks=waiting)


def take(journal: Journal, lease: float = 60.0) -> HeldLock:
    return journal.locks.acquire("vbo01", owner="alice@ci-7", operation="apply", run="R1", lease=lease)


def expire(journal: Journal, lock: HeldLock) -> None:
    """As if its lease had run out a second ago."""
    past = {"expires": journal.store.moment(-1.0)}
    journal.store.write(lambda connection: connection.execute(update(table).where(table.c.id == lock.id).values(past)))


def test_one_server_by_two_names_is_one_lock(journal: Journal, opened: Opened) -> None:
    def under(name: str, at: Journal) -> HeldLock:
        return at.locks.acquire(name, key="an installation", owner="alice@ci-7", operation="apply")

    with under("vbo01", journal) as lock, pytest.raises(LockHeld) as held:
        under("vbo01.corp.example.com", opened())
    assert (held.value.holder.id, held.value.holder.name) == (lock.id, "vbo01")
    under("vbo01.corp.example.com", opened()).release()


def test_a_run_that_began_before_the_server_showed_its_installation_is_waited_for(
    journal: Journal, opened: Opened
) -> None:
    def after(at: Locks, **more: Any) -> HeldLock:
        return at.acquire("vbo01", key="an installation", also="vbo01", owner="bob", operation="apply", **more)

    first = take(journal)
    with pytest.raises(LockHeld) as held:
        after(opened().locks)
    assert held.value.holder.id == first.id
    shown = opened().locks.held("an installation", "vbo01")
    assert shown is not None
    assert shown.id == first.id
    waiting = Waiting(lambda: first.release() if len(waiting.pauses) == 2 else None)
    with after(patient(opened(), waiting), timeout=60) as second:
        assert [holder.id for holder in journal.locks.list()] == [second.id]
    late = take(journal)
    expire(journal, late)
    with after(opened().locks) as third:
        assert third.before is not None
        assert third.before.id == late.id
        assert [holder.id for holder in journal.locks.list()] == [third.id]
        late.renew()  # its process lives, and was only late
        assert late.lost.is_set()


def test_a_process_that_stood_still_asks_whether_the_lock_is_still_its_own(journal: Journal, opened: Opened) -> None:
    """Right before it changes something, once the lease may have expired; before that it need not ask."""
    waiting = Waiting()
    first = take(journal)
    first.lost.set()  # its thread asks no more
    late = HeldLock(journal.store, first.holder, 60.0, ticks=waiting)
    waiting.now = 59.0
    expire(journal, late)
    late.check()
    waiting.now = 61.0
    late.check()  # no other run took it: it is renewed
    assert opened().locks.held("vbo01") is not None
    expire(journal, late)
    other = take(opened())
    waiting.now = 122.0
    with pytest.raises(LeaseLost, match="another run took it over"):
        late.check()
    other.release()


def test_one_that_is_renewed_before_it_is_taken_over_is_waited_for(journal: Journal, opened: Opened) -> None:
    late = take(journal)
    expire(journal, late)
    at = opened()
    write = at.store.write
    tries: list[Any] = []

    def slow(work: Any) -> Any:
        if not tries:
            late.renew()
        tries.append(work)
        return write(work)

    at.store.write = slow  # type: ignore[method-assign]
    with pytest.raises(LockHeld) as held:
        at.locks.acquire("vbo01", key="an installation", also="vbo01", owner="bob", operation="apply")
    assert held.value.holder.id == late.id
    assert [holder.id for holder in journal.locks.list()] == [late.id]
    still_held(late)


def test_who_holds_it_can_be_listed(journal: Journal, opened: Opened) -> None:
    with take(journal) as lock:
        [holder] = opened().locks.list()
        assert (holder.id, holder.name, holder.owner) == (lock.id, "vbo01", "alice@ci-7")
        assert (holder.operation, holder.run, holder.expired) == ("apply", "R1", False)
        assert holder.created <= holder.renewed
        assert holder.expires > holder.created
        still_held(lock)
    assert opened().locks.list() == []


def test_a_second_one_is_told_whose_it_is(journal: Journal, opened: Opened) -> None:
    with take(journal) as lock, pytest.raises(LockHeld, match=r"vbo01 is locked by alice@ci-7 \(apply, run R1\)") as it:
        take(opened())
    assert it.value.holder.id == lock.id
    assert f"vbo-reconcile lock break {lock.id}" in it.value.hint


def test_waiting_ends_when_it_is_released(journal: Journal, opened: Opened) -> None:
    first = take(journal)
    answer: list[Holder] = []
    waiting = Waiting(lambda: first.release() if len(waiting.pauses) == 3 else None)
    locks = patient(opened(), waiting)
    with locks.acquire("vbo01", owner="bob", operation="apply", timeout=60, waiting=answer.append) as second:
        assert len(waiting.pauses) == 3
        assert [holder.id for holder in answer] == [first.id]
        assert second.before is None


def test_waiting_ends_when_the_time_is_over(journal: Journal, opened: Opened) -> None:
    waiting = Waiting()
    with take(journal), pytest.raises(LockHeld):
        patient(opened(), waiting).acquire("vbo01", owner="bob", operation="apply", timeout=30)
    assert waiting.now == pytest.approx(30)
    assert max(waiting.pauses) <= 5


def test_different_servers_do_not_wait_for_each_other(journal: Journal, opened: Opened) -> None:
    other = opened()
    with take(journal), other.locks.acquire("vbo02", owner="bob", operation="apply"):
        assert [holder.name for holder in journal.locks.list()] == ["vbo01", "vbo02"]


def test_an_expired_lease_is_taken_over(journal: Journal, opened: Opened) -> None:
    dead = take(journal)
    expire(journal, dead)
    assert [holder.expired for holder in journal.locks.list()] == [True]
    with take(opened()) as lock:
        assert lock.before is not None
        assert (lock.before.id, lock.before.run) == (dead.id, "R1")
        with pytest.raises(LeaseLost, match="The lock of vbo01 is lost: it was broken, or it expired"):
            still_held(dead)
        assert dead.lost.is_set()
        dead.release()
        assert [holder.id for holder in journal.locks.list()] == [lock.id]


def test_an_expired_lease_that_nobody_took_goes_on(journal: Journal) -> None:
    with take(journal) as lock:
        expire(journal, lock)
        still_held(lock)
        assert not lock.lost.is_set()
        assert [holder.expired for holder in journal.locks.list()] == [False]


def test_the_lease_is_renewed_in_the_background(journal: Journal) -> None:
    with take(journal, lease=0.3) as lock:
        [first] = journal.locks.list()
        while journal.locks.list()[0].renewed == first.renewed:
            time.sleep(0.02)
        still_held(lock)


def test_a_broken_lock_stops_the_run_before_its_next_step(journal: Journal, opened: Opened) -> None:
    lock = take(journal)
    run = journal.begin(plan("a"), WHO, lock=lock)
    started(run, "a")
    assert opened().locks.break_(lock.id).owner == "alice@ci-7"
    run.listen(StepDone(key("a"), 0, "step 0", 0.5))
    with pytest.raises(LeaseLost) as lost:
        run.permit(StepStarted(key("a"), 1, "step 1"))
    assert lost.value.code == "lease-lost"
    assert lock.lost.is_set()
    [step] = journal.run(run.id).changes[0].steps
    assert step.ended is not None, "step 1 was never begun"
    with pytest.raises(LeaseLost):
        run.permit(StepStarted(key("a"), 1, "step 1"))
    lock.release()


def test_a_run_that_lost_its_lock_during_its_last_step_says_so_at_its_end(journal: Journal, opened: Opened) -> None:
    """Another run works since then: what this one verifies is in motion."""
    lock = take(journal)
    run = journal.begin(plan("a"), WHO, lock=lock)
    started(run, "a")
    opened().locks.break_(lock.id)
    with pytest.raises(LeaseLost):
        run.end(RunState.DONE)
    assert journal.run(run.id).state is RunState.DONE
    lock.release()


def test_after_its_lock_is_lost_a_run_changes_nothing_of_what_is_recorded_as_applied(
    journal: Journal, opened: Opened
) -> None:
    """The next run recorded which jobs are due, and its end says which of them have a result."""
    lock = take(journal)
    state = journal.applied_state.under(lock)
    state.remember("i1/corp", {"job.a": {"run": "pending"}})
    expire(journal, lock)
    state.remember("i1/corp", {"job.b": {"run": "pending"}})  # no run took it over, so it is held again
    still_held(lock)
    opened().locks.break_(lock.id)
    with pytest.raises(LeaseLost):
        state.forget("i1/corp", "job.a")
    with pytest.raises(LeaseLost):
        state.remember("i1/corp", {"job.b": {}})
    assert journal.applied_state.recall("i1/corp") == {"job.a": {"run": "pending"}, "job.b": {"run": "pending"}}
    lock.release()


def test_every_commit_of_a_run_renews_its_lease(journal: Journal) -> None:
    with take(journal) as lock:
        run = journal.begin(plan("a"), WHO, lock=lock)
        expire(journal, lock)
        started(run, "a")
        assert [holder.expired for holder in journal.locks.list()] == [False]


def test_a_lock_that_is_not_there_cannot_be_broken(journal: Journal) -> None:
    with pytest.raises(NotInJournal, match="The journal has no lock 'A99'"):
        journal.locks.break_("A99")


def test_a_lease_that_cannot_be_renewed_is_lost_in_the_end(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_connection(work: object) -> None:
        raise JournalError("no connection")

    lock = take(journal, lease=0.05)
    with monkeypatch.context() as broken:
        broken.setattr(journal.store, "write", no_connection)
        assert lock.lost.wait(30)
    with pytest.raises(LeaseLost, match=r"could not be renewed in time \(no connection\)"):
        still_held(lock)
    lock.release()


def test_a_step_is_not_begun_where_nobody_can_say_whose_lock_it_is(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_connection(work: object) -> None:
        raise JournalError("no connection")

    with take(journal) as lock, monkeypatch.context() as broken:
        broken.setattr(journal.store, "write", no_connection)
        with pytest.raises(JournalError, match="no connection"):
            still_held(lock)


def test_giving_it_back_does_not_hide_what_went_wrong(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_connection(work: object) -> None:
        raise JournalError("no connection")

    def fail() -> None:
        with monkeypatch.context() as broken, take(journal):
            broken.setattr(journal.store, "write", no_connection)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with pytest.raises(LockHeld):
        take(journal)


def test_machines_whose_clocks_differ_agree_where_there_is_a_server(cluster: Cluster) -> None:
    place = cluster.url()
    with (
        Journal.open(place) as here,
        Journal.open(place, clock=lambda: utc_now() + timedelta(days=1)) as there,
        take(here) as lock,
    ):
        with pytest.raises(LockHeld):
            take(there)
        assert [holder.id for holder in there.locks.list()] == [lock.id]


def test_a_clock_that_is_set_back_leaves_one_lease(tmp_path: Path) -> None:
    """The lock of an owner that was killed before: its lease does not last until that time comes again."""
    now = utc_now()
    file = tmp_path / "journal.db"
    ahead = Journal.open(file, clock=lambda: now + timedelta(days=2))
    with ahead as before, Journal.open(file, clock=lambda: now) as after:
        dead = take(before)
        with pytest.raises(LockHeld, match="vbo01") as caught:
            take(after)
        assert "expires in 60 s" in caught.value.hint
        assert [holder.remaining for holder in after.locks.list()] == [60.0]
        now += timedelta(seconds=61)
        with take(after) as lock:
            assert lock.before is not None
            assert lock.before.id == dead.id
        dead.release()


@pytest.mark.matrix
def test_eight_processes_are_inside_one_after_the_other(place: str, tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.touch()
    log.with_suffix(".count").write_text("0")
    with contender("contend", place, str(log), "8", "3") as others:
        assert list(lines(others)) == [" ".join("0" * 8)]
    marks = [line.split() for line in log.read_text().splitlines()]
    assert [word for word, _ in marks] == ["in", "out"] * 24
    assert [one for _, one in marks[::2]] == [one for _, one in marks[1::2]]
    assert len({one for _, one in marks}) == 24
    assert log.with_suffix(".count").read_text() == "24"


def test_the_lock_of_a_killed_owner_ends_with_its_lease(place: str) -> None:
    with Journal.open(place) as journal:
        with contender("hold", place, "0.5") as owner:
            dead = next(lines(owner))
            with pytest.raises(LockHeld):
                take(journal)
        with journal.locks.acquire("vbo01", owner="bob", operation="apply", timeout=60) as lock:
            assert lock.before is not None
            assert lock.before.id == dead


def held_by(journal: Journal, lock: HeldLock, process: str) -> None:
    row = {"process": process}
    journal.store.write(lambda connection: connection.execute(update(table).where(table.c.id == lock.id).values(row)))


def test_the_lock_of_a_process_that_is_gone_is_taken_over_at_once(journal: Journal, opened: Opened) -> None:
    """The same number with another start is another process."""
    dead = take(journal)
    machine, pid, start = this_process().split(" ")
    held_by(journal, dead, f"{machine} {pid} {int(start) + 1}")
    with take(opened()) as lock:
        assert lock.before is not None
        assert (lock.before.id, lock.before.expired) == (dead.id, False)
    with pytest.raises(LeaseLost):
        still_held(dead)


@pytest.mark.parametrize("process", ["", "another-boot/pid:[1] 1 1", "{machine} 1", "{machine} x 1", "{this}"])
def test_the_lock_of_a_process_that_may_run_is_waited_for(journal: Journal, opened: Opened, process: str) -> None:
    with take(journal) as lock:
        held_by(journal, lock, process.format(machine=this_process().split(" ")[0], this=this_process()))
        with pytest.raises(LockHeld):
            take(opened())
