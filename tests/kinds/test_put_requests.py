"""What a PUT sends, for every kind, version and property: the same object under merge and under replace."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from reconciler.kinds import KINDS, Kind, api
from reconciler.kinds.api import Schema
from reconciler.kinds.put_requests import accepted, put_body, side_effects
from reconciler.model.secret import MASK

PUT = [kind for kind in KINDS.values() if kind.collection and not kind.reference]
CASES = [
    pytest.param(kind, rest, id=f"v{rest}-{kind.name}")
    for kind in PUT
    for rest in api.VERSIONS
    if kind.in_version(rest)
]


def value_of(rest: int, schema: Schema, depth: int = 0) -> Any:
    """A value that the schema allows, none of those that a new object has."""
    if schema.ref:
        return value_of(rest, api.schema(rest, schema.ref), depth)
    if schema.enum:
        return schema.enum[-1]
    if schema.type == "array" and schema.items is not None:
        return [value_of(rest, schema.items, depth + 1)] if depth < 3 else []
    if schema.properties:
        shown = {name: part for name, part in schema.properties.items() if not part.write_only}
        return {name: value_of(rest, part, depth + 1) for name, part in shown.items()} if depth < 3 else {}
    return {"boolean": True, "integer": 7, "number": 7, "string": "as it was"}.get(schema.type, {})


def shown(kind: Kind, rest: int) -> dict[str, Any]:
    """An object with every property that the GET shows, and what the PUT takes from collections beside it."""
    path = kind.collection if kind.singleton else f"{kind.collection}/{{id}}"
    raw = {
        name: value_of(rest, schema)
        for name, schema in api.properties(rest, api.operation(rest, "GET", path).answer).items()
    }
    beside = {"pool": ("proxyIds",), "job": ("selectedItems", "excludedItems")}.get(kind.name, ())
    return {**{name: value_of(rest, accepted(kind, rest)[name]) for name in beside}, **raw}


def properties(kind: Kind, rest: int) -> Iterator[str]:
    yield from (name for name in accepted(kind, rest) if name in shown(kind, rest) and name not in kind.volatile)


def merged(raw: Mapping[str, Any], body: Mapping[str, Any]) -> dict[str, Any]:
    return {**raw, **body}


def replaced(kind: Kind, rest: int, raw: Mapping[str, Any], body: Mapping[str, Any]) -> dict[str, Any]:
    """A PUT that forgets whatever it may set and was not sent."""
    kept = {name: value for name, value in raw.items() if name not in accepted(kind, rest) or name in kind.volatile}
    return {**kept, **body}


@pytest.mark.parametrize(("kind", "rest"), CASES)
def test_merge_and_replace_leave_the_same_object(kind: Kind, rest: int) -> None:
    raw = shown(kind, rest)
    names = [name for name in properties(kind, rest) if not name.startswith("_")]
    assert len(names) >= 2
    for name in names:
        changed = {name: "something else"}
        body = put_body(kind, rest, raw, changed)
        assert body.keys() <= accepted(kind, rest).keys()
        for after in (merged(raw, body), replaced(kind, rest, raw, body)):
            assert after[name] == "something else"
            assert side_effects(kind, raw, after, changed) == []


@pytest.mark.parametrize(("kind", "rest"), CASES)
def test_whatever_else_differs_is_found(kind: Kind, rest: int) -> None:
    raw = shown(kind, rest)
    for name in raw:
        found = side_effects(kind, raw, {**raw, name: "by another hand"}, {})
        expected = [] if name in kind.volatile or name.startswith("_") else [f"`{name}`"]
        assert [text.partition(":")[0] for text in found] == expected


@pytest.mark.parametrize(("kind", "rest"), CASES)
def test_what_moves_by_itself_is_in_the_table(kind: Kind, rest: int) -> None:
    """A misspelled volatile name would be compared, and a change that the server makes would fail."""
    known = {
        name for version in api.VERSIONS if kind.in_version(version) for name in _deep(version, shown(kind, version))
    }
    assert kind.volatile <= known
    assert {name for field in kind.fields for name in field.implies} <= known
    assert rest in api.VERSIONS


def _deep(rest: int, value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, part in value.items():
            yield name
            yield from _deep(rest, part)


def test_a_required_property_that_is_hidden_is_named() -> None:
    raw = {name: value for name, value in shown(KINDS["repository"], 8).items() if name != "retentionType"}
    with pytest.raises(LookupError, match="retentionType"):
        put_body(KINDS["repository"], 8, raw, {"description": "x"})


def test_order_and_ids_of_items_are_no_difference() -> None:
    before = {"selectedItems": [{"id": "1", "type": "User"}, {"id": "2", "type": "Site"}]}
    after = {"selectedItems": [{"id": "9", "type": "Site"}, {"id": "8", "type": "User", "_links": {}}]}
    assert side_effects(KINDS["job"], before, after, {}) == []
    assert side_effects(KINDS["job"], before, {"selectedItems": after["selectedItems"][:1]}, {}) != []


def test_empty_spellings_are_equal_and_nested_values_are_not_lost() -> None:
    assert side_effects(KINDS["smtp"], {"from": ""}, {}, {}) == []
    before = {"schedulePolicy": {"dailyTime": "20:00:00", "retryNumber": 3}}
    after = {"schedulePolicy": {"dailyTime": "21:00:00", "retryNumber": 4}}
    found = side_effects(KINDS["job"], before, after, {"schedulePolicy": {"dailyTime": "21:00:00"}})
    assert found == ["`schedulePolicy.retryNumber`: `3` -> `4`"]


def test_side_effects_are_cut_escaped_and_without_secrets() -> None:
    before = {"description": "a" * 5_000_000, "name": "old", "userPassword": "hunter2", "sshSettings": {}}
    after = {
        "description": "b" * 5_000_000,
        "name": "\x1b[2Jnew\u202e",
        "userPassword": "hunter3",
        "sshSettings": [{"rootPassword": "hunter4"}],
    }
    found = side_effects(KINDS["proxy"], before, after, {})
    assert found == [
        f"`description`: `{'a' * 60}…` -> `{'b' * 60}…`",
        "`name`: `old` -> `\\u001b[2Jnew\\u202e`",
        f"`sshSettings`: `{{}}` -> `[{{'rootPassword': '{MASK}'}}]`",
        f"`userPassword`: {MASK} -> {MASK}",
    ]


def test_flags_mean_something_by_their_place() -> None:
    """The hours of a window are flags: as many in other places are another window."""
    window = {"schedulePolicy": {"backupWindowSettings": {"backupWindow": [True, False]}}}
    moved = {"schedulePolicy": {"backupWindowSettings": {"backupWindow": [False, True]}}}
    (effect,) = side_effects(KINDS["job"], window, moved, {})
    assert effect.startswith("`schedulePolicy.backupWindowSettings.backupWindow`")
