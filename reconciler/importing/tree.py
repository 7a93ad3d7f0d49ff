"""Values by the names of fields, as nested maps: the reverse of `inventory.layers.flatten`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

FIRST: Final = ("name", "host", "group", "type", "os", "organization", "proxy", "pool", "repository", "job", "items")
"""What an entry begins with; the rest has the order of the fields."""
LAST: Final = ("enabled", "run", "credentials", "connection")


def nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """`{schedule: manual, schedule.retry.attempts: 3}` to `{schedule: {manual: true, retry: {attempts: 3}}}`."""
    found: dict[str, Any] = {}
    for path in sorted(values, key=lambda path: path.count(".")):
        _put(found, path.split("."), values[path])
    return {name: found[name] for name in _in_order(found, values)}


def _in_order(found: Mapping[str, Any], values: Mapping[str, Any]) -> Iterable[str]:
    said = dict.fromkeys(path.partition(".")[0] for path in values)
    ends = {*FIRST, *LAST}
    middle = [name for name in said if name not in ends]
    return [name for name in (*FIRST, *middle, *LAST) if name in found]


def _put(holder: dict[str, Any], path: list[str], value: Any) -> None:
    first, *rest = path
    if not rest:
        below = holder.get(first)
        holder[first] = {**value, **below} if isinstance(value, dict) and isinstance(below, dict) else value
        return
    below = holder.get(first)
    if isinstance(below, Mapping):
        holder[first] = dict(below)
    else:  # a word, to which something belongs now, is a key
        holder[first] = {} if below is None else {str(below): True}
    _put(holder[first], rest, value)
