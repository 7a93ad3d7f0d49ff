"""Batches: canary first, and never the last working proxy of an organization."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.model.plan import Action, Cause, Change, Reason
from reconciler.model.state import ProxyState, Status
from reconciler.model.steps import ChangeHost
from reconciler.plan import plan_to_json
from reconciler.plan.batches import batched, batches_of, in_batches, sizes
from reconciler.plan.organization_coverage import Coverage, coverage_of
from reconciler.render.style import Style
from reconciler.render.text import plan_text
from tests.plan.test_chain import LIVE, proxy, world
from tests.plan.world import FakeReader, live, plan


def upgrades(names: Iterable[str]) -> list[Change]:
    return [Change(f"proxy.{name}", Action.UPGRADE, (), Cause(Reason.DRIFT)) for name in names]


def coverage(serving: Mapping[str, Iterable[str]], needed: int | str = 1, off: Iterable[str] = ()) -> Coverage:
    of_proxy: dict[str, set[str]] = {}
    for organization, proxies in serving.items():
        for name in proxies:
            of_proxy.setdefault(name, set()).add(organization)
    frozen = {name: frozenset(items) for name, items in serving.items()}
    working = frozenset(of_proxy) - frozenset(off)
    return Coverage(frozen, working, needed, {name: frozenset(items) for name, items in of_proxy.items()})


def names(batches: list[list[Change]]) -> list[list[str]]:
    return [[change.address.removeprefix("proxy.") for change in batch] for batch in batches]


@pytest.mark.parametrize(
    ("text", "total", "expected"),
    [
        ("1,25%,100%", 8, [1, 2, 5]),
        ("1", 3, [1, 1, 1]),
        ("10%", 5, [1, 1, 1, 1, 1]),
        ("100%", 4, [4]),
        ("2, 3", 7, [2, 3, 2]),
        ("1,25%,100%", 0, []),
    ],
)
def test_sizes(text: str, total: int, expected: list[int]) -> None:
    assert sizes(text, total) == expected


@pytest.mark.parametrize("text", ["", "many", "-1"])
def test_sizes_that_say_nothing(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        sizes(text, 3)


def test_two_proxies_of_one_organization_never_go_together() -> None:
    found = in_batches(upgrades("abcd"), coverage({"one": "ab", "two": "cd"}), "100%")
    assert names(found) == [["a", "c"], ["b", "d"]]


def test_an_organization_with_a_dead_proxy_keeps_the_living_one_apart() -> None:
    found = coverage({"one": "ab", "two": "bc"}, off="a")
    assert found.short(["b"]) == ("one",)
    assert found.short(["c"]) == ()


def test_a_percentage_rounds_up() -> None:
    assert coverage({"one": "abc"}, "50%").short("ab") == ("one",)
    assert coverage({"one": "abc"}, "50%").short("a") == ()


@given(
    st.dictionaries(st.sampled_from("xyzuvw"), st.sets(st.sampled_from("abcdefgh"), min_size=2), min_size=1),
    st.sampled_from(["1", "1,25%,100%", "100%", "3"]),
)
@settings(max_examples=200, deadline=None)
def test_no_batch_takes_the_last_one_and_everyone_has_a_turn(serving: dict[str, set[str]], batch: str) -> None:
    found = coverage(serving)
    every = sorted({name for proxies in serving.values() for name in proxies})
    batches = names(in_batches(upgrades(every), found, batch))
    assert sorted(name for group in batches for name in group) == every
    assert all(not found.short(group) for group in batches)


def test_the_mapping_counts_the_members_of_pools_and_upgrades_name_whom_they_disrupt() -> None:
    old = [proxy(1, proxyPoolId="pool-a", version="8.1.0.305"), *LIVE["Proxies"][1:]]
    reader = FakeReader({**LIVE, "Proxies": old})
    found = coverage_of(world(), live(world(), reader))
    assert found.serving == {"contoso.example.com": frozenset({"px-1", "px-2"})}
    (upgrade, _run) = plan(world(), reader).changes
    assert upgrade.disrupts == ("contoso.example.com",)


class TestPools:
    """Three members of a pool, which serves one organization with another proxy or without."""

    def pool(self, *, behind: str = "abc", off: str = "", resting: str = "", needed: int = 1) -> Coverage:
        members = frozenset("abc")
        found = coverage({"one": members}, needed, off=[*off, *resting])
        return replace(
            found,
            pools={"cloud": members},
            pool_of=dict.fromkeys(members, "cloud"),
            behind=frozenset(behind),
            resting=frozenset(resting),
        )

    def test_members_that_are_behind_work_until_all_are_new(self) -> None:
        assert self.pool(behind="bc").short("b") == ()
        assert self.pool(behind="bc", off="c").short("b") == ("one",)
        assert self.pool(behind="c").short("c") == ()  # the rest is new, and works as soon as c is in maintenance
        assert self.pool(behind="bc", off="c", resting="b").short("a") == ()  # a is new, and waits already

    def test_a_dead_member_that_is_behind_keeps_the_new_ones_waiting(self) -> None:
        assert self.pool(behind="bc", off="c", needed=1).short("b") == ("one",)

    def test_so_does_one_that_failed_though_the_server_shows_it_online(self) -> None:
        assert self.pool(behind="bc").short("b", failed="c") == ("one",)
        assert self.pool(behind="bc", resting="c").short("b", failed="c") == ()  # in maintenance mode it does not count
        assert self.pool(behind="b").short("b", failed="c") == ()  # it is new, and a works
        assert self.pool(behind="b").short("b", failed="ac") == ("pool cloud", "one")

    def test_a_pool_is_never_taken_whole_even_where_nobody_needs_it(self) -> None:
        assert self.pool(needed=0).short("abc") == ("pool cloud",)
        assert self.pool(needed=0).short("ab") == ()

    def test_the_last_one_waits_for_a_member_that_comes_out_of_maintenance_in_the_same_batch(self) -> None:
        """An interrupted apply left c in it; b is off. The server refuses to take the last active one."""
        left = self.pool(needed=0, off="b", resting="c")
        assert left.short("a") == ()
        assert left.short("ac") == ("pool cloud",)
        assert names(in_batches(upgrades("ac"), left, "100%")) == [["c"], ["a"]]

    def test_its_members_follow_each_other(self) -> None:
        found = in_batches(upgrades("axbyc"), self.pool(), "1,100%")
        assert names(found) == [["a"], ["b", "c", "x", "y"]]  # b and c rest, so that a, which is new, is the whole pool

    def test_a_member_whose_version_is_hidden_counts_as_behind_while_others_are(self) -> None:
        seen = {name: ProxyState(Status.ONLINE, version="8.5") for name in "ab"}
        dark = {"c": ProxyState(Status.OFFLINE)}
        found = self.pool().observed({**seen, **dark}, "8.6")
        assert (found.behind, found.working) == (frozenset("abc"), frozenset("ab"))
        assert self.pool().observed({**seen, **dark}, "8.5").behind == frozenset()


def test_what_changes_a_proxy_goes_in_one_batch() -> None:
    restart = ChangeHost(host="a", requirement="dotnet", script="", arguments={}, restart=True)
    host = Change("host.a", Action.UPDATE, (), Cause(Reason.DRIFT), (restart,))
    found = in_batches([host, *upgrades("ab")], coverage({"one": "ab"}), "1")
    assert [[change.key for change in batch] for batch in found] == [
        ["update:host.a", "upgrade:proxy.a"],
        ["upgrade:proxy.b"],
    ]


def test_a_plan_brings_its_batches_and_says_so() -> None:
    """Three proxies of one pool are behind: the first one, then the two others, never all of them."""
    seen = live(world(), FakeReader(LIVE))
    upgraded = replace(plan(world(), FakeReader(LIVE)), changes=tuple(upgrades(["px-1", "px-2", "px-3"])))
    made = batched(upgraded, world(), seen, "1,100%")
    assert made.batch == "1,100%"
    assert names(batches_of(made)) == [["px-1"], ["px-2", "px-3"]]
    answer = plan_to_json(made)
    assert answer["batches"] == [["upgrade:proxy.px-1"], ["upgrade:proxy.px-2", "upgrade:proxy.px-3"]]
    said = "Proxies are disrupted in 2 batches, one after the other:\n  1. proxy.px-1\n  2. proxy.px-2, proxy.px-3\n"
    assert said in plan_text(answer, Style())


def test_a_share_of_the_proxies_is_rounded_up() -> None:
    for serving in range(1, 13):
        names = "abcdefghijkl"[:serving]
        for percent in range(1, 101):
            found = coverage({"one": names}, f"{percent}%")
            needed = -(-serving * percent // 100)
            assert found.short(names[needed:]) == ()
            assert found.short(names[needed - 1 :]) == ("one",)
