"""Proxies that were added in the console by other names of their hosts."""

from __future__ import annotations

import pytest

from tests.scenarios.by_hand import by_hand
from tests.scenarios.rehearsal import Rehearsal

pytestmark = pytest.mark.matrix


def test_other_names_are_reported_and_kept(demo: Rehearsal) -> None:
    demo.set("px-lon-1", "registered-as=PX-LON-1")
    demo.set("px-dmz-1", "registered-as=172.17.53.53")
    plan = demo.plan()
    assert plan["changes"] == []
    assert [item["address"] for item in plan["reports"] if item["code"] == "registered-as"] == [
        "proxy.px-dmz-1",
        "proxy.px-lon-1",
    ]
    demo.replace("throttle: 100 Mbps", "throttle: 50 Mbps")
    demo.converges()
    with by_hand(demo) as hand:
        assert hand.by_name("Proxies", "hostName", "PX-LON-1")["throttlingValue"] == 50
        assert hand.by_name("Proxies", "hostName", "172.17.53.53")["fqdn"] == "px-dmz-1.example.net"
