"""What is recorded of each change when it ends, in a memory that is a dictionary."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

import pytest

from reconciler.apply.recorder import AppliedStateRecorder
from reconciler.model.address import Address, name_of
from reconciler.model.event import ChangeEnded, Outcome, StepStarted
from reconciler.model.live import Live, LiveResource, ServerInfo
from reconciler.model.plan import Action, Cause, Change, ChangeKey, FieldChange, Plan, Reason
from reconciler.model.recall import Identity, Recall
from reconciler.model.steps import ChangeObjectStorage, RunJob, UpdateObject
from reconciler.plan.job_runs import LEFT_OUT, PENDING
from tests.plan.world import inventory

JOB, POOL = Address("job.daily"), Address("pool.cloud")
SERVER = ServerInfo("vbo01", 8, "8.5.0.1014")
SEEN = {JOB: LiveResource("job", "daily", "id-daily", {}), POOL: LiveResource("pool", "cloud", "id-cloud", {})}
WANTED = inventory(job={"daily": {"repository": "disk"}}, pool={"cloud": {"description": "x"}})


class Memory:
    def __init__(self) -> None:
        self.rows: dict[str, Mapping[str, str]] = {}
        self.known: dict[str, Identity] = {}

    def remember(self, scope: str, digests: Mapping[str, Mapping[str, str]], known: Mapping[str, Identity]) -> None:
        self.rows |= digests
        self.known |= known

    def forget(self, scope: str, *addresses: str) -> None:
        for where in addresses:
            self.rows.pop(where, None)
            self.known.pop(where, None)


def change(action: Action, where: Address) -> Change:
    """An update is one of where a job saves to."""
    fields = (FieldChange("repository", "old", "disk"),) if action is Action.UPDATE else ()
    steps = (RunJob(name=name_of(where)),) if action is Action.RUN else ()
    return Change(where, action, fields, Cause(Reason.DRIFT), steps)


def ended(*done: tuple[Action, Address, Outcome], live: Mapping[Address, LiveResource] = SEEN, **plan: Any) -> Memory:
    """What is remembered after these ends of changes."""
    memory = Memory()
    seen: Any = Live(SERVER, dict(live), {}, {})
    recorder = AppliedStateRecorder(WANTED, seen, Recall(), cast("Any", memory), "scope")
    changes = tuple(change(action, where) for action, where, _ in done)
    recorder.begin(Plan("corp", "", SERVER, changes, **plan))
    for item in changes:
        for index, step in enumerate(item.steps):
            recorder.permit(StepStarted(item.key, index, step.text))
    for item, (_, _, outcome) in zip(changes, done, strict=True):
        recorder.listen(ChangeEnded(item.key, item.address, item.action, outcome))
    return memory


def test_of_an_adopted_object_only_the_id_is_recorded() -> None:
    """Its fields were not applied: later differences of them are no drift from what was applied."""
    memory = ended((Action.ADOPT, POOL, Outcome.DONE))
    assert (memory.rows, memory.known) == ({}, {POOL: Identity("id-cloud", True)})


@pytest.mark.parametrize("live", [{}, {POOL: replace(SEEN[POOL], id="")}])
def test_an_adopted_object_without_an_id_leaves_nothing(live: dict[Address, LiveResource]) -> None:
    memory = ended((Action.ADOPT, POOL, Outcome.DONE), live=live)
    assert (memory.rows, memory.known) == ({}, {})


@pytest.mark.parametrize("action", [Action.UPDATE, Action.ADOPT])
@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.SKIPPED])
def test_what_was_not_done_is_not_recorded(action: Action, outcome: Outcome) -> None:
    memory = ended((action, POOL, outcome))
    assert (memory.rows, memory.known) == ({}, {})


def test_an_upgrade_and_a_run_say_nothing_of_fields() -> None:
    """The update of the same object may follow, and not be done: its secrets would never be sent."""
    memory = ended((Action.UPGRADE, POOL, Outcome.DONE), (Action.RUN, JOB, Outcome.DONE))
    assert (memory.rows, memory.known) == ({JOB: {}}, {})


def test_a_deleted_object_is_forgotten() -> None:
    memory = ended((Action.UPDATE, POOL, Outcome.DONE), (Action.DELETE, POOL, Outcome.DONE))
    assert (memory.rows, memory.known) == ({}, {})


def test_a_job_that_is_left_out_keeps_its_mark_beside_what_is_recorded_of_its_change() -> None:
    """It is changed and not started: the next apply starts it."""
    left = (ChangeKey(Action.RUN, JOB),)
    memory = ended((Action.UPDATE, JOB, Outcome.DONE), not_selected=left)
    assert memory.rows[JOB].keys() == {"name", "repository", PENDING}
    assert memory.rows[JOB][PENDING] == LEFT_OUT
    assert memory.known == {JOB: Identity("id-daily", False)}


@pytest.mark.parametrize(
    ("before", "moved", "after"),
    [
        ("", True, "pending"),  # its repository is changed, and it is not started
        ("", False, None),  # nothing that it works through is changed
        ("pending", False, "pending"),
        (LEFT_OUT, False, LEFT_OUT),
        ("begun after no run", False, "begun after no run"),  # so that its session is followed
        ("begun after no run", True, "pending"),
    ],
)
def test_a_start_that_is_blocked_is_due_if_it_was_or_what_it_works_through_is_changed(
    before: str, moved: bool, after: str | None
) -> None:
    memory = Memory()
    seen: Any = Live(SERVER, dict(SEEN), {}, {})
    recall = Recall({JOB: {PENDING: before}} if before else {})
    recorder = AppliedStateRecorder(WANTED, seen, recall, cast("Any", memory), "scope")
    run = replace(change(Action.RUN, JOB), blocked="a proxy is offline")
    renamed = replace(change(Action.UPDATE, JOB), fields=(FieldChange("name", "old", "daily"),))
    update = change(Action.UPDATE, JOB) if moved else renamed
    recorder.begin(Plan("corp", "", SERVER, (update, run)))
    recorder.listen(ChangeEnded(run.key, JOB, Action.RUN, Outcome.SKIPPED))
    recorder.listen(ChangeEnded(update.key, JOB, Action.UPDATE, Outcome.DONE))
    assert memory.rows[JOB].get(PENDING) == after


@pytest.mark.parametrize(
    ("outcome", "mark"),
    [
        (Outcome.DONE, None),
        (Outcome.FAILED, None),
        (Outcome.SKIPPED, "pending"),
        (Outcome.NOT_STARTED, "pending"),
    ],
)
def test_a_start_that_has_a_result_is_pending_no_more(outcome: Outcome, mark: str | None) -> None:
    """One that was recorded and did not happen is pending again."""
    assert ended((Action.RUN, JOB, outcome)).rows[JOB].get(PENDING) == mark


@pytest.mark.parametrize("mark", ["pending", "begun after 2026-03-01T11:00:00Z", LEFT_OUT])
def test_a_start_that_an_earlier_apply_left_stays_due_until_nothing_differs(mark: str) -> None:
    """Also when the job is changed by an apply that does not start it: the start is stale, or was not selected."""
    memory = Memory()
    memory.rows[JOB] = {PENDING: mark}
    seen: Any = Live(SERVER, SEEN, {}, {})
    recorder = AppliedStateRecorder(WANTED, seen, Recall(applied=dict(memory.rows)), cast("Any", memory), "scope")
    update = change(Action.UPDATE, JOB)
    recorder.begin(Plan("corp", "", SERVER, (update,)))
    recorder.listen(ChangeEnded(update.key, JOB, update.action, Outcome.DONE))
    assert memory.rows[JOB][PENDING] == mark
    recorder.settle(Plan("corp", "", SERVER, (change(Action.RUN, JOB),)))
    assert memory.rows[JOB][PENDING] == mark
    recorder.settle(Plan("corp", "", SERVER, ()))
    assert PENDING not in memory.rows[JOB]


@pytest.mark.parametrize(
    ("step", "before", "during"),
    [
        (UpdateObject(kind="pool", name="cloud", fields={}, changed=["login"]), "old", "one of two"),
        (ChangeObjectStorage(name="cloud", fields={}, changed=["login"]), "old", "one of two"),
        (UpdateObject(kind="pool", name="cloud", fields={}, changed=["login"]), "new", "new"),
        (UpdateObject(kind="pool", name="cloud", fields={}, changed=["description"]), "old", "old"),
        (UpdateObject(kind="pool", name="cloud", fields={}, changed=["login"]), None, "one of two"),
    ],
)
def test_while_a_secret_is_sent_the_server_may_have_either(
    step: UpdateObject | ChangeObjectStorage, before: str | None, during: str | None
) -> None:
    """Its response may be lost; then the inventory may return to the one of before, which would look applied."""
    memory = Memory()
    if before:
        memory.rows[POOL] = {"login": before, "description": "d"}
    seen: Any = Live(SERVER, SEEN, {}, {})
    recall = Recall(applied=dict(memory.rows), secrets={POOL: {"login": "new"}})
    recorder = AppliedStateRecorder(WANTED, seen, recall, cast("Any", memory), "scope")
    update = replace(change(Action.UPDATE, POOL), steps=(step,))
    recorder.begin(Plan("corp", "", SERVER, (update,)))
    recorder.permit(StepStarted(update.key, 0, step.text))
    assert memory.rows.get(POOL, {}).get("login") == during
    recorder.listen(ChangeEnded(update.key, POOL, update.action, Outcome.FAILED))
    assert memory.rows.get(POOL, {}).get("login") == during
    recorder.listen(ChangeEnded(update.key, POOL, update.action, Outcome.DONE))
    assert memory.rows[POOL]["login"] == "new"


class Cut(Memory):
    """Notes what is remembered each time before something is forgotten: a kill may come then."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[dict[str, Mapping[str, str]]] = []

    def forget(self, scope: str, *addresses: str) -> None:
        self.seen += [dict(self.rows)] if addresses else []
        super().forget(scope, *addresses)


