"""Values of the API, drawn from the tables of its schemas (`kinds/api`): every property that a request may set."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from hypothesis import strategies as st

from reconciler.kinds import api
from reconciler.kinds.api import Schema

TEXT: Final = st.text(st.characters(min_codepoint=33, max_codepoint=0x2FF, exclude_categories=("Zs", "Cc")), max_size=8)
WORD: Final = st.sampled_from(["a", "b", "of-a-server", "Another One"])
PASSWORD: Final = "right"
HOST: Final = st.sampled_from(["one.example.com", "192.0.2.7"])
TIME: Final = st.builds("{:02}:{:02}:00".format, st.integers(0, 23), st.integers(0, 59))
COUNT: Final = st.integers(1, 256)

_BY_NAME: Final[Mapping[str, st.SearchStrategy[Any]]] = {
    "backupWindow": st.sampled_from([[True] * 168, [True] * 100 + [False] * 68, [False, True] * 84]),
    "description": TEXT,
    "hostName": HOST,
    "ipRanges": st.sampled_from(["24.48.96.192/32", "10.0.0.0/8"]),
    "servicePoint": st.sampled_from(["https://s3.example.net", "s3.example.com:9000"]),
    "smtpServer": HOST,
    "minuteOffset": st.integers(0, 59),
    "periodicallyOffsetMinutes": st.integers(0, 59),
    "port": st.integers(1, 65535),
    "subject": TEXT,
    "trustedServerCertificateThumbprint": st.sampled_from(["0A" * 20, "FF" * 20]),
    "userPassword": st.just(PASSWORD),
}
"""Values of properties whose schema does not say what they may be."""
_TIMES: Final = re.compile(r".*Time$")


def values(rest: int, schema: Schema, name: str = "") -> st.SearchStrategy[Any]:
    """Values of one property."""
    if name in _BY_NAME:
        return _BY_NAME[name]
    if schema.ref == _ITEM:
        return items(rest)
    if schema.ref:
        return values(rest, api.schema(rest, schema.ref), name)
    if schema.enum:
        return st.sampled_from(schema.enum)
    if schema.properties:
        return objects(rest, schema.properties)
    return _plain(rest, schema, name)


def _plain(rest: int, schema: Schema, name: str) -> st.SearchStrategy[Any]:
    if schema.type == "array":
        if schema.items is None:
            return st.just([])
        unique = key_of if schema.items.ref == _ITEM else repr
        return st.lists(values(rest, schema.items), min_size=1, max_size=2, unique_by=unique)
    if schema.type == "string" and _TIMES.match(name):
        return TIME
    if schema.format == "uuid":
        return st.uuids().map(str)
    known = {"boolean": st.booleans(), "integer": COUNT, "number": COUNT, "string": WORD}
    return known.get(schema.type, st.just({}))


def objects(rest: int, properties: Mapping[str, Schema]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects with every property that a request may set, except for their id."""
    return st.fixed_dictionaries(
        {
            name: values(rest, schema, name)
            for name, schema in properties.items()
            if not schema.read_only and name != "id" and not name.startswith("_")
        }
    )


_ITEM: Final = "RESTJobItemComposed"
_OBJECTS: Final = {"User": "user", "Group": "group", "Site": "site", "Team": "team"}
"""The object that an item of a type names; the others name none."""


@cache
def items(rest: int) -> st.SearchStrategy[dict[str, Any]]:
    """Items of jobs, of every type, each with the object that its type names."""
    properties = api.schema(rest, _ITEM).properties
    kinds = api.schema(rest, properties["type"].ref).enum if properties["type"].ref else properties["type"].enum
    return st.sampled_from(kinds).flatmap(lambda kind: _item(rest, properties, kind))


def key_of(item: Mapping[str, Any]) -> str:
    """A drawn job has one item of a type at most: which names are the same object is not for here."""
    return str(item["type"])


def _item(rest: int, properties: Mapping[str, Schema], kind: str) -> st.SearchStrategy[dict[str, Any]]:
    others = set(_OBJECTS.values()) - {_OBJECTS.get(kind, "")}
    kept = {name: schema for name, schema in properties.items() if name not in others}
    return objects(rest, kept).map(lambda item: {**item, "type": kind})


@cache
def bodies(rest: int, method: str, path: str) -> st.SearchStrategy[dict[str, Any]]:
    """Bodies of an operation."""
    return objects(rest, api.properties(rest, api.operation(rest, method, path).body))
