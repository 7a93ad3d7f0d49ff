"""A part of a plan: what a target brings along, and what an exclusion takes with it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.model.address import fits
from reconciler.model.plan import Action, Cause, Change, Reason
from reconciler.plan.selection import UnknownTarget, select
from tests.plan.test_chain import LIVE, keys, world
from tests.plan.world import FakeReader, plan

EMPTY = FakeReader({"Organizations": LIVE["Organizations"]})
KNOWN = [str(where) for where in world().resources]
GROUPS = {"dmz": ["px-1", "px-3"]}


def test_a_target_brings_what_it_waits_for() -> None:
    found = select(plan(world(), EMPTY), KNOWN, targets=["pool.a"])
    assert keys(found) == ["create:proxy.px-1", "create:proxy.px-2", "create:pool.a"]
    assert found.reports[-1].detail == "5 changes were left out by --target pool.a"


def test_an_exclusion_takes_what_waits_for_it() -> None:
    found = select(plan(world(), EMPTY), KNOWN, excludes=["proxy.px-2"])
    assert keys(found) == ["create:proxy.px-1", "create:proxy.px-3", "create:pool.b"]


def test_globs_and_groups() -> None:
    assert keys(select(plan(world(), EMPTY), KNOWN, targets=["@dmz"], groups=GROUPS)) == [
        "create:proxy.px-1",
        "create:proxy.px-3",
    ]
    assert keys(select(plan(world(), EMPTY), KNOWN, targets=["proxy.*"], excludes=["*.px-2"])) == [
        "create:proxy.px-1",
        "create:proxy.px-3",
    ]


def test_a_group_is_its_proxies_and_their_hosts_and_nothing_else_of_their_names() -> None:
    named = ["host.px-1", "job.px-1", "pool.px-3", "proxy.px-1", "proxy.px-2", "proxy.px-3", "repository.px-1", "smtp"]
    alone = tuple(Change(where, Action.UPDATE, (), Cause(Reason.DRIFT)) for where in named)
    made = replace(plan(world(), EMPTY), changes=alone)
    members = ["host.px-1", "proxy.px-1", "proxy.px-3"]
    found = select(made, [*KNOWN, *named], targets=["@dmz"], groups=GROUPS)
    assert [change.address for change in found.changes] == members
    found = select(made, [*KNOWN, *named], excludes=["@dmz"], groups=GROUPS)
    assert [change.address for change in found.changes] == [where for where in named if where not in members]


@pytest.mark.parametrize(
    ("pattern", "near"),
    [("proxy.px-9", ""), ("@nobody", ""), ("@dmx", "@dmz"), ("px-1", "proxy.px-1"), ("zzz", "")],
)
def test_a_pattern_that_fits_nothing_is_an_error(pattern: str, near: str) -> None:
    with pytest.raises(UnknownTarget) as error:
        select(plan(world(), EMPTY), KNOWN, targets=[pattern], groups=GROUPS)
    assert error.value.near == near


@pytest.mark.parametrize("pattern", ["job.daily [old]", "job.daily*", "job.daily ?old?"])
def test_a_name_with_brackets_is_meant_by_itself_and_by_globs(pattern: str) -> None:
    assert fits("job.daily [old]", pattern)


def test_without_patterns_the_plan_is_whole() -> None:
    made = plan(world(), EMPTY)
    assert select(made, KNOWN) is made


class TestPools:
    """px-1 and px-2 are the members of pool a, and behind like px-3."""

    OLD = FakeReader({**LIVE, "Proxies": [{**raw, "version": "8.1.0.305"} for raw in LIVE["Proxies"]]})

    def test_a_target_brings_the_whole_pool(self) -> None:
        found = select(plan(world(), self.OLD), KNOWN, targets=["proxy.px-2"])
        assert keys(found) == ["upgrade:proxy.px-1", "upgrade:proxy.px-2"]

    def test_an_exclusion_takes_the_whole_pool(self) -> None:
        found = select(plan(world(), self.OLD), KNOWN, excludes=["proxy.px-2"])
        assert keys(found) == ["upgrade:proxy.px-3"]

    def test_a_member_that_cannot_be_upgraded_is_told(self) -> None:
        dark = [{**LIVE["Proxies"][0], "status": "Offline", "version": None}, *self.OLD.answers["Proxies"][1:]]
        found = plan(world(), FakeReader({**LIVE, "Proxies": dark}))
        answer = {(item.address, item.code): item.detail for item in found.reports}
        assert answer["pool.a", "pool-not-whole"] == (
            "px-1 is not upgraded with the others: upgraded members wait for them"
        )
        assert ("pool.b", "pool-not-whole") not in answer

    def test_a_member_that_is_to_be_created_has_the_version_of_the_server(self) -> None:
        new = [raw for raw in self.OLD.answers["Proxies"] if raw["id"] != LIVE["Proxies"][0]["id"]]
        found = plan(world(), FakeReader({**LIVE, "Proxies": new}))
        assert "create:proxy.px-1" in keys(found)
        assert "pool-not-whole" not in {item.code for item in found.reports}
