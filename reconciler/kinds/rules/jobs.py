"""Rules of what jobs back up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from reconciler.kinds.job_items import Item, items_of, normalize_exclude, normalize_items
from reconciler.kinds.rules.declared import Declared, Finding, Where
from reconciler.model.sentences import quoted


def item_both_ways(declared: Declared) -> Iterator[Finding]:
    """An item that is selected and left out for the same services."""
    for name, values in declared.saying("jobs", "exclude"):
        selected = {item.key: item for item in _items(normalize_items, values.get("items", []))}
        for item in _items(normalize_exclude, values["exclude"]):
            other = selected.get(item.key)
            if other is not None and (not item.type.flags or {*item.services} & {*other.services}):
                detail = f"Job {quoted(name)} has the {item.title} in `items` and in `exclude`."
                related = (Where("jobs", name, "items"),)
                yield Finding(Where("jobs", name, "exclude"), detail, "Remove it from one of the two.", related)


def _items(normalize: Callable[[Any], Any], value: Any) -> list[Item]:
    """The items of a list that has a spelling; that it has none is reported where the job is built."""
    try:
        return items_of(normalize(value))
    except ValueError:
        return []
