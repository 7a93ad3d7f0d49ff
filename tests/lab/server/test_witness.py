"""The witness: how many proxies work for each organization, counted at every event."""

from __future__ import annotations

from typing import Any

import pytest

from tests.lab.server.world import World, eventually, linux_account

CONTOSO = "contoso.onmicrosoft.com"


def seen(world: World) -> dict[str, Any]:
    with world.document.lock:
        found: dict[str, Any] = world.document.data["coverage"]
        return found


def counts(world: World) -> tuple[int, int]:
    found = seen(world)["organizations"][CONTOSO]
    return found["now"], found["least"]


@pytest.fixture
def pool(world: World) -> World:
    """Three Linux proxies in a pool that works for one organization."""
    ident = world.add_pool("lnx-1", "lnx-2", "lnx-3")
    world.add_job(world.add_bucket(proxyPoolId=ident))
    return world


def switch(world: World, host: str, word: str) -> None:
    proxy = world.find("proxies", host)
    world.client().do("POST", f"Proxies/{proxy}/maintenance/{word}", {"sshSettings": linux_account()})
    wanted = {"enable": "Enabled", "disable": "Disabled"}[word]
    eventually(lambda: world.client().get(f"Proxies/{proxy}")["maintenanceModeState"] == wanted)


def update(world: World, *hosts: str) -> None:
    account = {"account": "backup", "password": "right"}
    found = world.server.powershell("server/update-proxy.ps1", {"groups": [{"proxies": list(hosts), "linux": account}]})
    assert all(result["ok"] for result in found["results"])


def test_an_organization_counts_from_when_a_proxy_works_for_it(world: World) -> None:
    proxy = world.add_proxy("win-1")
    assert seen(world)["organizations"] == {}
    world.add_job(world.add_disk(proxy))
    assert counts(world) == (1, 1)
    assert seen(world)["lost"] == []


def test_an_organization_without_a_job_has_nothing_to_lose(world: World) -> None:
    """Found by a storm: the only job is deleted by hand, and its proxy is upgraded while an apply makes it again."""
    job = world.add_job(world.add_disk(world.add_proxy("win-1")))
    world.client().do("DELETE", f"Jobs/{job}")
    assert counts(world) == (0, 1)
    world.server.upgrade_server("8.5.0.1014")
    account = {"username": "Administrator", "password": "right"}
    world.server.powershell("server/update-proxy.ps1", {"groups": [{"proxies": ["win-1"], **account}]})
    assert (counts(world), seen(world)["lost"]) == ((0, 1), [])


def test_maintenance_takes_one_away_until_it_ends(pool: World) -> None:
    assert counts(pool) == (3, 3)
    switch(pool, "lnx-1", "enable")
    assert counts(pool) == (2, 2)
    switch(pool, "lnx-1", "disable")
    assert counts(pool) == (3, 2)


def test_the_last_one_that_goes_is_told_with_the_event(world: World) -> None:
    world.add_job(world.add_disk(world.add_proxy("win-1")))
    world.server.upgrade_server("8.5.0.1014")
    account = {"username": "Administrator", "password": "right"}
    world.server.powershell("server/update-proxy.ps1", {"groups": [{"proxies": ["win-1"], **account}]})
    (lost,) = seen(world)["lost"]
    assert (lost["event"], lost["organization"]) == ("upgrade of win-1 begins", CONTOSO)
    assert lost["why"] == {"win-1": "it is being deployed"}
    assert counts(world) == (1, 0)


def test_a_host_that_dies_is_seen(world: World) -> None:
    world.add_job(world.add_disk(world.add_proxy("win-1")))
    world.hosts.hosts["win-1"].online = False
    world.client().do("POST", f"Proxies/{world.find('proxies', 'win-1')}/Rescan")
    world.server.witness("win-1 dies")
    assert counts(world) == (0, 0)


def test_new_members_of_a_pool_wait_until_none_is_behind(pool: World) -> None:
    pool.server.upgrade_server("8.5.0.1014")
    pool.server.witness("the server was upgraded")
    assert counts(pool) == (3, 3)
    for host, now in (("lnx-1", 2), ("lnx-2", 1)):
        switch(pool, host, "enable")
        update(pool, host)
        switch(pool, host, "disable")
        assert counts(pool)[0] == now
    switch(pool, "lnx-3", "enable")
    assert counts(pool) == (2, 1)  # the last one that is behind rests, so the new ones are the whole pool
    update(pool, "lnx-3")
    switch(pool, "lnx-3", "disable")
    assert counts(pool) == (3, 1)


def test_a_pool_runs_sessions_on_members_that_are_behind_as_long_as_there_are_any(pool: World) -> None:
    pool.option(repository_upgrades="none")
    pool.server.upgrade_server("8.5.0.1014")
    switch(pool, "lnx-1", "enable")
    update(pool, "lnx-1")
    switch(pool, "lnx-1", "disable")
    client = pool.client()
    job = pool.find("jobs", "daily")
    session = client.do("POST", f"Jobs/{job}/start", {})["id"]
    eventually(lambda: client.get(f"JobSessions/{session}")["status"] == "Success")
    ran = client.get(f"JobSessions/{session}")["proxyId"]
    assert ran in {pool.find("proxies", "lnx-2"), pool.find("proxies", "lnx-3")}


@pytest.mark.parametrize(("option", "status"), [("offline", "Offline"), ("online", "Online")])
def test_the_status_in_maintenance_is_a_switch(pool: World, option: str, status: str) -> None:
    pool.option(maintenance_status=option)
    switch(pool, "lnx-1", "enable")
    assert pool.client().get(f"Proxies/{pool.find('proxies', 'lnx-1')}")["status"] == status
