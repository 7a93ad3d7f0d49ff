"""Repositories that are out of sync: synchronized before their other changes and jobs, or the plan says why not."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from reconciler.model.plan import Action, Plan
from reconciler.model.steps import SyncRepository, UpdateObject
from reconciler.plan.drift import drift_of
from tests.plan.test_chain import DAILY, LIVE, STORAGE, keys, proxy, world
from tests.plan.world import FakeReader, plan

SYNC = SyncRepository(name="cloud", id="repo")
KEY = "update:repository.cloud"


def late(*proxies: dict[str, Any], **more: Any) -> FakeReader:
    store = {**LIVE["BackupRepositories"][0], "description": "", "isOutOfSync": True, **more}
    jobs = [{**job, "description": ""} for job in LIVE["Jobs"]]
    return FakeReader({**LIVE, "Proxies": proxies or LIVE["Proxies"], "BackupRepositories": [store], "Jobs": jobs})


def at(made: Plan, key: str) -> Any:
    return next(change for change in made.changes if change.key == key)


def codes(made: Plan) -> list[str]:
    return [item.code for item in made.reports if item.address == "repository.cloud"]


def test_it_is_a_change_that_names_the_jobs_and_starts_none() -> None:
    made = plan(world(), late())
    assert (keys(made), codes(made)) == ([KEY], [])
    change = at(made, KEY)
    assert [(item.path, item.before, item.after) for item in change.fields] == [("state", "out of sync", "in sync")]
    assert change.cause.detail == "the repository is out of sync: daily stands still"
    assert change.steps == (SYNC,)


def test_it_comes_before_the_other_changes_of_the_repository_and_its_jobs() -> None:
    changed = world(
        repository={"cloud": {"owner": "pool.a", **STORAGE, "description": "new"}},
        job={"daily": {**DAILY, "run": "always"}},
    )
    made = plan(changed, late())
    assert keys(made) == [KEY, "run:job.daily"]
    change = at(made, KEY)
    assert [item.path for item in change.fields] == ["state", "description"]
    assert [type(step) for step in change.steps] == [SyncRepository, UpdateObject]
    assert at(made, "run:job.daily").depends_on == (KEY,)
    assert at(made, "run:job.daily").cause.detail == "started by every apply (run: always)"


def test_it_comes_after_the_upgrade() -> None:
    made = plan(world(), late(isOutdated=True))
    assert keys(made)[:2] == ["upgrade:repository.cloud", KEY]
    assert at(made, KEY).depends_on == ("upgrade:repository.cloud",)


@pytest.mark.parametrize("why", ["offline", "on disk"])
def test_what_cannot_be_synchronized_is_reported_and_is_drift(why: str) -> None:
    wanted, reader = world(), late(*(proxy(number, proxyPoolId="pool-a", status="Offline") for number in (1, 2, 3)))
    if why == "on disk":
        disk = {"path": "D:\\VBO", "retention.type": "item-level", "retention.keep": "3 years"}
        wanted = world(repository={"cloud": {"owner": "pool.a", **disk}})
        reader = late(path="D:\\VBO", objectStorage=None)
    made = plan(wanted, reader)
    assert "repository-out-of-sync" in codes(made)
    assert not any(isinstance(step, SyncRepository) for change in made.changes for step in change.steps)
    found = [item for item in drift_of(made, (), date(2026, 11, 23)).changes if item.address == "repository.cloud"]
    assert [(item.action, item.fields[-1].path) for item in found] == [(Action.UPDATE, "state")]


def test_it_is_drift() -> None:
    (change,) = drift_of(plan(world(), late()), (), date(2026, 11, 23)).changes
    assert (change.key, change.fields[0].before) == (KEY, "out of sync")


@pytest.mark.parametrize("flag", [False, None])
def test_what_is_not_known_to_be_out_of_sync_is_left_alone(flag: bool | None) -> None:
    assert keys(plan(world(), late(isOutOfSync=flag))) == []
