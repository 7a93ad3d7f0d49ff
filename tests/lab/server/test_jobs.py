"""Jobs, their items, and their sessions."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.lab.fleet import SessionResult
from tests.lab.server.world import Client, World, eventually, linux_account

PART = {"type": "partialorganization", "Mailbox": True, "oneDrive": False}


@pytest.fixture
def job(world: World) -> str:
    """An entire-organization job on a disk of win-1."""
    return world.add_job(world.add_disk(world.add_proxy("win-1")))


def run(client: Client, job: str, **body: Any) -> dict[str, Any]:
    """Start a job with v8 and wait for the end of its session."""
    session = client.do("POST", f"Jobs/{job}/start", body)["id"]
    return ended(client, session)


def ended(client: Client, session: str) -> dict[str, Any]:
    def over() -> dict[str, Any] | None:
        found: dict[str, Any] = client.get(f"JobSessions/{session}")
        return found if found["status"] not in ("Queued", "Running") else None

    result: dict[str, Any] = eventually(over)
    return result


@pytest.mark.parametrize("rest", [6, 7])
def test_before_v8_jobs_are_made_below_their_organization(world: World, rest: int) -> None:
    repository = world.add_disk(world.add_proxy("win-1"))
    organization = world.find("organizations", "contoso.onmicrosoft.com")
    client = world.client(rest)
    body = {"name": "n", "repositoryId": repository, "backupType": "SelectedItems", "selectedItems": [PART]}
    created = client.do("POST", f"Organizations/{organization}/Jobs", body)
    assert "organizationId" not in created
    assert created["_links"]["organization"]["href"] == f"/v{rest}/Organizations/{organization}"
    assert created["selectedItems"][0]["type"] == "PartialOrganization"
    assert created["selectedItems"][0]["mailbox"] is True
    assert [item["id"] for item in client.get(f"Organizations/{organization}/Jobs")] == [created["id"]]
    assert world.client().get(f"Jobs/{created['id']}")["organizationId"] == organization


def test_v8_keeps_items_in_collections_of_their_own(world: World) -> None:
    repository = world.add_disk(world.add_proxy("win-1"))
    job = world.add_job(repository, backupType="SelectedItems", selectedItems=[PART])
    client = world.client()
    assert "selectedItems" not in client.get(f"Jobs/{job}")
    first = client.results(f"Jobs/{job}/SelectedItems")[0]
    client.do("POST", f"Jobs/{job}/SelectedItems", [{"type": "User", "user": {"id": "1"}}])
    client.do("DELETE", f"Jobs/{job}/SelectedItems", [first["id"]])
    assert [item["type"] for item in client.results(f"Jobs/{job}/SelectedItems")] == ["User"]
    assert client.send("DELETE", f"Jobs/{job}/SelectedItems", [first["id"]]).status_code == 404


def test_filters_of_jobs_came_with_v8(world: World, job: str) -> None:
    other = world.find("organizations", "fabrikam.onmicrosoft.com")
    assert world.client().results("Jobs", organizationId=other) == []
    assert len(world.client(7).results("Jobs", organizationId=other)) == 1


def test_editing_keeps_what_is_not_sent(world: World, job: str) -> None:
    client = world.client()
    tag = client.get(f"Jobs/{job}")["eTag"]
    client.do(
        "PUT", f"Jobs/{job}", {"schedulePolicy": {"scheduleEnabled": True, "type": "daily", "dailyTime": "22:00"}}
    )
    client.do("PUT", f"Jobs/{job}", {"description": "new"})
    found = client.get(f"Jobs/{job}")
    assert (found["name"], found["description"], found["eTag"]) == ("daily", "new", tag + 2)
    assert found["schedulePolicy"]["type"] == "Daily"
    assert found["schedulePolicy"]["dailyTime"] == "22:00:00"
    assert found["schedulePolicy"]["retryNumber"] == 3


def test_enabling_and_disabling(world: World, job: str) -> None:
    client = world.client(7)
    client.do("POST", f"Jobs/{job}/disable")
    assert client.get(f"Jobs/{job}")["isEnabled"] is False
    client.do("POST", f"Jobs/{job}/start", {})  # by hand it can be started all the same
    client.do("POST", f"Jobs/{job}/enable")
    assert client.get(f"Jobs/{job}")["isEnabled"] is True
    eventually(lambda: client.get(f"Jobs/{job}")["lastStatus"] == "Success")


def test_a_session_runs_on_the_proxy_of_the_repository(world: World, job: str) -> None:
    client = world.client()
    session = run(client, job)
    assert (session["status"], session["progress"], session["jobSessionConfigType"]) == ("Success", 7, "Full")
    assert session["proxyId"] == world.find("proxies", "win-1")
    assert session["statistics"]["processedObjects"] == 7
    order = world.hosts.hosts["win-1"].runs[0]
    assert (order.job, order.organization, order.objects, order.full) == ("daily", "contoso.onmicrosoft.com", 12, True)
    assert run(client, job)["jobSessionConfigType"] == "Incremental"
    found = client.get(f"Jobs/{job}")
    assert (found["lastStatus"], found["lastRun"]) == ("Success", "2026-01-05T12:00:00.000000Z")
    log = client.results(f"JobSessions/{session['id']}/LogItems")
    assert [entry["type"] for entry in log] == ["Running", "Success"]
    assert client.results(f"JobSessions/{session['id']}/LogItems", type="Success") == log[1:]
    old = world.client(6).results(f"JobSessions/{session['id']}/LogItems")
    assert [entry["title"] for entry in old] == [entry["message"] for entry in log]


def test_a_new_repository_means_a_full_backup(world: World, job: str) -> None:
    client = world.client()
    run(client, job)
    client.do("PUT", f"Jobs/{job}", {"repositoryId": world.add_disk(world.find("proxies", "win-1"), "second")})
    assert run(client, job)["jobSessionConfigType"] == "Full"
    used = client.results(f"Organizations/{world.find('organizations', 'contoso.onmicrosoft.com')}/usedRepositories")
    assert len(used) == 2  # the old data stays


@pytest.mark.parametrize(("rest", "has_body"), [(6, False), (7, False), (8, True)])
def test_starting_a_running_job_is_refused_and_stopping_ends_it(
    world: World, job: str, rest: int, has_body: bool
) -> None:
    world.hosts.gate.clear()
    client = world.client(rest)
    assert client.send("POST", f"Jobs/{job}/start").status_code == 400, "a body is required"
    assert bool(client.do("POST", f"Jobs/{job}/start", {"full": False})) == has_body
    eventually(lambda: client.get(f"Jobs/{job}")["lastStatus"] == "Running")
    assert client.send("POST", f"Jobs/{job}/start", {}).status_code == (409 if rest == 8 else 500)
    assert client.send("DELETE", f"Jobs/{job}").status_code == (409 if rest == 8 else 500)
    client.do("POST", f"Jobs/{job}/stop")
    world.hosts.gate.set()
    assert client.get(f"Jobs/{job}")["lastStatus"] == "Stopped"
    client.do("POST", f"Jobs/{job}/start", {})
    eventually(lambda: client.get(f"Jobs/{job}")["lastStatus"] == "Success")
    statuses = [item["status"] for item in client.results("JobSessions")]
    assert statuses == ["Success", "Stopped"]


@pytest.mark.parametrize(("trouble", "status"), [("warning", "Warning"), ("failure", "Failed")])
def test_trouble_on_demand(world: World, job: str, trouble: str, status: str) -> None:
    with world.document.lock:
        world.document.data["trouble"]["daily"] = trouble
    session = run(world.client(), job)
    assert session["status"] == status
    assert (session["details"] == "One object failed.") == (status == "Failed")


@pytest.mark.parametrize("what", ["offline", "outdated"])
def test_a_proxy_that_cannot_work_fails_the_session(world: World, job: str, what: str) -> None:
    break_proxy(world, what)
    session = run(world.client(), job)
    assert session["status"] == "Failed"
    assert ("out of date" if what == "outdated" else "offline") in session["details"]
    assert not world.hosts.hosts["win-1"].runs


@pytest.mark.parametrize("what", ["offline", "outdated"])
def test_or_leaves_it_queued_until_the_proxy_can(world: World, job: str, what: str) -> None:
    world.option(offline_jobs="queue", outdated_jobs="queue")
    break_proxy(world, what)
    client = world.client()
    session = client.do("POST", f"Jobs/{job}/start", {})["id"]
    assert client.get(f"JobSessions/{session}")["status"] == "Queued"
    world.hosts.hosts["win-1"].online = True
    world.hosts.hosts["win-1"].version = "8.5.0.1014"
    assert ended(client, session)["status"] == "Success"


def break_proxy(world: World, what: str) -> None:
    if what == "offline":
        world.hosts.hosts["win-1"].online = False
    else:
        world.option(repository_upgrades="none")
        world.server.upgrade_server("8.5.0.1014")


def test_in_a_pool_a_member_works_that_can(world: World) -> None:
    pool = world.add_pool("lnx-1", "lnx-2", "lnx-3")
    job = world.add_job(world.add_bucket(proxyPoolId=pool))
    client = world.client()
    world.hosts.hosts["lnx-1"].online = False
    second = world.find("proxies", "lnx-2")
    client.do("POST", f"Proxies/{second}/maintenance/enable", {"sshSettings": linux_account()})
    session = run(client, job)
    assert (session["proxyId"], session["proxyPoolId"]) == (world.find("proxies", "lnx-3"), pool)


def test_filters_of_sessions_by_version(world: World, job: str) -> None:
    client = world.client()
    first = run(client, job)["id"]
    world.clock.advance(1800)
    with world.document.lock:
        world.document.data["trouble"]["daily"] = "failure"
    second = run(client, job)["id"]

    def found(rest: int, **query: Any) -> list[str]:
        return [item["id"] for item in world.client(rest).results("JobSessions", **query)]

    assert found(8) == [second, first]
    assert found(8, status="Succeeded") == [first]
    assert found(8, status="Failed") == [second]
    assert found(7, status="Failed") == [second, first]  # v7 does not know it
    assert found(7, jobId=job) == [second, first]
    assert found(7, jobId=first) == []
    assert found(6, jobId=first) == [second, first]  # nor v6 this
    assert found(6, endTimeLowerBound="2026-01-05T12:15:00Z") == [second]
    assert found(7, endTimeUpperBound="2026-01-05T12:15:00+00:00") == [first]
    assert found(8, jobType="Copy") == []
    assert [item["id"] for item in world.client(6).results(f"Jobs/{job}/JobSessions")] == [second, first]


def test_a_failed_session_is_retried_as_the_job_says(world: World, job: str) -> None:
    client = world.client()
    policy = {"retryEnabled": True, "retryNumber": 2, "retryWaitInterval": 1}
    client.do("PUT", f"Jobs/{job}", {"schedulePolicy": policy})
    world.hosts.result = SessionResult("Failed", 0, [("Error", "no answer")])
    main = run(client, job)
    assert main["jobWillBeRetried"] is True
    sessions = eventually(lambda: three_failed(client))
    assert [item["retryCount"] for item in sessions] == [2, 1, 0]
    assert [item.get("mainSessionId") for item in sessions] == [main["id"], main["id"], None]
    assert [item["jobWillBeRetried"] for item in sessions] == [False, True, True]


def three_failed(client: Client) -> list[dict[str, Any]] | None:
    found = client.results("JobSessions")
    return found if [item["status"] for item in found] == ["Failed"] * 3 else None


def test_run_now(world: World) -> None:
    job = world.add_job(world.add_disk(world.add_proxy("win-1")), runNow=True)
    client = world.client()
    eventually(lambda: client.get(f"Jobs/{job}")["lastStatus"] == "Success")


def test_backup_times_of_organizations_are_in_the_extended_view(world: World, job: str) -> None:
    client = world.client()
    organization = client.get(f"Jobs/{job}")["organizationId"]
    run(client, job)
    assert "isBackedup" not in client.get(f"Organizations/{organization}")
    extended = client.get(f"Organizations/{organization}", extendedView=True)
    assert (extended["isBackedup"], extended["lastBackuptime"]) == (True, "2026-01-05T12:00:00.000000Z")
    used = world.client(7).results(f"Organizations/{organization}/usedRepositories")[0]
    assert "repositoryId" not in used
    repository = client.get(f"Jobs/{job}")["repositoryId"]
    assert used["_links"]["backupRepository"]["href"] == f"/v7/BackupRepositories/{repository}"
    stored = client.results(f"BackupRepositories/{repository}/backedupOrganizations")
    assert [item["name"] for item in stored] == ["contoso.onmicrosoft.com"]


@pytest.mark.parametrize("rest", [7, 8])
def test_an_empty_id_in_a_query_is_refused(world: World, job: str, rest: int) -> None:
    """It is not a UUID, as the API documents demand, and does not mean every job."""
    client = world.client(rest)
    assert client.send("GET", "JobSessions", jobId="").status_code == 400
    assert client.send("GET", "JobSessions", jobId=job).status_code == 200


@pytest.mark.parametrize(("since", "shown"), [("ended", 0), ("created", 1)])
def test_whether_a_running_session_passes_the_filter_by_time(world: World, job: str, since: str, shown: int) -> None:
    """The filter is named after the end of sessions, and described by their begin."""
    world.option(sessions_since=since, offline_jobs="queue")
    break_proxy(world, "offline")
    client = world.client()
    session = client.do("POST", f"Jobs/{job}/start", {})
    found = client.results("JobSessions", jobId=job, endTimeLowerBound="2026-01-01T00:00:00Z")
    assert [item["id"] for item in found] == [session["id"]] * shown
    client.do("POST", f"Jobs/{job}/stop")
