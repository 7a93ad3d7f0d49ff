"""Drift less what is known: by field, by object, until its last day."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from reconciler.model.known_drift import Known
from reconciler.model.live import ServerInfo
from reconciler.model.plan import Action, Cause, Change, FieldChange, Plan, Reason, Refusal
from reconciler.plan import plan_to_json
from reconciler.plan.drift import drift_of, with_severity

TODAY = date(2026, 11, 23)
CAUSE = Cause(Reason.DRIFT)


def change(address: str, *paths: str, action: Action = Action.UPDATE) -> Change:
    return Change(address, action, tuple(FieldChange(path, 1, 2) for path in paths), CAUSE)


def plan(*changes: Change) -> Plan:
    return Plan("corp", "0", ServerInfo("vbo01", 8, ""), changes, refusals=(Refusal("window", "closed"),))


def known(address: str, field: str = "*", expires: date = TODAY) -> Known:
    return Known(address, "storage", "moving", expires, field)


def left(found: Plan) -> dict[str, list[str]]:
    return {item.key: [field.path for field in item.fields] for item in found.changes}


PROXY = change("proxy.px-1", "throttle", "port")
GONE = change("job.daily", "name", action=Action.CREATE)


@pytest.mark.parametrize(
    ("entries", "expected", "codes"),
    [
        ([], {"update:proxy.px-1": ["throttle", "port"], "create:job.daily": ["name"]}, []),
        (
            [known("proxy.px-1", "throttle")],
            {"update:proxy.px-1": ["port"], "create:job.daily": ["name"]},
            ["known-drift"],
        ),
        ([known("proxy.*")], {"create:job.daily": ["name"]}, ["known-drift", "known-drift"]),
        ([known("job.daily")], {"update:proxy.px-1": ["throttle", "port"]}, ["known-drift"]),
        (
            [known("proxy.px-1", "throttle", date(2026, 11, 22))],
            {"update:proxy.px-1": ["throttle", "port"], "create:job.daily": ["name"]},
            ["expired-drift"],
        ),
        (
            [known("proxy.px-9")],
            {"update:proxy.px-1": ["throttle", "port"], "create:job.daily": ["name"]},
            ["unused-known-drift"],
        ),
        (
            [known("job.daily", "name")],
            {"update:proxy.px-1": ["throttle", "port"], "create:job.daily": ["name"]},
            ["unused-known-drift"],
        ),
    ],
)  # fmt: skip
def test_what_is_known_is_no_drift(entries: list[Known], expected: dict[str, list[str]], codes: list[str]) -> None:
    found = drift_of(plan(PROXY, GONE), entries, TODAY)
    assert left(found) == expected
    assert [report.code for report in found.reports] == codes


def test_the_latest_acceptance_counts() -> None:
    entries = [known("proxy.px-1", "throttle", date(2026, 1, 1)), known("proxy.*", "throttle", date(2027, 1, 1))]
    assert left(drift_of(plan(change("proxy.px-1", "throttle")), entries, TODAY)) == {}


def test_jobs_to_run_and_guards_are_no_drift() -> None:
    found = drift_of(plan(change("job.daily", action=Action.RUN)), [], TODAY)
    assert (found.is_empty, found.refusals) == (True, ())


@pytest.mark.parametrize(
    ("item", "severity"),
    [
        (change("proxy.px-1", "description"), "low"),
        (change("proxy.px-1", "description", "port"), "high"),
        (change("host.px-1", "firewall"), "high"),
        (change("proxy.px-1", action=Action.DELETE), "high"),
        (change("smtp", "to"), "low"),
    ],
)
def test_severity(item: Change, severity: str) -> None:
    document = plan_to_json(plan(item), "drift")
    answer = with_severity(document)
    (graded,) = answer.pop("changes")
    assert graded.pop("severity") == severity
    for found in graded["fields"]:
        assert found.pop("severity") in ("high", "low")
    assert {**answer, "changes": [graded]} == document, "nothing else is added, and nothing is lost"


@pytest.mark.parametrize(
    ("address", "path", "live", "wanted", "severity"),
    [
        ("job.daily", "enabled", False, True, "high"),
        ("job.daily", "enabled", True, False, "low"),
        ("job.daily", "schedule", "manual", {"daily": "22:00", "days": "everyday"}, "high"),
        (
            "job.daily",
            "schedule",
            {"daily": "23:00", "days": "everyday"},
            {"daily": "22:00", "days": "everyday"},
            "low",
        ),
        ("job.daily", "schedule", {"every": "4 hours"}, "manual", "low"),
        (
            "job.daily",
            "schedule",
            {"daily": "22:00", "days": "weekends"},
            {"daily": "22:00", "days": "everyday"},
            "high",
        ),
        ("job.daily", "schedule", {"daily": "22:00", "days": "sunday"}, {"every": "4 hours"}, "high"),
        ("job.daily", "schedule", {"every": "4 hours"}, {"every": "5 minutes"}, "low"),
        ("job.daily", "schedule.backup_window", {"weekends": "all"}, "off", "high"),
        ("job.daily", "schedule.backup_window", "off", {"weekends": "all"}, "low"),
        ("job.daily", "schedule.periodic_window", {"workdays": "22:00-06:00"}, {"workdays": "20:00-06:00"}, "high"),
        ("job.daily", "schedule.backup_window", None, {"weekends": "all"}, "low"),
        ("job.daily", "items", ["mailbox"], "all", "high"),
        ("job.daily", "exclude", [{"user": "ann@example.com"}], [], "high"),
        ("copy_job.daily", "schedule", {"daily": "22:00", "days": "sunday"}, "immediate", "high"),
        ("copy_job.daily", "schedule", "immediate", {"daily": "22:00", "days": "sunday"}, "low"),
        ("copy_job.daily", "schedule.backup_window", {"sunday": "all"}, "off", "high"),
        ("pool.cloud", "members", ["px-1"], ["px-1", "px-2"], "high"),
        ("pool.cloud", "members", ["px-1", "px-2"], ["px-1"], "low"),
        ("proxy.px-1", "internet_proxy", "none", "server", "high"),
        ("proxy.px-1", "internet_proxy.port", 3128, 8080, "high"),
        ("proxy.px-1", "throttle", "off", "1 Mbps", "low"),
        ("repository.s3", "object_storage.size_limit_gb", 10, 100, "high"),
        ("repository.s3", "object_storage.size_limit_gb", 10, "none", "high"),
        ("repository.s3", "object_storage.size_limit_gb", "none", 100, "low"),
        ("repository.s3", "object_storage.size_limit_gb", None, 100, "low"),
        ("smtp", "from", "x@example.com", "vbo@example.com", "high"),
        ("smtp", "subject", "a", "b", "low"),
        ("repository.disk", "retention.keep", "1 year", "3 years", "high"),
        ("smtp", "enabled", False, True, "high"),
        ("smtp", "enabled", True, False, "low"),
        ("smtp", "notify", ["success"], ["failure", "success"], "high"),
        ("smtp", "notify", ["failure"], ["failure", "warning"], "high"),
        ("smtp", "notify", ["failure", "success"], ["failure"], "low"),
        ("smtp", "to", ["a@example.com"], ["a@example.com", "b@example.com"], "high"),
        ("smtp", "to", ["a@example.com", "c@example.com"], ["a@example.com"], "low"),
    ],
)
def test_drift_that_stops_backups_or_hides_failures_is_alarming(
    address: str, path: str, live: object, wanted: object, severity: str
) -> None:
    item = FieldChange(path, live, wanted, cause=Cause(Reason.DRIFT))
    found = with_severity(plan_to_json(plan(replace(change(address, path), fields=(item,))), "drift"))
    assert found["changes"][0]["severity"] == severity


def test_the_run_of_a_job_is_no_drift_and_hides_none() -> None:
    run = change("job.daily", action=Action.RUN)
    assert left(drift_of(plan(run, PROXY, run, GONE), [], TODAY)) == {
        "update:proxy.px-1": ["throttle", "port"],
        "create:job.daily": ["name"],
    }
