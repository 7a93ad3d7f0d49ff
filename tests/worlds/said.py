"""A plan as lines to compare: its structure, without the sentences for people."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any


def lines_of(plan: Mapping[str, Any]) -> Iterator[str]:
    """The JSON form of a plan, one line for each change, and for all else that it says."""
    for change in plan["changes"]:
        yield from _change(change)
    for name in ("reports", "problems", "refusals"):
        for item in plan[name]:
            where = item.get("address") or " ".join(item.get("addresses", ()))
            yield f"{name[:-1]} {item.get('code')} {where}".rstrip()
    for item in plan["unknown"]:
        yield f"unknown {item['address']} {item['path']}"
    for number, batch in enumerate(plan["batches"], 1):
        yield f"batch {number}: {', '.join(batch)}"
    yield f"{plan['unchanged']} unchanged"


def _change(change: Mapping[str, Any]) -> Iterator[str]:
    blocked = " BLOCKED" if change["blocked"] else ""
    cause = change["cause"]
    yield f"{change['key']}{blocked} [{cause['reason']}{_place(cause)}] {change['precondition'][:8]}"
    for item in change["fields"]:
        secret = " secret" if item["secret"] else ""
        why = "" if item["cause"] is None else f" [{item['cause']['reason']}{_place(item['cause'])}]"
        yield f"  {item['path']}: {_json(item['before'])} -> {_json(item['after'])}{secret}{why}"
    if change["depends_on"]:
        yield f"  after {', '.join(change['depends_on'])}"
    if change["disrupts"]:
        yield f"  disrupts {', '.join(change['disrupts'])}"
    for step in change["steps"]:
        yield f"  . {step['verb']} {_json(step['params'])}"


def _place(cause: Mapping[str, Any]) -> str:
    position = cause.get("position")
    return f" {position['line']}" if position else ""


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
