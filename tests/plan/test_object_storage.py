"""Why object storage cannot be used or changed as declared: what it refers to, and what the product lets one edit."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.kinds.naming import Naming
from reconciler.kinds.references import references_of
from reconciler.model.inventory import Resource
from reconciler.model.live import Live, LiveResource, ServerInfo
from reconciler.model.plan import FieldChange
from reconciler.model.recall import Recall
from reconciler.plan.object_storage import why_not_changed, why_not_created
from reconciler.plan.passes import Inputs
from reconciler.requirements import NO_REQUIREMENTS
from tests.plan.world import BUILD, access, inventory

LISTED: dict[str, list[dict[str, Any]]] = {
    "object_storage": [{"id": "s1", "name": "archive"}],
    "account": [{"id": "a1", "userName": "key"}],
    "encryption_key": [{"id": "k1", "description": "2026"}],
}
PLACE = {"type": "s3", "account": "key", "bucket": "b", "folder": "f"}


def inputs(rest: int, listed: dict[str, list[dict[str, Any]]]) -> Inputs:
    naming = Naming(rest, access())
    naming.refer({kind: references_of(kind, raws) for kind, raws in listed.items()})
    return Inputs(inventory(), Live(ServerInfo("vbo", rest, BUILD), {}, {}, {}), Recall(), naming, NO_REQUIREMENTS)


def storage(fields: dict[str, Any]) -> Resource:
    return Resource("repository", "r", {f"object_storage.{name}": value for name, value in fields.items()})


@pytest.mark.parametrize(
    ("rest", "fields", "kind", "title"),
    [
        (7, {"name": "archive"}, "object_storage", "object storage"),
        (8, PLACE, "account", "cloud account"),
        (8, {**PLACE, "encryption_key": "2026"}, "encryption_key", "encryption key"),
    ],
)
def test_what_it_refers_to_is_on_the_server(rest: int, fields: dict[str, Any], kind: str, title: str) -> None:
    """A kind that was not read says nothing; an empty list says that there is none."""
    (name,) = [key for key, value in fields.items() if value in ("archive", "key", "2026")][-1:]
    assert why_not_created(storage(fields), inputs(rest, LISTED)) == ""
    found = why_not_created(storage(fields), inputs(rest, {**LISTED, kind: []}))
    assert found.endswith(f"; add the {title} in the console, or correct `{name}`")
    unread = {other: raws for other, raws in LISTED.items() if other != kind}
    assert why_not_created(storage(fields), inputs(rest, unread)) == ""


def test_a_name_is_none_of_v8() -> None:
    assert why_not_created(storage({"name": "archive"}), inputs(8, {**LISTED, "object_storage": []})) == (
        "REST v8 has no object storage repositories to name: write `type`, `account`, `bucket` and `folder` of its "
        "object storage"
    )


def test_a_key_that_is_created_need_not_be_there() -> None:
    fields = {**PLACE, "encryption_key": "2027", "encryption_credentials": "corp"}
    assert why_not_created(storage(fields), inputs(8, LISTED)) == ""


def test_all_that_is_missing_is_named() -> None:
    found = why_not_created(storage({**PLACE, "encryption_key": "2027"}), inputs(8, {**LISTED, "account": []}))
    assert found.count("in the console") == 2
    assert why_not_created(Resource("repository", "r", {"path": "D:\\VBO"}), inputs(8, {})) == ""


def changed(rest: int, keep: tuple[str, str], *changes: tuple[str, Any, Any]) -> str:
    before = LiveResource("repository", "r", "1", {"retention.keep": keep[0]})
    wanted = Resource("repository", "r", {"retention.keep": keep[1]})
    fields = [FieldChange(f"object_storage.{name}", old, new) for name, old, new in changes]
    return why_not_changed(wanted, before, fields, inputs(rest, LISTED))


@pytest.mark.parametrize(
    ("keep", "before", "after", "allowed"),
    [
        (("1 year", "1 year"), 10, 11, True),
        (("1 year", "1 year"), 10, 9, False),
        (("1 year", "1 year"), 10, "retention", True),
        (("1 year", "1 year"), 365, "retention", False),
        (("1 year", "1 year"), 364, "retention", True),
        (("2 months", "2 months"), 60, "retention", False),
        (("2 months", "2 months"), 59, "retention", True),
        (("25 days", "25 days"), 24, "retention", True),
        (("25 days", "25 days"), "retention", 26, True),
        (("25 days", "25 days"), "retention", 25, False),
        (("25 days", "26 days"), 25, "retention", True),
        (("forever", "forever"), 9999, "retention", True),
        (("forever", "1 year"), "retention", 9999, False),
        (("unknown", "unknown"), 1, "retention", False),
    ],
)
def test_immutability_is_only_lengthened(keep: tuple[str, str], before: Any, after: Any, allowed: bool) -> None:
    said = changed(8, keep, ("immutability_days", before, after))
    texts = ["the period of retention" if value == "retention" else f"{value} days" for value in (before, after)]
    refused = f"immutability can only be lengthened: it is {texts[0]}, and {texts[1]} is declared"
    assert said == ("" if allowed else refused)


@pytest.mark.parametrize(("before", "after"), [("none", 10), (10, "none")])
def test_immutability_and_encryption_stay_on_or_off(before: Any, after: Any) -> None:
    assert changed(8, ("1 year", "1 year"), ("immutability_days", before, after)) == (
        "immutability cannot be turned on or off after creation"
    )
    old, new = ("2026" if value == 10 else value for value in (before, after))
    assert changed(8, ("1 year", "1 year"), ("encryption_key", old, new)) == (
        "encryption cannot be turned on or off after creation"
    )


def test_v5_changes_nothing_of_it() -> None:
    year = ("1 year", "1 year")
    assert changed(5, year, ("size_limit_gb", 1, 2)) == "REST v5 does not document how object storage is changed"
    assert changed(6, year, ("size_limit_gb", 1, 2)) == ""
    assert changed(5, year) == ""
