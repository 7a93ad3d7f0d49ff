"""Selections in the form of an inventory, as `import` and the tests write them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.kinds.item_types import ITEM_TYPES, ItemType
from reconciler.kinds.job_items import (
    Item,
    decode_list,
    normalize_exclude,
    normalize_items,
    value_of,
    written_items,
)

from .context import context


def services_of(item: ItemType) -> st.SearchStrategy[tuple[str, ...]]:
    if item.listed:
        return st.lists(st.sampled_from(["Documents", "Notes/2026"]), min_size=1, unique=True).map(
            lambda names: tuple(sorted(names))
        )
    least = 0 if item.holder else 1
    chosen = st.lists(st.sampled_from(list(item.flags)), min_size=least, unique=True) if item.flags else st.just([])
    return chosen.map(lambda names: tuple(name for name in item.flags if name in names))


def items_of_type(item: ItemType) -> st.SearchStrategy[Item]:
    names = st.sampled_from(["alice@contoso.com", "Sales", "https://contoso.sharepoint.com/sites/hr"])
    return st.builds(Item, st.just(item.word), names if item.holder else st.just(""), services_of(item))


SELECTIONS = st.lists(
    st.sampled_from(ITEM_TYPES).flatmap(items_of_type), max_size=6, unique_by=lambda item: item.key
).map(value_of)


@pytest.mark.matrix
@given(SELECTIONS)
def test_a_written_selection_is_read_back_as_it_was(value: list[Any]) -> None:
    assert normalize_exclude(written_items(value)) == value


@pytest.mark.parametrize("value", ["all", "unmanaged"])
def test_words_are_written_as_they_are(value: str) -> None:
    assert normalize_items(written_items(value)) == value


def test_folders_of_onedrive_are_read_as_they_are_written() -> None:
    seen = [{"type": "OneDriveFolders", "folders": ["Notes", "Documents"]}]
    (item,) = [normalize_exclude({"onedrive_folders": ["Notes", "Documents"]})]
    assert decode_list(seen, context(8)) == item


@pytest.mark.parametrize("twice", [("alice", "bob"), ("bob", "alice")])
def test_the_first_that_is_listed_twice_is_named(twice: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match=f"user {twice[0]} is listed twice"):
        normalize_exclude({"users": [*twice, *reversed(twice)]})


def test_an_item_with_the_usual_services_is_its_name() -> None:
    usual = {"user": "alice", "services": ["mailbox", "archive-mailbox", "onedrive", "site"]}
    some = {"user": "bob", "services": ["mailbox"]}
    assert written_items(["sites", usual, some, {"site": "https://contoso/hr"}, {"personal-sites": True}]) == {
        "organization": ["sites"],
        "users": ["alice", some],
        "sites": ["https://contoso/hr"],
        "personal_sites": True,
    }
