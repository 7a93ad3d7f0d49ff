"""The management server pushes the proxy service to real hosts: installed, upgraded, and back again."""

from __future__ import annotations

import pytest

from tests.integration.estate import Estate
from tests.integration.proxy.package import NAME, UNIT

pytestmark = pytest.mark.integration


def test_hosts_become_proxies_that_work(three_in_estate: Estate) -> None:
    estate = three_in_estate
    first, second, third = estate.hosts
    for host in (first, third):
        host.console("ufw allow 22/tcp && ufw --force enable")
    second.console("systemctl unmask firewalld && systemctl start firewalld && firewall-cmd --add-service=ssh")
    ended = estate.apply()
    assert ended.code == 0, ended.out + ended.err
    for host in estate.hosts:
        assert host.console(f"systemctl is-active {UNIT}; systemctl is-enabled {UNIT}") == "active\nenabled\n"
        assert host.console(f"dpkg-query -W -f '${{Status}}' {NAME}") == "install ok installed"
    assert estate.plan()["changes"] == []
    assert [mail["proxy"] for mail in estate.mails()] == ["px-1.example.net"]
