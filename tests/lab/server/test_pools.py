"""Pools and maintenance mode."""

from __future__ import annotations

import pytest

from tests.lab.server.world import World, eventually, linux_account


def names(world: World, pool: str) -> list[str]:
    return [item["hostName"] for item in world.client().results(f"ProxyPools/{pool}/proxies")]


def test_members_are_known_from_the_proxies(world: World) -> None:
    pool = world.add_pool("lnx-1", "lnx-2")
    assert names(world, pool) == ["lnx-1", "lnx-2"]
    owned = {item["hostName"] for item in world.client().results("Proxies") if item["proxyPoolId"] == pool}
    assert owned == {"lnx-1", "lnx-2"}
    assert set(world.client().get(f"ProxyPools/{pool}")) == {"id", "name", "description", "_links"}


@pytest.mark.parametrize(("switch", "left"), [("replace", ["lnx-2"]), ("add", ["lnx-1", "lnx-2"])])
def test_whether_put_replaces_the_members_is_a_switch(world: World, switch: str, left: list[str]) -> None:
    pool = world.add_pool("lnx-1", "lnx-2")
    world.option(put_pools=switch)
    body = {"name": "renamed", "description": "d", "proxyIds": [{"proxyId": world.find("proxies", "lnx-2")}]}
    world.client().do("PUT", f"ProxyPools/{pool}", body)
    assert names(world, pool) == left
    assert world.client().get(f"ProxyPools/{pool}")["name"] == "renamed"


def test_joining_and_leaving(world: World) -> None:
    pool = world.add_pool("lnx-1")
    member = [{"proxyId": world.add_proxy("win-1")}]
    world.client().do("POST", f"ProxyPools/{pool}/proxies", member)
    assert names(world, pool) == ["lnx-1", "win-1"]
    world.client().do("DELETE", f"ProxyPools/{pool}/proxies", member)
    assert names(world, pool) == ["lnx-1"]


def test_members_stay_when_their_pool_goes(world: World) -> None:
    pool = world.add_pool("lnx-1", "lnx-2")
    world.client().do("DELETE", f"ProxyPools/{pool}")
    assert [item["proxyPoolId"] for item in world.client().results("Proxies")] == [None, None, None]


@pytest.mark.parametrize("what", ["offline", "outdated"])
def test_who_cannot_work_cannot_join(world: World, what: str) -> None:
    pool = world.add_pool("lnx-1")
    proxy = world.add_proxy("lnx-2")
    if what == "offline":
        world.hosts.hosts["lnx-2"].online = False
    else:
        world.server.upgrade_server("8.5.0.1014")
    answer = world.client().send("POST", f"ProxyPools/{pool}/proxies", [{"proxyId": proxy}])
    wanted = (500, "ProxyOffline") if what == "offline" else (409, "OperationConflict")
    assert (answer.status_code, answer.json()["errorCode"]) == wanted


def test_maintenance_goes_through_its_states(world: World) -> None:
    world.add_pool("lnx-1", "lnx-2")
    proxy = world.find("proxies", "lnx-1")
    client, account = world.client(), {"sshSettings": linux_account()}

    def state() -> str:
        return str(client.get(f"Proxies/{proxy}")["maintenanceModeState"])

    world.option(maintenance_seconds=600)
    client.do("POST", f"Proxies/{proxy}/maintenance/enable", account)
    assert state() == "Enabling"
    assert client.send("POST", f"Proxies/{proxy}/maintenance/enable", account).status_code == 409
    client.do("POST", f"Proxies/{proxy}/maintenance/disable", account)
    assert state() == "Disabled"
    world.option(maintenance_seconds=0.01)
    client.do("POST", f"Proxies/{proxy}/maintenance/enable", account)
    eventually(lambda: state() == "Enabled")
    assert client.send("POST", f"Proxies/{proxy}/maintenance/enable", account).status_code == 409
    client.do("POST", f"Proxies/{proxy}/maintenance/disable", account)
    assert state() == "Disabled"


def test_a_member_in_maintenance_stays_in_its_pool_and_the_last_active_one_stays_active(world: World) -> None:
    pool = world.add_pool("lnx-1", "lnx-2")
    first, second = world.find("proxies", "lnx-1"), world.find("proxies", "lnx-2")
    client, account = world.client(), {"sshSettings": linux_account()}
    client.do("POST", f"Proxies/{first}/maintenance/enable", account)
    eventually(lambda: client.get(f"Proxies/{first}")["maintenanceModeState"] == "Enabled")
    assert client.send("DELETE", f"ProxyPools/{pool}/proxies", [{"proxyId": first}]).status_code == 409
    assert client.send("DELETE", f"ProxyPools/{pool}/proxies", [{"proxyId": second}]).status_code == 409
    assert client.send("POST", f"Proxies/{second}/maintenance/enable", account).status_code == 409
    assert client.send("POST", f"Proxies/{second}/Remove", {"sshSettings": linux_account()}).status_code == 409
    client.do("POST", f"Proxies/{first}/Remove", {"sshSettings": linux_account()})
    assert names(world, pool) == ["lnx-2"]


def test_the_check_of_ssh_settings(world: World) -> None:
    good = world.client().do("POST", "Proxies/CheckSshConnectionConfig", linux_account(), host="lnx-1")
    assert good == {"status": "Success", "fingerprint": "SHA256:abc", "publicBase64Key": "AAAA"}
    bad = world.client().do("POST", "Proxies/CheckSshConnectionConfig", linux_account("no"), host="lnx-1")
    assert bad["status"] == "Failed"
