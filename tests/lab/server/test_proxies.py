"""Proxies: adding, what is shown in which version, editing, rescanning, removing."""

from __future__ import annotations

from threading import Event, Thread
from typing import Any

import pytest

from tests.lab.server.world import BUILD, HOST, World, eventually, linux_account, windows_account

SECRETS = ("password", "username", "sshSettings", "useDomainNetwork", "account", "attachUsedProxy")


def shown(world: World, proxy: str, rest: int = 8, **query: Any) -> dict[str, Any]:
    found: dict[str, Any] = world.client(rest).get(f"Proxies/{proxy}", **query)
    return found


def test_the_default_proxy_is_there_from_the_start(world: World) -> None:
    proxy = world.client().results("Proxies")[0]
    assert (proxy["type"], proxy["hostName"], proxy["status"], proxy["version"]) == ("Local", HOST, "Online", BUILD)
    repository = world.client().results("BackupRepositories")[0]
    assert (repository["name"], repository["proxyId"]) == ("Default Backup Repository", proxy["id"])


def test_adding_pushes_the_service_and_shows_no_secret(world: World) -> None:
    proxy = shown(world, world.add_proxy("win-1", port=9200))
    assert world.hosts.calls == ["deploy win-1"]
    order = world.hosts.orders[0]
    assert (order.build, order.server, order.port, order.domain) == (BUILD, HOST, 9200, False)
    assert order.certificate == world.certificate
    assert (proxy["type"], proxy["status"], proxy["version"], proxy["port"]) == ("Workgroup", "Online", BUILD, 9200)
    assert proxy["fqdn"] == "win-1.example.net"
    assert proxy["description"].startswith("Created by LAB\\admin at 2026-01-05T12:00:00")
    assert not set(SECRETS) & set(proxy)


@pytest.mark.parametrize(("host", "kind"), [("win-1", "Workgroup"), ("dom-1", "Domain"), ("lnx-1", "Workgroup")])
def test_the_type_comes_from_the_network_flag(world: World, host: str, kind: str) -> None:
    assert shown(world, world.add_proxy(host))["type"] == kind


def test_only_the_account_of_a_domain_proxy_is_kept(world: World) -> None:
    world.hosts.hosts["win-1"].password = "of-the-workgroup"
    world.hosts.hosts["dom-1"].password = "of-the-domain"
    world.add_proxy("win-1", password="of-the-workgroup")
    world.add_proxy("dom-1", password="of-the-domain")
    text = world.document.path.read_text()
    assert "of-the-workgroup" not in text
    assert "of-the-domain" in text


def test_a_proxy_of_another_server_is_taken_over_on_demand_only(world: World) -> None:
    world.hosts.hosts["win-1"].owner = "vbo99.example.com"
    body = {"hostName": "win-1", **windows_account()}
    answer = world.client().send("POST", "Proxies", body)
    assert (answer.status_code, answer.json()["errorCode"]) == (409, "OperationConflict")
    assert world.client(7).send("POST", "Proxies", body).status_code == 500
    assert world.client().send("POST", "Proxies", body | {"attachUsedProxy": True}).status_code == 201
    assert world.hosts.hosts["win-1"].owner == HOST


