"""Alerts for reviewers at the lines of the inventory: problems, refusals, blocked and risky changes.

Read by the outputs for programs that show such places: SARIF, and the annotations of GitHub.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.model.position import joined
from reconciler.render import review
from reconciler.render.style import clean
from reconciler.render.symbols import ACTIONS

Data = Mapping[str, Any]

LEVELS = ("error", "warning", "note")
_RISKY = ("delete", "replace", "takeover", "upgrade")


@dataclass(frozen=True, slots=True)
class Alert:
    """`rule` and `title` are the same for all alerts of a kind, `text` describes this one.
    `key` distinguishes it from others of its kind, in this plan and in later ones.

    `file` is relative to the root of the repository where the plan knows it (`inventory.folder`), else to the folder of
    the inventory; empty where the plan knows no file at all. Where an object is
    not in the inventory any more, its alert stands at the top of the first file.
    """

    level: str
    rule: str
    title: str
    text: str
    address: str
    key: str
    file: str
    line: int
    column: int


def alerts(plan: Data) -> list[Alert]:
    """All of them, errors first, then by risk and address."""
    places = _places(plan)
    found = [*_problems(plan), *_refusals(plan), *_reports(plan), *_changes(plan)]
    made = [_alert(item, plan, places) for item in found]
    return sorted(made, key=lambda item: LEVELS.index(item.level))


@dataclass(frozen=True, slots=True)
class _Found:
    level: str
    rule: str
    title: str
    text: str
    address: str = ""
    position: Data | None = None
    key: str = ""


def _alert(item: _Found, plan: Data, places: Mapping[str, Data]) -> Alert:
    at = item.position or places.get(item.address) or {"file": _first_file(plan, places), "line": 1, "column": 1}
    text = f"{item.address}: {item.text}" if item.address else item.text
    folder = str(plan["inventory"].get("folder", ""))
    return Alert(
        level=item.level,
        rule=item.rule,
        title=clean(item.title),
        text=clean(text),
        address=clean(item.address),
        key=item.key or item.address,
        file=clean(joined(folder, at["file"])),
        line=at["line"],
        column=at["column"],
    )


def _places(plan: Data) -> dict[str, Data]:
    """The position of each address, from anything that the plan has about it."""
    found: dict[str, Data] = {}
    for change in plan["changes"]:
        position = review.where_said(change).get("position")
        if position:
            found.setdefault(change["address"], position)
    for item in (*plan.get("problems", ()), *plan.get("reports", ())):
        if item["position"]:
            found.setdefault(item["address"], item["position"])
    return found


def _first_file(plan: Data, places: Mapping[str, Data]) -> str:
    files = plan["inventory"].get("files") or sorted({str(place["file"]) for place in places.values()})
    return str(files[0]) if files else ""


def _problems(plan: Data) -> Iterator[_Found]:
    for item in plan.get("problems", ()):
        said = " ".join(" ".join(part.split()) for part in (item["detail"], item["fix"]) if part)
        yield _Found(item["severity"], item["code"], item["summary"], said, item["address"], item["position"])


def _reports(plan: Data) -> Iterator[_Found]:
    """Warnings only; the others are for information."""
    for item in plan.get("reports", ()):
        if item.get("level") == "warning":
            said = " ".join(f"{item['detail']} {item['fix']}".split())
            yield _Found("warning", item["code"], "Note", said, item["address"], item["position"])


def _refusals(plan: Data) -> Iterator[_Found]:
    for item in plan.get("refusals", ()):
        address = item["addresses"][0] if item["addresses"] else ""
        rule, title = f"guard-{item['code']}", f"Guard {item['code']}"
        if item.get("waiver"):
            yield _Found("note", rule, title, f"waived ({item['waiver']}): {item['detail']}", address)
        else:
            yield _Found("error", rule, title, f"refused: {item['detail']}", address)


def _changes(plan: Data) -> Iterator[_Found]:
    for change in review.by_risk(plan["changes"]):
        address, action = change["address"], ACTIONS[change["action"]]
        why = review.why(change["cause"])
        at = review.where_said(change).get("position")
        if change["blocked"]:
            said = f"cannot {action.verb} it now: {change['blocked']}"
            yield _Found("error", "blocked", "Change blocked", said, address, at, change["key"])
        elif change["action"] in _RISKY or change["disrupts"]:
            lost = f"; not served meanwhile: {', '.join(change['disrupts'])}" if change["disrupts"] else ""
            rule = change["action"] if change["action"] in _RISKY else "disrupts"
            yield _Found("warning", rule, _TITLES[rule], f"{action.verb}: {why}{lost}", address, at, change["key"])
        elif plan.get("mode") == "drift" or review.from_outside(change):
            paths = ", ".join(item["path"] for item in change["fields"])
            said = f"{action.verb} {paths}: not caused by this review"
            level = "warning" if change.get("severity") == "high" else "note"
            yield _Found(level, "drift", "Drift of the live state", said, address, at, change["key"])


_TITLES = {
    "delete": "Would be deleted",
    "replace": "Would be removed and added again",
    "takeover": "Would be taken over from another server",
    "upgrade": "Would be upgraded",
    "disrupts": "Organizations would not be served during the change",
}
