"""What an observation finds, and what it looked at."""

from __future__ import annotations

import pytest

from reconciler.model.diagnostic import Diagnostic
from reconciler.model.finding import Coverage, Finding, FindingKind
from reconciler.model.live import Gap
from reconciler.model.plan import Action, Change, FieldChange, Report, ReportLevel, UnknownField
from reconciler.watching.findings import coverage_of, failure, findings_of
from tests.watching.samples import DRIFT, observed, plan_of, update

AWAY = Diagnostic("unreachable", "Unreachable", "px-1: no answer", address="host.px-1")


def test_each_field_that_differs_is_a_finding() -> None:
    found = findings_of(observed(plan_of([update("proxy.px-1", "throttle"), update("smtp", "port", 25, 587)])))
    assert [(item.key, item.text) for item in found] == [
        ("drift:proxy.px-1:throttle", "off -> on"),
        ("drift:smtp:port", "25 -> 587"),
    ]


@pytest.mark.parametrize(
    ("action", "key"),
    [
        (Action.CREATE, "drift:proxy.px-1:create"),
        (Action.DELETE, "drift:proxy.px-1:delete"),
        (Action.UPGRADE, "outdated:proxy.px-1:upgrade"),
    ],
)
def test_other_changes_are_one_finding(action: Action, key: str) -> None:
    (found,) = findings_of(observed(plan_of([Change("proxy.px-1", action, (), DRIFT)])))
    assert (found.key, found.severity) == (key, "high")


def test_known_drift_is_accepted() -> None:
    accepted, open_ = update("proxy.px-1", "throttle"), update("proxy.px-2", "throttle")
    found = findings_of(observed(plan_of([open_]), accepted=[accepted]))
    assert [(item.address, item.accepted) for item in found] == [("proxy.px-1", True), ("proxy.px-2", False)]


def test_problems_and_warnings_are_findings_and_information_is_none() -> None:
    reports = [
        Report("proxy.px-1", "disagree", "they disagree", level=ReportLevel.WARNING),
        Report("proxy.px-2", "unmanaged", "left alone"),
        Report("repository.a", "repository-invalid", "drift too", level=ReportLevel.WARNING),
    ]
    found = findings_of(observed(plan_of(problems=[AWAY], reports=reports)))
    assert [item.key for item in found] == ["problem:host.px-1:unreachable", "warning:proxy.px-1:disagree"]


def test_a_secret_is_not_shown() -> None:
    secret = Change("smtp", Action.UPDATE, (FieldChange("password", "x1", "x2", secret=True),), DRIFT)
    (found,) = findings_of(observed(plan_of([secret])))
    assert "x1" not in found.text


THROTTLE = Finding(FindingKind.DRIFT, "proxy.px-1", "throttle", "low", "")
HOST = Finding(FindingKind.DRIFT, "host.px-1", "clock", "high", "")
DISAGREE = Finding(FindingKind.WARNING, "proxy.px-1", "disagree", "low", "")
PROBLEM = Finding(FindingKind.PROBLEM, "host.px-1", "unreachable", "high", "")


def covered(coverage: Coverage) -> list[bool]:
    return [coverage.covers(item) for item in (THROTTLE, HOST, DISAGREE, PROBLEM)]


def test_everything_is_looked_at() -> None:
    assert covered(coverage_of(observed(plan_of(), hosts={"px-1": None}))) == [True] * 4


def test_a_host_that_does_not_answer_hides_what_is_found_on_it() -> None:
    seen = observed(plan_of(problems=[AWAY]), hosts={"px-1": AWAY})
    assert covered(coverage_of(seen)) == [True, False, False, True]


def test_an_unknown_field_is_not_looked_at() -> None:
    seen = observed(plan_of(unknown=[UnknownField("proxy.px-1", "throttle", "the proxy is offline")]))
    assert covered(coverage_of(seen)) == [False, True, True, True]


def test_a_gap_hides_differences_and_no_problems() -> None:
    assert covered(coverage_of(observed(plan_of(), gaps=[Gap("", "unhealthy")]))) == [False, False, False, True]
    shown_in_part = Gap("proxy", "no id", "px-1", "proxy.px-1", identified=True)
    assert covered(coverage_of(observed(plan_of(), gaps=[shown_in_part]))) == [False, True, False, True]


def test_a_failed_observation_looks_at_nothing_else() -> None:
    nothing = Coverage(observed=False)
    assert covered(nothing) == [False] * 4
    assert not nothing.covers(failure("no route"))
