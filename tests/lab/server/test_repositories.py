"""Repositories, object storage and changes of owner."""

from __future__ import annotations

from typing import Any

import pytest

from tests.lab.server.world import Client, World, disk, eventually


def test_a_repository_on_disk(world: World) -> None:
    proxy = world.add_proxy("win-1")
    repository = world.add_disk(proxy, "contoso")
    found = world.client().get(f"BackupRepositories/{repository}")
    assert (found["name"], found["path"], found["proxyId"], found["proxyPoolId"]) == (
        "contoso",
        "D:\\contoso",
        proxy,
        None,
    )
    assert found["yearlyRetentionPeriod"] == "Years3"
    assert "objectStorage" not in found


def test_object_storage_is_described_in_place_in_v8_and_linked_to_before(world: World) -> None:
    repository = world.add_bucket("cloudy", proxyPoolId=world.add_pool("lnx-1"))
    storage = world.client().get(f"BackupRepositories/{repository}")["objectStorage"]
    assert storage["amazonBucketS3Compatible"]["name"] == "backups"
    assert storage["s3Folder"] == "cloudy"
    old = world.client(7).get(f"BackupRepositories/{repository}")
    assert (old["objectStorageId"], old["proxyId"]) == (storage["id"], None)
    assert world.client(6).get(f"objectstoragerepositories/{storage['id']}")["name"] == "cloudy"


@pytest.mark.parametrize("rest", [6, 7])
def test_before_v8_object_storage_is_used_once(world: World, rest: int) -> None:
    proxy = world.add_proxy("win-1")
    client = world.client(rest)
    storage = {item["name"]: item["id"] for item in client.get("objectstoragerepositories")}["cloud-bucket"]
    body = disk("a") | {"proxyId": proxy, "objectStorageId": storage, "objectStorageCachePath": "D:\\cache"}
    created = client.do("POST", "BackupRepositories", body)
    assert (created["objectStorageId"], created["objectStorageCachePath"]) == (storage, "D:\\cache")
    assert client.send("POST", "BackupRepositories", body | {"name": "b"}).status_code == 500
    assert world.client().get(f"BackupRepositories/{created['id']}")["objectStorage"]["id"] == storage


def test_the_filters(world: World) -> None:
    proxy, pool = world.add_proxy("win-1"), world.add_pool("lnx-1")
    world.add_disk(proxy)
    world.add_bucket(proxyPoolId=pool)

    def found(rest: int = 8, **query: Any) -> list[str]:
        return [item["name"] for item in world.client(rest).results("BackupRepositories", **query)]

    assert found(proxyId=proxy) == found(6, proxyId=proxy) == ["disk"]
    assert found(proxyPoolId=pool) == ["bucket"]
    assert len(found(7, proxyPoolId=pool)) == 3  # v7 does not know it
    assert found(longTerm=True) == []


def test_what_can_be_changed(world: World) -> None:
    repository = world.add_disk(world.add_proxy("win-1"))
    body = {"RetentionType": "itemlevel", "retentionPeriodType": "Monthly", "monthlyRetentionPeriod": 6, "name": "new"}
    world.client().do("PUT", f"BackupRepositories/{repository}", body)
    found = world.client().get(f"BackupRepositories/{repository}")
    assert (found["name"], found["retentionPeriodType"], found["monthlyRetentionPeriod"]) == ("new", "Monthly", 6)
    assert "yearlyRetentionPeriod" not in found


def test_the_last_repository_stays(world: World) -> None:
    client = world.client()
    first = client.results("BackupRepositories")[0]["id"]
    assert client.send("DELETE", f"BackupRepositories/{first}").status_code == 409
    second = world.add_disk(world.add_proxy("win-1"))
    client.do("DELETE", f"BackupRepositories/{first}")
    assert [item["id"] for item in client.results("BackupRepositories")] == [second]


def test_accounts_can_be_found_by_name_and_never_tell_their_secret(world: World) -> None:
    client = world.client()
    client.do("POST", "Accounts", {"accountType": "AMAZONS3ACCOUNT", "userName": "key", "password": "hidden"})
    assert [item["userName"] for item in client.get("Accounts", name="KEY")] == ["key"]
    assert "hidden" not in world.document.path.read_text()


# Changes of owner


def change(client: Client, repository: str, **query: Any) -> str:
    return str(client.do("POST", f"BackupRepositories/{repository}/changeOwner", **query)["id"])


def status(client: Client, session: str) -> str:
    return str(client.get(f"RepositoryOwnerChangeSessions/{session}")["status"])


