"""Synchronizations of repositories: sessions with progress, that end, fail, or are lost when the server restarts."""

from __future__ import annotations

import pytest

from tests.lab.server.world import Client, World, eventually


@pytest.fixture
def late(world: World) -> str:
    """A repository that is out of sync."""
    found = world.add_disk(world.add_proxy("win-1"))
    with world.document.lock:
        world.document.data["repositories"][found]["isOutOfSync"] = True
    return found


def start(client: Client, repository: str) -> str:
    answer = client.send("POST", f"BackupRepositories/{repository}/Sync")
    assert (answer.status_code, answer.json()["state"]) == (200, "Synchronizing")
    return f"RepositorySynchronizeSessions/{answer.json()['id']}"


def is_late(client: Client, repository: str) -> bool:
    return bool(client.get(f"BackupRepositories/{repository}")["isOutOfSync"])


@pytest.mark.parametrize("rest", [6, 7, 8])
def test_a_session_ends_and_the_repository_is_in_sync(world: World, late: str, rest: int) -> None:
    client = world.client(rest)
    session = start(client, late)
    eventually(lambda: not is_late(client, late))
    found = eventually(lambda: client.get(session))
    assert (found["state"], found["progressPercent"], found["repositoryId"]) == ("None", 100, late)


def test_one_runs_at_a_time_and_may_fail_or_be_gone_after_its_end(world: World, late: str) -> None:
    client = world.client()
    world.option(repository_sync_seconds=30)
    start(client, late)
    assert client.send("POST", f"BackupRepositories/{late}/Sync").status_code == 409
    world.stop()
    world.start()
    world.option(repository_sync_seconds=0.04, repository_sync_fails=["disk"])
    client = world.client()
    session = start(client, late)
    failed = eventually(lambda: client.get(session)["state"] == "Failed" and client.get(session))
    assert (failed["error"], is_late(client, late)) == ("The object storage does not answer.", True)
    world.option(repository_sync_fails=[], repository_sync_ended="gone")
    session = start(client, late)
    eventually(lambda: client.send("GET", session).status_code == 404)
    assert not is_late(client, late)


@pytest.mark.parametrize("restart", ["lost", "resumed"])
def test_what_a_restart_makes_of_a_session_is_a_switch(world: World, late: str, restart: str) -> None:
    world.option(repository_sync_seconds=30, repository_sync_restart=restart)
    session = start(world.client(), late)
    world.option(repository_sync_seconds=0.04)
    world.stop()
    world.start()
    client = world.client()
    eventually(lambda: client.get(session)["state"] == "None")
    assert is_late(client, late) is (restart == "lost")