@pytest.mark.parametrize("settles", [True, False], ids=["verified", "created"])
def test_a_kill_leaves_the_mark_of_a_creation_or_what_was_applied(settles: bool) -> None:
    """With neither it is not known which password the server has, and a new one is not sent."""
    proxy, mark = Address("proxy.px-1"), "creating.px-1"
    wanted = inventory(proxy={"px-1": {"host": "px-1.example.com", "credentials": "local"}})
    memory = Cut()
    memory.rows[mark] = {"(create)": "begun"}
    seen: Any = Live(SERVER, {proxy: LiveResource("proxy", "px-1", "1", {})}, {}, {})
    recall = Recall(applied=dict(memory.rows), secrets={proxy: {"credentials": "new"}})
    recorder = AppliedStateRecorder(wanted, seen, recall, cast("Any", memory), "scope")
    create = change(Action.CREATE, proxy)
    recorder.begin(Plan("corp", "", SERVER, (create,)))
    if settles:
        recorder.settle(Plan("corp", "", SERVER, ()))
    else:
        recorder.listen(ChangeEnded(create.key, proxy, create.action, Outcome.DONE))
    assert [(mark in rows, rows.get(proxy, {}).get("credentials")) for rows in memory.seen] == [(True, "new")]
    assert mark not in memory.rows


@pytest.mark.parametrize("exists", [True, False])
def test_a_creation_that_fails_after_the_server_made_the_proxy_keeps_its_mark(exists: bool) -> None:
    """It has what was sent: a password that changes now is a change."""

    class Known:
        def has(self, kind: str, name: str) -> bool:
            return exists

    memory, seen = Memory(), cast("Any", Live(SERVER, {}, {}, {}))
    recorder = AppliedStateRecorder(WANTED, seen, Recall(), cast("Any", memory), "scope")
    create = change(Action.CREATE, Address("proxy.px-1"))
    recorder.begin(Plan("corp", "", SERVER, (create,)), cast("Any", Known()))
    memory.rows["creating.px-1"] = {"(create)": "begun"}
    recorder.listen(ChangeEnded(create.key, create.address, create.action, Outcome.FAILED))
    assert ("creating.px-1" in memory.rows) is exists
