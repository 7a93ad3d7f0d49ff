"""Whether jobs are enabled: compared always, and changed by the actions of each REST version."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.scenarios.by_hand import by_hand
from tests.scenarios.rehearsal import Rehearsal
from tests.scenarios.test_job_schedules import VERSIONS, small

DAILY = '{daily: "22:00"}'


def job_of(rehearsal: Rehearsal) -> dict[str, Any]:
    moving = {"eTag", "lastRun", "nextRun", "lastBackup", "lastStatus", "_links"}
    with by_hand(rehearsal) as hand:
        found = hand.by_name("Jobs", "name", "mail")
    return {name: value for name, value in found.items() if name not in moving}


def disable(rehearsal: Rehearsal) -> None:
    with by_hand(rehearsal) as hand:
        hand.request("POST", f"Jobs/{hand.by_name('Jobs', 'name', 'mail')['id']}/disable")


@pytest.mark.matrix
@pytest.mark.parametrize("rest", VERSIONS)
def test_it_is_switched_by_actions_in_both_directions(tmp_path: Path, rest: str) -> None:
    rehearsal = small(tmp_path, rest, f"{DAILY}, enabled: false")
    rehearsal.converges()
    for before, after in ((False, True), (True, False)):
        rehearsal.replace(f"enabled: {str(before).lower()}", f"enabled: {str(after).lower()}")
        (change,) = rehearsal.plan()["changes"]
        assert [(item["path"], item["before"], item["after"]) for item in change["fields"]] == [
            ("enabled", before, after)
        ]
        assert [step["verb"] for step in change["steps"]] == ["job.switch"]
        rehearsal.converges()


def test_a_job_that_is_disabled_in_the_console_is_alarming_drift_and_is_enabled(tmp_path: Path) -> None:
    rehearsal = small(tmp_path, "v8", DAILY)
    rehearsal.converges()
    before = job_of(rehearsal)
    disable(rehearsal)
    ended = rehearsal.run("drift", "--lab", str(rehearsal.file), "--format", "json")
    (change,) = json.loads(ended.out)["changes"]
    (field,) = change["fields"]
    assert (ended.code, change["severity"]) == (2, "high")
    assert (field["path"], field["before"], field["after"], field["severity"]) == ("enabled", False, True, "high")
    assert field["cause"]["reason"] == "drift"
    rehearsal.converges()
    assert job_of(rehearsal) == before


@pytest.mark.matrix
@pytest.mark.parametrize("semantics", ["merge", "replace"])
def test_an_update_enables_nothing_that_is_to_stay_as_it_is(tmp_path: Path, semantics: str) -> None:
    rehearsal = small(tmp_path, "v8", f"{DAILY}, enabled: unmanaged")
    rehearsal.converges()
    disable(rehearsal)
    assert rehearsal.changes() == {}
    before = job_of(rehearsal)
    rehearsal.set("server", f"put_jobs={semantics}")
    rehearsal.replace(DAILY, '{daily: "21:00"}')
    rehearsal.replace("run: never", "run: on-change")
    assert rehearsal.changes().keys() == {"update:job.mail"}  # no change starts a job that is disabled
    rehearsal.converges()
    after = job_of(rehearsal)
    assert after["isEnabled"] is False
    assert {name for name in before if before[name] != after[name]} == {"schedulePolicy"}


@pytest.mark.matrix
def test_a_job_is_switched_after_its_other_changes(tmp_path: Path) -> None:
    rehearsal = small(tmp_path, "v8", DAILY)
    rehearsal.converges()
    disable(rehearsal)
    rehearsal.replace(DAILY, '{daily: "21:00"}')
    (change,) = rehearsal.plan()["changes"]
    assert [step["verb"] for step in change["steps"]] == ["update", "job.switch"]
    rehearsal.converges()
    assert job_of(rehearsal)["isEnabled"] is True


@pytest.mark.matrix
def test_a_job_that_is_to_be_disabled_is_not_started(tmp_path: Path) -> None:
    rehearsal = small(tmp_path, "v8", DAILY)
    rehearsal.replace("run: never", "run: on-change")
    rehearsal.converges()
    rehearsal.replace(DAILY, f"{DAILY}, enabled: false")
    assert rehearsal.changes().keys() == {"update:job.mail"}
    rehearsal.converges()
