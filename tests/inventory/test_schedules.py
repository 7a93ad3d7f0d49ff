"""Schedules of jobs through defaults, and the fixes of their warnings."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.model.address import Address
from reconciler.model.sentences import quoted
from tests.inventory.writing import HEAD, findings, load_text, write

BODY = r"""
defaults: {job: {schedule: {daily: "22:00", retry: {attempts: 3}}}}
proxies: {px: {host: px.corp.example.com, type: domain, credentials: admin}}
repositories: {disk: {proxy: px, path: 'D:\VBO', retention: {type: item-level, keep: 3 years}}}
organizations: {contoso.example.com: {}}
jobs: {a: {organization: contoso.example.com, repository: disk, schedule: SCHEDULE}}
"""
DAILY = {"daily": "22:00", "days": "everyday"}


@pytest.mark.parametrize(
    ("said", "fields", "own"),
    [
        (
            "{retry: {wait: 5 minutes}}",
            {"schedule": DAILY, "schedule.retry.attempts": 3, "schedule.retry.wait": "5 minutes"},
            {"schedule.retry.wait"},
        ),
        ("manual", {"schedule": "manual", "schedule.retry.attempts": 3}, {"schedule"}),
        (
            "{every: 1 hour, retry: {attempts: 0}}",
            {"schedule": {"every": "1 hour"}, "schedule.retry.attempts": 0},
            {"schedule", "schedule.retry.attempts"},
        ),
    ],
)
def test_defaults_complete_it_piece_by_piece(
    tmp_path: Path, said: str, fields: dict[str, object], own: set[str]
) -> None:
    job = load_text(tmp_path, BODY.replace("SCHEDULE", said)).resources[Address("job.a")]
    assert {name: value for name, value in job.fields.items() if "schedule" in name} == fields
    assert job.position is not None
    assert {name for name in fields if job.positions[name].line == job.position.line} == own


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ('{daily: "22:00", offset: 5 minutes}', "schedule.offset"),
        ('{daily: "22:00", offset: 0 minutes}', ""),
        ("{every: 15 minutes, offset: 5 minutes}", "schedule.offset"),
        ("{every: 15 minutes, offset: 0 minutes}", ""),
        ("{every: 1 hour, offset: 5 minutes}", ""),
        ('{daily: "22:00", periodic_window: {workdays: all}}', "schedule.periodic_window"),
        ('{daily: "22:00", periodic_window: "off"}', ""),
        ("{every: 15 minutes, periodic_window: {workdays: all}}", ""),
    ],
)
def test_what_is_for_periodic_jobs_alone_is_warned_about_where_it_says_something(
    tmp_path: Path, said: str, field: str
) -> None:
    found = findings(write(tmp_path, {"a.yml": HEAD + BODY.replace("SCHEDULE", said)}))
    assert [item.address for item in found] == (["job.a"] if field else [])
    assert [item.detail.partition(" of job")[0] for item in found] == ([quoted(field)] if field else [])


@pytest.mark.parametrize("fix", ['{daily: "22:00"}', "manual"])
def test_a_job_without_a_schedule_is_warned_about_until_it_has_one(tmp_path: Path, fix: str) -> None:
    body = BODY.replace('daily: "22:00", ', "")
    (found,) = findings(write(tmp_path, {"a.yml": HEAD + body.replace("SCHEDULE", "{retry: {wait: 5 minutes}}")}))
    assert (found.code, str(found.severity), found.address) == ("job-schedule", "warning", "job.a")
    assert f"`schedule: {fix}`" in found.fix
    assert findings(write(tmp_path, {"a.yml": HEAD + body.replace("SCHEDULE", fix)})) == []
