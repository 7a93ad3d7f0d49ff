"""One status decides text, JSON and exit code."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.apply import Result
from reconciler.journal import JournalError, LeaseLost
from reconciler.model.diagnostic import Diagnostic
from reconciler.model.event import ChangeEnded, Outcome
from reconciler.model.live import Live, ServerInfo
from reconciler.model.plan import Action, Cause, Change, ChangeKey, Plan, Reason, Refusal
from reconciler.model.recall import Recall
from reconciler.operations import Execution, PlanResult, Status
from reconciler.operations.execution import new_mails
from reconciler.operations.status import plan_status

SERVER = ServerInfo("vbo.example.com", 8, "8.5.0.1014")
CREATE = Change("job.daily", Action.CREATE, (), Cause(Reason.INVENTORY))
RUN = Change("job.daily", Action.RUN, (), Cause(Reason.INVENTORY))
PROBLEM = Diagnostic("unreachable", "No connection", "px-1: refused", address="proxy.px-1")
REFUSAL = Refusal("takeover", "it belongs to another server")


def plan(*changes: Change, **more: Any) -> Plan:
    return Plan("corp", "0", SERVER, changes, **more)


@pytest.mark.parametrize(
    ("made", "status"),
    [
        pytest.param(plan(), Status.OK, id="nothing to do"),
        pytest.param(plan(CREATE), Status.PENDING, id="a change"),
        pytest.param(plan(CREATE, refusals=(REFUSAL,)), Status.REFUSED, id="a guard refuses"),
        pytest.param(plan(CREATE, refusals=(REFUSAL,), problems=(PROBLEM,)), Status.ERROR, id="an error comes first"),
    ],
)
def test_status_of_a_plan(made: Plan, status: Status) -> None:
    assert plan_status(made) is status


@pytest.mark.parametrize(
    ("made", "differs"),
    [
        pytest.param(plan(), False, id="nothing"),
        pytest.param(plan(RUN), False, id="a job that every apply starts"),
        pytest.param(plan(CREATE, RUN), True, id="a change"),
        pytest.param(plan(problems=(PROBLEM,)), True, id="not everything could be observed"),
    ],
)
def test_differences_that_remain(made: Plan, differs: bool) -> None:
    assert PlanResult(Live(SERVER, {}, {}, {}), Recall(), made, "scope", made).differs is differs


KEY = ChangeKey("create", "job.a")
DONE: dict[str, ChangeEnded] = {KEY: ChangeEnded(KEY, "job.a", "create", Outcome.DONE)}
FAILED: dict[str, ChangeEnded] = {KEY: ChangeEnded(KEY, "job.a", "create", Outcome.FAILED)}
LOST = LeaseLost("vbo.example.com", "another run took it")
FULL = JournalError("The journal is full")


@pytest.mark.parametrize(
    ("result", "journal_error", "status", "is_complete"),
    [
        pytest.param(Result(DONE), None, Status.OK, True, id="done"),
        pytest.param(Result(FAILED), None, Status.PARTIAL, True, id="failed"),
        pytest.param(Result(DONE, unhealthy={KEY: "offline"}), None, Status.PARTIAL, True, id="unhealthy"),
        pytest.param(Result(FAILED), FULL, Status.ERROR, False, id="the end is not recorded"),
        pytest.param(Result(FAILED, error=LOST), FULL, Status.LOCKED, False, id="the first error counts"),
        pytest.param(Result(FAILED, interrupted=True, error=LOST), None, Status.INTERRUPTED, False, id="interrupted"),
    ],
)
def test_status_of_an_execution(
    result: Result, journal_error: JournalError | None, status: Status, is_complete: bool
) -> None:
    done = Execution(result, journal_error, ())
    assert (done.status, done.is_complete) == (status, is_complete)


@pytest.mark.parametrize(
    ("before", "after", "new"),
    [
        ("", "", ""),
        ("", "ab", "ab"),
        ("ab", "ab", ""),
        ("ab", "abc", "c"),
        ("abc", "bcd", "d"),
        ("aaa", "aaab", "b"),
        ("abc", "xyz", "xyz"),
    ],
)
def test_new_mails_although_the_oldest_are_deleted(before: str, after: str, new: str) -> None:
    def mails(subjects: str) -> list[dict[str, str]]:
        return [{"subject": subject} for subject in subjects]

    assert new_mails(mails(before), mails(after)) == mails(new)
