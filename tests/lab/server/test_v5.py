"""v5 as far as its reference goes: one endpoint for actions, absolute links, arrays, its own words."""

from __future__ import annotations

from typing import Any

import pytest

from tests.lab.server.world import World, eventually, windows_account


def test_actions_on_proxies(world: World) -> None:
    client = world.client(5)
    proxy = client.do("POST", "Proxies", {"hostName": "win-1", "useDomainNetwork": True, **windows_account()})
    assert (proxy["isDefault"], "type" in proxy) == (False, False)
    assert client.do("POST", f"Proxies/{proxy['id']}/action", {"rescan": None}) is None
    removal = {"remove": {"userName": "a", "userPassword": "right", "force": False}}
    client.do("POST", f"Proxies/{proxy['id']}/action", removal)
    assert [item["isDefault"] for item in client.get("Proxies")] == [True]
    assert client.send("POST", f"Proxies/{proxy['id']}/Rescan").status_code == 404


def make_job(world: World) -> dict[str, Any]:
    repository = world.add_disk(world.add_proxy("win-1"))
    organization = world.find("organizations", "contoso.onmicrosoft.com")
    body = {"name": "n", "repositoryId": repository, "backupType": "entireOrganization"}
    created: dict[str, Any] = world.client(5).do("POST", f"Organizations/{organization}/Jobs", body)
    return created


def test_actions_on_jobs(world: World) -> None:
    job, client = make_job(world)["id"], world.client(5)
    for verb in ("disable", "enable", "start"):
        assert client.send("POST", f"Jobs/{job}/action", {verb: None}).status_code == 200
    eventually(lambda: client.get(f"Jobs/{job}")["lastStatus"] == "Success")
    assert client.send("POST", f"Jobs/{job}/action", {"stop": None}).status_code == 500
    assert client.send("POST", f"Jobs/{job}/action", {"explode": None}).status_code == 400
    assert len(client.results(f"Jobs/{job}/JobSessions")) == 1


@pytest.mark.parametrize(("switch", "word"), [("camel", "entireOrganization"), ("pascal", "EntireOrganization")])
def test_words_of_jobs(world: World, switch: str, word: str) -> None:
    world.option(v5_enums=switch)
    assert make_job(world)["backupType"] == word


def test_links_are_absolute(world: World) -> None:
    job = make_job(world)
    assert job["_links"]["organization"]["href"].startswith(f"{world.url}/v5/Organizations/")


@pytest.mark.parametrize(("switch", "status"), [(False, 404), (True, 200)])
def test_whether_it_tells_its_build_is_not_known(world: World, switch: bool, status: int) -> None:
    world.option(v5_service_instance=switch)
    assert world.client(5).send("GET", "ServiceInstance").status_code == status
    assert world.client(5, login=False).send("GET", "ServiceInstance").status_code == 401


def test_there_are_no_pools_and_no_accounts(world: World) -> None:
    client = world.client(5)
    assert [client.send("GET", path).status_code for path in ("ProxyPools", "Accounts", "Health")] == [404, 404, 404]
