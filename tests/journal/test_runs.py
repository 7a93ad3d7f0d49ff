"""Runs: what is written when, what is shown afterwards, and what a resumed run has to go on with."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from reconciler.journal import ChangeState, Journal, JournalError, NotInJournal, RunState
from reconciler.model.event import Outcome, Progress, StepDone, StepStarted
from reconciler.model.secret import Secret
from tests.journal.samples import START, WHO, done, ended, key, plan, started

Opened = Callable[[], Journal]


def states(journal: Journal, run: str) -> dict[str, str]:
    return {change.address.removeprefix("proxy."): change.state.value for change in journal.run(run).changes}


def test_a_run_is_on_disk_before_anything_is_done(journal: Journal, opened: Opened) -> None:
    run = journal.begin(plan("a", "b", digest="p1"), WHO)
    shown = opened().run(run.id)
    assert (shown.state, shown.ended, shown.seconds) == (RunState.RUNNING, None, None)
    assert shown.started > START
    assert (shown.user, shown.host, shown.actor, shown.job) == ("alice", "ci-7", "octocat", WHO.job)
    assert (shown.commit, shown.inventory, shown.inventory_digest, shown.plan_digest) == ("0123abc", "corp", "d1", "p1")
    assert (shown.server, shown.lab, shown.resumes) == ("vbo01.corp.example.com", False, "")
    assert states(opened(), run.id) == {"a": "not started", "b": "not started"}
    assert shown.counts[ChangeState.NOT_STARTED] == 2


def test_the_intent_of_a_step_is_on_disk_when_the_step_begins(journal: Journal, opened: Opened) -> None:
    run = journal.begin(plan("a"), WHO)
    started(run, "a", step=1)
    [change] = opened().run(run.id).changes
    assert change.state is ChangeState.IN_FLIGHT
    assert [(step.text, step.ended is None, step.seconds) for step in change.steps] == [
        ("step 0", False, 0.5),
        ("step 1", True, 0.0),
    ]


def test_every_end_is_told_with_its_reason_and_its_times(journal: Journal, opened: Opened) -> None:
    run = journal.begin(plan("a", "b", "c", "d"), WHO)
    done(run, "a")
    started(run, "b")
    ended(run, "b", Outcome.FAILED, seconds=2.5, detail="no answer", hint="start it", log=("one", "two"))
    ended(run, "c", Outcome.SKIPPED, detail="proxy.b failed")
    run.end(RunState.PARTIAL)
    shown = opened().run(run.id)
    assert shown.state is RunState.PARTIAL
    assert shown.ended is not None
    assert shown.seconds == (shown.ended - shown.started).total_seconds()
    a, b, c, d = shown.changes
    assert [change.state.value for change in shown.changes] == ["done", "failed", "skipped", "not started"]
    assert a.started is not None
    assert a.ended is not None
    assert shown.started < a.started < a.steps[0].started < a.ended
    assert (b.detail, b.hint, b.log, b.seconds) == ("no answer", "start it", ("one", "two"), 2.5)
    assert b.steps[-1].ended is None
    assert (c.detail, c.started, d.ended) == ("proxy.b failed", None, None)
    assert dict(shown.counts) == {
        ChangeState.NOT_STARTED: 1,
        ChangeState.IN_FLIGHT: 0,
        ChangeState.DONE: 1,
        ChangeState.FAILED: 1,
        ChangeState.SKIPPED: 1,
    }


def test_a_step_that_is_tried_again_is_begun_anew(journal: Journal) -> None:
    run = journal.begin(plan("a"), WHO)
    started(run, "a")
    run.listen(StepDone(key("a"), 0, "step 0", 1.0))
    run.permit(StepStarted(key("a"), 0, "step 0, again"))
    [step] = journal.run(run.id).changes[0].steps
    assert (step.text, step.ended, step.seconds) == ("step 0, again", None, 0.0)


def test_runs_are_listed_newest_first(journal: Journal, opened: Opened) -> None:
    old = journal.begin(plan("a"), WHO)
    new = journal.begin(plan("b", "c"), WHO, resumes=old.id, commit="fedc")
    done(new, "b")
    shown = opened().runs()
    assert [(run.id, run.resumes, run.commit, len(run.changes)) for run in shown] == [
        (new.id, old.id, "fedc", 0),
        (old.id, "", "0123abc", 0),
    ]
    assert shown[0].counts[ChangeState.DONE] == 1
    assert [run.id for run in journal.runs(limit=1)] == [new.id]


def test_a_run_whose_lock_is_gone_was_killed(journal: Journal, opened: Opened) -> None:
    mine = journal.new_id()
    with journal.locks.acquire("vbo01", owner="alice", operation="apply", run=mine) as lock:
        journal.begin(plan("a"), WHO, run=mine, lock=lock)
        assert opened().run(mine).state is RunState.RUNNING
    assert opened().run(mine).state is RunState.KILLED
    assert [run.state for run in journal.runs()] == [RunState.KILLED]


def test_a_change_that_is_not_in_the_plan_is_not_recorded(journal: Journal) -> None:
    run = journal.begin(plan("a"), WHO)
    done(run, "stranger")
    assert states(journal, run.id) == {"a": "not started"}


@pytest.mark.parametrize(
    "text",
    ["nul \0 inside", "half a pair \ud800", "Grüße, 世界 🙂", "'; DROP TABLE runs; --", "line\r\nline", "x" * 200_000],
    ids=["nul", "surrogate", "unicode", "quotes", "lines", "long"],
)
def test_any_text_can_be_told(journal: Journal, text: str) -> None:
    run = journal.begin(plan("a", note=text, digest="p1"), WHO)
    run.permit(StepStarted(key("a"), 0, text))
    ended(run, "a", Outcome.FAILED, detail=text, hint=text, log=(text,))
    run.end(RunState.FAILED)
    [change] = journal.run(run.id).changes
    kept = text.replace("\0", "\ufffd").replace("\ud800", "?")
    assert (change.detail, change.hint, change.steps[0].text) == (kept, kept, kept)
    assert change.log == (text,)
    assert journal.plan(run.id)["note"] == text


def test_the_plan_is_kept_as_it_was_approved(journal: Journal) -> None:
    approved = plan("a", refusals=[{"code": "max-deletes", "waiver": "agreed with Bob"}])
    run = journal.begin(approved, WHO)
    assert journal.plan(run.id) == approved
    assert journal.run(run.id).plan_digest == journal.run(journal.begin(approved, WHO).id).plan_digest


def test_a_secret_cannot_be_in_a_plan(journal: Journal) -> None:
    with pytest.raises(TypeError, match="Secret"):
        journal.begin(plan("a", password=Secret("hunter2")), WHO)
    assert journal.runs() == []


def test_what_is_not_there_is_said_to_be_not_there(journal: Journal) -> None:
    for ask in (journal.run, journal.plan):
        with pytest.raises(NotInJournal, match="The journal has no run 'A99'"):
            ask("A99")
    assert journal.runs() == []


def test_an_empty_plan_can_be_a_run(journal: Journal) -> None:
    run = journal.begin(plan(), WHO)
    run.end(RunState.DONE)
    assert journal.run(run.id).changes == ()


def test_many_threads_tell_one_story(journal: Journal) -> None:
    names = [f"px-{number}" for number in range(40)]
    run = journal.begin(plan(*names), WHO)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: done(run, name), names))
    run.end(RunState.DONE)
    shown = journal.run(run.id)
    assert shown.counts[ChangeState.DONE] == 40
    assert all(step.ended is not None for change in shown.changes for step in change.steps)


class Failing:
    """Stands in for writing where the disk is full."""

    def __init__(self) -> None:
        self.tries = 0

    def __call__(self, work: Any) -> Any:
        self.tries += 1
        raise JournalError("The journal cannot be written: the disk is full", code="journal-full")


def test_a_journal_that_cannot_be_written_stops_the_next_step_and_loses_nothing(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = journal.begin(plan("a", "b"), WHO)
    started(run, "a")
    with monkeypatch.context() as broken:
        broken.setattr(journal.store, "write", Failing())
        run.listen(StepDone(key("a"), 0, "step 0", 1.0))
        with pytest.raises(JournalError, match="the disk is full"):
            run.permit(StepStarted(key("a"), 1, "step 1"))
        ended(run, "a", Outcome.FAILED, detail="stopped")
        with pytest.raises(JournalError, match="the disk is full"):
            run.end(RunState.FAILED)
    assert states(journal, run.id) == {"a": "in flight", "b": "not started"}
    run.end(RunState.FAILED)
    assert states(journal, run.id) == {"a": "failed", "b": "not started"}
    [step] = journal.run(run.id).changes[0].steps
    assert step.seconds == 1.0, "step 1 was never begun"


def test_news_from_inside_a_step_write_nothing(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    run = journal.begin(plan("a"), WHO)
    failing = Failing()
    monkeypatch.setattr(journal.store, "write", failing)
    run.listen(Progress(key("a"), "one"))
    assert failing.tries == 0


def test_what_a_run_read_first_goes_to_the_run_that_resumes_it(journal: Journal, opened: Opened) -> None:
    step = {"verb": "update", "params": {"name": "a"}}
    old = journal.begin(plan("a"), WHO)
    old.keep_read("Proxies/1", {"verb": "update", "params": {}}, {})
    old.keep_read("Proxies/1", step, {"port": 9193, "text": "nul \0 inside"})
    old.keep_read("Proxies/2", step, {})
    old.drop_read("Proxies/2")
    old.end(RunState.PARTIAL)
    [kept] = opened().first_reads(old.id)
    assert (kept.key, kept.step, kept.content) == ("Proxies/1", step, {"port": 9193, "text": "nul \0 inside"})
    new = opened().begin(plan("a"), WHO, resumes=old.id)
    assert (journal.first_reads(old.id), journal.first_reads(new.id)) == ([], [kept])
    new.drop_read("Proxies/1")
    new.end(RunState.DONE)
    assert journal.first_reads(new.id) == []
