"""`apply` and what follows from it, called from Python in the lab."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from reconciler.journal import ChangeState, NotInJournal, RunState
from reconciler.model.event import ChangeEnded, Event, Listener, Stopping
from reconciler.model.plan import Plan
from reconciler.operations import (
    ApplyOptions,
    ApprovalRequired,
    InvalidOption,
    JournalOptions,
    PlanOptions,
    PlanResult,
    Selection,
    Status,
    StopSignal,
    apply,
    break_lock,
    list_locks,
    list_runs,
    plan,
    show_run,
)
from reconciler.operations.events import Message, Planned, Verified
from tests.operations.conftest import Estate

LAB = ApplyOptions(lab=True)


def test_events_come_in_the_order_of_the_work(applied: Estate) -> None:
    assert applied.notices == ["InventoryLoaded", "Planned", "Executed", "Verified", "Finished"]
    ended = [event for event in applied.events if isinstance(event, ChangeEnded)]
    (planned,) = [event for event in applied.events if isinstance(event, Planned)]
    assert {event.key for event in ended} == {change.key for change in planned.result.plan.changes}
    assert [event.document for event in applied.events if isinstance(event, Verified)] == [None]


def test_a_second_apply_executes_nothing(estate: Estate) -> None:
    result = apply(estate.file, LAB, estate.runtime, approve=lambda _: pytest.fail("there is nothing to approve"))
    assert (result.status, result.run, result.execution, result.after) == (Status.OK, "", None, None)
    assert estate.notices == ["InventoryLoaded", "Planned", "Finished"]


def test_an_apply_that_is_not_approved_changes_nothing(changed: Estate) -> None:
    asked: list[PlanResult] = []

    def refuse(planned: PlanResult) -> bool:
        asked.append(planned)
        return False

    result = apply(changed.file, LAB, changed.runtime, approve=refuse)
    assert (result.status, result.planned) == (Status.REFUSED, asked[0])
    assert plan(changed.file, PlanOptions(lab=True), changed.runtime).status is Status.PENDING


def test_an_inventory_needs_a_way_to_approve(changed: Estate) -> None:
    with pytest.raises(ApprovalRequired):
        apply(changed.file, LAB, changed.runtime)
    assert "Planned" not in changed.notices


def test_a_saved_plan_is_approved_and_is_stale_once_applied(changed: Estate) -> None:
    file = changed.folder / "plan.json"
    plan(changed.file, PlanOptions(lab=True, save_to=file), changed.runtime)
    options = replace(LAB, inventory=changed.file)
    assert apply(file, options, changed.runtime).status is Status.OK
    again = apply(file, options, changed.runtime)
    assert again.planned.checked
    assert again.execution is None


def test_a_saved_plan_is_applied_as_a_whole(changed: Estate) -> None:
    file = changed.folder / "plan.json"
    plan(changed.file, PlanOptions(lab=True, save_to=file), changed.runtime)
    with pytest.raises(InvalidOption):
        apply(file, replace(LAB, selection=Selection(("proxy.px-1",))), changed.runtime)
    with pytest.raises(InvalidOption):
        apply(changed.file, replace(LAB, inventory=changed.folder), changed.runtime, approve=lambda _: True)


def test_a_caller_can_stop_a_run_and_resume_it(changed: Estate) -> None:
    seen: list[Event] = []

    @contextmanager
    def stopped(_: Plan, stop: StopSignal) -> Iterator[Listener]:
        stop.request()
        yield seen.append

    result = apply(changed.file, LAB, replace(changed.runtime, watch=stopped), approve=lambda _: True)
    assert result.status is Status.INTERRUPTED
    assert result.after is None
    assert [event.reason for event in seen if isinstance(event, Stopping)] == ["the run was interrupted"]
    journal = JournalOptions(lab=True, inventory=changed.file)
    assert show_run("last", journal, changed.runtime).record.state is RunState.INTERRUPTED
    resumed = apply(changed.file, replace(LAB, resume="last"), changed.runtime, approve=lambda _: True)
    assert resumed.status is Status.OK
    assert plan(changed.file, PlanOptions(lab=True), changed.runtime).plan.is_empty


def test_the_journal_keeps_runs(estate: Estate) -> None:
    journal = JournalOptions(lab=True, inventory=estate.file)
    (run,) = list_runs(options=journal, runtime=estate.runtime)
    details = show_run(run.id, journal, estate.runtime)
    assert details.record.state is RunState.DONE
    assert {change.state for change in details.record.changes} == {ChangeState.DONE}
    assert details.refusals == ()
    with pytest.raises(NotInJournal):
        show_run("R0", journal, estate.runtime)


def test_a_lock_is_broken_only_if_that_is_confirmed(changed: Estate) -> None:
    journal = JournalOptions(lab=True, inventory=changed.file)

    def look(_: PlanResult) -> bool:
        (holder,) = list_locks(journal, changed.runtime)
        assert break_lock(holder.id, journal, changed.runtime, confirm=lambda _: False) is None
        assert [item.id for item in list_locks(journal, changed.runtime)] == [holder.id]
        broken = break_lock(holder.id, journal, changed.runtime, confirm=lambda found: found.operation == "apply")
        assert broken
        assert broken.id == holder.id
        return False

    assert apply(changed.file, LAB, changed.runtime, approve=look).status is Status.REFUSED
    assert list_locks(journal, changed.runtime) == []


def test_messages_say_what_is_read(applied: Estate) -> None:
    lines = [event.text for event in applied.events if isinstance(event, Message) and not event.verbose]
    assert "Reading vbo.example.com and its hosts (1) ..." in lines
    assert "Verifying ..." in lines
