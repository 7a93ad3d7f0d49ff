"""An address of the policy that matches nothing means nothing, and a warning says so."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.model.inventory import AutomaticRule
from reconciler.model.plan import ReportLevel
from tests.plan.test_chain import proxy
from tests.plan.world import LOCAL, FakeReader, inventory, plan

SERVER = FakeReader({"Proxies": [proxy(1), {**proxy(2), "hostName": "px-2.corp.example.com"}, *LOCAL]})


@pytest.mark.parametrize(
    ("pattern", "fix"),
    [
        ("proxy.warehouse", "Correct the address, or remove it: proxy.px-1, 'repository.*'."),
        ("repository.*", "Correct the address, or remove it: proxy.px-1, 'repository.*'."),
        ("proxi.px-1", "Did you mean proxy.px-1?"),
    ],
)
def test_what_matches_nothing_is_a_warning(pattern: str, fix: str) -> None:
    wanted = inventory(proxy={"px-1": {}})
    made = plan(replace(wanted, policy=replace(wanted.policy, protect=(pattern,))), SERVER)
    (found,) = [item for item in made.reports if item.code == "protects-nothing"]
    assert (found.level, found.fix, pattern in found.detail) == (ReportLevel.WARNING, fix, True)


@pytest.mark.parametrize("pattern", ["proxy.px-1", "proxy.*", "proxy.px-2", "proxy.px-2.corp.example.com"])
def test_what_matches_is_not(pattern: str) -> None:
    wanted = inventory(proxy={"px-1": {}})
    made = plan(replace(wanted, policy=replace(wanted.policy, protect=(pattern,))), SERVER)
    assert [item for item in made.reports if item.code == "protects-nothing"] == []


def test_a_name_in_a_rule_of_automatic_changes_that_matches_nothing_is_a_warning() -> None:
    wanted = inventory(proxy={"px-1": {}})
    rule = AutomaticRule(("update",), ("proxy.px-1", "host.px-1", "proxy.px-2", "job.*", "proxi.px-1"))
    made = plan(replace(wanted, policy=replace(wanted.policy, automatic=(rule,))), SERVER)
    found = [(item.level, item.fix) for item in made.reports if item.code == "allows-nothing"]
    assert found == [(ReportLevel.WARNING, "Did you mean proxy.px-1?")]
