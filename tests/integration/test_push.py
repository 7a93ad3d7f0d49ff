"""The management server pushes the proxy service to real hosts: installed, upgraded, and back again."""

from __future__ import annotations

import pytest

from tests.integration.estate import Estate
from tests.integration.proxy.package import UNIT

pytestmark = pytest.mark.integration

OLD, NEW = "8.5.0.1014", "8.6.0.100"


def test_hosts_become_proxies_that_work(three_in_estate: Estate) -> None:
    estate = three_in_estate
    first, second, third = estate.hosts
    for host in (first, third):
        host.console("ufw allow 22/tcp && ufw --force enable")
    second.console("systemctl unmask firewalld && systemctl start firewalld && firewall-cmd --add-service=ssh")
    before = {change["address"]: change["fields"] for change in estate.plan()["changes"]}
    for name in ("px-1", "px-2", "px-3"):
        (field,) = before[f"host.{name}"]
        assert (field["before"], field["after"]) == ("9193 closed", "9193 open")
    estate.converges()
    assert estate.services() == {"px-1": (OLD, "active"), "px-2": (OLD, "active"), "px-3": (OLD, "active")}
    assert first.console(f"systemctl is-enabled {UNIT}") == "enabled\n"
    (mail,) = estate.mails()
    assert (mail["proxy"], mail["to"]) == ("px-1.example.net", ["it@example.net"])


def test_a_proxy_stays_one_when_its_host_restarts(three_in_estate: Estate) -> None:
    estate = three_in_estate
    estate.converges()
    first = estate.hosts[0]
    first.cut_power()
    plan = estate.plan()
    assert (plan["changes"], plan["code"]) == ([], 1)
    assert [(item["address"], item["code"]) for item in plan["problems"]] == [("host.px-1", "unreachable")]
    first.boot()
    after = estate.plan()
    assert (after["changes"], after["problems"], after["code"]) == ([], [], 0)


def test_an_upgrade_reaches_every_host(three_in_estate: Estate) -> None:
    estate = three_in_estate
    estate.converges()
    estate.set("server", f"build={NEW}")
    upgrades = {f"upgrade:proxy.{name}": {"service.version": [OLD, NEW]} for name in ("px-1", "px-2", "px-3")}
    repository = {"upgrade:repository.bucket": {"state": ["out of date", "up to date"]}}
    assert estate.changes() == {**upgrades, **repository, "run:job.contoso": {}}
    ended = estate.apply("--waive", "coverage=one proxy for each organization")
    assert ended.code == 0, ended.out + ended.err
    assert set(estate.services().values()) == {(NEW, "active")}
    assert estate.plan()["changes"] == []


def test_a_build_that_does_not_start_is_taken_back(three_in_estate: Estate) -> None:
    estate = three_in_estate
    estate.converges()
    estate.push.broken.add(NEW)
    estate.set("server", f"build={NEW}")
    ended = estate.apply("--waive", "coverage=one proxy for each organization")
    assert ended.code == 3, ended.out + ended.err
    assert set(estate.services().values()) == {(OLD, "active")}
    estate.push.broken.clear()
    ended = estate.apply("--waive", "coverage=one proxy for each organization")
    assert ended.code == 0, ended.out + ended.err
    assert set(estate.services().values()) == {(NEW, "active")}
    assert estate.plan()["changes"] == []


def test_a_service_that_was_stopped_by_hand_is_noticed(three_in_estate: Estate) -> None:
    estate = three_in_estate
    estate.converges()
    estate.hosts[1].console(f"systemctl stop {UNIT}")
    reports = estate.plan()["reports"]
    assert [item for item in reports if item["address"].endswith("px-2")], reports
    estate.hosts[1].console(f"systemctl start {UNIT}")
    after = estate.plan()
    assert (after["changes"], after["code"]) == ([], 0)
