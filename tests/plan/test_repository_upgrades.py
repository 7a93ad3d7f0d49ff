"""Repositories that are out of date: upgraded after their proxies and before their jobs, or the plan says why not."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from reconciler.model.diagnostic import Diagnostic
from reconciler.model.live import HostFacts
from reconciler.model.plan import Action, Plan
from reconciler.model.steps import UpgradeRepository
from reconciler.plan.drift import drift_of
from tests.plan.test_chain import DAILY, LIVE, STORAGE, keys, proxy, world
from tests.plan.world import FakeReader, plan

OLD = "8.1.0.305"


def late(*proxies: dict[str, Any], **more: Any) -> FakeReader:
    store = {**LIVE["BackupRepositories"][0], "description": "", "isOutdated": True, **more}
    jobs = [{**job, "description": ""} for job in LIVE["Jobs"]]
    proxies = proxies or tuple(LIVE["Proxies"])
    return FakeReader({**LIVE, "Proxies": proxies, "BackupRepositories": [store], "Jobs": jobs})


def at(made: Plan, key: str) -> Any:
    return next(change for change in made.changes if change.key == key)


def test_it_is_its_own_change_that_names_the_jobs() -> None:
    made = plan(world(), late())
    assert keys(made) == ["upgrade:repository.cloud", "run:job.daily"]
    change = at(made, "upgrade:repository.cloud")
    assert [(item.path, item.before, item.after) for item in change.fields] == [("state", "out of date", "up to date")]
    assert change.cause.detail == "the repository is out of date: daily stands still"
    assert change.steps == (UpgradeRepository(name="cloud", id="repo", owner="pool.a"),)
    run = at(made, "run:job.daily")
    assert run.depends_on == ("upgrade:repository.cloud",)
    assert not run.steps[0].first


def test_all_proxies_of_its_pool_come_first_and_its_own_changes_after_it() -> None:
    members = (proxy(1, proxyPoolId="pool-a", version=OLD), proxy(2, proxyPoolId="pool-a", version=OLD))
    changed = world(repository={"cloud": {"owner": "pool.a", **STORAGE, "description": "new"}})
    made = plan(changed, late(*members, proxy(3, proxyPoolId="pool-b")))
    assert keys(made) == [
        "upgrade:proxy.px-1",
        "upgrade:proxy.px-2",
        "upgrade:repository.cloud",
        "update:repository.cloud",
        "run:job.daily",
    ]
    assert at(made, "upgrade:repository.cloud").depends_on == ("upgrade:proxy.px-1", "upgrade:proxy.px-2")
    assert at(made, "update:repository.cloud").depends_on == ("upgrade:repository.cloud",)


@pytest.mark.parametrize("what", ["repository", "proxy"])
def test_without_powershell_the_plan_says_so_and_names_the_jobs(what: str) -> None:
    wanted = world()
    server = replace(wanted.access.server, powershell=None)
    wanted = replace(wanted, access=replace(wanted.access, server=server))
    old = FakeReader({**LIVE, "Proxies": [proxy(1, version=OLD, proxyPoolId="pool-a"), *LIVE["Proxies"][1:]]})
    reader = late(*({**item, "version": "8.4.0.1457"} for item in LIVE["Proxies"])) if what == "repository" else old
    reader.build = "8.4.0.1457"
    made = plan(wanted, reader)
    blocked = {str(change.key): change.blocked for change in made.changes if change.blocked}
    upgrade = next(text for key, text in blocked.items() if key.startswith("upgrade:"))
    assert upgrade.startswith(f"REST cannot upgrade a {what}: declare `server.powershell: {{credentials: NAME}}`")
    assert "in the Veeam console" in upgrade
    assert blocked["run:job.daily"].endswith("which is blocked")


def test_from_8_5_on_the_server_is_waited_for_without_powershell() -> None:
    wanted = world()
    server = replace(wanted.access.server, powershell=None)
    made = plan(replace(wanted, access=replace(wanted.access, server=server)), late())
    assert [change.blocked for change in made.changes] == ["", ""]


def test_a_job_can_be_changed_while_its_repository_is_out_of_date() -> None:
    offline = [proxy(number, proxyPoolId="pool-a", status="Offline") for number in (1, 2)]
    made = plan(world(job={"daily": {**DAILY, "description": "new"}}), late(*offline, LIVE["Proxies"][2]))
    assert at(made, "upgrade:repository.cloud").blocked.startswith("pool.a is not online")
    assert at(made, "update:job.daily").blocked == ""
    assert at(made, "run:job.daily").blocked


def test_a_proxy_whose_host_is_away_does_not_begin_its_upgrade() -> None:
    """The upgrade would fail, and stop those of the others."""
    away = HostFacts("px-1", {}, Diagnostic("unreachable", "No connection", "px-1: connecting: refused"))
    reader = FakeReader({**LIVE, "Proxies": [proxy(1, version=OLD, status="Offline"), proxy(2, version=OLD)]})
    made = plan(world(pool={}, repository={}, organization={}, job={}), reader, hosts={"px-1": away})
    assert at(made, "upgrade:proxy.px-1").blocked.startswith("the proxy is offline and its host does not answer")
    assert at(made, "upgrade:proxy.px-2").blocked == ""


def test_it_is_drift() -> None:
    (change,) = drift_of(plan(world(), late()), (), date(2026, 11, 23)).changes
    assert (change.address, change.action) == ("repository.cloud", Action.UPGRADE)


@pytest.mark.parametrize("flag", [False, None])
def test_what_is_not_known_to_be_out_of_date_is_not_upgraded(flag: bool | None) -> None:
    assert keys(plan(world(), late(isOutdated=flag))) == []


@pytest.mark.parametrize(("flag", "word"), [("isOutOfOrder", "invalid")])
def test_a_run_on_a_repository_that_cannot_be_used_says_so(flag: str, word: str) -> None:
    made = plan(world(job={"daily": {**DAILY, "run": "always"}}), late(isOutdated=False, **{flag: True}))
    says = f"repository.cloud is {word}, so its session is expected to fail until that is mended"
    assert at(made, "run:job.daily").cause.detail == f"started by every apply (run: always); {says}"
