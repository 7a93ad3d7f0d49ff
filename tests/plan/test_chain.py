"""Pools, repositories, jobs and organizations: what is done before what, and which jobs are started."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.model.inventory import Policy, Window
from reconciler.model.plan import Action, Plan
from reconciler.model.recall import Recall
from reconciler.model.steps import SwitchJob
from reconciler.plan.document import change_to_json
from reconciler.plan.full_backups import with_full_backups
from reconciler.plan.job_runs import LEFT_OUT, PENDING, begun_after, runs_left_out
from reconciler.plan.recheck import recheck
from reconciler.plan.selection import select
from tests.plan.world import BUILD, FakeReader, changes, inventory, plan


def proxy(number: int, **more: Any) -> dict[str, Any]:
    return {
        "id": f"p{number}",
        "hostName": f"px-{number}",
        "type": "Workgroup",
        "status": "Online",
        "version": BUILD,
        "proxyPoolId": None,
        "maintenanceModeState": "Disabled",
        **more,
    }


PLACE = {"type": "s3-compatible", "account": "key", "bucket": "b", "folder": "f"}
STORAGE = {f"object_storage.{name}": value for name, value in PLACE.items()}
LIVE: dict[str, Any] = {
    "Proxies": [proxy(1, proxyPoolId="pool-a"), proxy(2, proxyPoolId="pool-a"), proxy(3, proxyPoolId="pool-b")],
    "ProxyPools": [{"id": "pool-a", "name": "a", "description": ""}, {"id": "pool-b", "name": "b"}],
    "Accounts": [{"id": "account", "userName": "key"}],
    "Organizations": [{"id": "org", "name": "contoso.example.com"}],
    "BackupRepositories": [
        {
            "id": "repo",
            "name": "cloud",
            "proxyPoolId": "pool-a",
            "objectStorage": {
                "type": "AmazonS3Compatible",
                "accountId": "account",
                "amazonBucketS3Compatible": {"name": "b"},
                "s3Folder": "f",
            },
        }
    ],
    "Jobs": [
        {
            "id": "job",
            "name": "daily",
            "organizationId": "org",
            "repositoryId": "repo",
            "backupType": "EntireOrganization",
        }
    ],
}


DAILY = {"organization": "contoso.example.com", "repository": "cloud", "items": "all"}


def world(**other: Any) -> Any:
    sections: dict[str, Any] = {
        "proxy": {"px-1": {"type": "workgroup"}, "px-2": {"type": "workgroup"}, "px-3": {"type": "workgroup"}},
        "pool": {"a": {"members": ["px-1", "px-2"]}, "b": {"members": ["px-3"]}},
        "repository": {"cloud": {"owner": "pool.a", **STORAGE}},
        "organization": {"contoso.example.com": {"proxies": ["a"]}},
        "job": {"daily": DAILY},
    }
    return inventory(**{**sections, **other})


def keys(made: Plan) -> list[str]:
    return [change.key for change in made.changes]


def test_the_whole_chain_as_declared_is_no_change() -> None:
    made = plan(world(), FakeReader(LIVE))
    assert changes(made) == {}
    assert made.unchanged == 8


def test_everything_is_created_in_the_order_in_which_it_leans_on_each_other() -> None:
    empty = FakeReader({"Organizations": LIVE["Organizations"]})
    made = plan(world(), empty)
    assert keys(made) == [
        "create:proxy.px-1",
        "create:proxy.px-2",
        "create:proxy.px-3",
        "create:pool.a",
        "create:pool.b",
        "create:repository.cloud",
        "create:job.daily",
        "run:job.daily",
    ]
    needs: dict[str, set[str]] = {change.key: set(change.depends_on) for change in made.changes}
    assert needs["create:pool.a"] == {"create:proxy.px-1", "create:proxy.px-2"}
    assert needs["create:repository.cloud"] == {"create:pool.a"}
    assert needs["create:job.daily"] == {"create:repository.cloud"}
    assert "create:job.daily" in needs["run:job.daily"]


def test_a_proxy_that_changes_pools_leaves_before_it_joins() -> None:
    moved = world(pool={"a": {"members": ["px-1"]}, "b": {"members": ["px-2", "px-3"]}})
    made = plan(moved, FakeReader(LIVE))
    assert changes(made)["update:pool.a"] == {"members": (["px-1", "px-2"], ["px-1"])}
    join = next(change for change in made.changes if change.key == "update:pool.b")
    assert "update:pool.a" in join.depends_on
    assert join.steps[0].params == {"name": "b", "join": ["px-2"], "leave": []}


def test_a_change_of_who_moves_its_data_starts_the_job_once() -> None:
    members = {"a": {"members": ["px-1"]}, "b": {"members": ["px-2", "px-3"]}}
    made = plan(world(pool=members), FakeReader(LIVE))
    assert keys(made) == ["update:pool.a", "update:pool.b", "run:job.daily"]
    run = next(change for change in made.changes if change.key == "run:job.daily")
    assert run.cause.detail == "downstream of changes to pool.a"
    assert not run.steps[0].params.get("first")


@pytest.mark.parametrize(
    "declared",
    [
        {"proxy": {"px-1": {"throttle": "100 Mbps"}}},
        {"proxy": {"px-1": {"threads": 32}}},
        {"proxy": {"px-1": {"description": "new"}}},
        {"pool": {"a": {"members": ["px-1", "px-2"], "description": "new"}}},
        {"pool": {"a": {"members": ["px-1", "px-2"], "name": "b2", "formerly": "a"}}},
        {"repository": {"cloud": {"owner": "pool.a", "retention.keep": "3 years"}}},
        {"job": {"daily": {**DAILY, "description": "new"}}},
        {"job": {"daily": {**DAILY, "name": "nightly", "formerly": "daily"}}},
        {"job": {"daily": {**DAILY, "schedule": {"daily": "23:00"}}}},
        {"job": {"daily": {**DAILY, "enabled": True}}},
    ],
    ids=str,
)
def test_what_alters_no_path_of_data_starts_no_job(declared: dict[str, Any]) -> None:
    """A throttle, a retention, a rename, a description, a schedule: one change, and no full backup by day."""
    threads = {
        "threadsNumber": 64,
        "enableNetworkThrottling": False,
        "throttlingValue": 0,
        "throttlingUnit": "Mbps",
        "description": "",
    }
    live = {
        **LIVE,
        "Proxies": [{**item, **threads} for item in LIVE["Proxies"]],
        "BackupRepositories": [
            {**LIVE["BackupRepositories"][0], "retentionPeriodType": "Daily", "dailyRetentionPeriod": 30}
        ],
        "Jobs": [
            {**LIVE["Jobs"][0], "isEnabled": False, "description": "", "schedulePolicy": {"scheduleEnabled": False}}
        ],
    }
    sections: dict[str, dict[str, Any]] = {
        "proxy": {name: {"type": "workgroup"} for name in ("px-1", "px-2", "px-3")},
        "pool": {"a": {"members": ["px-1", "px-2"]}, "b": {"members": ["px-3"]}},
        "repository": {"cloud": {"owner": "pool.a"}},
        "job": {"daily": DAILY},
    }
    kind, objects = next(iter(declared.items()))
    merged = {name: {**fields, **objects.get(name, {})} for name, fields in sections[kind].items()}
    made = plan(world(**{kind: merged}), FakeReader(live, rest=7 if "threads" in str(declared) else 8))
    assert [key for key in keys(made) if key.startswith("run:")] == []
    assert len(made.changes) == 1


@pytest.mark.parametrize(
    ("job", "path", "first"),
    [
        ({"items": ["mailbox"]}, "items", False),
        ({"repository": "other"}, "repository", True),
    ],
)
def test_what_a_job_backs_up_and_where_to_starts_it(job: dict[str, Any], path: str, first: bool) -> None:
    """Another repository holds no backup of it."""
    live = {
        **LIVE,
        "BackupRepositories": [LIVE["BackupRepositories"][0], {"id": "two", "name": "other", "proxyPoolId": "pool-a"}],
        "Jobs/job/SelectedItems": [],
        "Jobs/job/ExcludedItems": [{"type": "User", "user": {"id": "1", "displayName": "ann"}}],
    }
    stores = {"cloud": {"owner": "pool.a"}, "other": {"owner": "pool.a"}}
    made = plan(world(repository=stores, job={"daily": {**DAILY, **job}}), FakeReader(live))
    assert path in changes(made)["update:job.daily"]
    run = next(change for change in made.changes if change.key == "run:job.daily")
    assert bool(run.steps[0].params.get("first")) is first


def test_a_new_job_is_a_reason_of_its_own_and_a_full_backup() -> None:
    made = plan(world(), FakeReader({**LIVE, "Jobs": []}))
    run = next(change for change in made.changes if change.key == "run:job.daily")
    assert run.cause.detail == "the job is new (not on the server)"
    assert run.steps[0].params == {"name": "daily", "first": True}


SATURDAY = "Sat 20:00 for 8 h (Europe/London)"


def test_a_plan_says_how_many_full_backups_it_starts_and_in_which_windows() -> None:
    made = plan(world(), FakeReader({**LIVE, "Jobs": []}))
    found = with_full_backups(made, Policy(windows=(Window("Sat 20:00", 8, "Europe/London"),)))
    assert [(report.address, report.detail) for report in found.reports if report.code == "full-backups"] == [
        ("plan", f"1 job is started, 1 of them with a full backup (daily), in the change windows: {SATURDAY}")
    ]
    (report,) = with_full_backups(made, Policy()).reports
    assert report.detail.endswith("at any time: no change windows")


def test_no_job_is_started_with_no_run_and_deletes_do_not_wait_for_one() -> None:
    live = {**LIVE, "Proxies": [*LIVE["Proxies"], proxy(4, description="[vbo-reconcile:corp]")]}
    made = plan(world(pool={"a": {"members": ["px-1"]}, "b": {"members": ["px-2", "px-3"]}}), FakeReader(live))
    left = select(made, [], runs=False)
    assert [key for key in keys(left) if key.startswith("run:")] == []
    assert len(left.changes) == len(made.changes) - 1
    assert not any(key.startswith("run:") for change in left.changes for key in change.depends_on)
    said = "1 start of a job was left out by --no-run: schedules run the jobs"
    assert said in [report.detail for report in left.reports]


def test_a_job_that_is_not_selected_is_still_to_start_after_what_it_works_through_changed() -> None:
    declared = world(pool={"a": {"members": ["px-1"]}, "b": {"members": ["px-2", "px-3"]}})
    made, known = plan(declared, FakeReader(LIVE)), list(declared.resources)
    assert runs_left_out(select(made, known, targets=["pool.*"]), declared) == ["job.daily"]
    assert runs_left_out(select(made, known, excludes=["job.daily"]), declared) == ["job.daily"]
    assert runs_left_out(select(made, known, targets=["pool.*"], runs=False), declared) == []
    assert runs_left_out(made, declared) == []
    pools = [change_to_json(change) for change in made.changes if change.action is not Action.RUN]
    assert runs_left_out(recheck(pools, made).plan, declared) == ["job.daily"]


def test_a_job_that_is_not_selected_has_a_mark_of_its_own_if_no_path_of_its_data_changed() -> None:
    declared = world(pool={"a": {"members": ["px-1", "px-2"], "description": "new"}, "b": {"members": ["px-3"]}})
    made = plan(declared, FakeReader(LIVE), recall=Recall(applied={"job.daily": {PENDING: "pending"}}))
    assert keys(made) == ["update:pool.a", "run:job.daily"]
    assert runs_left_out(select(made, list(declared.resources), targets=["pool.*"]), declared) == []


def test_a_job_that_was_not_selected_runs_now_and_is_not_followed() -> None:
    made = plan(world(), FakeReader(LIVE), recall=Recall(applied={"job.daily": {PENDING: LEFT_OUT}}))
    assert keys(made) == ["run:job.daily"]
    (run,) = made.changes
    assert run.cause.detail == "an earlier apply changed what it works through, and it was not selected"
    assert run.steps[0].params.get("follow") is not True


def test_a_job_may_be_kept_from_starting() -> None:
    job = {"organization": "contoso.example.com", "repository": "cloud", "items": ["mailbox"], "run": "never"}
    live = {**LIVE, "Jobs/job/SelectedItems": []}
    assert keys(plan(world(job={"daily": job}), FakeReader(live))) == ["update:job.daily"]


def test_a_job_that_was_to_run_when_the_last_apply_ended_runs_now() -> None:
    made = plan(world(), FakeReader(LIVE), recall=Recall(applied={"job.daily": {PENDING: "pending"}}))
    assert keys(made) == ["run:job.daily"]


@pytest.mark.parametrize(
    ("mark", "last_run", "follow"),
    [
        ("pending", "2026-10-03T22:00:00Z", False),
        (begun_after(None), None, False),
        (begun_after(None), "2026-10-03T22:00:00Z", True),
        (begun_after("2026-10-03T22:00:00Z"), "2026-10-03T22:00:00Z", False),
        (begun_after("2026-10-03T22:00:00Z"), "2026-10-04T22:00:00Z", True),
    ],
)
def test_a_job_that_a_killed_apply_started_is_followed_and_not_started_again(
    mark: str, last_run: str | None, follow: bool
) -> None:
    live = {**LIVE, "Jobs": [{**LIVE["Jobs"][0], "lastRun": last_run}]}
    made = plan(world(), FakeReader(live), recall=Recall(applied={"job.daily": {PENDING: mark}}))
    assert keys(made) == ["run:job.daily"]
    assert bool(made.changes[0].steps[0].params.get("follow")) is follow


def test_a_repository_on_a_disk_cannot_move() -> None:
    live = {**LIVE, "BackupRepositories": [{"id": "repo", "name": "cloud", "proxyId": "p3", "path": "D:\\x"}]}
    made = plan(world(repository={"cloud": {"owner": "proxy.px-1", "path": "D:\\x"}}), FakeReader(live))
    move = next(change for change in made.changes if change.address == "repository.cloud")
    assert "on a disk" in move.blocked
    run = next(change for change in made.changes if change.key == "run:job.daily")
    assert run.blocked == "it depends on repository.cloud, which is blocked"


def test_a_repository_on_object_storage_moves_by_an_operation_of_its_own() -> None:
    made = plan(world(repository={"cloud": {"owner": "pool.b", **STORAGE}}), FakeReader(LIVE))
    move = next(change for change in made.changes if change.address == "repository.cloud")
    assert [step.verb for step in move.steps] == ["repository.move"]


def test_an_unknown_organization_blocks_its_jobs_and_is_an_error() -> None:
    live = {**LIVE, "Organizations": [], "Jobs": []}
    made = plan(world(), FakeReader(live))
    assert [item.code for item in made.problems] == ["organization-missing"]
    assert all(change.blocked for change in made.changes if change.address == "job.daily")


def test_a_proxy_behind_the_server_is_upgraded_before_it_is_changed() -> None:
    old = [proxy(1, proxyPoolId="pool-a", version="8.1.0.305", port=9200), *LIVE["Proxies"][1:]]
    proxies = {
        "px-1": {"type": "workgroup", "port": 9193},
        "px-2": {"type": "workgroup"},
        "px-3": {"type": "workgroup"},
    }
    made = plan(world(proxy=proxies), FakeReader({**LIVE, "Proxies": old}))
    assert keys(made)[:2] == ["upgrade:proxy.px-1", "update:proxy.px-1"]
    assert "upgrade:proxy.px-1" in made.changes[1].depends_on


@pytest.mark.parametrize(
    ("have", "wanted", "blocked"),
    [
        ("8.10.0.1", "server", "the proxy has 8.10.0.1, newer than 8.5.0.1014 of the server"),
        ("8.5.0.2000", "server", None),  # a private fix
        ("8.5.0.1014", "8.5.0.1014", None),
        ("8.4.0.1457", "8.5.0.1014", ""),
        ("8.4.0.1457", "8.4.0.1457", None),  # as declared, though the server has moved on
        (
            "8.4.0.1457",
            "8.6.0.100",
            "the server upgrades proxies only to its own build 8.5.0.1014: to install 8.6",
        ),
        ("8.5.0.1014", "8.4.0.1457", "the server upgrades proxies only to its own build 8.5.0.1014: to install 8.4"),
    ],
)
def test_the_server_brings_a_proxy_to_its_own_build_and_never_back(have: str, wanted: str, blocked: str | None) -> None:
    found = [proxy(1, proxyPoolId="pool-a", version=have), *LIVE["Proxies"][1:]]
    declared = {name: {"type": "workgroup"} for name in ("px-1", "px-2", "px-3")}
    declared["px-1"]["service.version"] = wanted
    made = plan(world(proxy=declared), FakeReader({**LIVE, "Proxies": found}))
    if blocked is None:
        assert made.is_empty
        return
    (change,) = (item for item in made.changes if item.key == "upgrade:proxy.px-1")
    assert change.blocked.startswith(blocked)
    assert bool(change.blocked) == bool(blocked)
    assert bool(change.steps) != bool(blocked)


def test_an_organization_shows_the_proxies_that_process_it() -> None:
    from tests.plan.world import live

    found = live(world(), FakeReader(LIVE)).resources
    assert {str(where): item.fields["proxies"] for where, item in found.items() if item.kind == "organization"} == {
        "organization.contoso.example.com": ["a"]
    }


def test_a_value_that_the_version_cannot_take_blocks_the_change() -> None:
    job = {"organization": "contoso.example.com", "repository": "cloud", "schedule": {"every": "12 hours"}}
    old = FakeReader({"Organizations": LIVE["Organizations"]}, rest=7)
    made = plan(inventory(organization={"contoso.example.com": {}}, job={"daily": job}), old)
    assert [change.blocked for change in made.changes] == [
        "REST v7 has no interval of 12 hours; it came with v8",
        "it depends on job.daily, which is blocked",
    ]


def test_what_the_server_has_besides_is_suggested_for_an_organization_that_is_missing() -> None:
    def fix(*names: str) -> str:
        listed = [{"id": name, "name": name} for name in names]
        (problem,) = plan(world(), FakeReader({**LIVE, "Organizations": listed, "Jobs": []})).problems
        return problem.fix

    add = "Add it in the Veeam console, or correct its name."
    assert fix() == add
    lines = 'name: "a.example.com"\n  name: "b.example.com"'
    called = f"{add} If it is called otherwise on the server, declare its name:\n  {lines}"
    assert fix("b.example.com", "a.example.com") == called


@pytest.mark.parametrize(("kind", "section"), [("job", "Jobs"), ("copy_job", "CopyJobs")])
@pytest.mark.parametrize("enabled", [True, False])
def test_a_job_is_switched_on_and_off_by_a_step(kind: str, section: str, enabled: bool) -> None:
    raw = {**LIVE["Jobs"][0], "isEnabled": not enabled, "backupJobId": "job"}
    daily = (
        {**DAILY, "enabled": enabled} if kind == "job" else {"job": "daily", "repository": "cloud", "enabled": enabled}
    )
    name = "daily" if kind == "job" else "copy"
    seen = {**LIVE, section: [{**raw, "id": section, "name": name}]}
    made = plan(world(**{kind: {name: daily}}), FakeReader(seen))
    (step,) = [step for change in made.changes for step in change.steps if isinstance(step, SwitchJob)]
    assert (step.kind, step.name, step.enabled) == (kind, name, enabled)
