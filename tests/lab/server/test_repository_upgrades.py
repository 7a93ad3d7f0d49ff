"""Upgrades of repositories: by PowerShell, after their proxies, or by the server itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.lab.server.world import World, eventually

OLD, NEW = "7.1.0.1501", "8.5.0.1014"
UPGRADE = "server/upgrade-repository.ps1"


@pytest.fixture
def disk(world: World) -> str:
    """A repository on a proxy, of a server that is then upgraded from v7 to v8."""
    world.add_proxy("win-1")
    found = world.add_disk(world.find("proxies", "win-1"))
    with world.document.lock:
        world.document.data["build"] = OLD
    return found


def upgraded(world: World) -> None:
    world.server.upgrade_server(NEW)
    world.hosts.hosts["win-1"].version = NEW


def look(world: World, disk: str, *, start: bool = False) -> Mapping[str, Any]:
    return world.server.powershell(UPGRADE, {"id": disk, "start": start})


def test_a_new_version_leaves_repositories_out_of_date(world: World, disk: str) -> None:
    assert look(world, disk) == {"outdated": False, "active": False, "session": None, "started": False}
    upgraded(world)
    assert look(world, disk) == {"outdated": True, "active": False, "session": None, "started": False}
    assert world.client().get(f"BackupRepositories/{disk}")["isOutdated"] is True
    world.option(repository_upgrade_seconds=30)
    assert look(world, disk, start=True) == {"outdated": True, "active": True, "session": "Running", "started": True}
    assert look(world, disk, start=True) == {"outdated": True, "active": True, "session": "Running", "started": False}


def test_an_upgrade_ends(world: World, disk: str) -> None:
    upgraded(world)
    look(world, disk, start=True)
    eventually(lambda: not look(world, disk)["outdated"])
    assert look(world, disk, start=True) == {"outdated": False, "active": False, "session": None, "started": False}
    world.option(repository_upgrade_listed=True)
    assert look(world, disk)["session"] == "Up to date"


def test_an_upgrade_that_fails_and_one_before_its_proxy(world: World, disk: str) -> None:
    world.server.upgrade_server(NEW)
    with pytest.raises(ValueError, match="win-1"):
        look(world, disk, start=True)
    world.hosts.hosts["win-1"].version = NEW
    world.option(repository_upgrade_fails=["disk"], repository_upgrade_listed=True)
    assert look(world, disk, start=True)["active"]
    eventually(lambda: look(world, disk)["session"] == "Failed")
    assert look(world, disk)["outdated"]


def test_from_8_to_8_5_they_upgrade_themselves_after_their_proxies(world: World, disk: str) -> None:
    with world.document.lock:
        world.document.data["build"] = "8.0.2.159"
    world.server.upgrade_server(NEW)
    assert look(world, disk)["outdated"]
    world.hosts.hosts["win-1"].version = NEW
    eventually(lambda: not look(world, disk)["outdated"])


@pytest.mark.parametrize("restart", ["lost", "resumed"])
def test_what_a_restart_makes_of_a_session_is_a_switch(world: World, disk: str, restart: str) -> None:
    upgraded(world)
    world.option(repository_upgrade_seconds=30, repository_upgrade_restart=restart)
    look(world, disk, start=True)
    world.option(repository_upgrade_seconds=0.05)
    world.stop()
    world.start()
    if restart == "resumed":
        eventually(lambda: not look(world, disk)["outdated"])
    else:
        assert look(world, disk) == {"outdated": True, "active": False, "session": None, "started": False}
