"""What distinguishes an object from others of its kind, whatever it is called: each field of each kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from reconciler.kinds import KINDS, Mode
from reconciler.kinds.matching import is_like
from reconciler.model.inventory import Resource
from reconciler.model.value import UNKNOWN
from tests.kinds.context import context

PLACE = ("type", "account", "bucket", "folder", "endpoint", "region", "cloud", "storage_class", "immutability_mode")
DISTINGUISHES: Mapping[str, set[str]] = {
    "pool": {"members"},
    "repository": {"owner", "path", "object_storage.thumbprint", *(f"object_storage.{name}" for name in PLACE)},
    "job": {"organization", "repository", "items"},
}
ONE_FIELD = {
    "members": ["px-lon-1"],
    "items": "all",
    "owner": "pool.cloud",
    "organization": "contoso.onmicrosoft.com",
    "repository": "contoso-disk",
    "object_storage.immutability_days": 7,
    "object_storage.account": "AKIABACKUP",
}
"""Values of fields that are more than a word."""


def declared(kind: str, *left_out: str) -> Resource:
    names = [field.name for field in KINDS[kind].fields if field.in_version(8) and field.name not in left_out]
    return Resource(kind, "one", {name: ONE_FIELD.get(name, "said") for name in names})


def is_alike(wanted: Resource, **live: Any) -> bool:
    kind = KINDS[wanted.kind]
    shown = {field.name: field.as_shown(wanted.fields.get(field.name), context(8)) for field in kind.fields}
    return is_like(kind, wanted, lambda name: {**shown, **live}[name], context(8))


def test_the_kinds_that_are_recognised_by_likeness() -> None:
    assert {kind.name for kind in KINDS.values() if kind.likeness} == DISTINGUISHES.keys()


@pytest.mark.parametrize(
    ("kind", "field"),
    [
        (kind, field.name)
        for kind in DISTINGUISHES
        for field in KINDS[kind].fields
        if field.mode not in (Mode.KEY, Mode.LOCAL, Mode.WRITE_ONLY) and field.in_version(8)
    ],
)
def test_an_object_that_differs_in_one_field(kind: str, field: str) -> None:
    assert is_alike(declared(kind))
    assert is_alike(declared(kind), **{field: "another"}) is (field not in DISTINGUISHES[kind])
    assert is_alike(declared(kind), **{field: UNKNOWN}) is (field not in DISTINGUISHES[kind])


@pytest.mark.parametrize(
    ("kind", "left_out"),
    [
        ("pool", {"members"}),
        ("repository", {"owner"}),
        ("repository", DISTINGUISHES["repository"] - {"owner"}),
        ("job", {"organization"}),
        ("job", {"repository", "items"}),
    ],
)
def test_of_each_group_something_is_declared(kind: str, left_out: set[str]) -> None:
    assert not is_alike(declared(kind, *left_out))
