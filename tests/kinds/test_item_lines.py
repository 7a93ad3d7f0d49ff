"""What a review shows of selections that come or go."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.kinds.item_changes import item_lines
from reconciler.kinds.job_items import Item

NOTHING: dict[str, list[str]] = {}


@pytest.mark.parametrize(
    ("before", "after"), [([], None), (None, []), (["mailbox"], None), (None, ["mailbox"]), (None, None), ("all", None)]
)
def test_a_selection_without_items_that_comes_or_goes_has_no_lines(before: Any, after: Any) -> None:
    assert item_lines(before, after) == NOTHING


def test_an_item_whose_type_has_no_services_is_its_name() -> None:
    assert (str(Item("site", "https://x.example")), Item("site", "https://x.example").about) == (
        "site https://x.example",
        "",
    )
    assert str(Item("user", "jo")) == "user jo (no services)"
