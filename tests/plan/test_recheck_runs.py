"""What was approved of the run of a job, after an apply that was interrupted."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.model.diagnostic import Diagnostic
from reconciler.model.live import INCOMPLETE, ServerInfo
from reconciler.model.plan import Action, Cause, Change, FieldChange, Plan, Reason
from reconciler.model.steps import RunJob
from reconciler.plan.document import change_to_json
from reconciler.plan.recheck import recheck


def run_of(**step: bool) -> Change:
    cause = Cause(Reason.CHAIN, "the job is new (not on the server)")
    return Change("job.daily", Action.RUN, (), cause, (RunJob(kind="job", name="daily", **step),), precondition="same")


def plan(change: Change) -> Plan:
    server = ServerInfo("vbo.example.com", 8, "8.5.0.1014", "installation")
    return Plan(inventory="corp", inventory_digest="digest", server=server, changes=(change,))


@pytest.mark.parametrize(("then", "now"), [(True, False), (False, True)])
def test_whether_a_run_is_a_full_backup_is_not_what_was_approved(then: bool, now: bool) -> None:
    """The repository that the interrupted run created is there by now."""
    found = recheck([change_to_json(run_of(first=then))], plan(run_of(first=now)))
    assert found.stale == ()
    assert [change.key for change in found.plan.changes] == ["run:job.daily"]


def test_a_run_of_another_state_is_stale() -> None:
    other = replace(run_of(first=True), precondition="another")
    found = recheck([change_to_json(run_of(first=True))], plan(other))
    assert [item.key for item in found.stale] == ["run:job.daily"]


@pytest.mark.parametrize("code", [INCOMPLETE, "a-code-before", "unreachable"])
def test_a_change_that_an_incomplete_observation_does_not_show_is_stale_and_not_done(code: str) -> None:
    problem = Diagnostic(code, "summary", "detail")
    fresh = replace(plan(run_of()), changes=(), problems=(problem,))
    found = recheck([change_to_json(run_of())], fresh)
    assert (list(found.done), bool(found.stale)) == (([], True) if code == INCOMPLETE else (["run:job.daily"], False))


@pytest.mark.parametrize("before", ["incomplete", "unverified", "done"])
def test_a_change_that_is_gone_says_nothing_of_those_behind_it(before: str) -> None:
    gone, other = run_of(), replace(run_of(), address="job.weekly")
    problems = (Diagnostic(INCOMPLETE, "summary", "detail"),) if before == "incomplete" else ()
    unverified = {str(gone.key): gone.steps} if before == "unverified" else {}
    fresh = replace(plan(other), problems=problems)
    found = recheck([change_to_json(gone), change_to_json(other)], fresh, unverified=unverified)
    kept = [change.key for change in found.plan.changes]
    assert kept == [*(["run:job.daily"] if before == "unverified" else []), "run:job.weekly"]
    assert [item.key for item in found.stale] == (["run:job.daily"] if before == "incomplete" else [])
    assert list(found.done) == (["run:job.daily"] if before == "done" else [])


THROTTLE, PORT = FieldChange("throttle", "off", "1 Mbps"), FieldChange("port", 9193, 9194)
MAINTENANCE = FieldChange("maintenance", True, False)


@pytest.mark.parametrize(
    ("fields", "begun", "resumed", "stale"),
    [
        ((THROTTLE, PORT), False, False, False),
        ((THROTTLE,), False, False, True),
        ((THROTTLE,), True, False, False),
        ((THROTTLE,), False, True, True),
        ((THROTTLE, MAINTENANCE), False, False, True),
        ((THROTTLE, MAINTENANCE), False, True, False),
    ],
)
def test_less_than_was_approved_is_left_only_of_what_was_begun(
    fields: tuple[FieldChange, ...], begun: bool, resumed: bool, stale: bool
) -> None:
    """A resumed run that drained the proxy began its change."""

    def update(*fields: FieldChange) -> Change:
        return Change("proxy.px-1", Action.UPDATE, fields, Cause(Reason.INVENTORY), precondition="same")

    approved = [change_to_json(update(THROTTLE, PORT))]
    keys = ["update:proxy.px-1"] if begun else []
    assert bool(recheck(approved, plan(update(*fields)), keys, resumed=resumed).stale) is stale
