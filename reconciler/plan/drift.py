"""Drift: differences between the live world and the inventory, without those that users accepted for a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from reconciler.kinds import KINDS
from reconciler.model.address import kind_of
from reconciler.model.known_drift import Known
from reconciler.model.plan import Action, Change, Plan, Report
from reconciler.plan.full_backups import CODE
from reconciler.plan.repository_states import STATE, with_states


def drift_of(plan: Plan, known: Sequence[Known], today: date) -> Plan:
    """`plan` without job runs and accepted fields, and with the states of repositories. Reports list what was accepted,
    acceptances that expired, and those that match nothing anymore."""
    plan = with_states(plan)
    changes: list[Change] = []
    reports = [report for report in plan.reports if report.code != CODE]
    used: set[Known] = set()
    for change in plan.changes:
        if change.action is Action.RUN:
            continue
        left, accepted = _sifted(change, known, today)
        used |= {entry for _, entry in accepted}
        reports += [_report(change, path, entry, today) for path, entry in accepted]
        if left is not None:
            changes.append(left)
    reports += [_unused(entry) for entry in known if entry not in used]
    return replace(plan, changes=tuple(changes), reports=tuple(reports), refusals=())


def _sifted(change: Change, known: Sequence[Known], today: date) -> tuple[Change | None, list[tuple[str, Known]]]:
    """What remains of a change, and its accepted fields ("" for the whole change)."""
    whole = change.action is not Action.UPDATE
    paths = [""] if whole or not change.fields else [item.path for item in change.fields]
    accepted: list[tuple[str, Known]] = []
    for path in paths:
        fits = [entry for entry in known if entry.covers(change.address, path)]
        accepted += [(path, max(fits, key=lambda entry: (entry.expires, entry.owner)))] if fits else []
    quiet = {path for path, entry in accepted if today <= entry.expires}
    if "" in quiet or (paths != [""] and quiet >= set(paths)):
        return None, accepted
    return replace(change, fields=tuple(item for item in change.fields if item.path not in quiet)), accepted


def _report(change: Change, path: str, entry: Known, today: date) -> Report:
    what = f"`{path}`" if path else f"the pending {change.action.value}"
    who = f"{entry.owner}: {entry.reason}"
    if today <= entry.expires:
        detail = f"{what} is accepted until {entry.expires} ({who})"
        return Report(change.address, "known-drift", detail, entry.position)
    detail = f"{what} was accepted until {entry.expires}; the acceptance has expired ({who})"
    return Report(change.address, "expired-drift", detail, entry.position)


def _unused(entry: Known) -> Report:
    detail = f"the known drift {entry.address} ({entry.field}) does not match any change; remove it from the list"
    return Report("plan", "unused-known-drift", detail, entry.position)


def with_severity(document: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON form with `severity` (`high` or `low`) for each field and each change. High is what can stop a proxy or
    the backups, hides failures or concerns trust (`Field.severe`), hosts, and whole objects."""
    return {**document, "changes": [_graded(change) for change in document["changes"]]}


def _graded(change: Mapping[str, Any]) -> dict[str, Any]:
    fields = [{**item, "severity": _severity(change["address"], item)} for item in change["fields"]]
    whole = change["action"] != Action.UPDATE
    high = whole or any(item["severity"] == "high" for item in fields)
    return {**change, "fields": fields, "severity": "high" if high else "low"}


def _severity(address: str, item: Mapping[str, Any]) -> str:
    kind = KINDS.get(kind_of(address))
    if kind is None or item["path"] == STATE:  # a host, or what keeps jobs from running
        return "high"
    found = (field for field in kind.fields if field.name == item["path"])
    return "high" if any(field.is_severe(item.get("before"), item.get("after")) for field in found) else "low"
