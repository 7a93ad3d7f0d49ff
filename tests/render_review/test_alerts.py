"""SARIF and annotations: what a reviewer must see, on the lines of the inventory."""

from __future__ import annotations

import copy
import json
import re
from typing import Any

import pytest

from reconciler.render.alerts import LEVELS, alerts
from reconciler.render.annotations import MOST, plan_annotations
from reconciler.render.sarif import plan_sarif
from reconciler.render.style import Style
from tests.render_review.worlds import document, hostile, large


def placed(plan: dict[str, Any], folder: str) -> dict[str, Any]:
    """The plan of an inventory that stands in a folder of its repository."""
    return {**plan, "inventory": {**plan["inventory"], "folder": folder}}


def sarif(plan: dict[str, Any]) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(plan_sarif(plan, Style()))["runs"][0]
    return read


def commands(plan: dict[str, Any]) -> list[str]:
    return plan_annotations(plan, Style()).splitlines()


def test_they_are_about_problems_guards_blocked_risky_and_drifted_things() -> None:
    found = {(item.level, item.rule, item.address.partition(".")[0]) for item in alerts(document())}
    assert found == {
        ("error", "unreachable", "host"),
        ("error", "organization-missing", "organization"),
        ("error", "guard-max-deletes", "proxy"),
        ("error", "guard-protected", "proxy"),
        ("error", "blocked", "job"),
        ("warning", "host-clock", "host"),
        ("warning", "delete", "proxy"),
        ("warning", "upgrade", "proxy"),
        ("note", "guard-max-changes", "pool"),
        ("note", "drift", "proxy"),
    }


def test_errors_come_first() -> None:
    levels = [LEVELS.index(item.level) for item in alerts(document())]
    assert levels == sorted(levels)


def test_a_change_that_leaves_organizations_unserved_is_a_warning() -> None:
    plan = document()
    change = next(item for item in plan["changes"] if item["key"] == "update:pool.cloud")
    change["disrupts"] = ["contoso.onmicrosoft.com"]
    found = [item for item in alerts(plan) if item.rule == "disrupts"]
    assert [(item.level, item.address) for item in found] == [("warning", "pool.cloud")]
    assert "contoso.onmicrosoft.com" in found[0].text


def test_they_stand_where_the_inventory_says_it() -> None:
    places = {(item.rule, item.address): (item.file, item.line, item.column) for item in alerts(document())}
    assert places["drift", "proxy.px-02.corp.example.com"] == ("inventory.yml", 22, 5)
    assert places["unreachable", "host.px-07.corp.example.com"] == ("inventory.yml", 70, 3)


def test_a_file_that_inventories_share_is_named_from_the_root_of_the_repository() -> None:
    plan = placed(document(), "sites/paris")
    for change in plan["changes"]:
        for item in (change, *change["fields"]):
            if item.get("cause") and item["cause"].get("position"):
                item["cause"]["position"]["file"] = "../shared.yml"
    files = {alert.file for alert in alerts(plan)}
    assert "sites/shared.yml" in files
    assert not any(".." in file for file in files)


def test_what_is_not_in_the_inventory_any_more_stands_at_the_top_of_its_first_file() -> None:
    plan = document()
    plan["inventory"]["files"] = ["corp.yml", "sites/lon.yml"]
    lone = [change for change in plan["changes"] if change["action"] == "delete"]
    found = alerts({**plan, "changes": lone, "problems": [], "reports": [], "refusals": []})
    assert [(item.rule, item.file, item.line) for item in found] == [("delete", "corp.yml", 1)]


def test_what_has_no_place_is_at_the_first_file() -> None:
    plan = document()
    del plan["inventory"]["files"]
    lone = [change for change in plan["changes"] if change["action"] == "delete"]
    bare = {**plan, "changes": lone, "problems": [], "reports": [], "refusals": []}
    assert [item.file for item in alerts(bare)] == [""]
    about = {**plan["inventory"], "files": ["corp.yml", "sites/london.yml"]}
    assert [item.file for item in alerts({**bare, "inventory": about})] == ["corp.yml"]


def test_every_sarif_result_has_a_place_a_rule_and_a_fingerprint() -> None:
    run = sarif(placed(document(), "fleet/my corp"))
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert rules == sorted(rules)
    assert len(run["results"]) == len(alerts(document()))
    for result in run["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"]
        assert result["level"] in ("error", "warning", "note")
        place = result["locations"][0]["physicalLocation"]
        assert place["artifactLocation"]["uri"] == "fleet/my%20corp/inventory.yml"
        assert place["region"]["startLine"] >= 1
    prints = [result["partialFingerprints"]["vboReconcile/v1"] for result in run["results"]]
    assert len(set(prints)) == len({(result["ruleId"], result["message"]["text"]) for result in run["results"]})


def test_a_fingerprint_does_not_move_with_its_line() -> None:
    moved = copy.deepcopy(document())
    for change in moved["changes"]:
        for cause in (change["cause"], *(item["cause"] for item in change["fields"])):
            if cause and cause["position"]:
                cause["position"]["line"] += 7
    assert [result["partialFingerprints"] for result in sarif(moved)["results"]] == [
        result["partialFingerprints"] for result in sarif(document())["results"]
    ]


def test_sarif_messages_are_no_links_and_no_placeholders() -> None:
    plan = document()
    plan["problems"][0]["detail"] = r"see [here](https://evil.example) \ {0}"
    text = sarif(plan)["results"][0]["message"]["text"]
    found = [result["message"]["text"] for result in sarif(plan)["results"] if "evil" in result["message"]["text"]]
    assert r"see \[here\](https://evil.example) \\ {{0}}" in found[0]
    assert text


def test_an_annotation_names_file_line_and_column() -> None:
    lines = commands(placed(document(), "fleet"))
    assert (
        "::error file=fleet/inventory.yml,line=70,col=3,title=Host cannot be reached::host.px-07.corp.example.com: "
        "px-07.corp.example.com did not answer on port 5986 within 20 s. Open the port, or check the name: "
        "Test-NetConnection px-07.corp.example.com -Port 5986"
    ) in lines


@pytest.mark.parametrize("make", [hostile, large])
def test_annotations_stay_one_command_a_line(make: Any) -> None:
    lines = commands(make())
    form = re.compile(r"::(error|warning|notice) ((file|line|col|title)=[^:,]*,?)+::[^\r\n]*")
    assert [line for line in lines if not form.fullmatch(line)] == []


def test_annotations_escape_what_commands_are_made_of() -> None:
    plan = document()
    plan["problems"][0].update(summary="50%: a, b", detail="100% of\n::error::x")
    line = next(line for line in commands(plan) if "title=50" in line)
    assert "title=50%25%3A a%2C b::" in line
    assert "100%25 of ::error::x" in line


def test_of_many_annotations_the_last_one_counts_the_rest() -> None:
    plan = large()
    found = alerts(plan)
    errors = [line for line in commands(plan) if line.startswith("::error")]
    assert len(errors) == MOST
    rest = sum(1 for item in found if item.level == "error") - (MOST - 1)
    assert errors[-1] == f"::error title=And more::{rest} more like these are in the plan."


def test_nothing_to_say_is_nothing_said() -> None:
    quiet = {**document(), "changes": [], "problems": [], "refusals": []}
    assert commands(quiet) == []
    assert sarif(quiet)["results"] == []
