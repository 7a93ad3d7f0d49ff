"""What live objects are called in addresses: a unique name each, the same in each plan."""

from __future__ import annotations

import pytest

from reconciler.kinds import KINDS
from reconciler.kinds.matching import live_names
from reconciler.model.inventory import Resource
from reconciler.model.recall import Identity, Memory

ONE, TWO = "11111111-0000", "22222222-0000"
LISTED = [{"id": TWO, "name": "a"}, {"id": ONE, "name": "a"}]
OWN, WITH_ID = "a (11111111)", f"a ({ONE})"


@pytest.mark.parametrize(
    ("listed", "declared", "names"),
    [
        ([ONE], [], ["a"]),
        ([ONE], ["b"], ["a"]),
        ([ONE], ["a"], [OWN]),
        ([ONE], ["a", OWN], [WITH_ID]),
        ([ONE], ["a", OWN, WITH_ID], ["a (2)"]),
        ([ONE], ["a", OWN, WITH_ID, "a (2)"], ["a (3)"]),
        ([ONE, TWO], [], [OWN, "a (22222222)"]),
        ([TWO, ONE], [], ["a (22222222)", OWN]),
        ([ONE, ONE], [], [OWN, WITH_ID]),
        ([ONE, ONE, ONE], [], [OWN, WITH_ID, "a (2)"]),
    ],
)
def test_an_object_without_an_entry(listed: list[str], declared: list[str], names: list[str]) -> None:
    seen = [{"id": ident, "name": "a"} for ident in listed]
    assert live_names(KINDS["job"], seen, {}, declared, Memory()) == names


def test_an_object_with_an_entry_has_its_name() -> None:
    found = {1: Resource("job", "mine", {"name": "a"})}
    assert live_names(KINDS["job"], LISTED, found, ["mine"], Memory()) == ["a", "mine"]


@pytest.mark.parametrize(
    ("declared", "name"),
    [([], "old"), (["old"], "a")],
)
def test_the_name_of_the_last_apply_is_kept_unless_it_is_another_entry_by_now(declared: list[str], name: str) -> None:
    memory = Memory(identities={"job.old": Identity(ONE.upper(), ours=True)})
    assert live_names(KINDS["job"], [{"id": ONE, "name": "a"}], {}, declared, memory) == [name]


@pytest.mark.parametrize(
    ("seen", "name"),
    [
        ({"id": ONE, "hostName": "h", "name": "n"}, "h"),
        ({"id": ONE, "hostName": "", "name": "n"}, "n"),
        ({"id": ONE}, ONE),
        ({}, "?"),
    ],
)
def test_what_an_object_calls_itself(seen: dict[str, str], name: str) -> None:
    assert live_names(KINDS["job"], [seen], {}, [], Memory()) == [name]
    assert live_names(KINDS["smtp"], [seen], {}, [], Memory()) == [""]
