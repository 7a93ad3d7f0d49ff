"""Answers held to the table of their REST version: a value that is not usable is not there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.kinds import KINDS, Kind, api
from reconciler.kinds.codec import owner_of
from reconciler.kinds.naming import Naming
from reconciler.kinds.typed import typed
from reconciler.model.errors import UnknownName
from reconciler.model.value import UNKNOWN, canonical
from tests.kinds.context import context
from tests.plan.world import access

PROXY, REPOSITORY, JOB = KINDS["proxy"], KINDS["repository"], KINDS["job"]


@pytest.mark.parametrize(
    ("kind", "name", "value", "usable"),
    [
        (PROXY, "port", 9193, 9193),
        (PROXY, "port", "9193", 9193),
        (PROXY, "port", "100.0", 100),
        (PROXY, "port", 100.0, 100),
        (PROXY, "port", 100.5, None),
        (PROXY, "port", float("inf"), None),
        (PROXY, "port", "many", None),
        (PROXY, "port", True, None),
        (PROXY, "port", [9193], None),
        (PROXY, "status", "online", "Online"),
        (PROXY, "status", "OFFLINE", "Offline"),
        (PROXY, "status", "Starting", None),
        (PROXY, "status", 1, None),
        (PROXY, "description", "", ""),
        (PROXY, "description", 5, None),
        (PROXY, "enableNetworkThrottling", "true", None),
        (PROXY, "internetProxySettings", "none", None),
        (PROXY, "internetProxySettings", [], None),
        (PROXY, "noSuchProperty", 1, None),
        (JOB, "selectedItems", {}, None),
        (JOB, "selectedItems", [{}, None], None),
        (REPOSITORY, "yearlyRetentionPeriod", "years3", "Years3"),
        (REPOSITORY, "monthlyTime", None, None),
    ],
)
def test_a_value_is_usable_or_not_there(kind: Kind, name: str, value: Any, usable: Any) -> None:
    seen = typed(kind, 8, {name: value})
    assert seen.get(name) == usable
    assert (name in seen) is (usable is not None)
    assert list(seen) == ([name] if usable is not None else [])
    assert len(seen) == len(list(seen))


def test_a_version_that_does_not_have_a_word_does_not_know_it() -> None:
    policy = {"schedulePolicy": {"periodicallyEvery": "Hours12"}}
    assert [typed(JOB, rest, policy)["schedulePolicy"].get("periodicallyEvery") for rest in (5, 6, 7, 8)] == [
        None,
        None,
        None,
        "Hours12",
    ]


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)


def values(words: list[str]) -> st.SearchStrategy[Any]:
    """Any JSON, mostly with the names and words of the API in it."""
    plain = SCALARS | st.sampled_from(words)
    return st.recursive(
        plain,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(words), inner, max_size=6),
        max_leaves=12,
    )


def names(rest: int, schema: api.Schema, depth: int = 0) -> Iterator[str]:
    if schema.ref:
        yield from names(rest, api.schema(rest, schema.ref), depth)
    elif depth < 4:
        yield from schema.enum
        if schema.items:
            yield from names(rest, schema.items, depth + 1)
        for name, inner in schema.properties.items():
            yield name
            yield from names(rest, inner, depth + 1)


LISTED = [kind for kind in KINDS.values() if kind.collection]


@pytest.mark.parametrize("rest", [5, 8])
@pytest.mark.parametrize("kind", LISTED, ids=lambda kind: kind.name)
def test_any_json_gives_a_value_or_unknown(kind: Kind, rest: int) -> None:
    """Decoders, keys, owners and states take whatever an answer holds, and give what a plan can show."""
    if not kind.in_version(rest):
        return
    table = max(rest, 6)
    answer = api.operation(table, "GET", kind.collection).answer
    assert answer is not None
    words = sorted({*names(table, answer), *dict(kind.added)})
    world = context(rest)

    @given(st.dictionaries(st.sampled_from(words), values(words), max_size=12))
    @settings(max_examples=25, deadline=None)
    def judge(raw: dict[str, Any]) -> None:
        seen = typed(kind, rest, raw)
        for field in kind.fields:
            value = field.from_api(seen, world)
            assert value is UNKNOWN or canonical(value)
        assert isinstance(kind.live_key(seen, world), str)
        assert isinstance(owner_of(seen), str)
        assert kind.state is None or kind.state(seen, rest) is not None

    judge()


@pytest.mark.parametrize("rest", [5, 6, 7, 8])
@pytest.mark.parametrize("kind", LISTED, ids=lambda kind: kind.name)
def test_what_is_null_or_absent_is_unknown(kind: Kind, rest: int) -> None:
    if not kind.in_version(rest):
        return
    answer = api.properties(max(rest, 6), api.operation(max(rest, 6), "GET", kind.collection).answer)
    for raw in ({}, dict.fromkeys(answer)):
        seen = typed(kind, rest, raw)
        assert {field.from_api(seen, context(rest)) for field in kind.fields} == {UNKNOWN}


def test_ids_are_compared_without_letter_case() -> None:
    naming = Naming(8, access())
    naming.learn("proxy", "px-1", "0F3C1C52-0000-4000-8000-000000000003")
    assert naming.named("proxy", "0f3c1c52-0000-4000-8000-000000000003") == "px-1"
    assert naming.id_of("proxy", "px-1") == "0F3C1C52-0000-4000-8000-000000000003", "as the server writes it"
    with pytest.raises(UnknownName, match="the server lists no proxy with the id 17"):
        naming.named("proxy", "17")
