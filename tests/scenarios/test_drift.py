"""A user changes the live world by hand, through REST: it shows as drift with before and after, and is mended."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.scenarios.by_hand import by_hand
from tests.scenarios.rehearsal import Rehearsal

pytestmark = pytest.mark.matrix


@pytest.mark.parametrize(
    ("collection", "key", "value", "body", "expected"),
    [
        (
            "Proxies",
            "hostName",
            "px-lon-1.corp.example.com",
            {"throttlingValue": 7},
            {"update:proxy.px-lon-1": {"throttle": ["7 Mbps", "100 Mbps"]}},
        ),
        (
            "BackupRepositories",
            "name",
            "fabrikam",
            {"retentionType": "ItemLevel", "retentionPeriodType": "Yearly", "yearlyRetentionPeriod": "Years2"},
            {"update:repository.fabrikam": {"retention.keep": ["2 years", "7 years"]}},
        ),
        (
            "Jobs",
            "name",
            "fabrikam-daily",
            {"description": "by hand"},
            {"update:job.fabrikam-daily": {"description": ["by hand", "by hand [vbo-reconcile:demo]"]}},
        ),
        (
            "VboEmailSettings",
            "",
            "",
            {"to": "person@else.example"},
            {"update:smtp": {"to": [["person@else.example"], ["backup-team@corp.example.com"]]}},
        ),
    ],
)
def test_a_change_by_hand_is_drift(
    demo: Rehearsal, collection: str, key: str, value: str, body: dict[str, Any], expected: dict[str, Any]
) -> None:
    with by_hand(demo) as hand:
        if key:
            hand.change(collection, key, value, body)
        else:
            hand.request("PUT", collection, json=body)
    plan = demo.plan()
    changes = [change for change in plan["changes"] if change["action"] != "run"]
    seen = {
        change["key"]: {item["path"]: [item["before"], item["after"]] for item in change["fields"]}
        for change in changes
    }
    assert seen == expected
    assert {item["cause"]["reason"] for change in changes for item in change["fields"]} <= {"drift"}
    demo.converges()


def test_what_somebody_else_adds_is_left_alone(demo: Rehearsal) -> None:
    with by_hand(demo) as hand:
        proxy = hand.by_name("Proxies", "hostName", "px-lon-1.corp.example.com")["id"]
        body = {"name": "by-hand", "proxyId": proxy, "path": "E:\\x", "retentionType": "ItemLevel"}
        body |= {"retentionPeriodType": "Yearly", "yearlyRetentionPeriod": "Year1", "retentionFrequencyType": "Daily"}
        hand.request("POST", "BackupRepositories", json=body)
    plan = demo.plan()
    assert plan["changes"] == []
    assert "by-hand" not in json.dumps(plan["changes"])