def test_a_host_is_added_once_at_a_time(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    entered, go_on = Event(), Event()
    deploy = world.hosts.deploy

    def slow(order: Any) -> Any:
        entered.set()
        go_on.wait(10)
        return deploy(order)

    monkeypatch.setattr(world.hosts, "deploy", slow)
    first = Thread(target=world.add_proxy, args=("win-1",))
    first.start()
    entered.wait(10)
    answer = world.client().send("POST", "Proxies", {"hostName": "WIN-1", **windows_account()})
    go_on.set()
    first.join()
    assert (answer.status_code, answer.json()["errorCode"]) == (409, "OperationConflict")
    assert len(world.client().results("Proxies")) == 2


EXTENDED = {"threadsNumber", "throttlingValue", "throttlingUnit"}


@pytest.mark.parametrize(
    ("rest", "query", "online", "seen"),
    [
        (5, {}, True, EXTENDED),
        (6, {}, True, EXTENDED),
        (6, {"extendedView": False}, True, set()),
        (6, {}, False, set()),
        (7, {}, True, set()),
        (7, {"extendedView": True}, True, EXTENDED),
        (7, {"extendedView": True}, False, set()),
        (8, {}, True, {"throttlingValue", "throttlingUnit"}),
        (8, {"extendedView": False}, False, {"throttlingValue", "throttlingUnit"}),
    ],
)
def test_the_extended_view(world: World, rest: int, query: dict[str, Any], online: bool, seen: set[str]) -> None:
    proxy = world.add_proxy("win-1", enableNetworkThrottling=True, throttlingValue=100, throttlingUnit="mbps")
    world.hosts.hosts["win-1"].online = online
    found = shown(world, proxy, rest, **query)
    assert EXTENDED & set(found) == seen
    if "throttlingUnit" in seen:
        assert (found["throttlingValue"], found["throttlingUnit"]) == (100, "Mbps")


def test_an_offline_proxy_hides_what_only_it_knows(world: World) -> None:
    proxy = world.add_proxy("win-1")
    world.hosts.hosts["win-1"].online = False
    found = shown(world, proxy)
    assert (found["status"], found["version"], found["cpuUsagePercent"], found["role"]) == ("Offline", None, None, [])
    world.option(offline_version="last")
    assert shown(world, proxy)["version"] == BUILD


def test_editing_keeps_what_is_not_sent(world: World) -> None:
    proxy = world.add_proxy("win-1", description="first")
    client = world.client()
    client.do(
        "PUT", f"Proxies/{proxy}", {"EnableNetworkThrottling": True, "ThrottlingValue": 5, "throttlingUnit": "MBs"}
    )
    found = shown(world, proxy)
    assert (found["description"], found["enableNetworkThrottling"], found["throttlingValue"]) == ("first", True, 5)
    world.option(put_proxies="replace")
    client.do("PUT", f"Proxies/{proxy}", {"description": "second"})
    found = shown(world, proxy)
    assert (found["description"], found["enableNetworkThrottling"], found["throttlingValue"]) == ("second", False, None)


def test_a_replacing_put_leaves_what_its_version_does_not_have(world: World) -> None:
    proxy = world.add_proxy("win-1")
    world.client(7).do("PUT", f"Proxies/{proxy}", {"threadsNumber": 12})
    world.option(put_proxies="replace")
    world.client(8).do("PUT", f"Proxies/{proxy}", {"description": "x"})
    assert shown(world, proxy, 7, extendedView="true")["threadsNumber"] == 12
    world.client(7).do("PUT", f"Proxies/{proxy}", {"description": "x"})
    assert shown(world, proxy, 7, extendedView="true")["threadsNumber"] == 64


def test_a_new_port_is_brought_to_the_host(world: World) -> None:
    proxy = world.add_proxy("win-1")
    world.client().do("PUT", f"Proxies/{proxy}", {"port": 9999, **windows_account()})
    assert world.hosts.calls[-1] == "reconfigure win-1"
    assert world.hosts.hosts["win-1"].port == 9999
    found = shown(world, proxy)
    assert (found["port"], found["status"]) == (9999, "Online")


def test_the_stored_account_serves_for_a_domain_proxy(world: World) -> None:
    proxy = world.add_proxy("dom-1")
    world.client().do("PUT", f"Proxies/{proxy}", {"port": 9999})
    world.hosts.hosts["dom-1"].password = "changed"
    assert world.client().send("PUT", f"Proxies/{proxy}", {"port": 9998}).status_code == 500
    world.client().do("PUT", f"Proxies/{proxy}", windows_account("changed"))
    world.client().do("PUT", f"Proxies/{proxy}", {"port": 9998})
    assert shown(world, proxy)["port"] == 9998


def test_other_changes_do_not_go_to_the_host(world: World) -> None:
    proxy = world.add_proxy("win-1")
    world.client(6).do("PUT", f"Proxies/{proxy}", {"description": "x", "threadsNumber": 8, "port": 9193})
    assert world.hosts.calls == ["deploy win-1"]
    assert shown(world, proxy, 6)["threadsNumber"] == 8


@pytest.mark.parametrize(("switch", "status"), [("ignore", 204), ("refuse", 400)])
def test_create_only_properties_in_put(world: World, switch: str, status: int) -> None:
    proxy = world.add_proxy("win-1")
    world.option(create_only=switch)
    body = {"hostName": "other", "useDomainNetwork": True}
    assert world.client().send("PUT", f"Proxies/{proxy}", body).status_code == status
    found = shown(world, proxy)
    assert (found["hostName"], found["type"]) == ("win-1", "Workgroup")


def test_the_password_of_the_internet_proxy_is_kept_and_not_shown(world: World) -> None:
    settings = {"hostName": "proxy", "port": 8080, "useAuthentication": True, "username": "u", "userPassword": "hidden"}
    proxy = world.add_proxy("win-1", useInternetProxy=True, internetProxyType="Custom", internetProxySettings=settings)
    world.client().do(
        "PUT", f"Proxies/{proxy}", {"internetProxyType": "Custom", "internetProxySettings": {"port": 3128}}
    )
    found = shown(world, proxy)["internetProxySettings"]
    assert found == {"hostName": "proxy", "port": 3128, "useAuthentication": True, "username": "u"}
    stored = world.document.data["proxies"][proxy]["internetProxySettings"]
    assert stored["userPassword"] == "hidden"


def test_after_an_upgrade_of_the_server_its_proxies_are_behind(world: World) -> None:
    proxy = world.add_proxy("win-1")
    world.server.upgrade_server("8.5.0.1014")
    client = world.client()
    assert client.get("ServiceInstance")["version"] == "8.5.0.1014"
    versions = {item["hostName"]: item["version"] for item in client.results("Proxies")}
    assert versions == {HOST: "8.5.0.1014", "win-1": BUILD}
    answer = client.send("PUT", f"Proxies/{proxy}", {"description": "x"})
    assert (answer.status_code, answer.json()["errorCode"]) == (409, "OperationConflict")


def test_a_service_that_was_upgraded_on_the_host_is_seen(world: World) -> None:
    proxy = world.add_proxy("win-1")
    world.server.upgrade_server("8.5.0.1014")
    world.hosts.hosts["win-1"].version = "8.5.0.1014"
    assert shown(world, proxy)["version"] == "8.5.0.1014"
    world.client().do("PUT", f"Proxies/{proxy}", {"description": "x"})


def test_rescanning_looks_at_the_host_now(world: World) -> None:
    proxy = world.add_proxy("win-1")
    world.option(presence_seconds=3600)
    world.hosts.hosts["win-1"].online = False
    assert shown(world, proxy)["status"] == "Online"
    world.client().do("POST", f"Proxies/{proxy}/Rescan")
    assert shown(world, proxy)["status"] == "Offline"
    world.hosts.hosts["win-1"].online = True
    world.client(7).do("POST", "Proxies/Rescan", {"proxies": [{"id": proxy}]})
    assert shown(world, proxy)["status"] == "Online"


def test_a_dead_host_does_not_hold_up_the_list(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.add_proxy("win-1")
    world.add_proxy("win-2")
    hung, release = Event(), Event()
    version_of = world.hosts.version_of

    def slow(host: str, port: int, **how: Any) -> str | None:
        if host == "win-1":
            hung.set()
            release.wait(20)
        return version_of(host, port, **how)

    monkeypatch.setattr(world.hosts, "version_of", slow)
    world.option(presence_deadline=0.05)
    with world.document.lock:
        for ident in list(world.document.data["proxies"]):
            world.server._api.presence.forget(ident)
    client = world.client()
    seen = {item["hostName"]: item["status"] for item in client.results("Proxies")}
    assert hung.is_set()
    assert seen["win-1"] == "Offline"
    release.set()
    eventually(lambda: {item["status"] for item in client.results("Proxies")} == {"Online"})


def test_removing_uninstalls(world: World) -> None:
    proxy = world.add_proxy("win-1")
    client = world.client()
    assert client.send("POST", f"Proxies/{proxy}/Remove", {}).status_code == 400
    assert client.send("POST", f"Proxies/{proxy}/Remove", {"userName": "a", "userPassword": "no"}).status_code == 500
    client.do("POST", f"Proxies/{proxy}/Remove", {"userName": "a", "userPassword": "right"})
    assert world.hosts.hosts["win-1"].owner == ""
    assert [item["type"] for item in client.results("Proxies")] == ["Local"]


def test_removing_a_linux_proxy(world: World) -> None:
    proxy = world.add_proxy("lnx-1")
    world.client().do("POST", f"Proxies/{proxy}/Remove", {"sshSettings": linux_account()})
    assert world.hosts.calls[-1] == "remove lnx-1"


@pytest.mark.parametrize("rest", [6, 7, 8])
def test_an_offline_proxy_is_removed_with_force_and_keeps_its_service(world: World, rest: int) -> None:
    proxy = world.add_proxy("win-1")
    world.hosts.hosts["win-1"].online = False
    client = world.client(rest)
    assert client.send("POST", f"Proxies/{proxy}/Remove", {}).status_code == 500
    client.do("POST", f"Proxies/{proxy}/Remove", {"force": True})
    assert world.hosts.hosts["win-1"].owner == HOST
    assert len(client.results("Proxies")) == 1


def test_force_takes_the_repositories_along(world: World) -> None:
    proxy = world.add_proxy("win-1")
    world.add_disk(proxy)
    world.client().do("POST", f"Proxies/{proxy}/Remove", {"force": True, "userName": "a", "userPassword": "right"})
    assert [item["name"] for item in world.client().results("BackupRepositories")] == ["Default Backup Repository"]