def test_the_owner_changes_at_the_very_end(world: World) -> None:
    pool, proxy = world.add_pool("lnx-1"), world.add_proxy("lnx-2")
    repository = world.add_bucket(proxyId=proxy)
    world.add_job(repository)
    world.hosts.gate.clear()
    client = world.client()
    client.do("POST", f"Jobs/{world.find('jobs', 'daily')}/start", {})
    eventually(lambda: client.results("JobSessions")[0]["status"] == "Running")
    session = change(client, repository, poolId=pool, waitForSessionsTimeout=10_000)
    assert status(client, session) == "Waiting"
    found = client.get(f"BackupRepositories/{repository}")
    assert (found["proxyId"], found["isMigrationLocked"]) == (proxy, True)
    assert client.send("POST", f"BackupRepositories/{repository}/changeOwner?poolId={pool}").status_code == 409
    world.hosts.gate.set()
    eventually(lambda: status(client, session) == "Succeeded")
    found = client.get(f"BackupRepositories/{repository}")
    assert (found["proxyId"], found["proxyPoolId"], found["isMigrationLocked"]) == (None, pool, False)
    shown = client.get(f"RepositoryOwnerChangeSessions/{session}")
    assert (shown["fromOwnerId"], shown["toOwnerId"], shown["repositoryIds"]) == (proxy, pool, [repository])
    assert (shown["waitForSessionsTimeout"], shown["forceStopSessionsTimeout"]) == ("10000", "10")


@pytest.mark.parametrize(("force", "end", "job"), [(False, "Failed", "Running"), (True, "Succeeded", "Stopped")])
def test_sessions_that_do_not_end_in_time(world: World, force: bool, end: str, job: str) -> None:
    pool, proxy = world.add_pool("lnx-1"), world.add_proxy("lnx-2")
    repository = world.add_bucket(proxyId=proxy)
    world.add_job(repository)
    world.hosts.gate.clear()
    client = world.client()
    client.do("POST", f"Jobs/{world.find('jobs', 'daily')}/start", {})
    eventually(lambda: client.results("JobSessions")[0]["status"] == "Running")
    session = change(client, repository, poolId=pool, waitForSessionsTimeout=0, forceStopSessions=force)
    eventually(lambda: status(client, session) == end)
    assert client.results("JobSessions")[0]["status"] == job


def test_an_offline_source_blocks_the_move(world: World) -> None:
    pool, proxy = world.add_pool("lnx-1"), world.add_proxy("lnx-2")
    repository = world.add_bucket(proxyId=proxy)
    world.hosts.hosts["lnx-2"].online = False
    client = world.client()
    session = change(client, repository, poolId=pool)
    eventually(lambda: status(client, session) == "Failed")
    assert "offline" in client.get(f"RepositoryOwnerChangeSessions/{session}")["details"]
    assert client.get(f"BackupRepositories/{repository}")["proxyId"] == proxy


def test_a_move_can_be_stopped_before_it_ends(world: World) -> None:
    pool, proxy = world.add_pool("lnx-1"), world.add_proxy("lnx-2")
    repository = world.add_bucket(proxyId=proxy)
    world.option(owner_change_seconds=30)
    client = world.client()
    session = change(client, repository, poolId=pool)
    client.do("POST", f"RepositoryOwnerChangeSessions/{session}/Stop")
    assert status(client, session) == "Failed"
    assert client.send("POST", f"RepositoryOwnerChangeSessions/{session}/Stop").status_code == 409
    assert client.get(f"BackupRepositories/{repository}")["proxyId"] == proxy


def test_disks_move_where_the_switch_allows_it(world: World) -> None:
    first, second = world.add_proxy("win-1"), world.add_proxy("win-2")
    repository = world.add_disk(first)
    world.option(move_disk=True)
    client = world.client()
    session = change(client, repository, proxyId=second)
    eventually(lambda: status(client, session) == "Succeeded")
    assert client.get(f"BackupRepositories/{repository}")["proxyId"] == second


def test_related_repositories_move_together_where_the_switch_says_so(world: World) -> None:
    pool, proxy = world.add_pool("lnx-1"), world.add_proxy("lnx-2")
    repositories = [world.add_bucket(name, proxyId=proxy) for name in ("one", "two")]
    world.option(related_repositories=True)
    client = world.client()
    answer = client.send("POST", f"BackupRepositories/{repositories[0]}/changeOwner", poolId=pool)
    assert (answer.status_code, answer.json()["errorCode"]) == (500, "RepositoryOwnerChangeTooManyLinks")
    session = change(client, repositories[0], poolId=pool, includeAllRelatedRepositories=True)
    eventually(lambda: status(client, session) == "Succeeded")
    assert {client.get(f"BackupRepositories/{ident}")["proxyPoolId"] for ident in repositories} == {pool}
