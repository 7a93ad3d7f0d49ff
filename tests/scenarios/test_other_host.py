"""Another host of a proxy in the inventory may be the same machine or another one: the plan asks which."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.scenarios.by_hand import by_hand
from tests.scenarios.rehearsal import Rehearsal

pytestmark = pytest.mark.matrix

OLD, NEW = "px-lnx-2.example.net", "px-lnx-9.example.net"
LINES = {
    "key": ("px-lnx-2: {host: px-lnx-2.example.net", f"px-lnx-2: {{host: {NEW}"),
    "domain": ("px-lnx-2: {host: px-lnx-2.example.net", "px-lnx-b: {host: px-lnx-2.example.org"),
}


def hosts(demo: Rehearsal) -> list[str]:
    with by_hand(demo) as hand:
        found = hand.request("GET", "Proxies", params={"limit": 1000}).json()["results"]
    return sorted(item["hostName"] for item in found)


def refused(demo: Rehearsal, case: str) -> list[str]:
    """The lines to write, in a plan that does nothing."""
    before = hosts(demo)
    demo.replace(*LINES[case])
    plan: dict[str, Any] = demo.plan()
    made = [change["key"] for change in plan["changes"] if not change["blocked"]]
    assert all(key.startswith("update:host.") for key in made)  # the new host is made fit meanwhile
    assert {change["action"] for change in plan["changes"] if change["address"].startswith("proxy.")} == {
        "create",
        "delete",
    }
    (report,) = [item for item in plan["reports"] if item["code"] == "other-host"]
    assert demo.apply().code != 0
    assert hosts(demo) == before
    return [line.strip() for line in report["fix"].splitlines() if line.startswith("  ")]


@pytest.mark.parametrize("case", LINES)
def test_the_same_machine_keeps_the_name_that_it_is_registered_by(demo: Rehearsal, case: str) -> None:
    same, _ = refused(demo, case)
    key, there = LINES[case][1].split(": {host: ")
    demo.replace(f"{key}: {{host: {there}", f"{key}: {{{same}")
    assert demo.changes() == {}
    demo.converges()


@pytest.mark.parametrize("case", LINES)
def test_of_another_machine_the_old_one_is_declared_absent(demo: Rehearsal, case: str) -> None:
    _, absent = refused(demo, case)
    key, there = LINES[case][1].split(": {host: ")
    demo.replace(f"  {key}: {{host: {there}", f"  {absent}\n  {key}: {{host: {there}")
    ended = demo.apply("--format", "json")
    assert ended.code == 0, ended.out + ended.err
    outcomes = {item["key"]: item["outcome"] for item in json.loads(ended.out)["outcomes"]}
    assert outcomes[f"delete:proxy.{absent.partition(':')[0]}"] == outcomes[f"create:proxy.{key}"] == "done"
    assert (OLD in hosts(demo), there in hosts(demo)) == (False, True)
    demo.replace(f"  {absent}\n", "")
    assert demo.changes() == {}
