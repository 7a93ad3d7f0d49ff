"""Hosts that are off, logins refused, keys and certificates that are others: each says so, the rest goes on."""

from __future__ import annotations

import pytest

from tests.scenarios.rehearsal import Rehearsal


def test_a_host_that_is_off_makes_unknowns_and_never_changes(demo: Rehearsal) -> None:
    demo.set("px-lon-1", "power=off")
    plan = demo.plan()
    assert plan["changes"] == []
    assert plan["code"] == 1
    assert [item["code"] for item in plan["problems"]] == ["unreachable"]
    assert {item["address"] for item in plan["unknown"]} >= {"host.px-lon-1"}
    text = demo.run("plan", "--lab", str(demo.file)).out
    assert "?" in text
    demo.set("px-lon-1", "power=on")
    assert demo.plan()["code"] == 0


@pytest.mark.parametrize(
    ("switch", "code"),
    [
        ("wrong-password=yes", "authentication"),
        ("host-key=changed", "untrusted-peer"),
    ],
)
def test_trouble_with_a_linux_host_is_named(demo: Rehearsal, switch: str, code: str) -> None:
    demo.set("px-lnx-1", switch)
    plan = demo.plan()
    assert [(item["address"], item["code"]) for item in plan["problems"]] == [("host.px-lnx-1", code)]
    assert (plan["changes"], plan["code"]) == ([], 1)


@pytest.mark.parametrize(
    ("switch", "code"),
    [
        ("wrong-password=yes", "authentication"),
        ("certificate=expired", "untrusted-peer"),
    ],
)
def test_trouble_with_a_windows_host_is_named(demo: Rehearsal, switch: str, code: str) -> None:
    demo.set("px-lon-2", switch)
    plan = demo.plan()
    assert [(item["address"], item["code"]) for item in plan["problems"]] == [("host.px-lon-2", code)]
    assert (plan["changes"], plan["code"]) == ([], 1)
