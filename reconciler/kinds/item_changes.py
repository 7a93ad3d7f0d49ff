"""What differs between two selections of items, one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from reconciler.kinds.job_items import Item, items_of


class ItemChanges(NamedTuple):
    """`changed` are items with other services: as they are, and as they are wanted."""

    added: Sequence[Item] = ()
    changed: Sequence[tuple[Item, Item]] = ()
    removed: Sequence[Item] = ()


def item_changes(before: Any, after: Any) -> ItemChanges:
    """Between two selections in their one spelling."""
    have = {item.key: item for item in items_of(before)}
    want = {item.key: item for item in items_of(after)}
    return ItemChanges(
        [item for key, item in want.items() if key not in have],
        [(have[key], item) for key, item in want.items() if key in have and have[key].services != item.services],
        [item for key, item in have.items() if key not in want],
    )


def item_lines(before: Any, after: Any) -> dict[str, list[str]]:
    """The same as texts, for a review; empty if nothing but services is shown, and there is nothing to compare it with.
    None stands for no selection."""
    if not any(isinstance(side, list) for side in (before, after)):
        return {}
    if None in (before, after) and not any(isinstance(entry, Mapping) for entry in before or after or ()):
        return {}
    found = item_changes(before, after)
    return {
        "added": [*_whole(after), *map(str, found.added)],
        "changed": [f"{old} -> {new.about or '()'}" for old, new in found.changed],
        "removed": [*_whole(before), *map(str, found.removed)],
    }


def _whole(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else []
