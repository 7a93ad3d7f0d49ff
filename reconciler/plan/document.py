"""The JSON form of a plan, which every renderer reads. No secrets, no absolute paths; same plan, same bytes."""

from __future__ import annotations

from typing import Any, Final

from reconciler.kinds import KINDS, Mode
from reconciler.kinds.item_changes import item_lines
from reconciler.model.address import kind_of
from reconciler.model.diagnostic import Diagnostic
from reconciler.model.plan import Cause, Change, FieldChange, Plan, Report
from reconciler.model.position import Position
from reconciler.model.value import UNKNOWN

FORMAT_VERSION = "1.2"


_ONE_BY_ONE: Final = {
    kind.name: {field.name for field in kind.fields if field.mode is Mode.ITEMS} for kind in KINDS.values()
}
"""By kind, the fields whose items are changed one by one."""

PLAN, DIFF, DRIFT = "plan", "diff", "drift"
"""Modes of a document: a plan, the difference of two inventories (nothing is observed), or drift."""


def plan_to_json(plan: Plan, mode: str = PLAN) -> dict[str, Any]:
    """A plan as plain data; an addition raises the second part of `format_version`."""
    return {
        "format_version": FORMAT_VERSION,
        "mode": mode,
        "inventory": {"name": plan.inventory, "digest": plan.inventory_digest},
        "server": {"host": plan.server.host, "rest": f"v{plan.server.rest}", "build": plan.server.build},
        "lab": plan.lab,
        "empty": plan.is_empty,
        "changes": [change_to_json(change) for change in plan.changes],
        "reports": [report_to_json(item) for item in plan.reports],
        "unknown": [{"address": item.address, "path": item.path, "why": item.why} for item in plan.unknown],
        "problems": [diagnostic_to_json(item) for item in plan.problems],
        "refusals": [
            {"code": item.code, "detail": item.detail, "addresses": list(item.addresses), "waiver": item.waiver}
            for item in plan.refusals
        ],
        "batch": plan.batch,
        "batches": [list(batch) for batch in plan.batches],
        "unchanged": plan.unchanged,
        "not_selected": list(plan.not_selected),
        "not_approved": list(plan.not_approved),
        "counts": plan.counts(),
        "requests": dict(plan.requests),
    }


def change_to_json(change: Change) -> dict[str, Any]:
    return {
        "key": change.key,
        "address": change.address,
        "action": change.action.value,
        "fields": [{**_field(item), **_items(change, item)} for item in change.fields],
        "cause": _cause(change.cause),
        "depends_on": list(change.depends_on),
        "disrupts": list(change.disrupts),
        "steps": [{"verb": step.verb, "params": step.params} for step in change.steps],
        "precondition": change.precondition,
        "blocked": change.blocked,
    }


def report_to_json(item: Report) -> dict[str, Any]:
    return {
        "address": item.address,
        "code": item.code,
        "level": item.level.value,
        "detail": item.detail,
        "fix": item.fix,
        "position": _position(item.position),
    }


def diagnostic_to_json(item: Diagnostic) -> dict[str, Any]:
    return {
        "severity": item.severity.value,
        "code": item.code,
        "summary": item.summary,
        "detail": item.detail,
        "fix": item.fix,
        "address": item.address,
        "position": _position(item.position),
        "source": item.source,
        "related": [_position(place) for place in item.related],
    }


def _field(item: FieldChange) -> dict[str, Any]:
    return {
        "path": item.path,
        "before": None if item.before is UNKNOWN else item.before,
        "after": item.after,
        "secret": item.secret,
        "unknown": item.unknown or item.before is UNKNOWN,
        "cause": _cause(item.cause) if item.cause else None,
    }


def _items(change: Change, item: FieldChange) -> dict[str, list[str]]:
    """What is added, changed and removed, if the items of a field are changed one by one."""
    one_by_one = item.path in _ONE_BY_ONE.get(kind_of(change.address), ())
    return item_lines(item.before, item.after) if one_by_one else {}


def _cause(cause: Cause) -> dict[str, Any]:
    return {"reason": cause.reason.value, "detail": cause.detail, "position": _position(cause.position)}


def _position(place: Position | None) -> dict[str, Any] | None:
    return None if place is None else {"file": place.file, "line": place.line, "column": place.column}
