"""Schedules of jobs, piece by piece, on every REST version: only what is declared is compared and changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.scenarios.by_hand import by_hand
from tests.scenarios.rehearsal import Rehearsal

VERSIONS = (
    pytest.param("v5", marks=pytest.mark.matrix),
    pytest.param("v6", marks=pytest.mark.matrix),
    pytest.param("v7", marks=pytest.mark.matrix),
    "v8",
)
INVENTORY = r"""version: 1
name: small
server: {host: vbo.corp.example.com, rest: REST, credentials: admin}
credentials:
  admin: {username: 'CORP\svc-vbo', password: secret://env/VBO_PASSWORD}
proxies:
  px-1: {host: px-1.corp.example.com, type: domain, credentials: admin}
repositories:
  disk: {proxy: px-1, path: 'D:\VBO', retention: {type: item-level, keep: 3 years}}
organizations:
  contoso.example.com: {}
jobs:
  mail: {organization: contoso.example.com, repository: disk, items: [mailbox], run: never, schedule: SCHEDULE}
"""
WHOLE = (
    "{every: 4 hours, offset: 15 minutes, retry: {attempts: 5, wait: 30 minutes}, "
    'periodic_window: {workdays: "8:00-18:00", minute_offset: 60}, '
    'backup_window: {everyday: "22:00-06:00", minute_offset: 120}}'
)
EDITS = (
    ("attempts: 5", "attempts: 0", "retry.attempts", [5, 0]),
    ("wait: 30 minutes", "wait: 1 hour", "retry.wait", ["30 minutes", "60 minutes"]),
    ("offset: 15 minutes", "offset: 5 minutes", "offset", ["15 minutes", "5 minutes"]),
    (
        '{workdays: "8:00-18:00", minute_offset: 60}',
        "off",
        "periodic_window",
        [{"workdays": "08:00-18:00"}, "off"],
    ),
    ("minute_offset: 120", "minute_offset: 0", "backup_window.minute_offset", [120, 0]),
    (
        'everyday: "22:00-06:00"',
        "weekends: all",
        "backup_window",
        [{"everyday": "00:00-06:00, 22:00-24:00"}, {"weekends": "00:00-24:00"}],
    ),
)


def small(folder: Path, rest: str, schedule: str) -> Rehearsal:
    rehearsal = Rehearsal(folder)
    text = INVENTORY.replace("REST", rest).replace("SCHEDULE", schedule)
    rehearsal.file.write_text(text, encoding="utf-8")
    return rehearsal


def policy_of(rehearsal: Rehearsal) -> dict[str, Any]:
    with by_hand(rehearsal) as hand:
        found: dict[str, Any] = hand.by_name("Jobs", "name", "mail")["schedulePolicy"]
    return found


@pytest.mark.matrix
@pytest.mark.parametrize("rest", VERSIONS)
def test_every_piece_is_created_and_changed_by_itself(tmp_path: Path, rest: str) -> None:
    rehearsal = small(tmp_path, rest, WHOLE)
    rehearsal.converges()
    for old, new, path, values in EDITS:
        rehearsal.replace(old, new)
        assert rehearsal.changes() == {"update:job.mail": {f"schedule.{path}": values}}
        rehearsal.converges()


@pytest.mark.matrix
@pytest.mark.parametrize("semantics", ["merge", "replace"])
def test_a_piece_that_is_not_declared_is_left_alone(tmp_path: Path, semantics: str) -> None:
    """The whole schedule was one value: an edit of one piece wrote all of them."""
    rehearsal = small(tmp_path, "v8", WHOLE)
    rehearsal.converges()
    before = policy_of(rehearsal)
    rehearsal.set("server", f"put_jobs={semantics}")
    rehearsal.replace(WHOLE, "{retry: {attempts: 7}}")
    assert rehearsal.changes() == {"update:job.mail": {"schedule.retry.attempts": [5, 7]}}
    rehearsal.converges()
    assert policy_of(rehearsal) == before | {"retryNumber": 7}


@pytest.mark.matrix
def test_todays_forms_keep_their_meaning(tmp_path: Path) -> None:
    rehearsal = small(tmp_path, "v8", '{daily: "22:00"}')
    rehearsal.converges()
    assert policy_of(rehearsal)["dailyType"] == "Everyday"
    rehearsal.replace('{daily: "22:00"}', "{every: 15 minutes}")
    values = [{"daily": "22:00", "days": "everyday"}, {"every": "15 minutes"}]
    assert rehearsal.changes() == {"update:job.mail": {"schedule": values}}
    rehearsal.replace("{every: 15 minutes}", "manual")
    assert rehearsal.changes() == {"update:job.mail": {"schedule": [values[0], "manual"]}}
    rehearsal.converges()
